// B batch, N frames in, D width
import Foundation
import Neural
import Torch

/// What lies between the two layers of a feed-forward network.
public enum FeedForward: String, Codable, Sendable, CaseIterable {
    /// GELU, as published.
    case gelu
    /// Half of a twice as wide layer gates the other half (GEGLU, arXiv 2002.05202).
    case geglu
}

/// How a block's additions are weighed.
public enum Residuals: String, Codable, Sendable, CaseIterable {
    /// x + f(x), as published.
    case plain
    /// λx + βf(x) with weights that keep variances level through any number of blocks (DeepScaleLM, arXiv 2403.09635).
    case deepScale
}

/// The simplified DeepScaleLM: λ² = 1 − 2/N, β² = 2/N for N blocks, and the first weights that go with it.
public struct DeepScaling: Sendable, Hashable {
    /// Weight of what enters.
    public let kept: Double
    /// Weight of what is added.
    public let added: Double

    /// For a network of `blocks` blocks, at least 2.
    public init(blocks: Int) {
        let share = 2 / Double(max(blocks, 2))
        (kept, added) = ((1 - share).squareRoot(), share.squareRoot())
    }

    /// Standard deviation √(1/d · √((1 − p)/2)) of values, outputs and feed-forward weights behind dropout p.
    func branch(_ width: Int, dropout: Double) -> Initialization {
        .normal(standardDeviation: Self.deviation(width, dropout))
    }

    /// Queries and keys with standard deviation √(1/d), values as a branch.
    func attention(_ width: Int, dropout: Double) -> Initialization {
        let plain = 1 / Double(width).squareRoot()
        return .normalParts(standardDeviations: [plain, plain, Self.deviation(width, dropout)])
    }

    private static func deviation(_ width: Int, _ dropout: Double) -> Double {
        (((1 - dropout) / 2).squareRoot() / Double(width)).squareRoot()
    }
}

/// Attention and feed-forward network, each followed by its residual and its norm.
public struct TransformerBlock {
    private let attention: Attention
    private let expand: Linear
    private let contract: Linear
    private let norm1: LayerNorm
    private let norm2: LayerNorm
    private let rates: DropoutRates
    private let pathRate: Double
    private let feedForward: FeedForward
    private let scaling: DeepScaling?

    /// Creates the block's parameters.
    ///
    /// - Parameter pathRate: probability that what the block adds to a clip is left out.
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, rates: DropoutRates, pathRate: Double = 0
    ) throws(TorchError) {
        let (width, ratio) = (configuration.width, configuration.feedForwardRatio)
        feedForward = configuration.feedForward
        scaling =
            configuration.residuals == .deepScale
            ? DeepScaling(blocks: configuration.prenetDepth + configuration.depth) : nil
        attention = try Attention(
            path["attention"], width: width, heads: configuration.heads, rates: rates, scaling: scaling)
        let weights = scaling?.branch(width, dropout: rates.feedForward) ?? .normal(standardDeviation: 0.02)
        let inner = feedForward == .geglu ? 2 * ratio * width : ratio * width
        expand = try Linear(path["expand"], width, inner, weights: weights, bias: .constant(0))
        contract = try Linear(path["contract"], ratio * width, width, weights: weights, bias: .constant(0))
        norm1 = try LayerNorm(path["norm1"], width)
        norm2 = try LayerNorm(path["norm2"], width)
        self.rates = rates
        self.pathRate = pathRate
    }

    /// [B, N, D] to the block's output and its feed-forward output before dropout, residual and norm, both [B, N, D].
    public func callAsFunction(
        _ x_BND: Tensor, bias: ScoreBias?, rotation: Rotation? = nil, learning: Bool
    ) throws(TorchError) -> (output: Tensor, feedForward: Tensor) {
        let seen = try attention(x_BND, bias: bias, rotation: rotation, learning: learning)
        let x = try norm1(sum(x_BND, seen.droppedRows(pathRate, if: learning)))
        let hidden = try expanded(x).dropped(rates.activation, if: learning)
        let feedForward = try contract(hidden).dropped(rates.activation, if: learning)
        let added = try feedForward.dropped(rates.feedForward, if: learning).droppedRows(pathRate, if: learning)
        return (try norm2(sum(x, added)), feedForward)
    }

    private func expanded(_ x: Tensor) throws(TorchError) -> Tensor {
        guard feedForward == .geglu else { return try expand.gelu(x) }
        let halves = try expand(x).chunked(2, -1)
        return try halves[0] * halves[1].gelu()
    }

    private func sum(_ x: Tensor, _ branch: Tensor) throws(TorchError) -> Tensor {
        guard let scaling else { return try x + branch }
        return try x * scaling.kept + branch * scaling.added
    }
}
