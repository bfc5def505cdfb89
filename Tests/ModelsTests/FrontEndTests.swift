import Models
import Neural
import Randomness
import Storage
import Testing
import Torch

@Suite(.serialized) struct FrontEndTests {
    @Test(arguments: [("init", 8000.0), ("init24k", 24000.0)])
    func `Sinc filters start as published`(prefix: String, rateHz: Double) throws {
        let golden = try GoldenValues("sinc")
        let store = ParameterStore()
        let sinc = try SincConvolution(
            store.root, count: 127, taps: 63, sampleRateHz: rateHz, compatibility: .animal2vec1)
        try expectClose(store["low_hz"]!.master, golden["\(prefix).low_hz_"], 1e-6, "low_hz")
        // The published edges are differences of rounded float32 numbers.
        try expectClose(store["band_hz"]!.master, golden["\(prefix).band_hz_"], 2e-5, "band_hz")
        try expectClose(sinc.filters(), golden["\(prefix).filters"], 1e-5, "filters")
    }

    @Test func `The sinc layer and its gradients agree with the published ones`() throws {
        let golden = try GoldenValues("sinc")
        let store = ParameterStore()
        let sinc = try SincConvolution(
            store.root, count: 127, taps: 63, sampleRateHz: 8000, compatibility: .animal2vec1)
        let wave = try golden["wave"].requiringGradient()
        let output = try sinc(wave.unsqueezed(2)).transposed(1, 2)
        try expectClose(output, golden["init.output"], 1e-5, "output")
        try (output * golden["init.probe"]).sum().backward()
        try expectClose(store["low_hz"]!.master.gradient!, golden["init.grad.low_hz_"], 1e-4, "gradient of low_hz")
        try expectClose(store["band_hz"]!.master.gradient!, golden["init.grad.band_hz_"], 1e-4, "gradient of band_hz")
        try expectClose(wave.gradient!, golden["init.grad.wave"], 1e-4, "gradient of the wave")
    }

    @Test func `Negative edges and edges above Nyquist act as published`() throws {
        let golden = try GoldenValues("sinc")
        let store = ParameterStore()
        let sinc = try SincConvolution(
            store.root, count: 127, taps: 63, sampleRateHz: 8000, compatibility: .animal2vec1)
        try withoutGradients {
            try store["low_hz"]!.master.copy(inPlace: golden["pert.low_hz_"])
            try store["band_hz"]!.master.copy(inPlace: golden["pert.band_hz_"])
        }
        let filters = try sinc.filters()
        try expectClose(filters, golden["pert.filters"], 1e-5, "filters")
        try (filters * golden["pert.probe"]).sum().backward()
        try expectClose(store["low_hz"]!.master.gradient!, golden["pert.grad.low_hz_"], 1e-4, "gradient of low_hz")
        try expectClose(store["band_hz"]!.master.gradient!, golden["pert.grad.band_hz_"], 1e-4, "gradient of band_hz")
    }

    @Test func `Every layer of the front-end and every gradient agrees with the published one`() throws {
        let golden = try GoldenValues("frontend")
        let store = ParameterStore()
        let frontEnd = try FrontEnd(
            store.root["front_end"], GoldenValues.tinyConfiguration.frontEnd, compatibility: .animal2vec1)
        let coverage = try store.load(golden.file, prefix: "param.", rename: PublishedNames.ours)
        #expect(coverage.isComplete)
        try expectClose(golden["raw"].normalizedClips(), golden["input"], 1e-5, "normalised clips")
        let input = try golden["input"].requiringGradient()
        let activations = try frontEnd.activations(input)
        for (index, activation) in activations.enumerated() {
            let compared = index == 0 ? try activation.narrowed(0, 0, 1) : activation
            try expectClose(compared.transposed(1, 2), golden["act.\(index)"], 1e-5, "layer \(index)")
        }
        try (activations.last!.transposed(1, 2) * golden["probe"]).sum().backward()
        try expectClose(input.gradient!, golden["grad_input"], 1e-4, "gradient of the input")
        for name in golden.file.names where name.hasPrefix("grad.") {
            let parameter = try #require(PublishedNames.ours(String(name.dropFirst(5))))
            try expectClose(store[parameter]!.master.gradient!, golden[name], 1e-4, "gradient of \(parameter)")
        }
    }

    @Test(arguments: [(8000.0, [5, 2, 2, 2]), (24000.0, [5, 4, 3, 2])])
    func `The stack chosen for a published rate has the published strides`(rateHz: Double, strides: [Int]) {
        let stack = FrontEnd.stack(sampleRateHz: rateHz, channels: 512)
        #expect(stack.map(\.stride).filter { $0 > 1 } == strides)
    }

    @Test(
        arguments: [
            100.0, 200, 1000, 2000, 4000, 8000, 11025, 16000, 22050, 32000, 44100, 48000, 96000, 192000, 256000, 312500,
            384000, 500000, 1_000_000,
        ], FrontEnd.FilterNorm.allCases.filter { $0 != .pcen })
    func `At any rate a frame lasts about 5 ms and the stack gives the number of frames it promises`(
        rateHz: Double, norm: FrontEnd.FilterNorm
    ) throws {
        var configuration = FrontEnd.Configuration()
        configuration.filterNorm = norm
        configuration.sampleRateHz = rateHz
        (configuration.channels, configuration.filters) = (4, 4)
        if rateHz >= 400 { #expect(abs(configuration.frameRateHz / 200 - 1) < 0.1, "\(configuration.frameRateHz) Hz") }
        let samples = configuration.samplesPerFrame * 50
        let frontEnd = try FrontEnd(ParameterStore().root, configuration)
        let frames = try withoutGradients { try frontEnd(.randomNormal([1, max(samples, 64)])).size(1) }
        #expect(frames == configuration.frameCount(samples: max(samples, 64)))
    }

    @Test(arguments: [
        (8000.0, [400: 10, 1000: 25, 4999: 125, 8001: 200, 8039: 201, 12345: 309, 79999: 2000, 80000: 2000]),
        (24000.0, [1000: 9, 4999: 43, 12345: 104, 24001: 201, 240000: 2001]),
    ])
    func `Numbers of frames are the published ones`(rateHz: Double, counts: [Int: Int]) {
        var configuration = FrontEnd.Configuration()
        configuration.sampleRateHz = rateHz
        for (samples, frames) in counts { #expect(configuration.frameCount(samples: samples) == frames) }
    }

    @Test(arguments: FrontEnd.FilterNorm.allCases.filter { $0 != .pcen }, [8000.0, 16000, 32000, 250_000])
    func `A frame looks around the time it stands for`(norm: FrontEnd.FilterNorm, rateHz: Double) throws {
        var configuration = FrontEnd.Configuration()
        configuration.filterNorm = norm
        (configuration.sampleRateHz, configuration.channels, configuration.filters) = (rateHz, 8, 8)
        let store = ParameterStore(seed: 2)
        let frontEnd = try FrontEnd(store.root, configuration)
        // Taps of equal weight: then the middle of what a frame depends on is the middle of what it sees.
        for parameter in store.parameters where parameter.master.rank == 3 {
            let weight = parameter.master
            try withoutGradients { try weight.copy(inPlace: weight.slice(2, 0).unsqueezed(2).expanded(weight.shape)) }
        }
        let samples = 60 * configuration.samplesPerFrame
        var offsets: [Double] = []
        for frame in 20..<36 {
            var random = KeyedRandom(seed: 9, sample: frame, purpose: .noise)
            let wave = try Tensor((0..<samples).map { _ in Float(random.uniform() - 0.5) }, shape: [1, samples])
            try wave.requiringGradient()
            try frontEnd(wave).slice(1, frame).squared().sum().backward()
            // Where the output depends on the input most: the middle of the squared gradient.
            let weights = try wave.gradient!.array(Float.self).map { Double($0 * $0) }
            let middle = zip(weights.indices, weights).reduce(0) { $0 + Double($1.0) * $1.1 } / weights.reduce(0, +)
            offsets.append(middle - Double(frame * configuration.samplesPerFrame))
        }
        let middle = offsets.reduce(0, +) / Double(offsets.count)
        let expected = configuration.firstFrameCentreSamples
        #expect(abs(middle - expected) < Double(configuration.samplesPerFrame) / 2)
    }
}
