import Torch

/// Zero mean and unit (biased) variance over the last dimension, then an optional learned scale and shift.
public struct LayerNorm {
    private let size: Int
    private let scale: (weight: Tensor, bias: Tensor)?
    private let epsilon: Double
    private let inFloat32: Bool

    /// Creates `weight` (1) and `bias` (0) of `size` under `path`.
    ///
    /// - Parameter inFloat32: computes in float32 whatever the model's precision.
    public init(_ path: ParameterPath, _ size: Int, epsilon: Double = 1e-5, inFloat32: Bool = false) throws(TorchError)
    {
        self.size = size
        self.epsilon = epsilon
        self.inFloat32 = inFloat32
        scale = (
            try path.parameter("weight", [size], .constant(1), alwaysFloat32: inFloat32),
            try path.parameter("bias", [size], .constant(0), alwaysFloat32: inFloat32)
        )
    }

    /// Without learned numbers.
    public init(_ size: Int, epsilon: Double = 1e-5, inFloat32: Bool = false) {
        self.size = size
        self.epsilon = epsilon
        self.inFloat32 = inFloat32
        scale = nil
    }

    /// [..., size] to [..., size]
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        // libtorch adds up the gradients of scale and shift in bfloat16. Also where nothing learns: a block that is computed once
        // more for its gradients must give the same numbers both times.
        if x.scalarType == .bfloat16 && !x.device.isCUDA { return try onePass(x, gelu: false) }
        let input = inFloat32 ? try x.to(.float32) : x
        return try input.layerNormalized([size], weight: scale?.weight, bias: scale?.bias, epsilon: epsilon)
            .to(x.scalarType)
    }

    /// GELU of the norm, [..., size] to [..., size]; on the CPU in one pass.
    public func gelu(_ x: Tensor) throws(TorchError) -> Tensor {
        x.fitsOnePass ? try onePass(x, gelu: true) : try self(x).gelu()
    }

    private func onePass(_ x: Tensor, gelu: Bool) throws(TorchError) -> Tensor {
        try x.layerNormalizedInOnePass(weight: scale?.weight, bias: scale?.bias, epsilon: epsilon, gelu: gelu)
    }
}
