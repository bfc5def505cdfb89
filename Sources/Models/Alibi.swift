// Attention with a linear penalty on distance (ALiBi, arXiv 2108.12409).
//
// B batch, N frames, H heads, d channels of a head
import Foundation
import Neural
import Torch

/// ALiBi: every head sees a frame d frames away with −slope · d added to its score.
public enum Alibi {
    /// Slopes of the heads: powers of two, interleaved when the number of heads is no power of two.
    public static func slopes(heads: Int) -> [Double] {
        let power = 1 << (Int.bitWidth - 1 - heads.leadingZeroBitCount)
        let start = Foundation.pow(2, -Foundation.pow(2, -(Foundation.log2(Double(power)) - 3)))
        let regular = (0..<power).map { Foundation.pow(start, Double($0 + 1)) }
        guard power < heads else { return regular }
        let finer = slopes(heads: 2 * power)
        return regular + stride(from: 0, to: finer.count, by: 2).map { finer[$0] }.prefix(heads - power)
    }

    /// −slope · scale · |i − j| for frames at `positions` [R, N]: [R, H, N, N].
    static func bias(positions_RN: Tensor, scale_H: Tensor, slopes_H: Tensor) throws(TorchError) -> Tensor {
        let strength = try (scale_H.clamped(min: 0) * slopes_H).reshaped([1, -1, 1, 1])
        let distance = try (positions_RN.unsqueezed(2) - positions_RN.unsqueezed(1)).absolute()
        return try -(distance.unsqueezed(1) * strength)
    }
}

/// What is added to attention's scores.
public enum ScoreBias {
    /// [B or 1, H, N, N] in float32.
    case scores(Tensor)
    /// A penalty on the distance of consecutive frames, where nothing learns.
    case distance(DistancePenalty)
}

/// ALiBi over consecutive frames without the scores that it makes vanish: half the work, or less, on ten seconds of sound.
public struct DistancePenalty {
    private let strengths: [Float]

    /// The penalty of heads of these strengths (slope times scale, at least 0).
    public init(strengths: [Float]) { self.strengths = strengths }

    /// Whether it is faster than the full scores.
    static func isWorthwhile(frames: Int, on device: Device) -> Bool {
        frames >= 512 && !device.isCUDA && !recordsGradients
    }

    /// softmax(query · keyᵀ / √d − strength · distance) · value, [B, H, N, d], without gradients.
    public func mix(_ query: Tensor, _ key: Tensor, _ value: Tensor) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            try query.detached().attended(
                key: key.detached(), value: value.detached(), distanceStrengths: strengths)
        }
    }
}
