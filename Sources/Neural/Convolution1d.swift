import Torch

/// Convolution over time; x [B, in, T], weight [out, in / groups, K].
public struct Convolution1d {
    /// [out, in / groups, K]
    public let weight: Tensor
    /// [out]
    public let bias: Tensor?
    /// Samples from one output to the next.
    public let stride: Int
    /// Groups of channels that do not mix.
    public let groups: Int

    /// Creates `weight`, and `bias` where wanted, under `path`.
    public init(
        _ path: ParameterPath, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
        hasBias: Bool = true, weights: Initialization? = nil
    ) throws(TorchError) {
        let fanIn = inputs / groups * kernel
        weight = try path.parameter("weight", [outputs, inputs / groups, kernel], weights ?? .uniformFanIn(fanIn))
        bias = hasBias ? try path.parameter("bias", [outputs], .uniformFanIn(fanIn)) : nil
        self.stride = stride
        self.groups = groups
    }

    /// [B, in, T] to [B, out, T'] with `padding` zeros on both sides.
    public func callAsFunction(_ x: Tensor, padding: Int = 0) throws(TorchError) -> Tensor {
        try x.convolved1d(weight, bias, stride: stride, padding: padding, groups: groups)
    }
}
