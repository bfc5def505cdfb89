import Foundation
import Torch

/// y = x · Wᵀ + b; x [..., in], y [..., out].
public struct Linear {
    /// [out, in]
    public let weight: Tensor
    /// [out]
    public let bias: Tensor
    private let packed: PackedWeight?

    /// Creates `weight` and `bias` under `path`.
    public init(
        _ path: ParameterPath, _ inputs: Int, _ outputs: Int, weights: Initialization? = nil,
        bias: Initialization? = nil
    ) throws(TorchError) {
        weight = try path.parameter("weight", [outputs, inputs], weights ?? .uniformFanIn(inputs))
        self.bias = try path.parameter("bias", [outputs], bias ?? .uniformFanIn(inputs))
        packed = PackedWeight.isWorthwhile(weight, path.store.purpose) ? PackedWeight(path.store) : nil
    }

    /// [..., in] to [..., out]
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        guard let packed else { return try x.linear(weight, bias) }
        return try x.linear(packed: packed(weight, rows: x.count / x.size(-1)), bias)
    }

    /// GELU of the layer, [..., in] to [..., out]; with a packed weight in the same pass.
    public func gelu(_ x: Tensor) throws(TorchError) -> Tensor {
        guard let packed else { return try x.linear(weight, bias).gelu() }
        return try x.linear(packed: packed(weight, rows: x.count / x.size(-1)), bias, gelu: true)
    }
}

/// A weight in the order in which oneDNN's products take it. They would bring it into that order every time, which costs a third
/// of a product in matrix tiles; kept, it costs the memory once more, so it is for weights that only predict.
private final class PackedWeight {
    private let store: ParameterStore
    private var kept: (weight: Tensor, renewals: Int)?
    /// Several threads may predict at a time.
    private let lock = NSLock()

    init(_ store: ParameterStore) { self.store = store }

    /// Measured: with bfloat16 in tiles 1.3 to 1.5 times as fast, without tiles 1.12, and in float32 1.07. Beside tiles it is MKL
    /// that multiplies in float32, which has an order of its own.
    static func isWorthwhile(_ weight: Tensor, _ purpose: ParameterPurpose) -> Bool {
        guard purpose == .prediction && weight.device == .cpu && weight.count >= 1 << 16 else { return false }
        switch weight.scalarType {
        case .bfloat16: return Runtime.hasWideVectors
        case .float32: return Runtime.hasWideVectors && !Runtime.hasMatrixTiles
        default: return false
        }
    }

    /// `weight` [out, in] packed for inputs of `rows` rows; others may use it too.
    func callAsFunction(_ weight: Tensor, rows: Int) throws(TorchError) -> Tensor {
        lock.lock()
        defer { lock.unlock() }
        if let kept, kept.renewals == store.renewals { return kept.weight }
        let packed = try weight.packed(rows: rows)
        kept = (packed, store.renewals)
        return packed
    }
}
