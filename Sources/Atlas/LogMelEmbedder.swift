// The plain baseline that learned vectors have to beat: the mel spectrogram of a sound, averaged over its beginning, middle
// and end, and its length.
//
// B clips, N samples, T frames, F frequencies, M mel bands
import Audio
import Foundation
import Torch

/// Log-mel energies averaged over thirds of the sound, and the logarithm of its length.
public struct LogMelEmbedder: SoundEmbedder {
    /// The name under which commands know it.
    public static let commandName = "log-mel"

    /// The rate of the recordings.
    public let sampleRateHz: Double
    /// M
    public let bands: Int
    private let windowSamples: Int
    private let hopSamples: Int
    private let filters_FM: Tensor
    private let window_N: Tensor

    /// Spectra of 16 ms every 2 ms, or of at least 256 samples.
    ///
    /// - Parameters:
    ///   - sampleRateHz: the rate of the recordings.
    ///   - bands: mel bands up to half the rate.
    public init(sampleRateHz: Double, bands: Int = 64) throws {
        self.sampleRateHz = sampleRateHz
        self.bands = bands
        windowSamples = max(256, Int(0.016 * sampleRateHz) / 2 * 2)
        hopSamples = windowSamples / 8
        let frequencies = windowSamples / 2 + 1
        let hertzPerBin = sampleRateHz / Double(windowSamples)
        // The mel scale bends at 700 Hz; for hydrophones and bat detectors the bend moves with the rate.
        let bend = 700 * sampleRateHz / 32_000
        func mel(_ hz: Double) -> Double { log(1 + hz / bend) }
        func hertz(_ mel: Double) -> Double { bend * (exp(mel) - 1) }
        let top = mel(sampleRateHz / 2)
        let edges = (0...bands + 1).map { hertz(top * Double($0) / Double(bands + 1)) }
        var filters = [Float](repeating: 0, count: frequencies * bands)
        for band in 0..<bands {
            let centre = edges[band + 1]
            // Where bands are narrower than the bins they still hear the nearest one.
            let low = min(edges[band], centre - hertzPerBin)
            let high = max(edges[band + 2], centre + hertzPerBin)
            for bin in 0..<frequencies {
                let hz = Double(bin) * hertzPerBin
                let weight = max(0, min((hz - low) / (centre - low), (high - hz) / (high - centre)))
                filters[bin * bands + band] = Float(weight * 2 / (high - low) * hertzPerBin)
            }
        }
        filters_FM = try Tensor(filters, shape: [frequencies, bands])
        let count = windowSamples
        window_N = try Tensor((0..<count).map { Float(0.5 - 0.5 * cos(2 * .pi * Double($0) / Double(count))) })
    }

    /// `log-mel@32000`: vectors of different rates cannot be compared.
    public var name: String { "\(Self.commandName)@\(Int(sampleRateHz))" }
    /// Changes with everything that decides about the numbers.
    public var fingerprint: String { "log-mel-1 \(sampleRateHz) \(bands) \(windowSamples) \(hopSamples)" }
    /// Three thirds and the length.
    public var dimension: Int { 3 * bands + 1 }

    /// One vector for every clip.
    public func embed(_ clips: SoundClips) throws -> [Float] {
        try withoutGradients { () throws(TorchError) in
            let half = windowSamples / 2
            let wave_BN = try Tensor(clips.samples, shape: [clips.count, clips.clipSamples]).padded([half, half])
            let frames_BTN = try wave_BN.unfolded(1, size: windowSamples, step: hopSamples)
            let power_BTF = try (frames_BTN * window_N).realFourierTransformed().squaredMagnitude()
            let mel_BTM = try (power_BTF.matmul(filters_FM) + 1e-7).log()
            let frames = mel_BTM.size(1)
            var weights = [Float](repeating: 0, count: clips.count * 3 * frames)
            var lengths: [Float] = []
            for (row, span) in clips.spans.enumerated() {
                lengths.append(Float(log(max(1e-3, Double(span.count) / sampleRateHz))))
                // Frame t looks at the surroundings of sample t · hop.
                for third in 0..<3 {
                    let from = Double(span.lowerBound) + Double(span.count) * Double(third) / 3
                    let to = Double(span.lowerBound) + Double(span.count) * Double(third + 1) / 3
                    let first = min(Int((from / Double(hopSamples)).rounded(.up)), frames - 1)
                    let end = min(max(first + 1, Int((to / Double(hopSamples)).rounded(.up))), frames)
                    for frame in first..<end {
                        weights[(row * 3 + third) * frames + frame] = 1 / Float(end - first)
                    }
                }
            }
            let weights_B3T = try Tensor(weights, shape: [clips.count, 3, frames])
            let thirds = try weights_B3T.matmul(mel_BTM).reshaped([clips.count, 3 * bands])
            return try Tensor.concatenated([thirds, Tensor(lengths, shape: [clips.count, 1])], 1).array(Float.self)
        }
    }
}
