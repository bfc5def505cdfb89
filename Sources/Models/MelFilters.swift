// Mel filters as librosa makes them: triangles on a scale that is even to the ear, sampled at the bins of a Fourier transform.
import Foundation
import Torch

/// How hertz become mel.
public enum MelScale: String, Codable, Sendable, CaseIterable {
    /// Linear up to 1 kHz, logarithmic above (Slaney's Auditory Toolbox); librosa's default.
    case slaney
    /// 2595 · log10(1 + hz / 700), as the Hidden Markov Toolkit has it.
    case htk

    private static let linearHzPerMel = 200.0 / 3
    private static let logarithmStep = log(6.4) / 27

    /// The place of a frequency on the scale.
    public func mel(hz: Double) -> Double {
        switch self {
        case .htk: 2595 * log10(1 + hz / 700)
        case .slaney:
            hz < 1000
                ? hz / Self.linearHzPerMel : 1000 / Self.linearHzPerMel + log(hz / 1000) / Self.logarithmStep
        }
    }

    /// The frequency at a place of the scale.
    public func hz(mel: Double) -> Double {
        let first = 1000 / Self.linearHzPerMel
        return switch self {
        case .htk: 700 * (pow(10, mel / 2595) - 1)
        case .slaney: mel < first ? mel * Self.linearHzPerMel : 1000 * exp((mel - first) * Self.logarithmStep)
        }
    }
}

/// The weights of spectral bins in mel bands.
public struct MelFilters: Sendable, Hashable {
    /// Bins of the spectrum: half the transform and one.
    public let binCount: Int
    /// Lower edge, centre and upper edge of all bands: `bandCount` + 2 frequencies in hertz.
    public let edgesHz: [Double]
    /// The weight of every bin in every band, band by band.
    public let weights: [Float]

    /// Number of bands.
    public var bandCount: Int { edgesHz.count - 2 }

    /// Filters for `bandCount` bands from `lowHz` to `highHz` over the power spectrum of a transform of `fftSize` samples.
    ///
    /// A band of less than two bins would hold one bin or none, depending on where it happens to lie, and leave stripes in
    /// the picture (librosa leaves such a band empty). It takes the spectrum at its centre instead, interpolated between the
    /// two bins around it, with the weight that its triangle has.
    ///
    /// - Parameter normalizesArea: divides a band by its width in hertz, so that white noise is level (Slaney's norm).
    public init(
        bandCount: Int, fftSize: Int, rateHz: Double, lowHz: Double, highHz: Double, scale: MelScale,
        normalizesArea: Bool
    ) {
        precondition(
            bandCount > 0 && fftSize > 1 && lowHz < highHz, "MelFilters: \(bandCount) bands \(lowHz) to \(highHz) Hz")
        let (low, high) = (scale.mel(hz: lowHz), scale.mel(hz: highHz))
        let edges = (0..<bandCount + 2).map { scale.hz(mel: low + (high - low) * Double($0) / Double(bandCount + 1)) }
        let bins = fftSize / 2 + 1
        let binHz = rateHz / Double(fftSize)
        var weights = [Float](repeating: 0, count: bandCount * bins)
        for band in 0..<bandCount {
            let (lower, centre, upper) = (edges[band], edges[band + 1], edges[band + 2])
            let norm = normalizesArea ? 2 / (upper - lower) : 1
            if upper - lower < 2 * binHz {
                let area = (upper - lower) / (2 * binHz) * norm
                let place = min(centre / binHz, Double(bins - 1))
                let below = min(Int(place), bins - 2)
                let share = place - Double(below)
                weights[band * bins + below] = Float(area * (1 - share))
                weights[band * bins + below + 1] = Float(area * share)
                continue
            }
            let first = max(0, Int((lower / binHz).rounded(.down)))
            let last = min(bins - 1, Int((upper / binHz).rounded(.up)))
            for bin in first...max(first, last) {
                let hz = Double(bin) * binHz
                let height = min((hz - lower) / (centre - lower), (upper - hz) / (upper - centre))
                if height > 0 { weights[band * bins + bin] = Float(height * norm) }
            }
        }
        (binCount, edgesHz, self.weights) = (bins, edges, weights)
    }

    /// The weights as a tensor for products with spectra: [bins, bands].
    func matrix(on device: Device) throws(TorchError) -> Tensor {
        try Tensor(weights, shape: [bandCount, binCount]).transposed(0, 1).contiguous().to(device)
    }
}
