// Per-channel energy normalisation with learned numbers (arXiv 1607.05666): automatic gain control for every filter.
//
// B batch, N samples, C channels, L samples of a block
import Neural
import Torch

/// (x / (ε + m)^α + δ)^(1/r) − δ^(1/r) with m = (1 − s) · m before + s · x, all four learned for every channel.
public struct PerChannelEnergyNorm {
    private let alpha: Tensor
    private let delta: Tensor
    private let root: Tensor
    private let smoothing: Tensor

    /// Creates `alpha` (0.96), `delta` (2), `root` (2) and `smoothing` (0.04).
    public init(_ path: ParameterPath, _ channels: Int) throws(TorchError) {
        alpha = try path.parameter("alpha", [channels], .constant(0.96), alwaysFloat32: true)
        delta = try path.parameter("delta", [channels], .constant(2), alwaysFloat32: true)
        root = try path.parameter("root", [channels], .constant(2), alwaysFloat32: true)
        smoothing = try path.parameter("smoothing", [channels], .constant(0.04), alwaysFloat32: true)
    }

    /// Magnitudes [B, N, C] in float32 to [B, N, C].
    public func callAsFunction(_ x_BNC: Tensor) throws(TorchError) -> Tensor {
        let exponent = try root.clamped(min: 1).reciprocal()
        let past = try Self.smoothed(x_BNC, smoothing.clamped(min: 0, max: 1 - 1e-6)) + 1e-12
        // A power as the exponential of a logarithm: the gradient of 0 to a power is not finite.
        let gain = try (past.log() * alpha.clamped(max: 1)).exp()
        let floor = try delta.clamped(min: 1e-6)
        return try ((x_BNC / gain + floor).log() * exponent).exp() - (floor.log() * exponent).exp()
    }

    /// m[n] = (1 − s) · m[n − 1] + s · x[n] for every channel, beginning at m[0] = x[0]: [B, N, C].
    ///
    /// Within blocks it is a product with a triangular matrix; what a block takes over from those before it is the same
    /// recursion over the ends of blocks.
    package static func smoothed(_ x_BNC: Tensor, _ smoothing_C: Tensor) throws(TorchError) -> Tensor {
        // With x[0] before the first sample, m[0] = (1 − s) · x[0] + s · x[0].
        let first = try x_BNC.narrowed(1, 0, 1)
        let fed = try x_BNC * smoothing_C
        return try recursion(fed, (1 - smoothing_C).log(), before: first.squeezed(1))
    }

    /// m[n] = a · m[n − 1] + x[n] with a = e^`logDecay` and m[−1] = `before` [B, C].
    private static func recursion(_ x_BNC: Tensor, _ logDecay_C: Tensor, before: Tensor) throws(TorchError) -> Tensor {
        let (batch, count, channels) = (x_BNC.size(0), x_BNC.size(1), x_BNC.size(2))
        let length = min(count, 64)
        let blocks = (count + length - 1) / length
        let padded = try x_BNC.padded([0, 0, 0, blocks * length - count])
        let steps = try Tensor.arange(length, on: x_BNC.device)
        // [C, L, L]: a^(i − j) for j ≤ i
        let gaps = try steps.unsqueezed(1) - steps.unsqueezed(0)
        let powers = try (gaps.clamped(min: 0).unsqueezed(0) * logDecay_C.reshaped([-1, 1, 1])).exp()
        let triangle = try powers.masked(gaps.less(than: 0).unsqueezed(0), fill: 0)
        let rows = try padded.reshaped([batch * blocks, length, channels]).permuted([2, 0, 1])
        let within = try rows.matmul(triangle.transposed(1, 2)).permuted([1, 2, 0]).reshaped(
            [batch, blocks, length, channels])
        let ends = try within.slice(2, length - 1)
        let carried: Tensor
        if blocks == 1 {
            carried = try before.unsqueezed(1)
        } else {
            let after = try recursion(ends.narrowed(1, 0, blocks - 1), logDecay_C * Double(length), before: before)
            carried = try Tensor.concatenated([before.unsqueezed(1), after], 1)
        }
        let fading = try ((steps + 1).unsqueezed(1) * logDecay_C).exp()
        let whole = try within + carried.unsqueezed(2) * fading
        return try whole.reshaped([batch, blocks * length, channels]).narrowed(1, 0, count)
    }
}
