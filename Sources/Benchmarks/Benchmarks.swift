// Times one thing per call and prints JSON lines; Scripts/bench runs them in turn with their peers.
import Audio
import Foundation
import Models
import Neural
import Torch

@main
enum Benchmarks {
    static func main() {
        do {
            try run()
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    private static func run() throws {
        var arguments = Arguments(CommandLine.arguments.dropFirst())
        let name = arguments.next ?? ""
        switch name {
        case "decode": try decode(path: arguments.next ?? "", rateHz: nil)
        case "resample": try decode(path: arguments.next ?? "", rateHz: arguments.number("rate", 32000))
        default:
            // The environment settles the allocator, for the peer and for us.
            try Runtime.start(threads: Int(arguments.number("threads", 2)), keepsFreedMemory: false)
            switch name {
            case "linear": try linear()
            case "attention": try attention()
            case "pretraining-step": try pretrainingStep(arguments)
            case "inference": try inference(arguments)
            case "encoder": try encoder(arguments)
            case "gains": try gains(arguments)
            case "atlas": try atlas(arguments)
            case "annotator": try annotator(arguments)
            case "predict": try predict(arguments.next ?? ".cache/bench/noise.wav", arguments)
            default:
                throw TorchError(
                    operation: "Benchmarks",
                    message:
                        "say decode, resample, linear, attention, pretraining-step, gains, inference, encoder, predict, "
                        + "atlas or annotator")
            }
        }
    }

    /// Options after the name: `--key value`.
    struct Arguments {
        private var rest: [String]
        init(_ rest: ArraySlice<String>) { self.rest = Array(rest) }
        var next: String? {
            mutating get { rest.isEmpty || rest[0].hasPrefix("--") ? nil : rest.removeFirst() }
        }
        func text(_ key: String, _ fallback: String) -> String {
            guard let index = rest.firstIndex(of: "--\(key)"), index + 1 < rest.count else { return fallback }
            return rest[index + 1]
        }
        func number(_ key: String, _ fallback: Double) -> Double { Double(text(key, "")) ?? fallback }
    }

    /// Prints a line of results.
    static func report(_ name: String, _ values: [String: Double]) {
        let fields = values.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }
        print("{\"name\": \"\(name)\", \(fields.joined(separator: ", "))}")
    }

    /// Prints a line of results with both of its times.
    static func report(_ name: String, _ timing: Timing, _ values: [String: Double] = [:]) {
        report(
            name, values.merging(["seconds": timing.seconds, "cpu_seconds": timing.cpuSeconds]) { given, _ in given })
    }

    /// How long something takes: by the clock on the wall, and of all threads' processor time. The latter says more where
    /// others use the computer too.
    struct Timing {
        var seconds: Double
        var cpuSeconds: Double

        init(_ body: () throws -> Void) rethrows {
            let cpu = clock()
            seconds = try ContinuousClock().measure(body) / .seconds(1)
            cpuSeconds = Double(clock() - cpu) / Double(CLOCKS_PER_SEC)
        }
    }

    /// The medians of `runs` calls after one that does not count.
    static func timing(_ runs: Int, _ body: () throws -> Void) rethrows -> Timing {
        try body()
        let all = try (0..<max(runs, 1)).map { _ in try Timing(body) }
        var median = all[0]
        median.seconds = all.map(\.seconds).sorted()[all.count / 2]
        median.cpuSeconds = all.map(\.cpuSeconds).sorted()[all.count / 2]
        return median
    }

    /// Median seconds of `runs` calls after one that does not count.
    static func median(_ runs: Int, _ body: () throws -> Void) rethrows -> Double { try timing(runs, body).seconds }

    /// Operations per second of processor time of a large matrix product, the best of several: the rate that all other
    /// arithmetic is held against. Processor time of all threads, so that the rate is that of one of them.
    static func productRate(_ precision: Precision) throws -> Double {
        let matrix = try Tensor.randomNormal([2048, 2048]).to(precision.scalarType)
        let product = { () throws -> Void in _ = try withoutGradients { try matrix.linear(matrix) } }
        try product()
        let seconds = try (0..<9).map { _ in try Timing(product) }
        return 2 * pow(2048, 3) / seconds.map(\.cpuSeconds).min()!
    }

    // MARK: Sound

    static func decode(path: String, rateHz: Double?) throws {
        var audioSeconds = 0.0
        let timing = try Timing {
            let stream = try AudioStream(path: path, rateHz: rateHz, channel: .mean)
            var frames = 0
            while let block = try stream.next(frames: 1 << 16) { frames += block.channels[0].count }
            audioSeconds = Double(frames) / stream.rateHz
        }
        report(rateHz == nil ? "decode" : "resample", timing, ["audio_seconds": audioSeconds])
    }

    // MARK: Operators

    static func linear() throws {
        let (rows, inputs, outputs) = (2048, 768, 3072)
        let flops = 2.0 * Double(rows * inputs * outputs)
        let x = try Tensor.randomNormal([rows, inputs]).requiringGradient()
        let weight = try Tensor.randomNormal([outputs, inputs]).requiringGradient()
        let bias = try Tensor.zeros([outputs]).requiringGradient()
        let forward = try timing(20) { _ = try withoutGradients { try x.linear(weight, bias) } }
        report("linear-forward", forward, ["gflops": flops / forward.seconds / 1e9])
        let seed = try Tensor.ones([rows, outputs])
        let both = try timing(10) {
            for tensor in [x, weight, bias] { try tensor.setGradient(nil) }
            try x.linear(weight, bias).backward(seed)
        }
        report("linear-forward-backward", both, ["gflops": 3 * flops / both.seconds / 1e9])
    }

    static func attention() throws {
        let shape = [4, 12, 500, 64]
        let parts = try (0..<3).map { _ in try Tensor.randomNormal(shape).requiringGradient() }
        let forward = try timing(20) {
            _ = try withoutGradients { try Attention.mix(parts[0], parts[1], parts[2], bias: nil, learning: false) }
        }
        report("attention-forward", forward)
        let seed = try Tensor.ones(shape)
        let both = try timing(10) {
            for tensor in parts { try tensor.setGradient(nil) }
            try Attention.mix(parts[0], parts[1], parts[2], bias: nil, learning: true).backward(seed)
        }
        report("attention-forward-backward", both)
    }
}
