import Foundation
import Models
import Neural
import Testing
import Torch

@Suite(.serialized) struct ClassifierHeadTests {
    private let wave: Tensor

    init() throws { wave = try Tensor.randomNormal([2, 2000]) }

    private func model(_ change: (inout ClassifierHead.Configuration) -> Void, token: Bool = false) throws
        -> FrameClassifier
    {
        var head = ClassifierHead.Configuration()
        change(&head)
        var configuration = GoldenValues.tinyConfiguration
        configuration.classToken = token
        return try FrameClassifier(configuration, classCount: 3, head: head, rates: .none, seed: 5)
    }

    @Test func `Heads for clips take the most certain frame or the mean over frames`() throws {
        let frames = try model { _ in }(wave)
        #expect(frames.shape == [2, 50, 3])
        try expectClose(model { $0.scope = .clipMaximum }(wave), frames.maximum([1], keep: true), 1e-6, "maximum")
        try expectClose(model { $0.scope = .clipMean }(wave), frames.mean([1], keep: true), 1e-6, "mean")
    }

    @Test func `A token's head reads the class token of the last layers`() throws {
        let model = try model({ $0.scope = .clipToken }, token: true)
        let tokens = try model.encode(wave).tokenFeedForwards
        #expect(tokens.count == 2)
        let expected = try ((tokens[0] + tokens[1]) / 2).linear(
            model.store["head.weight"]!.master, model.store["head.bias"]!.master)
        try expectClose(model(wave), expected, 1e-5, "logits")
        #expect(try model(wave).shape == [2, 1, 3])
    }

    @Test func `The number of layers that are read is the head's own`() throws {
        let model = try model { $0.layers = 1 }
        let last = try model.encode(wave).feedForwards.last!
        let expected = try last.linear(model.store["head.weight"]!.master, model.store["head.bias"]!.master)
        try expectClose(model(wave), expected, 1e-5, "logits")
    }

    /// softmax(w)-weighted normed layers, normed; then attention by hand.
    private func reference(_ model: FrameClassifier, classes: Bool) throws -> Tensor {
        func parameter(_ name: String) -> Tensor { model.store["head.\(name)"]!.master }
        let layers = try model.encode(wave).feedForwards.map { try $0.layerNormalized([48]) }
        let weights = try parameter("layer_weights").array(Double.self).map { exp($0) }
        let total = weights.reduce(0, +)
        let mixed = try layers[0] * (weights[0] / total) + layers[1] * (weights[1] / total)
        let tokens = try mixed.layerNormalized(
            [48], weight: parameter("input_norm.weight"), bias: parameter("input_norm.bias"))
        let keys = try tokens.linear(parameter("key_value.weight"), parameter("key_value.bias")).chunked(2, -1)
        let asking =
            classes
            ? try parameter("questions").unsqueezed(0).expanded([2, 3, 48])
            : try tokens.linear(parameter("query.weight"), parameter("query.bias"))
        var parts: [Tensor] = []
        for head in 0..<4 {
            let q = try asking.narrowed(2, 12 * head, 12)
            let scores = try q.matmul(keys[0].narrowed(2, 12 * head, 12).transposed(1, 2)) / 12.0.squareRoot()
            parts.append(try scores.softmax(-1).matmul(keys[1].narrowed(2, 12 * head, 12)))
        }
        let found = try Tensor.concatenated(parts, 2).linear(parameter("output.weight"), parameter("output.bias"))
        let seen = try (classes ? found : tokens + found).layerNormalized(
            [48], weight: parameter("output_norm.weight"), bias: parameter("output_norm.bias"))
        let logits = try seen.linear(parameter("weight"), parameter("bias"))
        return classes ? try logits.transposed(1, 2) : logits
    }

    @Test(arguments: [false, true])
    func `An attentive head weighs layers and lets frames or classes ask all frames`(classes: Bool) throws {
        let model = try model {
            $0.kind = .attentive
            $0.scope = classes ? .clipMaximum : .frames
        }
        try withoutGradients {
            try model.store["head.layer_weights"]!.master.copy(inPlace: Tensor([0.3, -1] as [Float]))
            try model.store["head.key_value.weight"]!.master.multiply(inPlace: 5)
        }
        let logits = try model(wave)
        #expect(logits.shape == (classes ? [2, 1, 3] : [2, 50, 3]))
        try expectClose(logits, reference(model, classes: classes), 1e-4, "logits")
        // The encoder does not learn from it, its own parts do.
        try model(wave, mode: .learning(seed: 1), learning: .head).squared().sum().backward()
        for parameter in model.store.parameters {
            let learns = try parameter.master.gradient != nil
            #expect(learns == parameter.name.hasPrefix("head."), "\(parameter.name)")
        }
    }

    @Test func `Smoothed cross-entropy is cross-entropy against smoothed truths`() throws {
        var loss = FocalLoss()
        (loss.alpha, loss.gamma, loss.smoothing) = (-1, 0, 0.2)
        let logits = try Tensor([0.5, -1] as [Float])
        let values = try loss(logits, Tensor([1, 0] as [Float])).array(Double.self)
        let p = [0.5, -1.0].map { 1 / (1 + exp(-$0)) }
        #expect(abs(values[0] + 0.9 * log(p[0]) + 0.1 * log(1 - p[0])) < 1e-6)
        #expect(abs(values[1] + 0.1 * log(p[1]) + 0.9 * log(1 - p[1])) < 1e-6)
    }

    @Test func `The gain that is an amplitude is used as decibels only on request`() throws {
        let golden = try GoldenValues("mixup")
        var mixup = BetweenClassMixup()
        mixup.gain = .naiveRMS
        let source = try golden["a.source"]
        let published = try golden["a.gain_naive_rms"]
        try expectClose(
            mixup.loudness(source, sampleRateHz: 8000, compatibility: .animal2vec1), published, 1e-5, "published")
        try expectClose(mixup.loudness(source, sampleRateHz: 8000), published.log10() * 20, 1e-2, "decibels")
    }

    @Test func `A-weighting takes the frequencies that a window has`() {
        // An odd window of an odd rate: its last bin lies below half the rate.
        let (rate, size) = (2205.0, 441)
        let corrected = BetweenClassMixup.aWeightingPower(sampleRateHz: rate, size: size)
        let published = BetweenClassMixup.aWeightingPower(sampleRateHz: rate, size: size, compatibility: .animal2vec1)
        // 1000 Hz is bin 200, where the weight is 0 dB by definition.
        #expect(abs(10 * log10(corrected[200])) < 0.01)
        #expect(abs(10 * log10(published[200])) > abs(10 * log10(corrected[200])))
    }
}
