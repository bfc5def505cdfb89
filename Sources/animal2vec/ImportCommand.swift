import ArgumentParser
import Foundation
import Import
import Inference

/// `animal2vec import CHECKPOINT --out MODEL`
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Turn a checkpoint of animal2vec 1.0 into a model.",
        discussion: """
            Reads what PyTorch has saved without running anything in it. A pretraining checkpoint becomes a model to \
            finetune from, a fine-tuned one a model to predict with. Names, shapes and numbers are checked; the report says \
            what was used, what was left, and why.
            """)

    @Argument(help: "A .pt file that animal2vec 1.0 saved.", transform: { URL(fileURLWithPath: $0) })
    var checkpoint: URL

    @Option(help: "Folder of the new model.", transform: { URL(fileURLWithPath: $0) })
    var out: URL?

    @Option(
        help:
            "Whose weights to use, student or teacher; a pretrained student brings its teacher along, the teacher comes alone."
    )
    var weights = ModelFolder.Network.student

    @Option(help: "Length in seconds of the windows that the model learned from.")
    var windowSeconds = 10.0

    @Option(help: "Labels of the classes in their order, separated by commas, instead of those in the checkpoint.")
    var classes: String?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Flag(help: "Only report.")
    var dryRun = false

    @Argument(help: "Published settings over those in the checkpoint, such as task.sample_rate=8000.")
    var settings: [String] = []

    func validate() throws {
        if out == nil, !dryRun { throw ValidationError("--out is missing: give the folder of the new model") }
    }

    func run() throws {
        var configuration = CheckpointImport.Configuration()
        configuration.weights = weights
        configuration.windowSeconds = windowSeconds
        configuration.classes =
            classes?.split(separator: ",", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) } ?? []
        for setting in settings {
            guard let equals = setting.firstIndex(of: "="), equals > setting.startIndex else {
                throw ValidationError("\(setting): a setting is given as key=value")
            }
            configuration.settings[String(setting[..<equals])] = String(setting[setting.index(after: equals)...])
        }
        let plan = try CheckpointImport(checkpoint, configuration: configuration)
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(String(decoding: try encoder.encode(plan.report), as: UTF8.self))
        } else {
            print(plan.report.text)
        }
        if let fault = plan.fault { throw fault }
        guard let out, !dryRun else { return }
        try plan.write(to: out)
        if !json { print("model: \(out.path)") }
    }
}

extension ModelFolder.Network: ExpressibleByArgument {}
