import ArgumentParser
import Audio
import Foundation
import Report
import Storage

/// `animal2vec spectrogram RECORDING --out FILE.png`
struct SpectrogramCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spectrogram", abstract: "Write a picture of sound, with its axes, as a PNG file.")

    @Argument(help: "A recording.")
    var recording: String

    @Option(help: "File to write.", transform: { URL(fileURLWithPath: $0) })
    var out: URL

    @Option(help: "Where the picture begins, in seconds.")
    var start = 0.0

    @Option(help: "How much of the recording it shows, in seconds; at most an hour.")
    var seconds = 6.0

    @Option(help: "Number of the channel, from 0; the mean of all where it is not given.")
    var channel: Int?

    @Option(help: "Lower edge in hertz.")
    var lowHz = 0.0

    @Option(help: "Upper edge in hertz; 0 for half the sample rate.")
    var highHz = 0.0

    @Option(help: "How hertz are laid out: \(FrequencyScale.allCases.map(\.rawValue).joined(separator: ", ")).")
    var scale = FrequencyScale.linear

    @Option(help: "Seconds of sound that one column looks at; 0 for 512 samples.")
    var span = 0.0

    @Option(help: "Columns of pixels, without the axis.")
    var width = 1024

    @Option(help: "Rows of pixels, without the axis.")
    var height = 512

    @Option(help: "Colours: \(ColorMap.allCases.map(\.rawValue).joined(separator: ", ")).")
    var colors = ColorMap.magma

    func validate() throws {
        for (name, value) in [("--width", width), ("--height", height)] where !(16...16_384).contains(value) {
            throw ValidationError("\(name) \(value): give a number from 16 to 16384")
        }
        guard start >= 0, start.isFinite else { throw ValidationError("--start \(start): give a number of at least 0") }
        guard seconds > 0, seconds <= 3600 else {
            throw ValidationError("--seconds \(seconds): give a number above 0, up to 3600")
        }
        guard span >= 0, span <= 10 else { throw ValidationError("--span \(span): give a number from 0 to 10") }
        guard lowHz >= 0, highHz == 0 || highHz > lowHz, highHz.isFinite else {
            throw ValidationError("--low-hz \(lowHz) --high-hz \(highHz): give a lower edge below the upper one")
        }
        if let channel, channel < 0 { throw ValidationError("--channel \(channel): give a number from 0") }
    }

    func run() throws {
        let stream = try AudioStream(path: recording, channel: channel.map { .index($0) } ?? .mean)
        let frames = max(1, Int((seconds * stream.rateHz).rounded()))
        let samples = try stream.read(startFrame: Int((start * stream.rateHz).rounded()), frameCount: frames).channels[
            0]
        guard !samples.isEmpty else {
            throw ValidationError("\(recording): holds no sound at \(start) s; give an earlier --start")
        }
        guard lowHz < stream.rateHz / 2 else {
            throw ValidationError("--low-hz \(lowHz): \(recording) holds sound up to \(stream.rateHz / 2) Hz")
        }
        var configuration = Spectrogram.Configuration()
        (configuration.width, configuration.height) = (width, height)
        (configuration.lowHz, configuration.highHz, configuration.scale) = (lowHz, highHz, scale)
        (configuration.windowSeconds, configuration.levelCount) = (span, 256)
        let spectrogram = Spectrogram(samples: Array(samples), rateHz: stream.rateHz, configuration)
        let picture = SpectrogramPicture(spectrogram, startSeconds: start, colors: colors)
        try AtomicFile.write(picture.png(), to: out)
        print("\(picture.width) x \(picture.height) pixels written to \(out.path)")
    }
}

extension FrequencyScale: ExpressibleByArgument {}
extension ColorMap: ExpressibleByArgument {}
