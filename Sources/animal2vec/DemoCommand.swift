import ArgumentParser
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Report
import Storage
import Terminal
import Torch
import Training

/// `animal2vec demo`
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "The whole way on real recordings, with a report to look at.",
        discussion: """
            Without options: song of a Bengalese finch, seven recordings to learn from and three that are only predicted.

            With your own folder and labels it does the same: scan, split, pretrain, finetune, predict, evaluate, and \
            groups of the sounds that no label has made.
            """)

    @Option(help: "Folder of recordings.", transform: { URL(fileURLWithPath: $0) })
    var recordings = URL(fileURLWithPath: ".demo/recordings")

    @Option(parsing: .upToNextOption, help: "Label files, or folders of them; by default those beside the recordings.")
    var labels: [String] = []

    @Option(
        parsing: .upToNextOption,
        help: "Recordings to learn from: names, patterns or ranges such as 0-89. By default the first 70 %.")
    var train: [String] = []

    @Option(help: "Folder for everything that is made.", transform: { URL(fileURLWithPath: $0) })
    var out = URL(fileURLWithPath: ".demo")

    @Option(help: "Recipe of pretraining and fine-tuning.")
    var recipe = "tiny"

    @Option(help: "Labelled events per class of the few-label comparison; 0 leaves it out.")
    var fewShot = 5

    @Option(help: "Recordings shown in the report at most.")
    var shown = 6

    func run() throws {
        StopSignal.install()
        try Runtime.start()
        guard recordings.isFolder else {
            throw ValidationError(
                "\(recordings.path): there is no such folder; `make demo` fetches the recordings first")
        }
        var demo = Demo(out: out)
        let corpus = out.appending(path: "corpus")
        let catalogue = try demo.stage("scan") { try scan(into: corpus) }
        try demo.stage("split") { try split(catalogue) }

        let pretrained = out.appending(path: "pretrain")
        try demo.stage("pretrain") {
            try finish(PretrainingRun(recipe: recipe, settings: [], corpus: corpus, folder: pretrained).train(on: .cpu))
        }
        var variants = [
            Variant("finetune", "all labels", [], true),
            Variant("finetune-random", "all labels", ["model.start=random"], false),
        ]
        if fewShot > 0 {
            let few = FewShot(eventsPerLabel: fewShot, seed: 0).name
            let group = "\(fewShot) per class"
            variants += [
                Variant("finetune-few", group, ["data.subset=\(few)"], true),
                Variant("finetune-few-random", group, ["data.subset=\(few)", "model.start=random"], false),
            ]
        }
        for variant in variants {
            try demo.stage(variant.folder) {
                let run = FineTuningRun(
                    recipe: recipe, settings: variant.settings, from: pretrained, corpus: corpus,
                    folder: out.appending(path: variant.folder))
                try finish(run.train(on: .cpu))
            }
        }

        let main = try ModelFolder.load(out.appending(path: "finetune"))
        let held = try catalogue.labelledRecordings(RecordingFilter(isAnnotated: true, part: .test))
        let events = out.appending(path: "events")
        try demo.stage("predict") {
            let named = held.map { NamedRecording(path: $0.recording.path, name: $0.recording.relativePath) }
            _ = try predict(Prediction(main), named, formats: [.raven, .audacity, .csv], to: events)
        }
        let found = try LabelFile.read(events.appending(path: "events.csv"))
        let scores = try demo.stage("evaluate") {
            var scores = try variants.map { variant in
                let model = try ModelFolder.load(out.appending(path: variant.folder))
                return try HeldOutTrial(held, model.description).scores(of: model.classifier())
            }
            // The main figures are those of the tables that lie in the folder.
            scores[0].events = DetectionScores(AlignedEvents(truth: Demo.truth(held), predictions: found)).events
            return scores
        }
        let learned = try catalogue.labelledRecordings(RecordingFilter(isAnnotated: true, part: .train))
        let clusters = DemoClusters(learned: learned, held: held, out: out)
        let dino = out.appending(path: "dino")
        try demo.stage("pretrain DINO") {
            let settings = clusters.dinoSettings
            try finish(
                PretrainingRun(recipe: "notes", settings: settings, corpus: corpus, folder: dino).train(on: .cpu))
        }
        let vectors = try demo.stage("cluster") {
            try clusters.rows(
                [("log-mel", nil), ("animal2vec", pretrained), ("DINO", dino)],
                page: out.appending(path: "clusters.html"))
        }
        let chance = Chance(learned: learned, held: held).scores()
        try demo.report(
            main: main, variants: Array(zip(variants, scores)), chance: chance, learned: learned, held: held,
            found: found, vectors: vectors, shown: shown)
    }

    private func scan(into corpus: URL) throws -> Catalogue {
        let catalogue = try Catalogue(folder: corpus, makeIfMissing: true)
        let tables = labels.isEmpty ? [recordings.path] : labels
        let report = try Scanner(catalogue).scan([recordings.path], labels: tables) { _ in StopSignal.received == nil }
        printError(report.text)
        guard report.isComplete else { throw ExitCode(130) }
        guard report.events > 0 else {
            throw ValidationError("\(tables.joined(separator: ", ")): no label fits a recording in \(recordings.path)")
        }
        return catalogue
    }

    private func split(_ catalogue: Catalogue) throws {
        let all = try catalogue.recordings().map(\.relativePath)
        var configuration = Split.Configuration()
        configuration.train = train.isEmpty ? Array(all.prefix(max(1, all.count * 7 / 10))) : train
        let patterns = configuration.train.map { RecordingPattern($0) }
        configuration.test = all.filter { name in !patterns.contains { $0.matches(name) } }
        guard !configuration.test.isEmpty else {
            throw ValidationError("--train names every recording; leave some to be predicted")
        }
        let summary = try Split(configuration).apply(to: catalogue, anew: true)
        if fewShot > 0 { _ = try FewShot(eventsPerLabel: fewShot, seed: 0).apply(to: catalogue) }
        for part in [SplitPart.train, .test] {
            printError(
                "\(part.rawValue): \(summary[part]?.recordings ?? 0) recordings, \(Int(summary[part]?.seconds ?? 0)) s")
        }
    }

    private func finish(_ outcome: Trainer.Outcome) throws {
        guard case .left(let status, let report) = outcome else { return }
        if let report { printError("animal2vec: \(report)") }
        printError("stopped; the same command goes on")
        throw ExitCode(status)
    }

    /// One way of fine-tuning.
    struct Variant {
        let folder: String
        let group: String
        let settings: [String]
        let isPretrained: Bool

        init(_ folder: String, _ group: String, _ settings: [String], _ isPretrained: Bool) {
            (self.folder, self.group, self.settings, self.isPretrained) = (folder, group, settings, isPretrained)
        }

        var name: String { isPretrained ? "with pretraining" : "without pretraining" }
    }
}
