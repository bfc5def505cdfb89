// Waveforms to mel spectrograms in batches, on the device that trains; the numbers are librosa's.
//
// B windows, N samples, F frames (columns), K samples of a transform, M bands (rows, the lowest first)
import Foundation
import Torch

/// Computes mel spectrograms: power, compressed, normalised.
public struct MelSpectrogram {
    /// What a spectrogram shows.
    public struct Configuration: Codable, Sendable, Hashable {
        /// M, mel bands.
        public var bands = 128
        /// F, columns spread evenly over the window, whatever its length; 0 takes one every `hopSeconds` as librosa does
        /// (the first one around the first sample, the last one around the last).
        public var frames = 128
        /// Sound that one column looks at, under a Hann window.
        public var spanSeconds = 0.064
        /// Sound between two columns, where `frames` is 0.
        public var hopSeconds = 0.016
        /// K; 0 for the next power of two above the span. More than the span pads with zeros, which only interpolates.
        public var fftSize = 0
        /// Lower edge of the lowest band.
        public var lowHz = 0.0
        /// Upper edge of the highest band; 0 for half the sample rate, which is also the most.
        public var highHz = 0.0
        /// How hertz are laid out.
        public var scale = MelScale.slaney
        /// Whether a band is divided by its width, so that white noise is level.
        public var normalizesArea = true
        /// How power becomes brightness.
        public var compression = Compression.decibels
        /// Decibels below the brightest pixel of a window that are still told apart, of `decibels` only; 0 for all.
        public var rangeDecibels = 80.0
        /// Gain control per band, of `pcen` only.
        public var pcen = PCEN()
        /// What the mean and the deviation are set to 0 and 1 over.
        public var normalization = Normalization.image

        /// The defaults.
        public init() {}
    }

    /// How power becomes brightness.
    public enum Compression: String, Codable, Sendable, CaseIterable {
        /// Power as it is.
        case power
        /// Natural logarithm of the power, at least 1e-10.
        case logarithm
        /// Decibels of the power.
        case decibels
        /// Per-channel energy normalisation (arXiv 1607.05666): constant noise fades, events stand out.
        case pcen
    }

    /// What mean and deviation are taken over.
    public enum Normalization: String, Codable, Sendable, CaseIterable {
        /// Nothing is normalised.
        case none
        /// The whole picture of a window.
        case image
        /// Every band of a window by itself: takes constant machine noise away.
        case band
    }

    /// Settings of the per-channel energy normalisation; defaults are librosa's.
    public struct PCEN: Codable, Sendable, Hashable {
        /// What a band's smoothed energy is taken to be before its first column.
        public enum Start: String, Codable, Sendable, CaseIterable {
            /// That of its first column: the result does not depend on the scale of the waveform.
            case firstColumn
            /// 1, as librosa has it for waveforms scaled to whole numbers.
            case one
        }

        /// Exponent of the smoothed energy that a band is divided by.
        public var gain = 0.98
        /// Added before the root, and its root taken off again.
        public var bias = 2.0
        /// The root.
        public var power = 0.5
        /// Time over which a band's energy is smoothed.
        public var smoothingSeconds = 0.4
        /// Added to the smoothed energy.
        public var epsilon = 1e-6
        /// Where the smoothing starts from.
        public var start = Start.firstColumn

        /// The defaults.
        public init() {}
    }

    /// What the spectrograms show.
    public let configuration: Configuration
    /// Samples per second of the waveforms.
    public let rateHz: Double
    /// The filters.
    public let filters: MelFilters
    /// K
    public let fftSize: Int
    private let span: Int
    private let hann_K: Tensor
    private let filters_KM: Tensor

    /// Prepares window and filters for waveforms of a rate.
    ///
    /// - Throws: `TorchError` for settings that do not fit the rate, in words.
    public init(_ configuration: Configuration, rateHz: Double, device: Device = .cpu) throws(TorchError) {
        if let fault = configuration.faults(rateHz: rateHz).first {
            throw TorchError(operation: "MelSpectrogram", message: fault)
        }
        self.configuration = configuration
        self.rateHz = rateHz
        span = configuration.spanSamples(rateHz: rateHz)
        fftSize = configuration.resolvedSize(rateHz: rateHz)
        filters = MelFilters(
            bandCount: configuration.bands, fftSize: fftSize, rateHz: rateHz, lowHz: configuration.lowHz,
            highHz: configuration.resolvedHighHz(rateHz: rateHz), scale: configuration.scale,
            normalizesArea: configuration.normalizesArea)
        var window = [Float](repeating: 0, count: fftSize)
        let before = (fftSize - span) / 2
        for index in 0..<span {
            window[before + index] = Float(0.5 - 0.5 * cos(2 * .pi * Double(index) / Double(span)))
        }
        hann_K = try Tensor(window).to(device)
        filters_KM = try filters.matrix(on: device)
    }

    /// Columns of a window of `samples` samples.
    public func frameCount(samples: Int) -> Int {
        configuration.frames > 0 ? configuration.frames : 1 + samples / hopSamples
    }

    /// Seconds from one column to the next in a window of `samples` samples.
    public func secondsPerFrame(samples: Int) -> Double {
        configuration.frames > 0
            ? Double(samples) / Double(configuration.frames) / rateHz : Double(hopSamples) / rateHz
    }

    private var hopSamples: Int { max(1, Int((configuration.hopSeconds * rateHz).rounded())) }

    /// Waveforms [B, N] to pictures [B, M, F] in float32: power, compressed and normalised.
    public func callAsFunction(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        let power = try power(wave_BN)
        return try normalized(compressed(power, secondsPerFrame: secondsPerFrame(samples: wave_BN.size(1))))
    }

    /// The power in every band: [B, N] to [B, M, F] in float32.
    public func power(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        let (batch, samples) = (wave_BN.size(0), wave_BN.size(1))
        let frames = frameCount(samples: samples)
        let padded = try wave_BN.to(.float32).padded([fftSize / 2, fftSize - fftSize / 2])
        // Every possible frame is a view of the same samples; only the chosen ones are copied.
        let all_BNK = try padded.unfolded(1, size: fftSize, step: 1)
        let starts = try Tensor(starts(samples: samples, frames: frames)).to(wave_BN.device)
        // Some clips at a time: the spectra are many times as large as the waveforms.
        let clips = max(1, (1 << 24) / max(1, frames * fftSize))
        var parts: [Tensor] = []
        for first in stride(from: 0, to: batch, by: clips) {
            let windows = try all_BNK.narrowed(0, first, min(clips, batch - first)).selected(1, starts) * hann_K
            parts.append(try windows.realFourierTransformed().squaredMagnitude().matmul(filters_KM).transposed(1, 2))
        }
        return try Tensor.concatenated(parts, 0)
    }

    /// Where in the padded waveform the frames begin: a frame is as long as its padding, so this is also its middle.
    private func starts(samples: Int, frames: Int) -> [Int64] {
        guard configuration.frames > 0 else { return (0..<frames).map { Int64($0 * hopSamples) } }
        let hop = Double(samples) / Double(frames)
        return (0..<frames).map { Int64(min(((Double($0) + 0.5) * hop).rounded(.down), Double(samples))) }
    }

    /// Power [B, M, F] to brightness.
    public func compressed(_ power_BMF: Tensor, secondsPerFrame: Double) throws(TorchError) -> Tensor {
        switch configuration.compression {
        case .power: return power_BMF
        case .logarithm: return try power_BMF.clamped(min: 1e-10).log()
        case .decibels:
            let level = try power_BMF.clamped(min: 1e-10).log10() * 10
            guard configuration.rangeDecibels > 0 else { return level }
            return try level.maximum(level.maximum([1, 2], keep: true) - configuration.rangeDecibels)
        case .pcen: return try configuration.pcen(power_BMF, secondsPerFrame: secondsPerFrame)
        }
    }

    /// Mean and deviation set to 0 and 1 as configured: [B, M, F]. A constant becomes 0.
    public func normalized(_ x_BMF: Tensor) throws(TorchError) -> Tensor {
        let dimensions: [Int]
        switch configuration.normalization {
        case .none: return x_BMF
        case .image: dimensions = [1, 2]
        case .band: dimensions = [2]
        }
        let mean = try x_BMF.mean(dimensions, keep: true)
        let deviation = try x_BMF.variance(dimensions, correction: 0, keep: true).squareRoot()
        return try (x_BMF - mean) / (deviation + 1e-5)
    }
}

extension MelSpectrogram.Configuration {
    /// Samples under the Hann window.
    func spanSamples(rateHz: Double) -> Int { max(2, Int((spanSeconds * rateHz).rounded())) }

    /// K
    func resolvedSize(rateHz: Double) -> Int {
        guard fftSize == 0 else { return fftSize }
        var size = 2
        while size < spanSamples(rateHz: rateHz) { size *= 2 }
        return size
    }

    func resolvedHighHz(rateHz: Double) -> Double { highHz > 0 ? min(highHz, rateHz / 2) : rateHz / 2 }

    /// What no spectrogram can have at a rate, one line per fault with the name of the setting.
    public func faults(rateHz: Double) -> [String] {
        var faults: [String] = []
        func expect(_ holds: Bool, _ text: String) { if !holds { faults.append(text) } }
        expect((1...65_536).contains(bands), "bands: a number from 1 to 65536 is expected, found \(bands)")
        expect((0...65_536).contains(frames), "frames: a number from 0 to 65536 is expected, found \(frames)")
        expect(
            spanSeconds * rateHz >= 2 && spanSeconds * rateHz <= 1e6,
            "spanSeconds: 2 to a million samples are expected, found \(spanSeconds * rateHz) at \(rateHz) Hz")
        expect(
            frames > 0 || hopSeconds * rateHz >= 1,
            "hopSeconds: at least one sample is expected, found \(hopSeconds * rateHz) at \(rateHz) Hz")
        expect(
            fftSize == 0 || (fftSize <= 1 << 21 && Double(fftSize) >= (spanSeconds * rateHz).rounded()),
            "fftSize: at least the \(spanSeconds * rateHz) samples of spanSeconds are expected, or 0, found \(fftSize)")
        let high = resolvedHighHz(rateHz: rateHz)
        expect(
            lowHz >= 0 && lowHz < high,
            "lowHz: a frequency from 0 to below highHz (\(high) Hz here) is expected, found \(lowHz)")
        expect(rangeDecibels >= 0, "rangeDecibels: a number of at least 0 is expected, found \(rangeDecibels)")
        expect(
            pcen.smoothingSeconds > 0 && pcen.epsilon > 0 && pcen.power > 0 && pcen.bias >= 0,
            "pcen: smoothingSeconds, epsilon and power above 0 and a bias of at least 0 are expected")
        return faults
    }
}

extension MelSpectrogram.PCEN {
    /// (power / (ε + smoothed)ᵍ + bias)ʳ − biasʳ on [B, M, F]. The smoothing, a recursion over columns, is one product with a
    /// triangular matrix.
    func callAsFunction(_ power_BMF: Tensor, secondsPerFrame: Double) throws(TorchError) -> Tensor {
        let columns = smoothingSeconds / secondsPerFrame
        let share = ((1 + 4 * columns * columns).squareRoot() - 1) / (2 * columns * columns)
        let frames = power_BMF.size(2)
        let decay = try Tensor.decays(count: frames, rate: -log1p(-share), on: power_BMF.device)
        let before: Tensor =
            switch start {
            case .one: try .ones([1, 1, 1], on: power_BMF.device)
            case .firstColumn: try power_BMF.narrowed(2, 0, 1)
            }
        // Row t of the matrix holds the weights of columns 0 … t; what came before weighs (1 − share)ᵗ⁺¹.
        let old = try decay.narrowed(1, 0, 1).transposed(0, 1) * (1 - share)
        let smoothed = try power_BMF.matmul(decay.transposed(0, 1)) * share + before * old
        let gained = try power_BMF * (smoothed + epsilon).power(-gain)
        return try (gained + bias).power(power) - Foundation.pow(bias, power)
    }
}

extension Tensor {
    /// e^(−rate · (i − j)) for i ≥ j, 0 above the diagonal: [count, count].
    static func decays(count: Int, rate: Double, on device: Device) throws(TorchError) -> Tensor {
        let numbers = try Tensor.arange(count, on: device)
        let distance = try (numbers.unsqueezed(1) - numbers.unsqueezed(0)).clamped(min: 0)
        return try (distance * -rate).exp().lowerTriangle()
    }

    /// The last two dimensions with zeros above the diagonal.
    func lowerTriangle() throws(TorchError) -> Tensor { try operate("aten::tril", .tensor(self)) }
}
