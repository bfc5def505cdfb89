import ArgumentParser
import Audio
import Foundation
import Torch

/// `animal2vec doctor`
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this computer has and check that the parts work.")

    func run() throws {
        let status = try Runtime.start()
        print("libtorch       \(status.version)")
        print(
            "devices        \(status.hasCUDA ? "\(Runtime.cudaDeviceCount) CUDA" : "processor") (\(status.explanation))"
        )
        print("threads        \(Runtime.threadCount)")
        try product("float32", .float32)
        try product("bfloat16", .bfloat16)
        print("all parts work")
    }

    /// Times a matrix product and checks one of its numbers.
    private func product(_ name: String, _ type: ScalarType) throws {
        let size = 1024
        let a = try Tensor.ones([size, size], type)
        let seconds = try ContinuousClock().measure { for _ in 0..<4 { _ = try a.matmul(a) } }
        guard try a.matmul(a).to(.float32).slice(0, 0).slice(0, 0).item() == Double(size) else {
            throw TorchError(operation: "doctor", message: "a \(name) matrix product is wrong on this computer")
        }
        let rate =
            4 * 2 * pow(Double(size), 3)
            / (Double(seconds.components.seconds) + Double(seconds.components.attoseconds) * 1e-18)
        print("\(name.padding(toLength: 15, withPad: " ", startingAt: 0))\(Int(rate / 1e9)) GFLOP/s in matrix products")
    }
}
