// Times one thing per call and prints JSON lines; Scripts/bench runs them in turn with their peers.
import Audio
import Foundation
import Inference
import Models
import Neural
import Randomness
import Torch
import Training

@main
enum Benchmarks {
    static func main() throws {
        var arguments = Arguments(CommandLine.arguments.dropFirst())
        let name = arguments.next ?? ""
        switch name {
        case "decode": try decode(path: arguments.next ?? "", rateHz: nil)
        case "resample": try decode(path: arguments.next ?? "", rateHz: arguments.number("rate", 32000))
        default:
            try Runtime.start(threads: Int(arguments.number("threads", 2)))
            switch name {
            case "linear": try linear()
            case "attention": try attention()
            case "pretraining-step": try pretrainingStep(arguments)
            case "inference": try inference(arguments)
            case "encoder": try encoder(arguments)
            case "gains": try gains(arguments)
            case "atlas": try atlas(arguments)
            case "annotator": try annotator(arguments)
            case "predict": try predict(path: arguments.next ?? ".cache/bench/noise.wav")
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

    /// Median seconds of `runs` calls after one that does not count.
    static func median(_ runs: Int, _ body: () throws -> Void) rethrows -> Double {
        try body()
        var seconds: [Double] = []
        for _ in 0..<runs {
            let time = try ContinuousClock().measure(body)
            seconds.append(Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18)
        }
        return seconds.sorted()[runs / 2]
    }

    // MARK: Sound

    static func decode(path: String, rateHz: Double?) throws {
        let cpu = clock()
        let started = ContinuousClock.now
        let stream = try AudioStream(path: path, rateHz: rateHz, channel: .mean)
        var frames = 0
        while let block = try stream.next(frames: 1 << 16) { frames += block.channels[0].count }
        let time = ContinuousClock.now - started
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
        report(
            rateHz == nil ? "decode" : "resample",
            [
                "seconds": seconds, "cpu_seconds": Double(clock() - cpu) / Double(CLOCKS_PER_SEC),
                "audio_seconds": Double(frames) / stream.rateHz,
            ])
    }

    // MARK: Operators

    static func linear() throws {
        let (rows, inputs, outputs) = (2048, 768, 3072)
        let flops = 2.0 * Double(rows * inputs * outputs)
        let x = try Tensor.randomNormal([rows, inputs]).requiringGradient()
        let weight = try Tensor.randomNormal([outputs, inputs]).requiringGradient()
        let bias = try Tensor.zeros([outputs]).requiringGradient()
        let forward = try median(20) { _ = try withoutGradients { try x.linear(weight, bias) } }
        report("linear-forward", ["seconds": forward, "gflops": flops / forward / 1e9])
        let seed = try Tensor.ones([rows, outputs])
        let both = try median(10) {
            for tensor in [x, weight, bias] { try tensor.setGradient(nil) }
            try x.linear(weight, bias).backward(seed)
        }
        report("linear-forward-backward", ["seconds": both, "gflops": 3 * flops / both / 1e9])
    }

    static func attention() throws {
        let shape = [4, 12, 500, 64]
        let parts = try (0..<3).map { _ in try Tensor.randomNormal(shape).requiringGradient() }
        let forward = try median(20) {
            _ = try withoutGradients { try Attention.mix(parts[0], parts[1], parts[2], bias: nil, learning: false) }
        }
        report("attention-forward", ["seconds": forward])
        let seed = try Tensor.ones(shape)
        let both = try median(10) {
            for tensor in parts { try tensor.setGradient(nil) }
            try Attention.mix(parts[0], parts[1], parts[2], bias: nil, learning: true).backward(seed)
        }
        report("attention-forward-backward", ["seconds": both])
    }

    // MARK: Models

    static func configuration(_ arguments: Arguments) throws -> Animal2VecConfiguration {
        var configuration = Animal2VecConfiguration()
        configuration.frontEnd.sampleRateHz = arguments.number("rate", 8000)
        switch arguments.text("size", "base") {
        case "base": break
        case "large":
            (configuration.width, configuration.heads, configuration.depth, configuration.prenetDepth) = (
                1024, 16, 16, 8
            )
            configuration.decoder.width = 768
        case let other: throw TorchError(operation: "--size", message: "\(other) is neither base nor large")
        }
        configuration.frontEnd.filters = 127
        configuration.masking.clones = Int(arguments.number("clones", 8))
        return configuration
    }

    static func pretrainingStep(_ arguments: Arguments) throws {
        let configuration = try configuration(arguments)
        let clips = Int(arguments.number("clips", 1))
        let samples = Int(arguments.number("seconds", 10) * configuration.frontEnd.sampleRateHz)
        let precision = Precision(rawValue: arguments.text("precision", "fp32")) ?? .fp32
        let model = try Animal2Vec(configuration, precision: precision)
        let optimizer = try AdamW(model.student.parameters)
        let wave = try Tensor.randomNormal([clips, samples]).normalizedClips()
        let frames = configuration.frontEnd.frameCount(samples: samples)
        var update = 0
        var cpu = 0
        let seconds = try median(Int(arguments.number("steps", 1))) {
            let started = clock()
            defer { cpu = clock() - started }
            let masking = configuration.masking
            let mask = FrameMask(
                frameCount: frames, probability: masking.probability, length: masking.length,
                randoms: (0..<clips * masking.clones).map {
                    KeyedRandom(seed: 1, epoch: update, sample: $0, purpose: .mask)
                })
            let step = try model.pretrain(wave.to(precision.scalarType), mask: mask, mode: .learning(seed: 1))
            try model.student.clearGradients()
            try step.loss.backward()
            let norm = try model.student.gradientNorm() / Double(step.maskedFrameCount)
            try optimizer.step(
                learningRate: 1e-4, gradientFactor: min(1, 1 / norm) / Double(step.maskedFrameCount))
            try model.student.refreshWorkingCopies()
            try model.teacher.follow(model.student, decay: 0.9997)
            update += 1
        }
        report(
            "pretraining-step",
            ["seconds": seconds, "cpu_seconds": Double(cpu) / Double(CLOCKS_PER_SEC), "clips": Double(clips)])
    }

    static func inference(_ arguments: Arguments) throws {
        let configuration = try configuration(arguments)
        let clips = Int(arguments.number("clips", 4))
        let clipSeconds = arguments.number("seconds", 10)
        let precision = Precision(rawValue: arguments.text("precision", "fp32")) ?? .fp32
        let model = try FrameClassifier(configuration, classCount: 12, precision: precision, trainable: false)
        let wave = try Tensor.randomNormal([clips, Int(clipSeconds * configuration.frontEnd.sampleRateHz)])
        let seconds = try median(Int(arguments.number("steps", 3))) {
            _ = try withoutGradients { try model(wave.to(precision.scalarType)) }
        }
        report("inference", ["seconds": seconds, "times_real_time": Double(clips) * clipSeconds / seconds])
    }

    /// The blocks of the student alone, forwards and backwards over the kept frames of 8 clones, against the rate of a large
    /// matrix product in the same precision.
    static func encoder(_ arguments: Arguments) throws {
        let configuration = try configuration(arguments)
        let precision = Precision(rawValue: arguments.text("precision", "fp32")) ?? .fp32
        let (rows, kept, width) = (8, 145, configuration.width)
        let store = ParameterStore(precision: precision)
        let encoder = try ContextEncoder(store.root, configuration)
        let x = try Tensor.randomNormal([rows, kept, width]).to(precision.scalarType).requiringGradient()
        let places = try Tensor((0..<rows * kept).map { Float($0 % kept * 2000 / kept) }, shape: [rows, kept])
        let seconds = try median(Int(arguments.number("steps", 3))) {
            try store.clearGradients()
            try encoder(x, frames_RK: places, mode: .learning(seed: 1)).output.to(.float32).sum().backward()
        }
        let blocks = Double(configuration.depth + configuration.prenetDepth)
        let linear = 2.0 * Double(rows * kept) * Double(12 * width * width)
        let attention = 4.0 * Double(rows * kept * kept * width)
        let rate = 3 * blocks * (linear + attention) / seconds / 1e9
        let matrix = try Tensor.randomNormal([2048, 2048]).to(precision.scalarType)
        let product = try median(9) { _ = try withoutGradients { try matrix.linear(matrix) } }
        let peak = 2 * pow(2048.0, 3) / product / 1e9
        report("encoder", ["seconds": seconds, "gflops": rate, "gemm_gflops": peak, "share_of_gemm": rate / peak])
    }

    /// Prediction of a whole recording with the network of the tiny recipe, decoding included.
    static func predict(path: String) throws {
        let layer = try RecipeLayer.find("tiny", in: ShippedRecipes.pretraining)
        let recipe = try Animal2VecRecipe(method: .animal2vec, model: .init()).under([layer])
        var network = recipe.model.network
        network.frontEnd.sampleRateHz = recipe.data.sampleRateHz
        let description = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: recipe.data.windowSeconds, channels: .first,
            classes: (0..<11).map { "class \($0)" })
        let model = try FrameClassifier(network, classCount: 11, rates: .none, trainable: false)
        let predictor = FramePredictor(model, description)
        var audioSeconds = 0.0
        let seconds = try median(1) {
            try predictor.predict([path]) { _, output in
                if case .ended(let seconds, _) = output { audioSeconds = seconds }
            }
        }
        report(
            "predict", ["seconds": seconds, "audio_seconds": audioSeconds, "times_real_time": audioSeconds / seconds])
    }
}
