import Torch

/// y = x · α · σ(βx) with α and β learned for every channel; the identity at first.
public struct PSwish {
    private let alpha: Tensor
    private let beta: Tensor

    /// Creates `alpha` (2) and `beta` (0).
    public init(_ path: ParameterPath, _ channels: Int) throws(TorchError) {
        alpha = try path.parameter("alpha", [channels], .constant(2))
        beta = try path.parameter("beta", [channels], .constant(0))
    }

    /// [B, N, C] to [B, N, C]
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        x.fitsOnePass ? try x.pSwishInOnePass(alpha: alpha, beta: beta) : try x * alpha * (x * beta).sigmoid()
    }
}
