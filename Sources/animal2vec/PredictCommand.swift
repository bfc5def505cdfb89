import ArgumentParser
import Corpus
import Foundation
import Inference
import Labels
import Neural
import Report
import Terminal
import Torch
import Training

/// `animal2vec predict MODEL PATH… --out DIR`
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Find calls in recordings; the same command continues after a stop.",
        discussion: """
            Writes one table per recording and format, and events.csv with all events. Exit status 3 says that some \
            recordings could not be used. The same command may run several times at once, on one computer or on many that \
            see the same folder: the processes share the recordings, and the results do not depend on their number.
            """)

    /// What a vector stands for.
    enum Embeddings: String, ExpressibleByArgument, CaseIterable { case frame, window, event }

    /// Which stretches are drawn.
    enum Plates: String, ExpressibleByArgument, CaseIterable { case events, all }

    @Argument(help: "Model or run folder.", transform: { URL(fileURLWithPath: $0) })
    var model: URL

    @Argument(
        help: "Recordings: folders or files; or manifests of animal2vec 1.0 (.tsv).",
        transform: { URL(fileURLWithPath: $0) })
    var paths: [URL]

    @Option(help: "Folder for the results.", transform: { URL(fileURLWithPath: $0) })
    var out: URL

    @Option(help: "Formats, separated by commas: \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
    var format = "raven,audacity,csv"

    @OptionGroup(title: "Events instead of the model's own ways") var decoding: DecodingOptions

    @Flag(help: "Also tables of the events that lost against others, in secondary/.")
    var secondary = false

    @Flag(help: "Also the probabilities of all frames, in probabilities/ (safetensors).")
    var probabilities = false

    @Option(help: "Also vectors, in embeddings/: one per frame, window or event.")
    var embeddings: Embeddings?

    @Option(help: "Files of the vectors: safetensors, or hdf5 with the names of animal2vec 1.0.")
    var embeddingFormat = EmbeddingFormat.safetensors

    @Option(help: "With --embeddings window: its length in seconds; by default that of the model's windows.")
    var embeddingSeconds: Double?

    @Option(help: "Also plates, in plates/ (PDF): probabilities over spectrograms, of stretches with events or of all.")
    var plates: Plates?

    @Option(help: "Seconds on one page of the plates.")
    var plateSeconds = 10.0

    @Option(help: "Labels to be drawn on the plates.", transform: { URL(fileURLWithPath: $0) })
    var truth: URL?

    @Option(help: "fp32, bf16 or fp16.")
    var precision = Precision.fp32

    @OptionGroup var computing: ComputingOptions

    @Flag(help: "Print the summary as JSON.")
    var json = false

    func validate() throws {
        if embeddingSeconds != nil, embeddings != .window {
            throw ValidationError("--embedding-seconds belongs to --embeddings window")
        }
        if let embeddingSeconds, !(0.001...3600).contains(embeddingSeconds) {
            throw ValidationError("--embedding-seconds \(embeddingSeconds): give a number from 0.001 to 3600")
        }
        guard (0.5...120).contains(plateSeconds) else {
            throw ValidationError("--plate-seconds \(plateSeconds): give a number from 0.5 to 120")
        }
        if truth != nil, plates == nil { throw ValidationError("--truth is drawn on --plates") }
    }

    func run() throws {
        StopSignal.install()
        let formats = try format.split(separator: ",").map { name in
            guard let format = LabelFormat(rawValue: String(name)) else {
                throw ValidationError(
                    "--format \(name): give some of \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return format
        }
        let labels = try truth.map { try LabelReadingFlags.parse([]).read($0) }
        let device = try computing.start()
        let folder = try ModelFolder.load(model)
        var configuration = Prediction.Configuration()
        configuration.precision = precision
        configuration.decoding = try decoding.configuration(folder.description)
        let prediction = try Prediction(
            folder, configuration: configuration,
            device: device)
        var outputs = Prediction.Outputs()
        outputs.probabilities = probabilities || plates != nil
        outputs.secondary = secondary
        outputs.embeddingFormat = embeddingFormat
        switch embeddings {
        case .frame: outputs.embeddings = .frame
        case .window: outputs.embeddings = .window(seconds: embeddingSeconds ?? folder.description.windowSeconds)
        case .event: outputs.embeddings = .event
        case nil: break
        }
        let recordings = try listed()
        let summary = try predict(prediction, recordings, formats: formats, to: out, outputs: outputs)
        if summary.isComplete, let plates {
            try draw(summary, onlyEvents: plates == .events, labels, folder.description)
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(summary), as: UTF8.self))
        } else {
            for recording in summary.recordings where recording.status == .failed || !recording.note.isEmpty {
                print("  \(recording.status.rawValue): \(recording.name): \(recording.note)")
            }
            print(
                "\(summary.eventCount) events in \(summary.predictedCount + summary.keptCount) recordings; \(out.appending(path: "events.csv").path)"
            )
        }
        guard summary.isComplete else {
            printError("stopped; the same command goes on")
            throw ExitCode(130)
        }
        if summary.failedCount == summary.recordings.count { throw ExitCode(1) }
        if summary.failedCount > 0 { throw ExitCode(3) }
    }

    /// The recordings in the paths, or those that manifests list, under the names that they have there.
    private func listed() throws -> [NamedRecording] {
        let manifests = paths.filter(Manifest.isManifest)
        guard !manifests.isEmpty else { return try NamedRecording.list(paths) }
        guard manifests.count == paths.count else { throw ValidationError("give manifests or recordings, not both") }
        var (seen, names): (Set<String>, Set<String>) = ([], [])
        var recordings: [NamedRecording] = []
        for url in manifests {
            let manifest = try Manifest(contentsOf: url)
            for entry in manifest.entries where seen.insert(manifest.path(of: entry)).inserted {
                // Results lie under the name, which must not lead out of their folder.
                let name = entry.relativePath
                let isInside = !name.hasPrefix("/") && !name.split(separator: "/").contains("..")
                let recording = NamedRecording(
                    path: manifest.path(of: entry),
                    name: isInside ? name : URL(fileURLWithPath: name).lastPathComponent)
                guard names.insert(recording.name).inserted else {
                    throw ValidationError("\(url.path): two recordings are called \(recording.name)")
                }
                recordings.append(recording)
            }
        }
        guard !recordings.isEmpty else { throw ValidationError("\(manifests[0].path): lists no recording") }
        return recordings
    }

    /// Draws the plates of all recordings.
    private func draw(
        _ summary: PredictionSummary, onlyEvents: Bool, _ labels: LabelTable?, _ description: ModelDescription
    ) throws {
        let found = Dictionary(
            grouping: try LabelFile.read(out.appending(path: Prediction.eventsName)).events, by: \.recording)
        let index = labels.map { RecordingIndex($0.recordings) }
        let finished = summary.recordings.filter { $0.status == .predicted || $0.status == .kept }
        let line = ProgressLine("plates", total: Double(finished.count), measure: .items("recordings"))
        for (number, recording) in finished.enumerated() {
            if StopSignal.received != nil {
                line.finish()
                printError("stopped; the same command goes on")
                throw ExitCode(130)
            }
            var truth: [Event] = []
            if let labels, case .one(let place) = index?.find(recording.name, paths: labels.recordings) {
                truth = labels.events.filter { $0.recording == labels.recordings[place] }
            }
            let file = out.appending(path: "\(ProbabilityFile.folderName)/\(recording.name).safetensors")
            try ProbabilityPlates(
                audio: recording.path, probabilities: ProbabilityFile(file), found: found[recording.name] ?? [],
                truth: truth, channels: description.channels, pageSeconds: plateSeconds, onlyEvents: onlyEvents
            ).write(to: out.appending(path: "plates/\(recording.name).pdf"))
            line.update(Double(number + 1))
        }
        line.finish()
    }
}

/// Predicts recordings with a progress line.
func predict(
    _ prediction: Prediction, _ recordings: [NamedRecording], formats: [LabelFormat], to out: URL,
    outputs: Prediction.Outputs = .init()
) throws -> PredictionSummary {
    let line = ProgressLine("predict", measure: .audioSeconds)
    let summary = try prediction.run(
        recordings, to: out, formats: formats, outputs: outputs,
        progress: { progress in
            line.update(
                progress.predictedSeconds, note: "\(progress.doneCount) of \(progress.recordingCount) recordings")
        }, shouldStop: { StopSignal.received != nil })
    line.finish()
    return summary
}

extension Precision: ExpressibleByArgument {}
extension EmbeddingFormat: ExpressibleByArgument {}
