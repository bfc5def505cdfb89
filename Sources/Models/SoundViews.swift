// Views of one piece of sound that a listener would call the same scene: crops in time and in frequency, other loudness, other
// backgrounds, hiss, echo, gaps. Nothing is mirrored: sound does not run backwards.
//
// What is done to whom is drawn from keyed randomness, a function of (seed, position, view) only.
//
// B windows, M bands, F frames of the whole picture; H rows, W columns of a view
import Foundation
import Randomness
import Torch

/// Makes views of spectrograms.
public struct SoundViews {
    /// What views are made.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Views of nearly everything: the teacher sees these only. Their size is that of the network's pictures.
        public var global = Global()
        /// Views of a part, for the student.
        public var local = Local()
        /// How far a view may move up or down beyond its crop, as a share of all bands.
        public var shift = 0.02
        /// Loudness is changed by up to so many decibels either way.
        public var gainDecibels = 6.0
        /// Another window of the batch, behind this one.
        public var background = Mixed(probability: 0.5, decibels: Span(3, 20))
        /// Hiss in a band.
        public var noise = Mixed(probability: 0.3, decibels: Span(3, 20))
        /// Width of that band, as a share of all bands.
        public var noiseBand = Span(0.1, 1)
        /// An echo that dies away.
        public var smear = Smear()
        /// Columns hidden from the student and the teacher.
        public var timeMasks = Masks()
        /// Rows hidden likewise.
        public var bandMasks = Masks()

        /// The defaults.
        public init() {}
    }

    /// From and to.
    public struct Span: Codable, Sendable, Hashable {
        /// The least.
        public var low: Double
        /// The most.
        public var high: Double

        /// From `low` to `high`.
        public init(_ low: Double, _ high: Double) { (self.low, self.high) = (low, high) }

        /// A number between them.
        package func draw(_ random: inout KeyedRandom) -> Double { low + (high - low) * random.uniform() }
    }

    /// Views of nearly everything.
    public struct Global: Codable, Sendable, Hashable {
        /// How many.
        public var count = 2
        /// Share of the window's time: of 6 s, 4 to 6.
        public var time = Span(0.67, 1)
        /// Share of the bands.
        public var band = Span(0.8, 1)

        /// As published, time for area.
        public init() {}
    }

    /// Views of a part.
    public struct Local: Codable, Sendable, Hashable {
        /// How many.
        public var count = 8
        /// H
        public var height = 96
        /// W
        public var width = 96
        /// Share of the window's time: of 6 s, 0.5 to 2.
        public var time = Span(0.083, 0.33)
        /// Share of the bands.
        public var band = Span(0.5, 1)

        /// As published, time for area.
        public init() {}
    }

    /// Something put over a view.
    public struct Mixed: Codable, Sendable, Hashable {
        /// How often.
        public var probability: Double
        /// Decibels that its mean power lies below that of the view.
        public var decibels: Span

        /// So often, so far below.
        public init(probability: Double, decibels: Span) { (self.probability, self.decibels) = (probability, decibels) }
    }

    /// An echo.
    public struct Smear: Codable, Sendable, Hashable {
        /// How often.
        public var probability = 0.3
        /// Time in which its power falls by 60 dB, as a share of the window.
        public var decay = Span(0.02, 0.2)
        /// Decibels that the echo lies below the sound.
        public var decibels = Span(3, 15)

        /// The defaults.
        public init() {}
    }

    /// Stripes that are hidden.
    public struct Masks: Codable, Sendable, Hashable {
        /// How often a view has them.
        public var probability = 0.3
        /// How many at most.
        public var count = 2
        /// Width of one at most, as a share of the view.
        public var share = 0.1

        /// The defaults.
        public init() {}
    }

    /// What views are made.
    public let configuration: Configuration
    /// Rows and columns of the global views.
    public let globalSize: (height: Int, width: Int)
    private let spectrogram: MelSpectrogram

    /// Makes views of the spectrograms of `spectrogram`; global ones have the size that a network learns positions for.
    public init(_ configuration: Configuration, _ spectrogram: MelSpectrogram, height: Int, width: Int) {
        (self.configuration, self.spectrogram, globalSize) = (configuration, spectrogram, (height, width))
    }

    /// Global views one after the other [G · B, 1, H, W], and local ones likewise, nil where there are none.
    ///
    /// - Parameters:
    ///   - wave_BN: waveforms.
    ///   - keys: the position of every window in the run; its views are a function of it and of the seed.
    public func callAsFunction(
        _ wave_BN: Tensor, seed: UInt64, keys: [Int]
    ) throws(TorchError) -> (global: Tensor, local: Tensor?) {
        let parts = try views(
            wave_BN, seed: seed, keys: keys, count: configuration.global.count + configuration.local.count)
        let (global, local) = (
            parts.prefix(configuration.global.count), parts.dropFirst(configuration.global.count)
        )
        return (try .concatenated(Array(global), 0), local.isEmpty ? nil : try .concatenated(Array(local), 0))
    }

    /// The global views alone: the same cuts, of other waveforms of the same windows.
    public func global(_ wave_BN: Tensor, seed: UInt64, keys: [Int]) throws(TorchError) -> Tensor {
        try .concatenated(views(wave_BN, seed: seed, keys: keys, count: configuration.global.count), 0)
    }

    /// The first `count` views, global ones before local ones.
    private func views(
        _ wave_BN: Tensor, seed: UInt64, keys: [Int], count: Int
    ) throws(TorchError) -> [Tensor] {
        let source = try source(wave_BN)
        let (globals, locals) = (configuration.global.count, configuration.local.count)
        var parts: [Tensor] = []
        for view in 0..<count {
            let isGlobal = view < globals
            let draws = keys.map { key in
                let random = KeyedRandom(
                    seed: seed, sample: key * (globals + locals) + view, purpose: .augmentation)
                return Draw(configuration, isGlobal: isGlobal, windows: keys.count, random)
            }
            let size = isGlobal ? globalSize : (configuration.local.height, configuration.local.width)
            parts.append(try self.view(source, draws, size.0, size.1).unsqueezed(1))
        }
        return parts
    }

    /// The whole windows, unchanged, as the network sees them when it is used: [B, N] to [B, 1, H, W].
    public func whole(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        let draws = [Draw](repeating: Draw(), count: wave_BN.size(0))
        return try view(source(wave_BN), draws, globalSize.height, globalSize.width).unsqueezed(1)
    }

    // MARK: One view

    /// What crops are cut from. Gain control looks back over the whole window, so it comes before the crop; logarithms come
    /// after it, because sounds add up in power.
    private var isCompressedFirst: Bool { spectrogram.configuration.compression == .pcen }

    private func source(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        let power = try spectrogram.power(wave_BN)
        guard isCompressedFirst else { return power }
        return try spectrogram.compressed(
            power, secondsPerFrame: spectrogram.secondsPerFrame(samples: wave_BN.size(1)))
    }

    private func view(_ source_BMF: Tensor, _ draws: [Draw], _ height: Int, _ width: Int) throws(TorchError) -> Tensor {
        let device = source_BMF.device
        let (bands, frames) = (Double(source_BMF.size(1)), Double(source_BMF.size(2)))
        let rows = try Self.resampling(
            draws.map { ($0.band.start * bands, $0.band.length * bands) }, from: Int(bands), to: height, on: device)
        let columns = try Self.resampling(
            draws.map { ($0.time.start * frames, $0.time.length * frames) }, from: Int(frames), to: width, on: device)
        var view = try rows.matmul(source_BMF).matmul(columns.transposed(1, 2))
        view = try background(view, draws)
        view = try smear(view, draws)
        view = try noise(view, draws)
        view = try view * numbers(draws.map { pow(10, $0.gainDecibels / 10) }, device)
        if !isCompressedFirst { view = try spectrogram.compressed(view, secondsPerFrame: 0) }
        return try masked(spectrogram.normalized(view), draws)
    }

    /// Crops brought to a size: one matrix per window, [B, to, from], whose rows are tents around the middle of what a pixel
    /// shows, as wide as that is. So everything in the crop is seen, whatever its size, and what is enlarged is interpolated.
    static func resampling(
        _ crops: [(start: Double, length: Double)], from: Int, to: Int, on device: Device
    ) throws(TorchError) -> Tensor {
        func column(_ values: [Double]) throws(TorchError) -> Tensor {
            try Tensor(values.map { Float($0) }, shape: [values.count, 1, 1]).to(device)
        }
        let step = crops.map { $0.length / Double(to) }
        let places = try Tensor.arange(to, on: device).unsqueezed(1) + 0.5
        let middles = try (places * column(step) + column(crops.map(\.start)))
            .clamped(min: 0.5, max: Double(from) - 0.5)
        let pixels = try Tensor.arange(from, on: device).unsqueezed(0) + 0.5
        let distances = try (pixels - middles).absolute() / column(step.map { max(1, $0) })
        let tents = try (1 - distances).clamped(min: 0)
        return try tents / tents.sum([2], keep: true)
    }

    /// Another window's view, so many decibels below.
    private func background(_ view_BHW: Tensor, _ draws: [Draw]) throws(TorchError) -> Tensor {
        guard draws.count > 1, draws.contains(where: { $0.backgroundDecibels != nil }) else { return view_BHW }
        let partners = draws.indices.map { Int64(($0 + draws[$0].partnerStep) % draws.count) }
        let other = try view_BHW.selected(0, Tensor(partners).to(view_BHW.device))
        let level = try view_BHW.mean([1, 2], keep: true) / (other.mean([1, 2], keep: true) + 1e-20)
        return try view_BHW + other * level * strengths(draws.map(\.backgroundDecibels), view_BHW.device)
    }

    /// Each column with what is left of those before it.
    private func smear(_ view_BHW: Tensor, _ draws: [Draw]) throws(TorchError) -> Tensor {
        guard draws.contains(where: { $0.smear != nil }) else { return view_BHW }
        let width = view_BHW.size(2)
        let step = try Tensor.arange(width, on: view_BHW.device)
        let distance = try (step.unsqueezed(1) - step.unsqueezed(0)).clamped(min: 0).unsqueezed(0)
        // Power falls by 60 dB, a factor of e^13.8, over the decay, which is so many columns of this view.
        let rates = draws.map { draw in
            draw.smear.map { 13.8155 * draw.time.length / (Double(width) * $0.decay) } ?? 1
        }
        let echo = try (distance * -numbers(rates, view_BHW.device)).exp().lowerTriangle()
        let evened = try echo / echo.sum([2], keep: true)
        let wet = try view_BHW.matmul(evened.transposed(1, 2))
        return try view_BHW + wet * strengths(draws.map { $0.smear?.decibels }, view_BHW.device)
    }

    /// Hiss: power is exponentially distributed, as that of Gaussian noise is.
    private func noise(_ view_BHW: Tensor, _ draws: [Draw]) throws(TorchError) -> Tensor {
        guard draws.contains(where: { $0.noise != nil }) else { return view_BHW }
        let (height, device) = (view_BHW.size(1), view_BHW.device)
        let numbers = try KeyedNoise.uniform(draws.map(\.noiseKey), count: height * view_BHW.size(2), on: device)
        let hiss = try -numbers.log().reshaped(view_BHW.shape)
        var rows = [Float](repeating: 0, count: draws.count * height)
        for (index, draw) in draws.enumerated() {
            guard let noise = draw.noise else { continue }
            let first = Int(noise.band.start * Double(height))
            let last = min(height, first + max(1, Int((noise.band.length * Double(height)).rounded())))
            for row in first..<max(first, last) { rows[index * height + row] = 1 }
        }
        let flags = try Tensor(rows, shape: [draws.count, height, 1]).to(device)
        let level = try view_BHW.mean([1, 2], keep: true)
        return try view_BHW + hiss * flags * level * strengths(draws.map { $0.noise?.decibels }, device)
    }

    /// Stripes set to the mean of the view.
    private func masked(_ view_BHW: Tensor, _ draws: [Draw]) throws(TorchError) -> Tensor {
        guard draws.contains(where: { !$0.timeMasks.isEmpty || !$0.bandMasks.isEmpty }) else { return view_BHW }
        let (height, width, device) = (view_BHW.size(1), view_BHW.size(2), view_BHW.device)
        func kept(_ length: Int, _ masks: (Draw) -> [(start: Double, length: Double)]) throws(TorchError) -> Tensor {
            var values = [Float](repeating: 1, count: draws.count * length)
            for (index, draw) in draws.enumerated() {
                for mask in masks(draw) {
                    let first = Int(mask.start * Double(length))
                    let last = min(length, first + Int((mask.length * Double(length)).rounded()))
                    for place in first..<max(first, last) { values[index * length + place] = 0 }
                }
            }
            return try Tensor(values, shape: [draws.count, length]).to(device)
        }
        let keeps = try kept(height) { $0.bandMasks }.unsqueezed(2) * kept(width) { $0.timeMasks }.unsqueezed(1)
        let mean = try view_BHW.mean([1, 2], keep: true)
        return try (view_BHW - mean) * keeps + mean
    }

    private func numbers(_ values: [Double], _ device: Device) throws(TorchError) -> Tensor {
        try Tensor(values.map { Float($0) }, shape: [values.count, 1, 1]).to(device)
    }

    /// Power of so many decibels below; 0 where there are none.
    private func strengths(_ decibels: [Double?], _ device: Device) throws(TorchError) -> Tensor {
        try numbers(decibels.map { $0.map { pow(10, -$0 / 10) } ?? 0 }, device)
    }
}
