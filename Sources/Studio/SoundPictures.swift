// Spectrograms and playable sound of a stretch of a recording. The page gets decibels, not colours, so that contrast changes
// without asking again.
import Audio
import Foundation
import Report

/// Which part of a recording is shown or played.
struct Stretch: Sendable, Hashable {
    /// Where the file lies; known to the atlas, never given by the page.
    var path: String
    /// The channel, from 0; nil for the mean of all.
    var channel: Int?
    /// From here, in seconds.
    var startSeconds: Double
    /// To here, in seconds.
    var endSeconds: Double

    /// Longer ones are refused: nobody sees more, and memory is finite.
    static let longestSeconds = 120.0

    /// The samples, silence where the recording has none, and their rate.
    func samples() throws -> (samples: [Float], rateHz: Double) {
        guard endSeconds > startSeconds, endSeconds - startSeconds <= Stretch.longestSeconds, startSeconds > -1e6,
            endSeconds < 1e9
        else {
            throw StudioError("Ask for a stretch of up to \(Int(Stretch.longestSeconds)) s")
        }
        let reader = try AudioReader(path: path, channel: channel.map { .index($0) } ?? .mean)
        let rateHz = reader.file.rateHz
        let count = Int(((endSeconds - startSeconds) * rateHz).rounded())
        let first = Int((startSeconds * rateHz).rounded())
        var samples = [Float](repeating: 0, count: max(count, 1))
        let block = try reader.read(frames: max(0, first)..<max(0, first + count))
        let offset = max(0, block.startFrame - first)
        if let read = block.channels.first, !read.isEmpty {
            let taken = min(read.count, samples.count - min(samples.count, offset))
            samples.replaceSubrange(offset..<offset + taken, with: read[0..<taken])
        }
        return (samples, rateHz)
    }
}

/// Makes pictures and sound, and remembers the last ones.
final class SoundPictures: Sendable {
    private let pictures = RecentCache(limitBytes: 48 << 20)
    private let sounds = RecentCache(limitBytes: 32 << 20)

    /// What a picture shows.
    struct View: Sendable, Hashable {
        var width = 800
        var height = 256
        var lowHz = 0.0
        /// 0 for half the rate.
        var highHz = 0.0
        /// Samples that one spectrum looks at.
        var windowSamples = 512
    }

    /// Decibels as bytes, row by row from the top: 0 is −120 dB or less, 255 is 0 dB (a sine of full scale).
    func spectrogram(_ stretch: Stretch, _ view: View) throws -> Data {
        try pictures.value("\(stretch) \(view)") {
            let (samples, rateHz) = try stretch.samples()
            var configuration = Spectrogram.Configuration()
            (configuration.width, configuration.height) = (view.width, view.height)
            (configuration.lowHz, configuration.highHz) = (view.lowHz, view.highHz)
            configuration.windowSeconds = Double(view.windowSamples) / rateHz
            let picture = Spectrogram(samples: samples, rateHz: rateHz, configuration)
            let factor: Float = 255.0 / 120.0
            let bytes = picture.decibels.map { UInt8(min(max(($0 + 120) * factor + 0.5, 0), 255)) }
            return Data(bytes)
        }
    }

    /// A WAV file that plays `slow` times slower (and lower), or faster below 1, at a rate that every browser plays. Quiet
    /// sound is lifted until its loudest sample is at half of full scale, at most by `liftDecibels`.
    func wav(_ stretch: Stretch, slow: Double, liftDecibels: Double) throws -> Data {
        try sounds.value("\(stretch) \(slow) \(liftDecibels)") {
            var (samples, rateHz) = try stretch.samples()
            let peak = samples.reduce(Float(1e-9)) { max($0, abs($1)) }
            let gain = min(max(0.5 / peak, 1), Float(pow(10, liftDecibels / 20)))
            if gain > 1 { for index in samples.indices { samples[index] *= gain } }
            let playedHz = max(1, (rateHz / slow).rounded())
            let shownHz = playedHz < 8000 ? 16_000 : min(playedHz, 96_000)
            if shownHz != playedHz {
                samples = try Resampler.resample(samples, fromHz: playedHz, toHz: shownHz)
            }
            return try AudioWriter.encodedWAV([samples], rateHz: shownHz)
        }
    }
}
