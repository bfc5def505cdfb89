// A spectrogram with its axes as a PNG file, for talks, papers and mail.
import Audio
import Foundation

/// A picture of sound with seconds below it and hertz beside it.
public struct SpectrogramPicture {
    /// Columns of pixels, axes included.
    public let width: Int
    /// Rows of pixels, axes included.
    public let height: Int
    /// Red, green and blue of every pixel, row by row from the top.
    public private(set) var rgb: [UInt8]
    private let left: Int
    private let top = 8
    private let ink: (UInt8, UInt8, UInt8) = (32, 32, 32)

    /// A spectrogram whose left edge lies `startSeconds` into its recording.
    public init(_ spectrogram: Spectrogram, startSeconds: Double = 0, colors: ColorMap = .magma) {
        let unit = spectrogram.highHz >= 1000 ? 1000.0 : 1
        let hertz = AxisTicks(
            spectrogram.lowHz / unit...spectrogram.highHz / unit, atMost: max(2, spectrogram.height / 40))
        let end = startSeconds + spectrogram.durationSeconds
        let seconds = AxisTicks(startSeconds...max(end, startSeconds), atMost: max(2, spectrogram.width / 90))
        func labels(_ ticks: AxisTicks, _ unit: String) -> [String] {
            ticks.values.enumerated().map { index, value in
                // The unit stands once, at the last mark.
                NumberText.fixed(value, digits: ticks.digits) + (index == ticks.values.count - 1 ? " \(unit)" : "")
            }
        }
        let hertzLabels = labels(hertz, unit == 1 ? "Hz" : "kHz")
        let secondsLabels = labels(seconds, "s")
        left = (hertzLabels.map(PixelFont.width(of:)).max() ?? 0) + 12
        let right = (secondsLabels.last.map(PixelFont.width(of:)) ?? 0) / 2 + 8
        width = left + spectrogram.width + right
        height = top + spectrogram.height + PixelFont.height + 14
        rgb = [UInt8](repeating: 255, count: width * height * 3)
        let pixels = spectrogram.rgb(colors)
        for row in 0..<spectrogram.height {
            let source = row * spectrogram.width * 3
            let target = ((top + row) * width + left) * 3
            rgb.replaceSubrange(
                target..<target + spectrogram.width * 3, with: pixels[source..<source + spectrogram.width * 3])
        }
        for (value, label) in zip(hertz.values, hertzLabels) {
            let row = top + spectrogram.row(atHz: value * unit)
            for column in left - 5..<left - 1 { set(column, row) }
            write(label, column: left - 8 - PixelFont.width(of: label), row: row - PixelFont.height / 2)
        }
        for (value, label) in zip(seconds.values, secondsLabels) {
            let column = left + spectrogram.column(atSeconds: value - startSeconds)
            for row in 1..<5 { set(column, top + spectrogram.height + row) }
            write(label, column: column - PixelFont.width(of: label) / 2, row: top + spectrogram.height + 7)
        }
    }

    /// The PNG file. Throws `AudioError.notEncodable` for a picture that is too large.
    public func png() throws(AudioError) -> Data { try PNGImage.encode(width: width, height: height, rgb: rgb) }

    private mutating func write(_ text: String, column: Int, row: Int) {
        PixelFont.draw(text) { set(column + $0, row + $1) }
    }

    private mutating func set(_ column: Int, _ row: Int) {
        guard (0..<width).contains(column), (0..<height).contains(row) else { return }
        let place = (row * width + column) * 3
        (rgb[place], rgb[place + 1], rgb[place + 2]) = ink
    }
}
