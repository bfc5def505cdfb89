// What a waveform looks like when it enters a model: the one place for training and prediction.

/// How the samples of a window are scaled before a model hears them.
public enum ClipNormalization: String, Codable, Sendable, Hashable, CaseIterable {
    /// Zero mean and unit variance, however faint the recording is. A constant becomes 0.
    case unitVariance
    /// The layer norm of animal2vec 1.0: the variance is enlarged by 1e-5, which leaves faint recordings fainter.
    case layerNorm
    /// As it is.
    case none

    /// Scales the first `count` samples by their own mean and (biased) variance; the padding behind them becomes 0.
    public func apply(_ samples: inout [Float], count: Int) {
        samples.withUnsafeMutableBufferPointer { apply($0, count: count) }
    }

    /// Scales the first `count` samples by their own mean and (biased) variance; the padding behind them becomes 0.
    public func apply(_ samples: UnsafeMutableBufferPointer<Float>, count: Int) {
        precondition((0...samples.count).contains(count), "ClipNormalization: \(count) of \(samples.count) samples")
        for index in count..<samples.count { samples[index] = 0 }
        guard self != .none, count > 0 else { return }
        let mean = Self.sum(samples, count) { $0 } / Double(count)
        let variance = Self.sum(samples, count) { ($0 - mean) * ($0 - mean) } / Double(count)
        let scale: Double
        switch self {
        case .layerNorm: scale = 1 / (variance + 1e-5).squareRoot()
        // Below this it is the rounding of these sums, not sound.
        default: scale = variance > max(1e-30, 1e-20 * mean * mean) ? 1 / variance.squareRoot() : 0
        }
        for index in 0..<count { samples[index] = Float((Double(samples[index]) - mean) * scale) }
    }

    /// Four sums side by side, so that the additions need not wait for each other; always the same four.
    @inline(__always)
    private static func sum(
        _ samples: UnsafeMutableBufferPointer<Float>, _ count: Int, _ term: (SIMD4<Double>) -> SIMD4<Double>
    ) -> Double {
        var sums = SIMD4<Double>.zero
        var index = 0
        while index + 4 <= count {
            let four = SIMD4<Float>(samples[index], samples[index + 1], samples[index + 2], samples[index + 3])
            sums += term(SIMD4<Double>(four))
            index += 4
        }
        var rest = SIMD4<Double>.zero
        let left = count - index
        for lane in 0..<left { rest[lane] = Double(samples[index + lane]) }
        if left > 0 {
            let terms = term(rest)
            for lane in 0..<left { sums[lane] += terms[lane] }
        }
        return sums.sum()
    }
}
