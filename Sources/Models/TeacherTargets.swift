// What the student has to predict, after data2vec 2.0 (arXiv 2212.07525).
//
// B clips, T frames, D width
import Torch

/// What the teacher shows: the mean over its last blocks.
public struct TeacherTargets: Codable, Sendable, Hashable {
    /// What a block shows.
    public enum Source: String, Codable, Sendable, CaseIterable {
        /// The output of its feed-forward network, before the residual.
        case feedForward
        /// What it hands to the next block.
        case block
    }

    /// A norm without learned numbers.
    public enum Norm: String, Codable, Sendable, CaseIterable {
        /// Over the frames of all clips, for every channel.
        case batch
        /// Over the frames of a clip, for every channel.
        case instance
        /// Over the channels of a frame.
        case layer
    }

    /// Which of the teacher's parts follow the student.
    public enum Part: String, Codable, Sendable, CaseIterable {
        /// Everything behind the projected features.
        case encoder
        /// The main blocks only; positions and prenet are the student's.
        case blocks
    }

    /// What a block shows.
    public var source = Source.feedForward
    /// Norms of each block's part, one after the other.
    public var layerNorms = [Norm.instance]
    /// Norms of the mean, one after the other.
    public var norms: [Norm] = []
    /// Which of the teacher's parts follow the student.
    public var follows = Part.encoder

    /// Those of animal2vec 1.0.
    public init() {}

    /// The target [B, T, D] in float32 of what the blocks show, each [B, T, D].
    package func target(_ shown: ArraySlice<Tensor>) throws(TorchError) -> Tensor {
        try mean(shown, layerNorms, norms)
    }

    /// The target [B, D] of the class token, which has no time to be normed over.
    package func tokenTarget(_ shown: ArraySlice<Tensor>) throws(TorchError) -> Tensor {
        try mean(shown, layerNorms.isEmpty ? [] : [.layer], norms.filter { $0 == .layer })
    }

    private func mean(_ shown: ArraySlice<Tensor>, _ each: [Norm], _ all: [Norm]) throws(TorchError) -> Tensor {
        var sum: Tensor?
        for part in shown {
            var normalized = try part.to(.float32)
            for norm in each { normalized = try norm(normalized) }
            if let sum {
                try sum.add(inPlace: normalized)
            } else {
                sum = try each.isEmpty ? part.to(.float32).cloned() : normalized
            }
        }
        var mean = try sum! / Double(shown.count)
        for norm in all { mean = try norm(mean) }
        return mean
    }
}

extension TeacherTargets.Norm {
    /// Zero mean and unit (biased) variance: [..., D] in float32.
    func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        switch self {
        case .layer: return try x.layerNormalized([x.size(-1)])
        case .instance: return try x.normalizedOverTime()
        case .batch:
            let mean = try x.mean([0, 1], keep: true)
            return try (x - mean) * (x.variance([0, 1], correction: 0, keep: true) + 1e-5).power(-0.5)
        }
    }
}

/// How far predictions are from their targets.
public struct RegressionLoss: Codable, Sendable, Hashable {
    /// What the class token has to predict.
    public enum TokenTarget: String, Codable, Sendable, CaseIterable {
        /// The teacher's class token, through a linear layer; a clip counts as much as a masked frame.
        case token
        /// The mean of the clip's targets, as data2vec 2.0 does; all clips count as much as all masked frames.
        case mean
    }

    /// Below this difference the loss is quadratic, above it linear (smooth L1); 0 is quadratic throughout.
    public var beta = 0.0
    /// What the loss is multiplied with; null takes 1 / √D.
    public var scale: Double?
    /// Weight of masked frames.
    public var regression = 1.0
    /// Weight of the class token.
    public var classToken = 0.0
    /// What the class token has to predict.
    public var classTokenTarget = TokenTarget.token
    /// Weight of the waveform under masked frames, normalised frame by frame, that a linear layer reads from the predictions.
    public var reconstruction = 0.0

    /// That of animal2vec 1.0.
    public init() {}

    /// The same between predictions [n, D] and the rows of `targets` [m, D] with these `numbers` [n].
    ///
    /// On the CPU piece by piece, so that what is computed in float32 on the way stays in the cache.
    package func callAsFunction(_ prediction: Tensor, _ targets: Tensor, at numbers: Tensor) throws(TorchError)
        -> Tensor
    {
        let pieces = prediction.device.isCUDA ? 1 : max(1, prediction.count >> 20)
        var sum: Tensor?
        for (piece, numbers) in zip(try prediction.chunked(pieces, 0), try numbers.chunked(pieces, 0)) {
            let loss = try self(piece, targets.selected(0, numbers))
            sum = if let sum { try sum + loss } else { loss }
        }
        return sum!
    }

    /// Sum over everything of the scaled loss between rows [n, D].
    package func callAsFunction(_ prediction: Tensor, _ target: Tensor) throws(TorchError) -> Tensor {
        let factor = scale ?? 1 / Double(target.size(-1)).squareRoot()
        let found = try prediction.to(.float32)
        guard beta > 0 else { return try operate("aten::mse_loss", .tensor(found), .tensor(target), .int(2)) * factor }
        return try operate(
            "aten::smooth_l1_loss", .tensor(found), .tensor(target), .int(2), .double(beta)) * factor
    }
}
