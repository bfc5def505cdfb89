import Atlas
import Audio
import Evaluation
import Foundation
import Report

/// Fills the page of clusters from an atlas.
struct AtlasPage {
    private let atlas: Atlas
    private let result: SoundGrouping.Result
    private let sounds: [Int: Sound]

    init(_ atlas: Atlas, _ result: SoundGrouping.Result) throws {
        (self.atlas, self.result) = (atlas, result)
        let ids = Set(result.clusters.flatMap { $0.exemplars + $0.rim }).sorted()
        sounds = Dictionary(uniqueKeysWithValues: try atlas.sounds(ids).map { ($0.id, $0) })
    }

    func write(to url: URL) throws {
        try ClusterPage.write(content(), to: url) { group, place in
            let cluster = result.clusters[group]
            let id =
                place < cluster.exemplars.count
                ? cluster.exemplars[place] : cluster.rim[place - cluster.exemplars.count]
            return sounds[id].flatMap(clip)
        }
    }

    private func content() throws -> ClusterPageContent {
        let clustering = result.clustering
        var content = ClusterPageContent(title: "\(clustering.k) clusters of \(clustering.soundCount) sounds")
        content.facts = [
            .init("Model", atlas.description.model),
            .init(
                "Sounds",
                atlas.description.unit == .events
                    ? "labelled events"
                    : "windows of \(atlas.description.windowSeconds) s every \(atlas.description.hopSeconds) s"),
            .init("Recordings", "\(try atlas.recordings().count)"),
        ]
        if let value = clustering.silhouette { content.facts.append(.init("Silhouette", short(value))) }
        if let value = clustering.stability { content.facts.append(.init("Agreement of seeds", short(value))) }
        if let scores = result.scores {
            for (name, score) in [
                ("Adjusted mutual information", scores.adjustedMutualInformation),
                ("Adjusted Rand index", scores.adjustedRandIndex), ("Purity", scores.purity),
            ] {
                guard let value = score.value else { continue }
                var text = short(value)
                if let low = score.low, let high = score.high { text += " (\(short(low))–\(short(high)))" }
                content.facts.append(.init(name, text))
            }
            content.notes.append("Ranges hold 95 % of draws of the recordings with replacement.")
        }
        content.groups = result.clusters.map { cluster in
            ClusterPageContent.Group(
                number: cluster.number, size: cluster.size, note: cluster.note,
                labels: cluster.labels.map { .init($0.label, $0.count) }, purity: cluster.purity,
                silhouette: cluster.silhouette, hours: cluster.hours,
                neighbours: cluster.neighbours.prefix(4).map(\.number), exemplarCount: cluster.exemplars.count,
                rimCount: cluster.rim.count)
        }
        if let places = try atlas.mapOfSounds(), let clusters = try atlas.clusterOfSounds() {
            content.points = clusters.indices.compactMap { id in
                clusters[id] < 0 || places[2 * id].isNaN
                    ? nil : .init(x: places[2 * id], y: places[2 * id + 1], group: Int(clusters[id]))
            }
        }
        return content
    }

    /// A sound with its surroundings; of a long one the middle. Nil where the recording cannot be read any more.
    private func clip(_ sound: Sound) -> ClusterPageContent.Clip? {
        let longest = 3.0
        let margin = max(0.05, min(0.25, 0.5 * sound.durationSeconds))
        var (start, end) = (max(0, sound.startSeconds - margin), sound.endSeconds + margin)
        if end - start > longest {
            let middle = (sound.startSeconds + sound.endSeconds) / 2
            (start, end) = (middle - longest / 2, middle + longest / 2)
        }
        let channel = sound.channel.map { ChannelSelection.index($0) } ?? .mean
        guard let stream = try? AudioStream(path: sound.path, channel: channel, startSeconds: start),
            let block = try? stream.next(frames: max(1, Int((end - start) * stream.rateHz)))
        else { return nil }
        let seconds = Double(block.frameCount) / stream.rateHz
        return ClusterPageContent.Clip(
            caption: "\(sound.recording), \(short(sound.startSeconds)) s",
            label: sound.labels.joined(separator: ", "), samples: block.channels[0], rateHz: stream.rateHz,
            startSeconds: min(seconds, max(0, sound.startSeconds - start)),
            endSeconds: min(seconds, sound.endSeconds - start))
    }

    private func short(_ value: Double) -> String { String(format: "%.3f", value) }
}
