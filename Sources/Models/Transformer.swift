// The transformer of animal2vec: post-norm blocks whose feed-forward output is also what the teacher shows, and attention
// with a linear penalty on distance (ALiBi, arXiv 2108.12409) of learned strength.
//
// B batch, N frames in, D width, H heads
import Foundation
import Neural
import Torch

/// Probabilities of dropping things while learning.
public struct DropoutRates: Codable, Sendable, Hashable {
    /// After the attention's output projection.
    public var projection = 0.1
    /// On attention weights.
    public var attention = 0.1
    /// Inside the feed-forward network.
    public var activation = 0.0
    /// After the feed-forward network.
    public var feedForward = 0.1
    /// On what enters the first block.
    public var entry = 0.1
    /// On the kept frames that enter the decoder.
    public var decoder = 0.1
    /// On what enters the first main block.
    public var input = 0.0
    /// Whole main blocks.
    public var layer = 0.0
    /// Whole blocks of the prenet.
    public var prenetLayer = 0.0
    /// What a block adds to a clip, in the first main block (drop path); between the first and the last it grows evenly.
    public var firstPath = 0.0
    /// The same in the last main block.
    public var lastPath = 0.0

    /// Those of animal2vec 1.0.
    public init() {}

    /// None at all.
    public static var none: DropoutRates {
        var rates = DropoutRates()
        (rates.projection, rates.attention, rates.activation, rates.feedForward) = (0, 0, 0, 0)
        (rates.entry, rates.decoder) = (0, 0)
        return rates
    }

    /// All by their names.
    public var named: [(name: String, rate: Double)] {
        [
            ("projection", projection), ("attention", attention), ("activation", activation),
            ("feedForward", feedForward), ("entry", entry), ("decoder", decoder), ("input", input), ("layer", layer),
            ("prenetLayer", prenetLayer), ("firstPath", firstPath), ("lastPath", lastPath),
        ]
    }

    /// Drop path of main block `index` of `count`.
    func path(_ index: Int, of count: Int) -> Double {
        count < 2 ? firstPath : firstPath + (lastPath - firstPath) * Double(index) / Double(count - 1)
    }
}

extension Tensor {
    /// Dropout while learning, self otherwise.
    func dropped(_ probability: Double, if learning: Bool) throws(TorchError) -> Tensor {
        learning && probability > 0 ? try dropped(probability) : self
    }

    /// Whole rows [R, ...] set to 0 with that probability while learning, the others scaled by 1 / (1 − p); self otherwise.
    func droppedRows(_ probability: Double, if learning: Bool) throws(TorchError) -> Tensor {
        guard learning, probability > 0 else { return self }
        let rows = [size(0)] + [Int](repeating: 1, count: rank - 1)
        return try self * Tensor.ones(rows, scalarType, on: device).dropped(probability)
    }
}

/// Attention of every frame to every frame.
public struct Attention {
    private let qkv: Linear
    private let output: Linear
    private let heads: Int
    private let rates: DropoutRates

    /// Creates `qkv` and `output` of width `width`.
    public init(
        _ path: ParameterPath, width: Int, heads: Int, rates: DropoutRates, scaling: DeepScaling? = nil
    ) throws(TorchError) {
        let normal = Initialization.normal(standardDeviation: 0.02)
        qkv = try Linear(
            path["qkv"], width, 3 * width,
            weights: scaling?.attention(width, dropout: rates.attention) ?? normal, bias: .constant(0))
        output = try Linear(
            path["output"], width, width, weights: scaling?.branch(width, dropout: rates.projection) ?? normal,
            bias: .constant(0))
        self.heads = heads
        self.rates = rates
    }

    /// [B, N, D] to [B, N, D]; `bias` is added to the scores, `rotation` turns queries and keys.
    public func callAsFunction(
        _ x_BND: Tensor, bias: ScoreBias?, rotation: Rotation? = nil, learning: Bool
    ) throws(TorchError) -> Tensor {
        let (batch, frames, width) = (x_BND.size(0), x_BND.size(1), x_BND.size(2))
        let packed = try qkv(x_BND).reshaped([batch, frames, 3, heads, width / heads]).permuted([2, 0, 3, 1, 4])
        var parts = try packed.unbound(0)
        if let rotation { for index in 0..<2 { parts[index] = try rotation(parts[index]) } }
        let mixed =
            switch bias {
            case .distance(let penalty): try penalty.mix(parts[0], parts[1], parts[2])
            case .scores(let scores): try mix(parts, bias: scores, learning)
            case nil: try mix(parts, bias: nil, learning)
            }
        let joined = try mixed.transposed(1, 2).reshaped([batch, frames, width])
        return try output(joined).dropped(rates.projection, if: learning)
    }

    private func mix(_ parts: [Tensor], bias: Tensor?, _ learning: Bool) throws(TorchError) -> Tensor {
        try Self.mix(
            parts[0], parts[1], parts[2], bias: bias, dropout: learning ? rates.attention : 0, learning: learning)
    }

    /// softmax(query · keyᵀ / √d + bias) · value, [B, H, N, d], by the faster of two ways.
    ///
    /// libtorch's fused kernel takes no bias that learns. With AMD's AVX-512 its backward pass is two to three times slower than
    /// the plain one, and forwards it wins only on clips of more than about 600 frames; elsewhere it wins by itself. It also
    /// spares the memory of the scores.
    public static func mix(
        _ query: Tensor, _ key: Tensor, _ value: Tensor, bias: Tensor?, dropout: Double = 0, learning: Bool
    ) throws(TorchError) -> Tensor {
        let (batch, heads, frames) = (query.size(0), query.size(1), query.size(2))
        let scoreBytes = 4 * batch * heads * frames * frames
        let mustBePlain = dropout > 0 || (learning && bias?.requiresGradient == true)
        let plainIsFaster =
            !query.device.isCUDA && Runtime.hasWideVectors && !Runtime.isIntel && (learning || frames <= 600)
        guard mustBePlain || (plainIsFaster && scoreBytes <= 1 << 28) else {
            return try query.attended(key: key, value: value, bias: bias?.to(query.scalarType))
        }
        let scale = 1 / Double(query.size(-1)).squareRoot()
        var scores = try (query * scale).matmul(key.transposed(2, 3))
        if bias == nil && dropout == 0 && !query.device.isCUDA && !recordsGradients {
            // In place, and in one pass; without strength, distances do not count.
            try scores.reshaped([-1, frames]).becomeDistanceWeights(firstPlace: 0, scale: 1, strength: 0)
            return try scores.matmul(value)
        }
        scores = try scores.to(.float32)
        if let bias {
            if learning { scores = try scores + bias } else { try scores.add(inPlace: bias) }
        }
        let weights = try scores.softmax(-1).to(value.scalarType).dropped(dropout, if: learning)
        return try weights.matmul(value)
    }
}
