import Models
import Neural
import Testing
import Torch

/// Scaling of windows and the times of frames.
@Suite("Clip normalization") struct ClipNormalizationTests {
    private let samples: [Float] = (0..<1003).map { Float(($0 * 7919) % 1000) / 500 + 3 }

    @Test func `The layer norm is that of the model's own library`() throws {
        var scaled = samples
        ClipNormalization.layerNorm.apply(&scaled, count: scaled.count)
        let expected = try Tensor(samples, shape: [1, samples.count]).normalizedClips().array(Float.self)
        for (ours, theirs) in zip(scaled, expected) { #expect(abs(ours - theirs) < 2e-5) }
    }

    @Test(arguments: [1, 1e-4, 1e-8] as [Float])
    func `Unit variance holds for faint recordings too, over the valid samples only`(gain: Float) {
        var scaled = samples.map { $0 * gain } + [Float](repeating: 0.7, count: 100)
        ClipNormalization.unitVariance.apply(&scaled, count: samples.count)
        let valid = scaled.prefix(samples.count).map(Double.init)
        let mean = valid.reduce(0, +) / Double(valid.count)
        let variance = valid.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(valid.count)
        #expect(abs(mean) < 1e-6 && abs(variance - 1) < 1e-5)
        #expect(scaled.suffix(100).allSatisfy { $0 == 0 })
    }

    @Test(arguments: [0, 0.3, -1] as [Float])
    func `A constant becomes silence, not noise`(value: Float) {
        var scaled = [Float](repeating: value, count: 10_001)
        ClipNormalization.unitVariance.apply(&scaled, count: scaled.count)
        #expect(scaled.allSatisfy { $0 == 0 })
    }

    @Test func `Nothing can be left as it is, and a window may be empty`() {
        var same = samples
        ClipNormalization.none.apply(&same, count: same.count)
        #expect(same == samples)
        ClipNormalization.unitVariance.apply(&same, count: 0)
        #expect(same.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [(8000.0, true), (24_000.0, true), (2000.0, false)])
    func `The time of a frame is the middle of what it listens to`(
        rateHz: Double, sinc: Bool
    ) throws {
        var configuration = FrontEnd.Configuration()
        configuration.sampleRateHz = rateHz
        (configuration.channels, configuration.filters) = (4, 4)
        configuration.sincFilters = sinc
        let store = ParameterStore(seed: 3, purpose: .prediction)
        let frontEnd = try FrontEnd(store.root, configuration)
        // Where the frame's output has a gradient, it listens.
        let step = configuration.samplesPerFrame
        let frame = 4 + configuration.receptiveFieldSamples / step
        let count = (2 * frame + 2) * step
        let wave = try Tensor((0..<count).map { Float(($0 * 7919) % 1000) / 500 - 1 }, shape: [1, count])
        try wave.requiringGradient()
        // The sum over all channels would be 0 behind a norm.
        try frontEnd(wave).narrowed(1, frame, 1).narrowed(2, 0, 1).sum().backward()
        let gradient = try #require(try wave.gradient).array(Float.self)
        let heard = gradient.indices.filter { gradient[$0] != 0 }
        let middle = Double(heard.first! + heard.last!) / 2
        #expect(abs(middle - (configuration.firstFrameCentreSamples + Double(frame * step))) <= 1)
        #expect(heard.last! - heard.first! + 1 <= configuration.receptiveFieldSamples)
        #expect(heard.last! - heard.first! + 1 > configuration.receptiveFieldSamples / 2)
    }
}
