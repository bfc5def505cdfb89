import Randomness
import Torch

/// First numbers of a parameter.
public enum Initialization {
    /// The same number everywhere.
    case constant(Double)
    /// Normal with mean 0.
    case normal(standardDeviation: Double)
    /// Uniform in ±1/√fanIn: what PyTorch gives linear and convolution layers.
    case uniformFanIn(Int)
    /// He's normal with gain √2: standard deviation √(2 / fanIn).
    case kaimingNormal(fanIn: Int)
    /// Glorot's uniform: ±√(6 / (fanIn + fanOut)).
    case xavierUniform(fanIn: Int, fanOut: Int)
    /// Given numbers, row-major.
    case values([Float])

    /// The tensor, a pure function of (seed, name).
    func tensor(_ shape: [Int], seed: UInt64, name: String) throws(TorchError) -> Tensor {
        switch self {
        case .constant(let value): return try .full(shape, value)
        case .values(let values): return try Tensor(values, shape: shape)
        default: break
        }
        // FNV-1a of the name keys the stream: adding a layer does not change the others.
        let key = name.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var random = KeyedRandom(seed: seed, sample: Int(truncatingIfNeeded: key), purpose: .initialization)
        try Runtime.seed(random.next())
        switch self {
        case .normal(let deviation): return try .randomNormal(shape) * deviation
        case .uniformFanIn(let fanIn): return try uniform(shape, 1 / Double(fanIn).squareRoot())
        case .kaimingNormal(let fanIn): return try .randomNormal(shape) * (2 / Double(fanIn)).squareRoot()
        case .xavierUniform(let fanIn, let fanOut): return try uniform(shape, (6 / Double(fanIn + fanOut)).squareRoot())
        case .constant, .values: preconditionFailure("handled above")
        }
    }

    private func uniform(_ shape: [Int], _ bound: Double) throws(TorchError) -> Tensor {
        try Tensor.randomUniform(shape) * (2 * bound) - bound
    }
}
