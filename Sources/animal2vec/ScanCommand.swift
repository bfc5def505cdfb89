import ArgumentParser
import Corpus
import Foundation
import Preparation
import Terminal

/// `animal2vec scan PATH… --corpus DIR [--labels PATH…]`
struct ScanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scan", abstract: "Catalogue folders of recordings and their labels; again only what changed.",
        discussion: """
            Every recording is decoded once and judged: whole, repaired, partial or unreadable. Exit status 3 says that \
            some recordings or label rows could not be used; everything else is in the corpus.

            A manifest of animal2vec 1.0 (train_0.tsv, valid_0.tsv, …) stands for its recordings, with their labels in the \
            folder lbl beside wav, and for its part of the split.
            """)

    @Argument(help: "Recordings: folders, files, or manifests.")
    var paths: [String]

    @Option(help: "Folder of the corpus; made if it does not exist.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL

    @Option(parsing: .upToNextOption, help: "Label files, or folders of them.")
    var labels: [String] = []

    @OptionGroup var rows: LabelRowFlags

    @Option(help: "Regular expression over the path of a recording; its first group is the site.")
    var sitePattern = ""

    @Option(help: "Regular expression over the path of a recording; its first group is the individual.")
    var individualPattern = ""

    @Option(
        help: "Table of the individual in each recording: name of the recording, individual.",
        transform: { URL(fileURLWithPath: $0) })
    var individuals: URL?

    @Option(
        help: "Table of what randomly named clips were called (names.tsv of prepare).",
        transform: { URL(fileURLWithPath: $0) })
    var names: URL?

    @Option(help: "Folder of the recordings of manifests, if it is not the one they name.")
    var manifestRoot: String?

    @Option(help: "Which manifests give the split: 0 for train_0 and valid_0; the first there is if not given.")
    var manifestFold: String?

    @Option(help: "Threads that decode; 0 for one per core.")
    var threads = 0

    @Flag(help: "Print the report as JSON.")
    var json = false

    func run() throws {
        StopSignal.install()
        let report = try scan()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else {
            print(report.text)
        }
        if !report.isComplete { throw ExitCode(130) }
        if report.verdicts.isEmpty || report.recordings == report.unreadable {
            printError("animal2vec: no recording of \(paths.joined(separator: ", ")) can be used")
            throw ExitCode(1)
        }
        if !report.isClean { throw ExitCode(3) }
    }

    /// The scan itself, with its progress.
    func scan() throws -> ScanReport {
        var configuration = Scanner.Configuration()
        (configuration.threads, configuration.skipsBadRows) = (threads, rows.skipBadRows)
        (configuration.stripsTrailingDigits, configuration.labelColumn) = (rows.stripTrailingDigits, rows.labelColumn)
        (configuration.sitePattern, configuration.individualPattern) = (sitePattern, individualPattern)
        (configuration.manifestRoot, configuration.manifestFold) = (manifestRoot, manifestFold)
        if let names { configuration.originalNames = try NameTable.pairs(of: names, headers: ["randomizedname"]) }
        if let individuals {
            configuration.individuals = try NameTable.pairs(
                of: individuals, headers: ["file", "filename", "recording", "name", "source", "wavfile"])
        }
        let catalogue = try Catalogue(folder: corpus, makeIfMissing: true)
        let line = ProgressLine("scan", measure: .items("files"))
        let report = try Scanner(catalogue, configuration: configuration).scan(paths, labels: labels) { progress in
            line.update(Double(progress.done), note: "of \(progress.total)")
            return StopSignal.received == nil
        }
        line.finish()
        return report
    }
}

extension ScanReport {
    /// Whether every recording is whole and every label row has found its recording.
    var isClean: Bool { bad.isEmpty && unmatched.isEmpty && labelProblems.isEmpty && folderProblems.isEmpty }

    /// What was found, for people.
    var text: String {
        var lines = [
            "\(recordings) recordings, \(Self.clock(seconds)) of sound; \(decoded) decoded now, \(unchanged) unchanged, \(missing) missing"
        ]
        if labelFiles > 0 {
            lines.append(
                "\(events) events in \(annotatedRecordings) annotated recordings, from \(labelFiles) label files")
        }
        for remark in bad { lines.append("  \(remark.kind): \(remark.path): \(remark.reason)") }
        for remark in warnings { lines.append("  note: \(remark.path): \(remark.reason)") }
        for rows in unmatched {
            lines.append(
                "  labels without recording: \(rows.labelFile): \(rows.recording) (\(rows.rows) rows): \(rows.reason)")
        }
        for problem in labelProblems { lines.append("  labels: \(problem)") }
        for problem in folderProblems { lines.append("  folder: \(problem)") }
        if !isComplete { lines.append("stopped before the end; the same command goes on from here") }
        return lines.joined(separator: "\n")
    }

    private static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
    }
}
