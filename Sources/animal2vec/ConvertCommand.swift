import ArgumentParser
import Foundation
import Labels
import Terminal

/// `animal2vec convert LABELS --to FORMAT --out PATH`
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert", abstract: "Turn any label format into any other.",
        discussion: "Exit status 3 says that rows were left out, which only happens with --skip-bad-rows.")

    @Argument(help: "A label file, or a folder of them.", transform: { URL(fileURLWithPath: $0) })
    var labels: URL

    @Option(help: "Format to write: \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
    var to: LabelFormat

    @Option(
        help: "File to write; a folder for formats with one file per recording.",
        transform: { URL(fileURLWithPath: $0) })
    var out: URL

    @OptionGroup var reading: LabelReadingFlags

    func run() throws {
        let table = try reading.read(labels)
        try writeLabels(
            table, as: to, to: out, options: LabelWritingOptions(facts: reading.facts(), properties: table.properties))
        print("\(table.events.count) events of \(table.recordings.count) recordings written to \(out.path)")
        if !table.problems.isEmpty {
            for problem in table.problems { printError("skipped: \(problem)") }
            throw ExitCode(table.everyRowWasBad ? 1 : 3)
        }
    }
}

extension LabelFormat: ExpressibleByArgument {}
