import ArgumentParser
import Torch

/// What computes, in every command that runs a model.
struct ComputingOptions: ParsableArguments {
    @Option(help: "cpu, cuda, cuda:1, or auto for the first CUDA device where there is one.")
    var device = "auto"

    @Option(help: "Threads that compute; 0 for one per core.")
    var threads = 0

    /// The threads that were asked for; nil for one per core.
    var threadCount: Int? { threads > 0 ? threads : nil }

    /// Prepares libtorch and chooses the device.
    func start() throws -> Device {
        let status = try Runtime.start(threads: threadCount)
        return try Device.named(device, hasCUDA: status.hasCUDA, explanation: status.explanation)
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
