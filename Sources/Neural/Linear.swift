import Torch

/// y = x · Wᵀ + b; x [..., in], y [..., out].
public struct Linear {
    /// [out, in]
    public let weight: Tensor
    /// [out]
    public let bias: Tensor

    /// Creates `weight` and `bias` under `path`.
    public init(
        _ path: ParameterPath, _ inputs: Int, _ outputs: Int, weights: Initialization? = nil,
        bias: Initialization? = nil
    ) throws(TorchError) {
        weight = try path.parameter("weight", [outputs, inputs], weights ?? .uniformFanIn(inputs))
        self.bias = try path.parameter("bias", [outputs], bias ?? .uniformFanIn(inputs))
    }

    /// [..., in] to [..., out]
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor { try x.linear(weight, bias) }
}
