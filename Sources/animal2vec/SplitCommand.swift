import ArgumentParser
import Corpus
import Foundation
import Terminal

/// `animal2vec split --corpus DIR`
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Choose which recordings train, which validate and which are only predicted.",
        discussion: """
            Recordings can be named: paths, names, patterns such as '2024*', or ranges by number such as 0-89. What is not \
            named is drawn by share, alike in its labels, from the seed. A split once made stays when files are added. \
            With --by, names of sites, individuals or sources can be named as well, and all recordings of one stay together.
            """)

    @Option(help: "Folder of the corpus.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL

    @Option(help: "Share of recordings to validate with.")
    var validShare = 0.2

    @Option(help: "Share of recordings that are only predicted.")
    var testShare = 0.0

    @Option(help: "Keep together what has the same: recording, site, individual, source (clips of one long recording).")
    var by = Split.Unit.recording

    @Option(help: "Folds for cross-validation; 0 makes none.")
    var folds = 0

    @Option(
        help: "Take this fold, counted from 0, to validate with and the others to train with; the first if not given.")
    var validFold: Int?

    @Option(parsing: .upToNextOption, help: "Recordings to train with.")
    var train: [String] = []

    @Option(parsing: .upToNextOption, help: "Recordings to validate with.")
    var valid: [String] = []

    @Option(parsing: .upToNextOption, help: "Recordings that are only predicted.")
    var test: [String] = []

    @Option(help: "Also make a few-shot subset with this many events per label from the training recordings.")
    var fewShot: Int?

    @Option(
        help:
            "Also draw shares of the labelled training recordings, nested, in per cent: 1,10,25,50,75 for those of animal2vec 1.0."
    )
    var labelShares: String?

    @Option(
        help: "Also write the split as manifests of animal2vec 1.0 into this folder.",
        transform: { URL(fileURLWithPath: $0) })
    var manifests: URL?

    @Option(help: "Folder that the paths in the manifests start from; the one all recordings share if not given.")
    var manifestRoot: String?

    @Flag(help: "List recordings in the manifests in which nothing was heard; animal2vec 1.0 leaves them out.")
    var manifestSilence = false

    @Flag(help: "Print the sizes as JSON.")
    var json = false

    @Option(help: "Seed of everything that is drawn.")
    var seed: UInt64 = 0

    @Flag(help: "Draw anew, also for recordings that have their part already.")
    var anew = false

    func validate() throws {
        if let fewShot, fewShot < 1 { throw ValidationError("--few-shot \(fewShot): give a number from 1") }
    }

    func run() throws {
        let catalogue = try Catalogue(folder: corpus)
        var configuration = Split.Configuration()
        (configuration.seed, configuration.unit, configuration.folds) = (seed, by, folds)
        (configuration.validShare, configuration.testShare) = (validShare, testShare)
        (configuration.train, configuration.valid, configuration.test) = (train, valid, test)
        // The parts are those of the first manifests, unless recordings are named.
        configuration.validFold = validFold ?? (folds > 0 && !configuration.isExplicit ? 0 : nil)
        let shares = try labelShares.map { text in
            let percents = try text.split(separator: ",").map { word in
                guard let percent = Double(word) else {
                    throw ValidationError("--label-shares \(text): give per cents separated by commas")
                }
                return percent
            }
            return try LabelShares(percents: percents, seed: seed)
        }
        let summary = try Split(configuration).apply(to: catalogue, anew: anew)
        var rows = SplitPart.allCases.compactMap { part in summary[part].map { (part.rawValue, $0) } }
        if let shares { rows += try shares.apply(to: catalogue).map { ($0.name, $0.summary) } }
        if let manifests {
            let written = try ManifestExport(root: manifestRoot, includesSilence: manifestSilence)
                .write(catalogue, to: manifests)
            let known = Set(rows.map(\.0))
            rows += written.filter { !known.contains($0.manifest.name) }.map { ($0.manifest.name, $0.summary) }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            let sizes = Dictionary(rows) { first, _ in first }
            print(String(decoding: try encoder.encode(sizes), as: UTF8.self))
        } else {
            print(SplitTable(rows).text)
            if let manifests { print("manifests written to \(manifests.path)") }
        }
        if let fewShot {
            let subset = FewShot(eventsPerLabel: fewShot, seed: seed)
            _ = try subset.apply(to: catalogue)
            let text = "subset \(subset.name): \(fewShot) events per label; use it with data.subset=\(subset.name)"
            if json { printError(text) } else { print(text) }
        }
    }
}

extension Split.Unit: ExpressibleByArgument {}
