// Whole models: a pretraining step, prediction, the blocks of the encoder.
import Foundation
import Models
import Neural
import Randomness
import Torch

extension Benchmarks {
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
        let timing = try timing(Int(arguments.number("steps", 1))) {
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
        report("pretraining-step", timing, ["clips": Double(clips)])
    }

    /// The classifier on whole clips. `limit_cpu_seconds`: what the matrix products of its layers would take by themselves at the
    /// rate of a large one in the same precision, measured here, on one thread's processor time.
    static func inference(_ arguments: Arguments) throws {
        let configuration = try configuration(arguments)
        let clips = Int(arguments.number("clips", 1))
        let clipSeconds = arguments.number("seconds", 10)
        let precision = Precision(rawValue: arguments.text("precision", "fp32")) ?? .fp32
        let model = try FrameClassifier(configuration, classCount: 12, precision: precision, purpose: .prediction)
        let samples = Int(clipSeconds * configuration.frontEnd.sampleRateHz)
        let wave = try Tensor.randomNormal([clips, samples])
        let timing = try timing(Int(arguments.number("steps", 1))) {
            _ = try withoutGradients { try model(wave.to(precision.scalarType)) }
        }
        let rate = try productRate(precision)
        let frames = configuration.frontEnd.frameCount(samples: samples)
        let operations = Double(clips) * layerOperations(configuration, samples: samples, frames: frames)
        report(
            "inference", timing,
            [
                "times_real_time": Double(clips) * clipSeconds / timing.seconds, "gemm_gflops": rate / 1e9,
                "limit_cpu_seconds": operations / rate,
            ])
    }

    /// Operations of the layers that are matrix products whichever way they are computed: the strided convolutions and the
    /// linear layers of all blocks, for one clip. Attention and positions, where there is a choice, are left out.
    private static func layerOperations(_ configuration: Animal2VecConfiguration, samples: Int, frames: Int) -> Double {
        var (length, inputs, operations) = (samples, 1, 0.0)
        for layer in configuration.frontEnd.resolvedLayers {
            length /= layer.stride
            operations += 2 * Double(length) * Double(inputs * layer.kernel * layer.channels)
            inputs = layer.channels
        }
        let (width, blocks) = (configuration.width, configuration.prenetDepth + configuration.depth)
        let perFrame = (4 + 2 * configuration.feedForwardRatio) * width * width * blocks + inputs * width
        return operations + 2 * Double(frames) * Double(perFrame)
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
        let timing = try timing(Int(arguments.number("steps", 3))) {
            try store.clearGradients()
            try encoder(x, frames_RK: places, mode: .learning(seed: 1)).output.to(.float32).sum().backward()
        }
        let blocks = Double(configuration.depth + configuration.prenetDepth)
        let linear = 2.0 * Double(rows * kept) * Double((4 + 2 * configuration.feedForwardRatio) * width * width)
        let attention = 4.0 * Double(rows * kept * kept * width)
        let operations = 3 * blocks * (linear + attention)
        let rate = try productRate(precision)
        report(
            "encoder", timing,
            [
                "gflops": operations / timing.cpuSeconds / 1e9, "gemm_gflops": rate / 1e9,
                "limit_cpu_seconds": operations / rate,
            ])
    }
}
