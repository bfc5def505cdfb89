// Spectrograms for people. Short-time Fourier transform with a Hann window around the middle of every column; every size
// is in seconds and hertz, so that a hydrophone at 2 kHz and a bat detector at 500 kHz come out alike.
import Foundation

/// A picture of sound: time to the right, frequency up, loudness as level.
public struct Spectrogram: Sendable {
    /// How a spectrogram is computed.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Columns of pixels.
        public var width = 1200
        /// Rows of pixels.
        public var height = 200
        /// Seconds of sound that one spectrum looks at; 0 for 512 samples.
        public var windowSeconds = 0.0
        /// The frequency of the lower edge, hertz.
        public var lowHz = 0.0
        /// The frequency of the upper edge, hertz; 0 for half the sample rate.
        public var highHz = 0.0
        /// How hertz are laid out.
        public var scale = FrequencyScale.linear
        /// The share of pixels that are darkest.
        public var darkShare = 0.55
        /// The share of pixels that are brightest.
        public var brightShare = 0.0005
        /// The least range in decibels from darkest to brightest, so that silence does not look like sound.
        public var minimumRangeDecibels = 36.0
        /// How many levels of loudness are told apart; fewer make smaller files.
        public var levelCount = 48

        /// The usual settings.
        public init() {}
    }

    /// Columns of pixels.
    public let width: Int
    /// Rows of pixels.
    public let height: Int
    /// Length of the sound in seconds, from the left edge to the right edge.
    public let durationSeconds: Double
    /// The frequency of the lower edge, hertz.
    public let lowHz: Double
    /// The frequency of the upper edge, hertz.
    public let highHz: Double
    /// How hertz are laid out.
    public let scale: FrequencyScale
    /// Power in decibels (0 is a sine of full scale), row by row from the top.
    public let decibels: [Float]
    /// Loudness from 0 to 255, row by row from the top.
    public let levels: [UInt8]

    /// The spectrogram of one channel. Samples that are not finite count as silence.
    public init(samples: [Float], rateHz: Double, _ configuration: Configuration = Configuration()) {
        precondition(rateHz > 0, "Spectrogram: \(rateHz) samples per second")
        width = max(1, configuration.width)
        height = max(1, configuration.height)
        durationSeconds = Double(samples.count) / rateHz
        let nyquistHz = rateHz / 2
        highHz = configuration.highHz > 0 ? min(configuration.highHz, nyquistHz) : nyquistHz
        lowHz = min(max(0, configuration.lowHz), highHz * 0.99)
        scale = configuration.scale
        let wanted = configuration.windowSeconds > 0 ? Int((configuration.windowSeconds * rateHz).rounded()) : 512
        let frames = FrameReader(samples: samples, windowCount: max(16, wanted), rowCount: height)
        let bands = RowBands(
            rowCount: height, lowHz: lowHz, highHz: highHz, scale: scale, binHz: rateHz / Double(frames.transform.size),
            binCount: frames.transform.size / 2 + 1)
        var decibels = [Float](repeating: 0, count: width * height)
        var power = [Float](repeating: 0, count: frames.transform.size / 2 + 1)
        for column in 0..<width {
            frames.meanPower(ofColumn: column, of: width, into: &power)
            for row in 0..<height {
                decibels[row * width + column] = 10 * log10(max(bands.power(row: row, power), 1e-14))
            }
        }
        self.decibels = decibels
        levels = Spectrogram.levels(decibels, configuration)
    }

    /// The column of a moment, seconds from the left edge.
    public func column(atSeconds seconds: Double) -> Int {
        guard durationSeconds > 0 else { return 0 }
        return min(max(0, Int(seconds / durationSeconds * Double(width))), width - 1)
    }

    /// The row of a frequency, counted from the top.
    public func row(atHz hz: Double) -> Int {
        min(max(0, Int(verticalShare(ofHz: hz) * Double(height))), height - 1)
    }

    /// How far below the upper edge a frequency lies: 0 at the upper edge, 1 at the lower.
    public func verticalShare(ofHz hz: Double) -> Double {
        let (low, high) = (scale.position(ofHz: lowHz), scale.position(ofHz: highHz))
        return (high - scale.position(ofHz: hz)) / (high - low)
    }

    /// Red, green and blue of every pixel, row by row from the top.
    public func rgb(_ colors: ColorMap = .magma) -> [UInt8] {
        let table = (0...255).map { colors.rgb(level: UInt8($0)) }
        return [UInt8](unsafeUninitializedCapacity: levels.count * 3) { buffer, count in
            for (index, level) in levels.enumerated() {
                let color = table[Int(level)]
                buffer.initializeElement(at: 3 * index, to: color.red)
                buffer.initializeElement(at: 3 * index + 1, to: color.green)
                buffer.initializeElement(at: 3 * index + 2, to: color.blue)
            }
            count = levels.count * 3
        }
    }

    private static func levels(_ decibels: [Float], _ configuration: Configuration) -> [UInt8] {
        // Counts in tenths of a decibel. Digital silence says nothing about the noise of the recording.
        let lowest: Float = -139
        var histogram = [Int](repeating: 0, count: 2000)
        var total = 0
        for value in decibels where value > lowest {
            histogram[min(Int((value - lowest) * 10), histogram.count - 1)] += 1
            total += 1
        }
        guard total > 0 else { return [UInt8](repeating: 0, count: decibels.count) }
        func quantile(_ share: Double) -> Double {
            var left = Int(share * Double(total))
            let bin = histogram.firstIndex {
                left -= $0
                return left < 0
            }
            return Double(lowest) + Double(bin ?? histogram.count) / 10
        }
        let bright = quantile(1 - configuration.brightShare)
        let dark = min(quantile(configuration.darkShare), bright - configuration.minimumRangeDecibels)
        let steps = Double(max(2, min(256, configuration.levelCount)) - 1)
        return decibels.map { value in
            let share = min(max((Double(value) - dark) / (bright - dark), 0), 1)
            return UInt8(((share * steps).rounded() / steps * 255).rounded())
        }
    }
}

/// Windowed frames around the middle of columns.
private struct FrameReader {
    let transform: FourierTransform
    private let samples: [Float]
    private let window: [Float]
    /// Frames of a column are this far apart, at least half a window; a column of hours stays affordable.
    private static let maximumFramesPerColumn = 32

    init(samples: [Float], windowCount: Int, rowCount: Int) {
        self.samples = samples
        var size = 32
        while size < windowCount || size < 2 * rowCount { size *= 2 }
        transform = FourierTransform(size: size)
        let raw = (0..<windowCount).map { 0.5 - 0.5 * cos(2 * Double.pi * (Double($0) + 0.5) / Double(windowCount)) }
        // A sine of amplitude 1 gets power 1 in its bin.
        let gain = 2 / raw.reduce(0, +)
        window = raw.map { Float($0 * gain) }
    }

    func meanPower(ofColumn column: Int, of width: Int, into power: inout [Float]) {
        for bin in power.indices { power[bin] = 0 }
        let span = Double(samples.count) / Double(width)
        let count = min(
            FrameReader.maximumFramesPerColumn, max(1, Int((span / (Double(window.count) / 2)).rounded(.up))))
        for index in 0..<count {
            let middle = (Double(column) + (Double(index) + 0.5) / Double(count)) * span
            transform.addPower(of: frame(around: Int(middle)), to: &power)
        }
        if count > 1 { for bin in power.indices { power[bin] /= Float(count) } }
    }

    private func frame(around middle: Int) -> [Float] {
        let start = middle - window.count / 2
        let inside = max(0, start)..<max(max(0, start), min(samples.count, start + window.count))
        var frame = [Float](repeating: 0, count: transform.size)
        guard !inside.isEmpty else { return frame }
        samples.withUnsafeBufferPointer { samples in
            // Without the mean, an offset of the recorder does not light up the lowest rows.
            var mean: Float = 0
            for index in inside { mean += samples[index] }
            mean /= Float(inside.count)
            let offset = mean.isFinite ? mean : 0
            for index in inside {
                let value = (samples[index] - offset) * window[index - start]
                frame[index - start] = value.isFinite ? value : 0
            }
        }
        return frame
    }
}

/// Which bins of a spectrum a row of pixels shows.
private struct RowBands {
    private let lower: [Double]
    private let upper: [Double]
    private let binCount: Int

    init(rowCount: Int, lowHz: Double, highHz: Double, scale: FrequencyScale, binHz: Double, binCount: Int) {
        let (low, high) = (scale.position(ofHz: lowHz), scale.position(ofHz: highHz))
        func bin(_ edge: Int) -> Double {
            let position = high - (high - low) * Double(edge) / Double(rowCount)
            return scale.hz(atPosition: position) / binHz
        }
        lower = (0..<rowCount).map { bin($0 + 1) }
        upper = (0..<rowCount).map { bin($0) }
        self.binCount = binCount
    }

    /// The loudest bin of the row, or the value between two bins where rows are finer than bins.
    func power(row: Int, _ power: [Float]) -> Float {
        let first = Int(lower[row].rounded(.up))
        let end = min(Int(upper[row].rounded(.up)), binCount)
        if first < end { return power[first..<end].max()! }
        let middle = min((lower[row] + upper[row]) / 2, Double(binCount - 1))
        let below = Int(middle)
        let share = Float(middle - Double(below))
        return power[below] * (1 - share) + power[min(below + 1, binCount - 1)] * share
    }
}
