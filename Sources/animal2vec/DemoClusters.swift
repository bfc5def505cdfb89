// The second part of the demo: sounds grouped without labels.
import ArgumentParser
import Atlas
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Report
import Terminal
import Torch
import Training

/// Vectors of the labelled sounds by several models, groups of them, and what they are worth beside the labels.
struct DemoClusters {
    /// Recordings to learn from and to be scored on.
    let learned: [LabelledRecording]
    let held: [LabelledRecording]
    /// Folder of the demo.
    let out: URL

    /// The settings of DINO: windows of a little less than twice the length of a usual event.
    var dinoSettings: [String] {
        let lengths = learned.flatMap(\.events).map(\.durationSeconds).sorted()
        let usual = lengths.isEmpty ? 0.1 : lengths[lengths.count / 2]
        let window = (min(10, max(0.05, 1.75 * usual)) * 100).rounded() / 100
        return [
            "data.windowSeconds=\(window)", "schedule.totalUpdates=150", "schedule.warmupUpdates=20",
            "teacher.annealUpdates=150",
        ]
    }

    /// Embeds the sounds by every model and scores the vectors. The page of groups shows those of the last one.
    ///
    /// - Parameter models: what they are called, and their folders; log-mel goes without.
    func rows(_ models: [(name: String, folder: URL?)], page: URL) throws -> [ReportContent.VectorRow] {
        let classes = Set((learned + held).flatMap(\.events).map(\.label)).count
        let training = Set(learned.map(\.recording.relativePath))
        var rows: [ReportContent.VectorRow] = []
        for (place, model) in models.enumerated() {
            let embedder = try SoundModel.embedder(
                model.folder?.path ?? LogMelEmbedder.commandName, knownAs: nil, detail: .parts, device: .cpu,
                paths: (learned + held).map(\.recording.path))
            let atlas = try Atlas.open(
                out.appending(path: "atlas/\(model.folder?.lastPathComponent ?? LogMelEmbedder.commandName)"),
                makingFor: Embedding.description(embedder, unit: .events))
            if let folder = model.folder { try SoundModel.remember(folder, .parts, in: atlas) }
            let sources = (learned + held).map { entry in
                EmbeddingSource(
                    NamedRecording(path: entry.recording.path, name: entry.recording.relativePath),
                    events: entry.events)
            }
            let summary = try Embedding(atlas, embedder).run(sources, shouldStop: { StopSignal.received != nil })
            guard summary.isComplete else { throw ExitCode(130) }
            try atlas.setScaling(atlas.scalingMethod())
            var configuration = SoundGrouping.Configuration()
            configuration.k = [min(max(2, classes), max(1, summary.totalSoundCount))]
            let result = try SoundGrouping(atlas, configuration: configuration).run()[0]
            let scores = try VectorScoring().scores(atlas) { training.contains($0.name) }
            let isShown = place == models.count - 1
            rows.append(
                ReportContent.VectorRow(
                    name: model.name, isMain: isShown, agreement: result.scores?.adjustedMutualInformation,
                    purity: result.scores?.purity, nearest: scores?.nearest.accuracy, oneLabel: scores?.fewShot[1],
                    fiveLabels: scores?.fewShot[5]))
            if isShown {
                try SoundMap().draw(atlas) { _ in }
                try AtlasPage(atlas, result).write(to: page)
            }
        }
        return rows
    }
}
