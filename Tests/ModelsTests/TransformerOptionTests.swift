import Foundation
import Models
import Neural
import Testing
import Torch

@Suite(.serialized) struct TransformerOptionTests {
    private func configuration(_ kind: Animal2VecConfiguration.Distances.Kind = .alibi) -> Animal2VecConfiguration {
        var configuration = GoldenValues.tinyConfiguration
        (configuration.width, configuration.heads, configuration.depth) = (16, 2, 3)
        configuration.distances.kind = kind
        return configuration
    }

    private func output(_ configuration: Animal2VecConfiguration, _ x: Tensor, at frames: [Float]) throws -> Tensor {
        let store = ParameterStore(seed: 4, purpose: .prediction)
        let context = try ContextEncoder(store.root, configuration)
        // The first weights hardly tell frames apart.
        for parameter in store.parameters where parameter.name.hasSuffix("qkv.weight") {
            try parameter.master.multiply(inPlace: 20)
        }
        return try context(x, frames_RK: Tensor(frames, shape: [1, frames.count]), mode: .evaluation).output
    }

    private func differ(_ a: Tensor, _ b: Tensor) throws -> Double { try (a - b).absolute().maximum([0, 1, 2]).item() }

    @Test(arguments: [Animal2VecConfiguration.Distances.Kind.alibi, .rotary])
    func `Attention knows the distances of frames in seconds, and nothing else of where they are`(
        kind: Animal2VecConfiguration.Distances.Kind
    ) throws {
        let x = try Tensor.randomNormal([1, 4, 16]) * 3
        var configuration = configuration(kind)
        let reference = try output(configuration, x, at: [0, 1, 5, 40])
        #expect(try differ(reference, output(configuration, x, at: [100, 101, 105, 140])) < 1e-4)
        #expect(try differ(reference, output(configuration, x, at: [0, 2, 10, 80])) > 1e-3)
        // Half the frames per second, the same times.
        configuration.distances.positionsPerSecond = 200
        #expect(try differ(reference, output(configuration, x, at: [0, 1, 5, 40])) < 1e-5)
        configuration.frontEnd.layers[1].stride *= 2
        #expect(configuration.frontEnd.frameRateHz == 100)
        #expect(try differ(reference, output(configuration, x, at: [0, 0.5, 2.5, 20])) < 1e-4)
    }

    @Test func `Without distances frames can stand anywhere`() throws {
        let x = try Tensor.randomNormal([1, 4, 16])
        let reference = try output(configuration(.none), x, at: [0, 1, 5, 40])
        #expect(try differ(reference, output(configuration(.none), x, at: [0, 2, 10, 80])) == 0)
        #expect(try differ(reference, output(configuration(.alibi), x, at: [0, 1, 5, 40])) > 1e-3)
    }

    @Test func `Rotation turns channel pairs by position times speed`() throws {
        let rotation = try Rotation(positions_RN: Tensor([0, 3] as [Float], shape: [1, 2]), width: 4, base: 100)
        let x = try Tensor([1, 2, 3, 4, 1, 2, 3, 4] as [Float], shape: [1, 1, 2, 4])
        let turned = try rotation(x).array(Double.self)
        #expect(turned[..<4] == [1, 2, 3, 4])
        let (a, b) = (3.0, 0.3)
        let expected = [
            cos(a) - 3 * sin(a), 2 * cos(b) - 4 * sin(b), 3 * cos(a) + sin(a), 4 * cos(b) + 2 * sin(b),
        ]
        for (found, wanted) in zip(turned[4...], expected) { #expect(abs(found - wanted) < 1e-6) }
    }

    @Test func `Without positional convolutions nothing is added`() throws {
        var configuration = configuration()
        configuration.positions.layers = 0
        let store = ParameterStore(seed: 1)
        let context = try ContextEncoder(store.root, configuration)
        #expect(!store.parameters.contains { $0.name.hasPrefix("positions") })
        #expect(try context.positions(.randomNormal([1, 5, 16])).absolute().sum().item() == 0)
    }

    @Test func `Each dropout acts where it should, and only while learning`() throws {
        let x = try Tensor.randomNormal([3, 6, 16])
        let frames = try Tensor.arange(6).unsqueezed(0)
        var configuration = configuration()
        configuration.prenetDepth = 1
        func pass(_ change: (inout DropoutRates) -> Void, _ mode: PassMode) throws -> ContextEncoder.Output {
            var rates = DropoutRates.none
            change(&rates)
            try Runtime.seed(5)
            let context = try ContextEncoder(ParameterStore(seed: 2).root, configuration, rates: rates)
            return try context(x, frames_RK: frames, mode: mode)
        }
        let reference = try pass({ _ in }, .learning(seed: 1)).output
        let changes: [(String, (inout DropoutRates) -> Void)] = [
            ("projection", { $0.projection = 0.5 }), ("attention", { $0.attention = 0.5 }),
            ("activation", { $0.activation = 0.5 }), ("feedForward", { $0.feedForward = 0.5 }),
            ("entry", { $0.entry = 0.5 }), ("input", { $0.input = 0.5 }), ("path", { $0.lastPath = 0.9 }),
            ("prenetLayer", { $0.prenetLayer = 0.999 }),
        ]
        for (name, change) in changes {
            #expect(try differ(pass(change, .learning(seed: 1)).output, reference) > 1e-4, "\(name)")
            #expect(try differ(pass(change, .evaluation).output, reference) < 1e-6, "\(name)")
        }
        // Only main blocks are left out, or only those of the prenet.
        // If chance leaves none of the main ones, the last one runs: a head must have something to read.
        #expect(try pass({ $0.layer = 0.999 }, .learning(seed: 1)).feedForwards.count == 1)
        #expect(try pass({ $0.prenetLayer = 0.999 }, .learning(seed: 1)).feedForwards.count == 3)
    }

    @Test func `Drop path leaves whole clips as they are, more of them in later blocks`() throws {
        let configuration = configuration()
        var rates = DropoutRates.none
        (rates.firstPath, rates.lastPath) = (0.1, 0.3)
        let x = try Tensor.randomNormal([400, 2, 16])
        let store = ParameterStore(seed: 2)
        let block = try TransformerBlock(store.root, configuration, rates: rates, pathRate: 0.3)
        // A block that adds nothing is two norms.
        let norms = try x.layerNormalized([16]).layerNormalized([16])
        let learned = try block(x, bias: nil, learning: true).output
        let same = try (learned - norms).absolute().maximum([1, 2]).less(than: 1e-4).to(.float32).mean().item()
        // Both branches of a clip are dropped with probability 0.09.
        #expect(abs(same - 0.09) < 0.05)
        #expect(try differ(block(x, bias: nil, learning: false).output, norms) > 1e-3)
    }

    @Test func `DeepScaleLM's first weights have the variances that its paper gives`() throws {
        var configuration = configuration()
        (configuration.width, configuration.residuals, configuration.dropout.feedForward) = (64, .deepScale, 0.2)
        configuration.dropout.attention = 0.4
        let store = ParameterStore(seed: 3)
        _ = try TransformerBlock(store.root, configuration, rates: configuration.dropout)
        func variance(_ x: Tensor) throws -> Double { try x.squared().mean().item() * 64 }
        let qkv = try store["attention.qkv.weight"]!.master.chunked(3, 0)
        #expect(try abs(variance(qkv[0]) - 1) < 0.1)
        #expect(try abs(variance(qkv[1]) - 1) < 0.1)
        #expect(try abs(variance(qkv[2]) - 0.3.squareRoot()) < 0.06)
        #expect(try abs(variance(store["expand.weight"]!.master) - 0.4.squareRoot()) < 0.06)
        let scaling = DeepScaling(blocks: 24)
        #expect(abs(scaling.kept * scaling.kept - 22.0 / 24) < 1e-12)
        #expect(abs(scaling.added * scaling.added - 2.0 / 24) < 1e-12)
    }
}
