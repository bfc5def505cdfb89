import Foundation
import Neural
import Storage
import TestSupport
import Testing
import Torch

@Suite(.serialized) struct ParameterTests {
    @Test func `A parameter's first numbers depend on seed and name only`() throws {
        func weight(_ seed: UInt64, alone: Bool) throws -> [Float] {
            let store = ParameterStore(seed: seed)
            if !alone { _ = try Linear(store.root["other"], 3, 3) }
            return try Linear(store.root["layer"], 4, 2).weight.array()
        }
        #expect(try weight(1, alone: true) == weight(1, alone: false))
        #expect(try weight(1, alone: true) != weight(2, alone: true))
    }

    @Test func `Nowhere, a store has names and shapes, and takes no memory for numbers`() throws {
        let store = ParameterStore(purpose: .prediction, device: .meta)
        // A terabyte, if there were numbers.
        _ = try Linear(store.root["layer"], 1 << 19, 1 << 19)
        #expect(store.parameters.map(\.name) == ["layer.weight", "layer.bias"])
        #expect(store["layer.weight"]?.master.shape == [1 << 19, 1 << 19])
        #expect(store["layer.weight"]?.master.device == .meta)
    }

    @Test func `The same path twice is refused by name`() throws {
        let store = ParameterStore()
        _ = try Linear(store.root["a"], 2, 2)
        do {
            _ = try Linear(store.root["a"], 2, 2)
            Issue.record("a second layer under the same path must fail")
        } catch {
            #expect(error.operation == "a.weight")
        }
    }

    @Test func `Weights come back from a file bit by bit, and gaps and strangers are named`() throws {
        try withTemporaryFolder { folder in
            let first = ParameterStore(seed: 1)
            _ = try Linear(first.root["a"], 3, 2)
            _ = try LayerNorm(first.root["extra"], 4)
            let url = folder.appending(path: "weights.safetensors")
            try SafetensorsWriter.write(safetensorsEntries(first.masters), to: url)
            let second = ParameterStore(seed: 2)
            _ = try Linear(second.root["a"], 3, 2)
            _ = try Linear(second.root["b"], 2, 2)
            let coverage = try second.load(SafetensorsFile.open(url))
            #expect(coverage.missing == ["b.weight", "b.bias"])
            #expect(coverage.unexpected.sorted() == ["extra.bias", "extra.weight"])
            #expect(try second["a.weight"]!.master.array(Float.self) == first["a.weight"]!.master.array(Float.self))
        }
    }

    @Test func `A weight of another shape or with NaN is refused by name`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "weights.safetensors")
            let store = ParameterStore()
            _ = try Linear(store.root["a"], 3, 2)
            try SafetensorsWriter.write([.init("a.weight", [Float](repeating: 0, count: 8), shape: [2, 4])], to: url)
            let shape = #expect(throws: WeightsError.self) { try store.load(SafetensorsFile.open(url)) }
            #expect(shape?.description.contains("a.weight") == true)
            try SafetensorsWriter.write([.init("a.bias", [Float.nan, 0], shape: [2])], to: url)
            let number = #expect(throws: WeightsError.self) { try store.load(SafetensorsFile.open(url)) }
            #expect(number?.description.contains("a.bias") == true)
        }
    }

    /// Where the processor has matrix tiles, the layer keeps such weights in another order too.
    @Test func `A layer that only predicts notices new weights`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "w.safetensors")
            let store = ParameterStore(precision: .bf16, purpose: .prediction)
            let layer = try Linear(store.root["a"], 2, 2)
            let x = try Tensor([1, 2], shape: [1, 2]).to(.bfloat16)
            for factor: Float in [1, 2] {
                let tensors: [SafetensorsWriter.Entry] = [
                    .init("a.weight", [factor, 0, 0, factor], shape: [2, 2]), .init("a.bias", [0.5, 0], shape: [2]),
                ]
                try SafetensorsWriter.write(tensors, to: url)
                _ = try store.load(SafetensorsFile.open(url))
                for _ in 0..<2 {
                    let y = try withoutGradients { try layer(x).to(.float32).array(Float.self) }
                    #expect(y == [factor + 0.5, 2 * factor])
                }
            }
        }
    }

    @Test func `A follower moves by one minus its decay`() throws {
        let (student, teacher) = (ParameterStore(seed: 1), ParameterStore(seed: 2, purpose: .teaching))
        _ = try Linear(student.root["a"], 3, 2)
        _ = try Linear(teacher.root["a"], 3, 2)
        let before = try teacher["a.weight"]!.master.array(Float.self)
        let target = try student["a.weight"]!.master.array(Float.self)
        try teacher.follow(student, decay: 0.9)
        for (index, value) in try teacher["a.weight"]!.master.array(Float.self).enumerated() {
            #expect(abs(value - (0.9 * before[index] + 0.1 * target[index])) < 1e-6)
        }
    }
}

@Suite(.serialized) struct AdamWTests {
    /// One step after another written out from the paper, in Double.
    private func reference(
        _ start: Double, _ gradients: [Double], _ rate: Double, _ configuration: AdamW.Configuration, decay: Double
    ) -> Double {
        var (p, m, v) = (start, 0.0, 0.0)
        for (index, gradient) in gradients.enumerated() {
            let t = Double(index + 1)
            var gradient = gradient
            if configuration.decoupled { p -= rate * decay * p } else { gradient += decay * p }
            m = configuration.beta1 * m + (1 - configuration.beta1) * gradient
            v = configuration.beta2 * v + (1 - configuration.beta2) * gradient * gradient
            let (c1, c2) = (1 - pow(configuration.beta1, t), 1 - pow(configuration.beta2, t))
            let root =
                configuration.epsilonBeforeCorrection
                ? (v.squareRoot() + configuration.epsilon) / c2.squareRoot()
                : (v / c2).squareRoot() + configuration.epsilon
            p -= rate * (m / c1) / root
        }
        return p
    }

    @Test(arguments: [true, false], [true, false])
    func `Steps agree with Adam written out`(decoupled: Bool, before: Bool) throws {
        var configuration = AdamW.Configuration()
        (configuration.decoupled, configuration.epsilonBeforeCorrection, configuration.epsilon) = (
            decoupled, before, 0.01
        )
        configuration.weightDecay = 0.1
        let store = ParameterStore()
        let matrix = try store.root["m"].parameter("weight", [1, 1], .constant(0.7))
        let vector = try store.root["v"].parameter("bias", [1], .constant(-0.4))
        let optimizer = try AdamW(store.parameters, configuration)
        let gradients = [0.5, -0.2, 1.5, 0.05]
        for gradient in gradients {
            try matrix.setGradient(Tensor([Float(gradient)], shape: [1, 1]))
            try vector.setGradient(Tensor([Float(2 * gradient)]))
            try optimizer.step(learningRate: 0.02)
        }
        #expect(try abs(matrix.item() - reference(0.7, gradients, 0.02, configuration, decay: 0.1)) < 1e-6)
        #expect(
            try abs(vector.item() - reference(-0.4, gradients.map { 2 * $0 }, 0.02, configuration, decay: 0)) < 1e-6)
    }

    @Test func `A rate factor scales the steps of its parameters only`() throws {
        let store = ParameterStore()
        let values = try ["slow", "fast"].map { try store.root.parameter($0, [2, 2], .constant(1)) }
        var configuration = AdamW.Configuration()
        configuration.weightDecay = 0
        let optimizer = try AdamW(store.parameters, configuration) { $0 == "slow" ? 0.25 : 1 }
        for value in values { try value.setGradient(Tensor.ones([2, 2])) }
        try optimizer.step(learningRate: 0.1)
        let moved = try values.map { 1 - (try $0.array(Double.self)[0]) }
        #expect(abs(moved[0] / moved[1] - 0.25) < 1e-5)
        #expect(moved[1] > 0.05)
    }

    @Test func `Gradients are limited each by its own norm`() throws {
        let store = ParameterStore()
        let values = try ["large", "small"].map { try store.root.parameter($0, [4], .constant(1)) }
        try values[0].setGradient(Tensor.full([4], 5))
        try values[1].setGradient(Tensor.full([4], 0.5))
        try store.limitEachGradient(to: 3)
        #expect(try abs(values[0].gradient!.norm().item() - 3) < 1e-4)
        #expect(try abs(values[1].gradient!.norm().item() - 1) < 1e-6)
    }

    @Test func `Frozen parameters rest and start their own count later`() throws {
        let store = ParameterStore()
        let a = try store.root["front"].parameter("w", [1, 1], .constant(1))
        let b = try store.root["head"].parameter("w", [1, 1], .constant(1))
        let optimizer = try AdamW(store.parameters)
        for update in 0..<3 {
            for tensor in [a, b] { try tensor.setGradient(Tensor.ones([1, 1])) }
            try optimizer.step(learningRate: 0.1, frozen: update < 2 ? ["front."] : [])
            if update < 2 { #expect(try a.item() == 1) }
        }
        #expect(optimizer.updateCounts == ["front.w": 1, "head.w": 3])
        #expect(try a.item() < 0.95)
    }
}

@Suite(.serialized) struct PrecisionTests {
    @Test(arguments: [Precision.bf16, .fp16])
    func `Weights stay float32 while layers compute in half, and follow after a step`(precision: Precision) throws {
        let store = ParameterStore(seed: 3, precision: precision)
        let layer = try Linear(store.root["a"], 16, 16)
        #expect(layer.weight.scalarType == precision.scalarType)
        let x = try Tensor.ones([4, 16], precision.scalarType)
        let optimizer = try AdamW(store.parameters)
        try layer(x).to(.float32).squared().sum().backward()
        try optimizer.step(learningRate: 1e-3)
        try store.refreshWorkingCopies()
        let master = store["a.weight"]!.master
        #expect(master.scalarType == .float32)
        let rounded = try master.to(precision.scalarType).array(Float.self)
        #expect(try layer.weight.array(Float.self) == rounded)
        #expect(try master.array(Float.self) != rounded, "a master that is rounded loses small steps")
    }
}

@Suite(.serialized) struct ConvolutionTests {
    /// As an image of height 1; by windows; by spectra of blocks: channels in and out, taps, stride, groups.
    @Test(arguments: [
        (8, 12, 5, 1, 2), (8, 12, 5, 3, 4), (8, 12, 5, 1, 1), (8, 12, 5, 3, 1), (64, 32, 19, 1, 4), (32, 64, 13, 1, 2),
    ])
    func `Convolution over frames equals libtorch's over channels, gradients too`(
        inputs: Int, outputs: Int, taps: Int, stride: Int, groups: Int
    ) throws {
        let store = ParameterStore(seed: 1)
        let layer = try Convolution1d(store.root, inputs, outputs, kernel: taps, stride: stride, groups: groups)
        let x = try Tensor.randomNormal([2, 131, inputs]).requiringGradient()
        let frames = try layer(x, before: taps / 2, after: taps / 2)
        let plain = try x.transposed(1, 2).contiguous().convolved1d(
            layer.weight, layer.bias, stride: stride, padding: taps / 2, groups: groups
        ).transposed(1, 2)
        #expect(frames.shape == plain.shape)
        #expect(try (frames - plain).absolute().maximum([0, 1, 2]).item() < 1e-5)
        try frames.squared().sum().backward()
        let gradients = try [x, layer.weight, layer.bias!].map { try $0.gradient! }
        for tensor in [x, layer.weight, layer.bias!] { try tensor.setGradient(nil) }
        try plain.squared().sum().backward()
        for (gradient, tensor) in zip(gradients, [x, layer.weight, layer.bias!]) {
            let expected = try tensor.gradient!
            let largest = try expected.absolute().reshaped([-1]).maximum([0]).item()
            #expect(try (gradient - expected).absolute().reshaped([-1]).maximum([0]).item() < 1e-5 * largest)
        }
    }

    @Test func `Frames in bfloat16 are convolved by spectra in float32, gradients too`() throws {
        let x = try Tensor.randomNormal([3, 200, 32]).to(.bfloat16).requiringGradient()
        let weight = try (Tensor.randomNormal([64, 16, 19]) * 0.1).to(.bfloat16).requiringGradient()
        let bias = try Tensor.randomNormal([64]).to(.bfloat16).requiringGradient()
        let learned = [x, weight, bias]
        let exact = try learned.map { try $0.detached().to(.float64).requiringGradient() }
        let found = try x.convolvedBySpectrum(weight, bias, padding: 9, groups: 2)
        let plain = try exact[0].transposed(1, 2).convolved1d(exact[1], exact[2], padding: 9, groups: 2).transposed(
            1, 2)
        try found.to(.float32).sin().sum().backward()
        try plain.sin().sum().backward()
        let pairs = try [(found, plain)] + zip(learned, exact).map { (try $0.gradient!, try $1.gradient!) }
        for (found, plain) in pairs {
            let largest = try plain.detached().absolute().reshaped([-1]).maximum([0]).item()
            let difference = try (found.detached().to(.float64) - plain.detached()).absolute().reshaped([-1]).maximum([
                0
            ])
            // The result is rounded to bfloat16 before its sine; so are the gradients.
            #expect(try difference.item() < 0.02 * largest)
        }
    }

    @Test func `Spectra of the wrong shape are refused`() throws {
        let x = try Tensor.randomNormal([1, 64, 32])
        #expect(throws: TorchError.self) {
            try x.convolvedBySpectrum(
                factors: .zeros([9, 2, 8, 8]), forward: .zeros([2, 9, 16]), backward: .zeros([2, 12, 9]), padding: 0)
        }
        #expect(throws: TorchError.self) {
            try x.to(.float64).convolvedBySpectrum(Tensor.randomNormal([32, 16, 80]), padding: 0, groups: 2)
        }
    }

    @Test func `A short clip and one that ends within a block are convolved by spectra like any other`() throws {
        let weight = try Tensor.randomNormal([32, 16, 19])
        for frames in [19, 64, 91, 92, 93, 300] {
            let x = try Tensor.randomNormal([1, frames, 32])
            let found = try x.convolvedBySpectrum(weight, padding: 9, groups: 2)
            let plain = try x.convolvedAsImage(weight, padding: 9, groups: 2)
            #expect(found.shape == plain.shape)
            #expect(try (found - plain).absolute().maximum([0, 1, 2]).item() < 1e-4, "\(frames) frames")
        }
    }
}

@Suite struct InitializationTests {
    @Test func `First numbers have the spread that was asked for`() throws {
        let store = ParameterStore(seed: 4)
        let normal = try store.root["n"].parameter("w", [100, 500], .normal(standardDeviation: 0.02))
        let uniform = try store.root["u"].parameter("w", [100, 500], .uniformFanIn(25))
        #expect(try abs(normal.detached().mean().item()) < 4e-4)
        #expect(try abs(normal.detached().variance([0, 1]).item().squareRoot() - 0.02) < 3e-4)
        #expect(try abs(uniform.detached().variance([0, 1]).item() - 0.04 / 3) < 3e-4)
        #expect(try uniform.detached().absolute().maximum([0, 1]).item() <= 0.2)
    }
}

@Suite(.serialized) struct SparseConvolutionTests {
    @Test(arguments: [1, 2, 4])
    func `A convolution at chosen frames, or of frames that stand alone, equals the dense one there`(groups: Int) throws
    {
        let layer = try Convolution1d(ParameterStore(seed: 5).root, 8, 8, kernel: 5, groups: groups)
        let frames = 20
        let alone: [Int64] = [2, 3, 9, 17]
        let values = try Tensor.randomNormal([alone.count, 8])
        let empty = try Tensor.zeros([frames, 8])
        let grid = try operate("aten::index_copy", .tensor(empty), 0, .tensor(Tensor(alone)), .tensor(values))
        let dense = try layer(grid.unsqueezed(0), before: 2, after: 2).slice(0, 0)
        // Two frames of margin at both ends.
        let places = alone.flatMap { frame in (0..<5).map { Int64(frame) + 4 - Int64($0) } }
        let spread = try layer.spread(values, to: Tensor(places), count: frames + 4).narrowed(0, 2, frames)
        #expect(try (spread - dense).absolute().maximum([0, 1]).item() < 1e-5)
        let seen = alone.flatMap { frame in (0..<5).map { frame + Int64($0) } }
        let windows = try grid.padded([0, 0, 2, 2]).selected(0, Tensor(seen)).reshaped([alone.count, 5, 8])
        let chosen = try layer.gathered(windows)
        #expect(try (chosen - dense.selected(0, Tensor(alone))).absolute().maximum([0, 1]).item() < 1e-5)
    }
}
