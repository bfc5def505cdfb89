import ArgumentParser
import Foundation
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

    @Option(help: "cpu, cuda, cuda:1, or auto for the first CUDA device where there is one.")
    var device = "auto"

    @Option(help: "Threads that compute; 0 for one per core.")
    var threads = 0

    @Flag(help: "Print the complete recipe and stop.")
    var dryRun = false

    /// Prepares libtorch and chooses the device.
    func start() throws -> Device {
        StopSignal.install()
        let status = try Runtime.start(threads: threads > 0 ? threads : nil)
        return try Device.named(device, hasCUDA: status.hasCUDA, explanation: status.explanation)
    }

    /// Leaves with the status of a run that did not finish.
    func leave(_ outcome: Trainer.Outcome) throws {
        guard case .left(let status, let report) = outcome else { return }
        if let report { printError("animal2vec: \(report)") }
        printError("stopped; the same command continues the run")
        throw ExitCode(status)
    }
}

extension Device {
    /// The device that a user names.
    static func named(_ name: String, hasCUDA: Bool, explanation: String) throws -> Device {
        switch name {
        case "cpu": return .cpu
        case "auto": return hasCUDA ? .cuda() : .cpu
        default:
            let parts = name.split(separator: ":")
            guard parts.first == "cuda", parts.count <= 2, let index = parts.count == 2 ? Int(parts[1]) : 0, index >= 0
            else {
                throw ValidationError("--device \(name): give cpu, cuda, cuda:1 or auto")
            }
            guard hasCUDA, index < Runtime.cudaDeviceCount else {
                throw ValidationError("--device \(name): there is no such device (\(explanation))")
            }
            return .cuda(index)
        }
    }
}
