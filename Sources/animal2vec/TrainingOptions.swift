import ArgumentParser
import Foundation
import Terminal
import Torch
import Training

/// Options of both kinds of training.
struct TrainingOptions: ParsableArguments {
    @Argument(help: "A YAML file, or the name of a recipe that ships.")
    var recipe: String

    @Argument(help: "Settings over the recipe, such as schedule.totalUpdates=2000.")
    var settings: [String] = []

    @Option(help: "Folder of the corpus.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL

    @Option(help: "Folder of the run; an existing run continues.", transform: { URL(fileURLWithPath: $0) })
    var run: URL

    @OptionGroup var computing: ComputingOptions

    @Flag(help: "Print the complete recipe and stop.")
    var dryRun = false

    /// Prepares libtorch and chooses the device.
    func start() throws -> Device {
        StopSignal.install()
        return try computing.start()
    }

    /// Leaves with the status of a run that did not finish.
    func leave(_ outcome: Trainer.Outcome) throws {
        guard case .left(let status, let report) = outcome else { return }
        if let report { printError("animal2vec: \(report)") }
        printError("stopped; the same command continues the run")
        throw ExitCode(status)
    }
}
