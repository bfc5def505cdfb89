import ArgumentParser
import Evaluation
import Foundation
import Labels

/// `animal2vec evaluate --truth PATH --predictions PATH`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Compare predicted events with labels.",
        discussion:
            "Each recording is drawn with replacement for the 95 % intervals. Events match one to one, class included.")

    @Option(help: "Labels: a file or a folder.", transform: { URL(fileURLWithPath: $0) })
    var truth: URL

    @Option(help: "Predicted events: a file or a folder.", transform: { URL(fileURLWithPath: $0) })
    var predictions: URL

    @Option(help: "Least intersection over union of a match; several are separated by commas.")
    var iou = "0.5"

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    @OptionGroup var reading: LabelReadingFlags

    func run() throws {
        let overlaps = try iou.split(separator: ",").map { part in
            guard let value = Double(part.trimmingCharacters(in: .whitespaces)), (0...1).contains(value) else {
                throw ValidationError("--iou \(part): give numbers from 0 to 1, such as 0.3,0.5")
            }
            return value
        }
        let aligned = AlignedEvents(truth: try reading.read(truth), predictions: try reading.read(predictions))
        let scores = DetectionScores(aligned, minimumIoUs: overlaps)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(scores), as: UTF8.self))
        } else {
            print(scores.table())
        }
        guard !aligned.recordings.isEmpty, aligned.unpredictedRecordings.count < aligned.recordings.count else {
            printError(
                "animal2vec: no recording of \(truth.path) is among those of \(predictions.path); check that the file names agree"
            )
            throw ExitCode(1)
        }
    }
}
