import ArgumentParser
import Foundation
import Inference
import Labels
import Neural
import Torch
import Training

/// `animal2vec predict MODEL PATH… --out DIR`
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Find calls in recordings; the same command continues after a stop.",
        discussion:
            "Writes one table per recording and format, and events.csv with all events. Exit status 3 says that some recordings could not be used."
    )

    @Argument(help: "Model or run folder.", transform: { URL(fileURLWithPath: $0) })
    var model: URL

    @Argument(help: "Recordings: folders or files.", transform: { URL(fileURLWithPath: $0) })
    var paths: [URL]

    @Option(help: "Folder for the results.", transform: { URL(fileURLWithPath: $0) })
    var out: URL

    @Option(help: "Formats, separated by commas: \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
    var format = "raven,audacity,csv"

    @Option(help: "Threshold instead of the model's own.")
    var threshold: Double?

    @Option(help: "cpu, cuda, cuda:1, or auto for the first CUDA device where there is one.")
    var device = "auto"

    @Option(help: "fp32, bf16 or fp16.")
    var precision = Precision.fp32

    @Option(help: "Threads that compute; 0 for one per core.")
    var threads = 0

    @Flag(help: "Print the summary as JSON.")
    var json = false

    func run() throws {
        StopSignal.install()
        let formats = try format.split(separator: ",").map { name in
            guard let format = LabelFormat(rawValue: String(name)) else {
                throw ValidationError(
                    "--format \(name): give some of \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return format
        }
        let status = try Runtime.start(threads: threads > 0 ? threads : nil)
        let folder = try ModelFolder.load(model)
        var configuration = Prediction.Configuration()
        configuration.precision = precision
        if let threshold {
            configuration.decoding = folder.description.decoding
            configuration.decoding?.threshold = threshold
        }
        let prediction = try Prediction(
            folder, configuration: configuration,
            device: Device.named(device, hasCUDA: status.hasCUDA, explanation: status.explanation))
        let summary = try predict(prediction, NamedRecording.list(paths), formats: formats, to: out)
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
}

/// Predicts recordings with a progress line.
func predict(
    _ prediction: Prediction, _ recordings: [NamedRecording], formats: [LabelFormat], to out: URL
) throws -> PredictionSummary {
    let line = ProgressLine("predict", measure: .audioSeconds)
    let summary = try prediction.run(
        recordings, to: out, formats: formats,
        progress: { progress in
            line.update(
                progress.predictedSeconds, note: "\(progress.doneCount) of \(progress.recordingCount) recordings")
        }, shouldStop: { StopSignal.received != nil })
    line.finish()
    return summary
}

extension Precision: ExpressibleByArgument {}
