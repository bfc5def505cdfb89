import ArgumentParser
import Corpus
import Foundation

/// `animal2vec split --corpus DIR`
struct SplitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "split", abstract: "Choose which recordings train, which validate and which are only predicted.",
        discussion: """
            Recordings can be named: paths, names, patterns such as '2024*', or ranges by number such as 0-89. What is not
            named is drawn by share, alike in its labels, from the seed. A split once made stays when files are added.
            """)

    @Option(help: "Folder of the corpus.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL

    @Option(help: "Share of recordings to validate with.")
    var validShare = 0.2

    @Option(help: "Share of recordings that are only predicted.")
    var testShare = 0.0

    @Option(help: "Keep together what has the same: recording, site, individual.")
    var by = Split.Unit.recording

    @Option(help: "Folds for cross-validation; 0 makes none.")
    var folds = 0

    @Option(parsing: .upToNextOption, help: "Recordings to train with.")
    var train: [String] = []

    @Option(parsing: .upToNextOption, help: "Recordings to validate with.")
    var valid: [String] = []

    @Option(parsing: .upToNextOption, help: "Recordings that are only predicted.")
    var test: [String] = []

    @Option(help: "Also make a few-shot subset with this many events per label from the training recordings.")
    var fewShot: Int?

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
        let summary = try Split(configuration).apply(to: catalogue, anew: anew)
        for part in SplitPart.allCases {
            guard let row = summary[part] else { continue }
            let labels = row.labels.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            print(
                "\(part.rawValue): \(row.recordings) recordings, \(Int(row.seconds)) s\(labels.isEmpty ? "" : "; \(labels)")"
            )
        }
        if let fewShot {
            let subset = FewShot(eventsPerLabel: fewShot, seed: seed)
            _ = try subset.apply(to: catalogue)
            print("subset \(subset.name): \(fewShot) events per label; use it with data.subset=\(subset.name)")
        }
    }
}

extension Split.Unit: ExpressibleByArgument {}
