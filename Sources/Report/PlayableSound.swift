// Browsers play roughly 3 kHz to 192 kHz and people hear up to 20 kHz: ultrasound is played slower and infrasound faster,
// by writing another rate into the header. No sample changes.
import Audio
import Foundation

/// A recording that a browser can play and a person can hear.
struct PlayableSound {
    /// A FLAC file.
    let flac: Data
    /// Seconds of recording that pass in a second of playing: 0.1 for ultrasound, 8 for a hydrophone at 2 kHz.
    let speed: Double

    init(samples: [Float], rateHz: Double) throws(AudioError) {
        let playedHz = PlayableSound.playedHz(forRateHz: rateHz)
        speed = playedHz / rateHz
        // FFmpeg makes no FLAC file of nothing.
        flac = try AudioWriter.encodedFLAC([samples.isEmpty ? [0] : samples], rateHz: playedHz)
    }

    /// The rate, in whole hertz, at which samples of a rate are played.
    static func playedHz(forRateHz rateHz: Double) -> Double {
        if rateHz > 96_000 { return min((rateHz / 10).rounded(), 192_000) }
        guard rateHz < 4000 else { return rateHz.rounded() }
        let factor = [4.0, 5, 8, 10, 16, 20, 50, 100, 200, 500, 1000].first { $0 * rateHz >= 12_000 } ?? 1000
        return max(4000, (rateHz * factor).rounded())
    }

    /// What the listener must know; nil when it is played as it was.
    var explanation: String? {
        if speed < 0.95 {
            return "Played \(NumberText.short(1 / speed)) times slower, so that ultrasound can be heard."
        }
        if speed > 1.05 { return "Played \(NumberText.short(speed)) times faster, so that low sounds can be heard." }
        return nil
    }
}
