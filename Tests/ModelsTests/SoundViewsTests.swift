import Foundation
import Models
import Randomness
import Testing
import Torch

@Suite(.serialized) struct SoundViewsTests {
    private let rateHz = 8_000.0

    /// Views without any change but the crops.
    private func plain() -> SoundViews.Configuration {
        var configuration = SoundViews.Configuration()
        (configuration.shift, configuration.gainDecibels) = (0, 0)
        configuration.background.probability = 0
        configuration.noise.probability = 0
        configuration.smear.probability = 0
        configuration.timeMasks.probability = 0
        configuration.bandMasks.probability = 0
        (configuration.local.height, configuration.local.width, configuration.local.count) = (32, 16, 3)
        return configuration
    }

    private func views(
        _ configuration: SoundViews.Configuration, _ change: (inout MelSpectrogram.Configuration) -> Void = { _ in }
    ) throws -> SoundViews {
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.frames, settings.spanSeconds) = (64, 128, 0.032)
        change(&settings)
        return try SoundViews(configuration, MelSpectrogram(settings, rateHz: rateHz), height: 64, width: 64)
    }

    /// Four windows of noise with a tone, each at its own frequency and moment.
    private func windows() throws -> Tensor {
        var random = KeyedRandom(seed: 5, purpose: .noise)
        let time = try Tensor.arange(8_000) * (1 / rateHz)
        var rows: [Tensor] = []
        for index in 0..<4 {
            let tone = try (time * (2 * .pi * (600 + 700 * Double(index)))).sin()
            let swell = try (-((time - (0.2 + 0.2 * Double(index))) * 12).squared()).exp()
            let noise = try Tensor((0..<8_000).map { _ in Float(random.uniform() - 0.5) })
            rows.append(try tone * swell + noise * 0.03)
        }
        return try Tensor.stacked(rows, 0)
    }

    @Test func `Views have their sizes and are numbers, with every change on and in every brightness`() throws {
        var configuration = plain()
        (configuration.shift, configuration.gainDecibels) = (0.05, 6)
        configuration.background.probability = 1
        configuration.noise.probability = 1
        configuration.smear.probability = 1
        configuration.timeMasks.probability = 1
        configuration.bandMasks.probability = 1
        for compression in MelSpectrogram.Compression.allCases {
            let views = try views(configuration) { $0.compression = compression }
            let made = try views(windows(), seed: 1, keys: [0, 1, 2, 3])
            #expect(made.global.shape == [8, 1, 64, 64])
            #expect(made.local?.shape == [12, 1, 32, 16])
            #expect(try made.global.isFinite().all().array(Bool.self) == [true])
            #expect(try made.local!.isFinite().all().array(Bool.self) == [true])
        }
    }

    @Test func `Views are a function of seed and position`() throws {
        var configuration = SoundViews.Configuration()
        configuration.local.count = 2
        let views = try views(configuration)
        let wave = try windows()
        func made(_ seed: UInt64, _ keys: [Int]) throws -> [Float] {
            try views(wave, seed: seed, keys: keys).global.array()
        }
        let first = try made(1, [10, 11, 12, 13])
        #expect(try made(1, [10, 11, 12, 13]) == first)
        #expect(try made(2, [10, 11, 12, 13]) != first)
        #expect(try made(1, [14, 15, 16, 17]) != first)
    }

    @Test func `A window's crops do not depend on what else is in the batch`() throws {
        let views = try views(plain())
        let wave = try windows()
        let together = try views(wave, seed: 3, keys: [0, 1, 2, 3]).global
        let alone = try views(wave.narrowed(0, 2, 1), seed: 3, keys: [2]).global
        try expectClose(alone.slice(0, 0), together.slice(0, 2), 1e-5, "first view of the third window")
        try expectClose(alone.slice(0, 1), together.slice(0, 6), 1e-5, "second view of the third window")
    }

    @Test func `The whole window is the spectrogram brought to the size of the pictures`() throws {
        let configuration = plain()
        let wave = try windows()
        let views = try views(configuration) { ($0.compression, $0.normalization) = (.power, .none) }
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.frames, settings.spanSeconds) = (64, 128, 0.032)
        (settings.compression, settings.normalization) = (.power, .none)
        let power = try MelSpectrogram(settings, rateHz: rateHz)(wave)
        let whole = try views.whole(wave).squeezed(1)
        #expect(whole.shape == [4, 64, 64])
        // Half as many columns: each shows the power around two, and none is lost.
        try expectClose(whole.mean([2]), power.mean([2]), 0.05, "mean of every band")
    }

    @Test func `A local crop shows a part: as much of it as its share of the time`() throws {
        var configuration = plain()
        configuration.local.time = .init(0.25, 0.25)
        configuration.local.band = .init(1, 1)
        (configuration.local.count, configuration.local.height) = (40, 64)
        let views = try views(configuration) { ($0.compression, $0.normalization) = (.power, .none) }
        // A click in the middle: a crop of a quarter of the time sees it in about a quarter of 3/4 of all cases.
        var samples = [Float](repeating: 0, count: 8_000)
        samples[4_000] = 1
        let local = try views(Tensor(samples, shape: [1, 8_000]), seed: 4, keys: [0]).local!
        let seen = try local.maximum([1, 2, 3]).array(Float.self).count { $0 > 1e-6 }
        #expect((6...24).contains(seen), "\(seen) of 40 crops show the click")
    }

    @Test(arguments: ["background", "noise", "smear", "masks", "gain"])
    func `Every change changes views, and its absence does not`(change: String) throws {
        let plain = try views(self.plain()) { $0.normalization = .none }
        var configuration = self.plain()
        switch change {
        case "background": configuration.background = .init(probability: 1, decibels: .init(3, 6))
        case "noise": configuration.noise = .init(probability: 1, decibels: .init(3, 6))
        case "smear": configuration.smear.probability = 1
        case "masks": configuration.bandMasks.probability = 1
        default: configuration.gainDecibels = 6
        }
        let changed = try views(configuration) { $0.normalization = .none }
        let wave = try windows()
        let before = try plain(wave, seed: 1, keys: [0, 1, 2, 3]).global
        let again = try plain(wave, seed: 1, keys: [0, 1, 2, 3]).global
        let after = try changed(wave, seed: 1, keys: [0, 1, 2, 3]).global
        #expect(try (before - again).absolute().maximum([0, 1, 2, 3]).item() == 0)
        for view in 0..<8 {
            let difference = try (after - before).slice(0, view).absolute().maximum([0, 1, 2]).item()
            #expect(difference > 0.01, "\(change) left view \(view) as it was")
        }
    }

    @Test func `An echo follows its sound and does not run ahead`() throws {
        var configuration = plain()
        configuration.smear = .init()
        (configuration.smear.probability, configuration.smear.decay) = (1, .init(0.5, 0.5))
        (configuration.global.time, configuration.global.band) = (.init(1, 1), .init(1, 1))
        let views = try views(configuration) { ($0.compression, $0.normalization) = (.power, .none) }
        var samples = [Float](repeating: 0, count: 8_000)
        samples[4_000] = 1
        let columns = try views(Tensor(samples, shape: [1, 8_000]), seed: 1, keys: [0]).global.slice(0, 0).mean([0, 1])
            .array(Float.self)
        let before = columns[..<28].max()!
        let after = columns[36..<50].min()!
        #expect(before < 1e-9 && after > 1e-9 && columns[36] > columns[49])
    }

    @Test func `Keyed noise is even, unrelated from pixel to pixel and from key to key`() throws {
        let noise = try KeyedNoise.uniform([1, 2, 1 << 40], count: 40_000, on: .cpu)
        let rows = try (0..<3).map { try noise.slice(0, $0).array(Double.self) }
        for row in rows {
            #expect(abs(row.reduce(0, +) / 40_000 - 0.5) < 0.01)
            #expect(abs(row.reduce(0) { $0 + ($1 - 0.5) * ($1 - 0.5) } / 40_000 - 1.0 / 12) < 0.002)
            let neighbours = zip(row, row.dropFirst()).reduce(0) { $0 + ($1.0 - 0.5) * ($1.1 - 0.5) } / 40_000
            #expect(abs(neighbours) < 0.002)
        }
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            let together = zip(rows[one], rows[other]).reduce(0) { $0 + ($1.0 - 0.5) * ($1.1 - 0.5) } / 40_000
            #expect(abs(together) < 0.002)
        }
        #expect(try KeyedNoise.uniform([2], count: 40_000, on: .cpu).array(Double.self) == rows[1])
    }
}
