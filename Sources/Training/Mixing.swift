// B clips, N samples, T frames, C classes
import Foundation
import Models
import Randomness
import Torch

/// Who is mixed with whom in a micro-batch, and how loud; a function of the key only.
package struct Mixing {
    /// The other clip of each; itself for a clip that is not mixed.
    package let partners: [Int]
    /// Share of the first clip as heard, 1 for a clip that is not mixed.
    package let ratios: [Double]
    private let mixup: BetweenClassMixup
    private let device: Device

    /// Nil when this micro-batch is not mixed.
    package init?(_ mixup: BetweenClassMixup, _ count: Int, _ key: KeyedRandom, on device: Device) {
        var random = key
        guard mixup.probability > 0, count > 1 else { return nil }
        let lowest = max(1e-6, mixup.lowestRatio)
        let ratio = lowest + (1 - lowest) * random.uniform()
        let others = (0..<count).shuffled(using: &random)
        let isMixed = (0..<count).map { _ in random.uniform() < mixup.probability }
        guard isMixed.contains(true) else { return nil }
        partners = (0..<count).map { isMixed[$0] ? others[$0] : $0 }
        ratios = (0..<count).map { row in
            // Each clip's own ratio is drawn whether it is used or not, so that the stream does not depend on settings.
            let own = lowest + (1 - lowest) * random.uniform()
            return isMixed[row] ? (mixup.sameRatio ? ratio : own) : 1
        }
        (self.mixup, self.device) = (mixup, device)
    }

    private var partners_B: Tensor {
        get throws(TorchError) { try Tensor(partners.map { Int64($0) }).to(device) }
    }

    private var ratios_B1: Tensor {
        get throws(TorchError) { try Tensor(ratios.map { Float($0) }, shape: [ratios.count, 1]).to(device) }
    }

    /// Clips [B, N] as heard.
    package func mix(_ wave_BN: Tensor, sampleRateHz: Double, _ compatibility: Compatibility) throws(TorchError)
        -> Tensor
    {
        try withoutGradients { () throws(TorchError) in
            try mixup.mix(
                wave_BN, partners: partners_B, ratio_B1: ratios_B1, sampleRateHz: sampleRateHz,
                compatibility: compatibility)
        }
    }

    /// y = r · y1 + (1 − r) · y2, where labels are mixed at all.
    package func mix(labels_BTC: Tensor) throws(TorchError) -> Tensor {
        guard mixup.mixesLabels else { return labels_BTC }
        let ratios = try ratios_B1.unsqueezed(2)
        return try labels_BTC * ratios + labels_BTC.selected(0, partners_B) * (1 - ratios)
    }

    /// What is known [B, T, C] of clips and of those mixed into them, both of which must be.
    package func mix(known: Tensor) throws(TorchError) -> Tensor {
        mixup.mixesLabels ? try known * known.selected(0, partners_B) : known
    }
}
