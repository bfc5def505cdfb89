// Between-class learning (arXiv 1711.10282): two clips mixed so that both are heard at the intended ratio, whatever their
// loudness. Loudness is the A-weighted level of the loudest window.
//
// B clips, N samples, W windows, F frequencies
import Foundation
import Neural
import Torch

/// Mixes clips of a batch by loudness.
public struct BetweenClassMixup: Codable, Sendable, Hashable {
    /// How loudness is measured.
    public enum Gain: String, Codable, Sendable, CaseIterable {
        /// A-weighted power of windows, the loudest one counts.
        case aWeighting = "a_weighting"
        /// Power of windows, the loudest one counts.
        case rms
        /// Root mean square of the whole clip, in decibels.
        case naiveRMS = "naive_rms"
        /// All alike.
        case none
    }

    /// Share of clips that are mixed with another; 0 switches mixing off.
    public var probability = 1.0
    /// Ratios are drawn from here to 1.
    public var lowestRatio = 0.5
    /// Whether all clips that pass through the network together are mixed in the same ratio.
    public var sameRatio = true
    /// Whether labels are mixed as the clips are; otherwise a mixed clip keeps its own.
    public var mixesLabels = true
    /// Length of a loudness window.
    public var windowSeconds = 0.05
    /// How loudness is measured.
    public var gain = Gain.aWeighting

    /// Those of animal2vec.
    public init() {}

    /// Clips [B, N] mixed with those at `partners` [B].
    ///
    /// - Parameter ratio_B1: share [B or 1, 1] of the first clip as heard.
    public func mix(
        _ wave_BN: Tensor, partners: Tensor, ratio_B1: Tensor, sampleRateHz: Double,
        compatibility: Compatibility = .none
    ) throws(TorchError) -> Tensor {
        let others = try wave_BN.selected(0, partners)
        let share = try share(
            wave_BN, partners: partners, ratio_B1: ratio_B1, sampleRateHz: sampleRateHz, compatibility: compatibility)
        let rest = try 1 - share
        return try (share * wave_BN + rest * others) / (share.squared() + rest.squared()).squareRoot()
    }

    /// Amplitude share [B, 1] of the first clip: p = 1 / (1 + 10^((G1 − G2) / 20) · (1 − r) / r).
    public func share(
        _ wave_BN: Tensor, partners: Tensor, ratio_B1: Tensor, sampleRateHz: Double,
        compatibility: Compatibility = .none
    ) throws(TorchError) -> Tensor {
        let loudness = try loudness(wave_BN, sampleRateHz: sampleRateHz, compatibility: compatibility)
        let difference = try loudness - loudness.selected(0, partners)
        let factor = try (difference * (Foundation.log(10) / 20)).exp().unsqueezed(1)
        return try (factor * (1 - ratio_B1) / ratio_B1 + 1).reciprocal()
    }

    /// Level of every clip in decibels: [B]
    public func loudness(
        _ wave_BN: Tensor, sampleRateHz: Double, compatibility: Compatibility = .none
    ) throws(TorchError) -> Tensor {
        switch gain {
        case .none: return try .zeros([wave_BN.size(0)], on: wave_BN.device)
        case .naiveRMS:
            let power = try wave_BN.squared().mean([1])
            // An amplitude, not a level, is what the published code then uses as decibels.
            if compatibility == .animal2vec1 { return try power.squareRoot() }
            return try power.clamped(min: 1e-8).log10() * 10
        case .aWeighting, .rms:
            return try windowLevels(wave_BN, sampleRateHz: sampleRateHz, compatibility: compatibility).maximum([1])
        }
    }

    /// Level of every window in decibels, at least −80: [B, W]
    public func windowLevels(
        _ wave_BN: Tensor, sampleRateHz: Double, compatibility: Compatibility = .none
    ) throws(TorchError) -> Tensor {
        let size = min(Int((sampleRateHz * windowSeconds).rounded()), wave_BN.size(1))
        let windows = try wave_BN.unfolded(1, size: size, step: max(1, size / 2))
        if gain == .rms {
            return try windows.squared().mean([2]).clamped(min: 1e-8).log10() * 10
        }
        let hann = try Tensor((0..<size).map { Float(0.5 - 0.5 * Foundation.cos(2 * .pi * Double($0) / Double(size))) })
        let power = try (windows * hann.to(wave_BN.device)).realFourierTransformed().squaredMagnitude()
        let weights = try Tensor(
            Self.aWeightingPower(sampleRateHz: sampleRateHz, size: size, compatibility: compatibility)
        ).to(wave_BN.device)
        return try (power * weights).sum([2]).clamped(min: 1e-8).log10() * 10
    }

    /// A-weighting of the frequencies of a window of `size` samples, as factors on power, at least −80 dB.
    public static func aWeightingPower(
        sampleRateHz: Double, size: Int, compatibility: Compatibility = .none
    ) -> [Float] {
        let count = size / 2 + 1
        return (0..<count).map { index in
            // The published code spreads whole hertz over the bins, whatever frequencies these have.
            let hertz =
                compatibility == .animal2vec1
                ? (sampleRateHz / 2).rounded(.down) * Double(index) / Double(max(count - 1, 1))
                : sampleRateHz * Double(index) / Double(size)
            let square = index == 0 ? 1 : hertz * hertz
            let decibels =
                2 + 20
                * (2 * Foundation.log10(12194) + 2 * Foundation.log10(square) - Foundation.log10(square + 12194 * 12194)
                    - Foundation.log10(square + 20.6 * 20.6) - 0.5 * Foundation.log10(square + 107.7 * 107.7)
                    - 0.5 * Foundation.log10(square + 737.9 * 737.9))
            return Float(Foundation.pow(10, max(decibels, -80) / 10))
        }
    }
}
