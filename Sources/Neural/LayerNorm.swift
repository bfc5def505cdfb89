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
        guard inFloat32 && x.scalarType != .float32 else {
            return try x.layerNormalized([size], weight: scale?.weight, bias: scale?.bias, epsilon: epsilon)
        }
        let learns = recordsGradients && scale?.weight.requiresGradient == true
        if x.scalarType == .bfloat16 && !x.device.isCUDA && !learns {
            // With a scale in float32, libtorch computes in float32 by itself, and in an eighth of the time. The gradient of the
            // scale, though, it adds up in bfloat16 then, and is a tenth off.
            let scale = if let scale { scale } else { (weight: try Tensor.ones([size]), bias: try Tensor.zeros([size])) }
            return try x.layerNormalized([size], weight: scale.weight, bias: scale.bias, epsilon: epsilon)
        }
        return try x.to(.float32).layerNormalized(
            [size], weight: scale?.weight, bias: scale?.bias, epsilon: epsilon
        ).to(x.scalarType)
    }
}
