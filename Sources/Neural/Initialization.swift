import Foundation
import Randomness
import Torch

/// First numbers of a parameter.
public enum Initialization {
    /// The same number everywhere.
    case constant(Double)
    /// Normal with mean 0.
    case normal(standardDeviation: Double)
    /// Normal with mean 0 in equal parts along the first dimension, each with a deviation of its own.
    case normalParts(standardDeviations: [Double])
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
        // FNV-1a of the name keys the stream: adding a layer does not change the others. Numbers are drawn here and not by
        // libtorch, whose one generator is shared by all threads.
        let key = name.utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        var random = KeyedRandom(seed: seed, sample: Int(truncatingIfNeeded: key), purpose: .initialization)
        let count = shape.reduce(1, *)
        let values: [Float]
        switch self {
        case .normal(let deviation): values = Self.normal(count, deviation, &random)
        case .normalParts(let deviations):
            precondition(count % deviations.count == 0, "\(name): \(shape) has no \(deviations.count) equal parts")
            values = deviations.flatMap { Self.normal(count / deviations.count, $0, &random) }
        case .uniformFanIn(let fanIn): values = Self.uniform(count, 1 / Double(fanIn).squareRoot(), &random)
        case .kaimingNormal(let fanIn): values = Self.normal(count, (2 / Double(fanIn)).squareRoot(), &random)
        case .xavierUniform(let fanIn, let fanOut):
            values = Self.uniform(count, (6 / Double(fanIn + fanOut)).squareRoot(), &random)
        case .constant, .values: preconditionFailure("handled above")
        }
        return try Tensor(values, shape: shape)
    }

    private static func uniform(_ count: Int, _ bound: Double, _ random: inout KeyedRandom) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count { buffer[index] = Float((2 * random.uniform() - 1) * bound) }
            initialized = count
        }
    }

    /// Box and Muller's method, two numbers at a time.
    private static func normal(_ count: Int, _ deviation: Double, _ random: inout KeyedRandom) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            var index = 0
            while index < count {
                let radius = deviation * (-2 * log(1 - random.uniform())).squareRoot()
                let angle = 2 * Double.pi * random.uniform()
                buffer[index] = Float(radius * cos(angle))
                if index + 1 < count { buffer[index + 1] = Float(radius * sin(angle)) }
                index += 2
            }
            initialized = count
        }
    }
}
