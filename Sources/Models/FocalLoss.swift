// Losses of independent classes: the focal loss (arXiv 1708.02002) and cross-entropy with smoothed labels.
import Torch

/// How far the probabilities of classes are from the truth.
public struct FocalLoss: Codable, Sendable, Hashable {
    /// Weight of positives; negatives weigh 1 − alpha. Below 0 all weigh 1.
    public var alpha = 0.25
    /// How much less easy examples count; 0 is plain cross-entropy.
    public var gamma = 2.0
    /// Truths are drawn this far from 0 and 1 towards the middle (label smoothing): t becomes t (1 − s) + s / 2.
    public var smoothing = 0.0

    /// Alpha 0.25, gamma 2, no smoothing.
    public init() {}

    /// Elementwise loss of logits against targets in [0, 1] of the same shape.
    ///
    /// −[t log p + (1 − t) log(1 − p)] · (1 − q)^γ · [α t + (1 − α)(1 − t)] with q = p t + (1 − p)(1 − t)
    public func callAsFunction(_ logits: Tensor, _ truths: Tensor) throws(TorchError) -> Tensor {
        let targets = smoothing > 0 ? try truths * (1 - smoothing) + smoothing / 2 : truths
        let entropy = try operate(
            "aten::binary_cross_entropy_with_logits", .tensor(logits), .tensor(targets), nil, nil, .int(0))
        guard gamma != 0 else { return try entropy * weights(targets) }
        let p = try logits.sigmoid()
        let q = try p * targets + (1 - p) * (1 - targets)
        return try entropy * (1 - q).power(gamma) * weights(targets)
    }

    private func weights(_ targets: Tensor) throws(TorchError) -> Tensor {
        alpha < 0 ? try targets.zerosLike() + 1 : try targets * (2 * alpha - 1) + (1 - alpha)
    }
}
