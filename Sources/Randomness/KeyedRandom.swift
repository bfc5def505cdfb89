// Randomness as a pure function of a key: the same (seed, epoch, sample, purpose) gives the same numbers on any number
// of threads and after any restart. splitmix64 is Vigna's finaliser (public domain).

/// The finaliser of splitmix64: a bijection on 64-bit words that mixes every input bit into every output bit.
public func splitmix64(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}

/// What a random number is drawn for. Different purposes never share a stream.
public enum RandomPurpose: UInt64, Sendable, CaseIterable {
    case order = 1
    case crop, mask, mixup, noise, dropout, initialization, augmentation, split, bootstrap, cluster, clone, background
}

/// A counter-based random generator whose whole state is its key and a counter.
public struct KeyedRandom: RandomNumberGenerator, Sendable {
    private let key: UInt64
    private var counter: UInt64 = 0

    /// A stream for one purpose of one sample in one epoch of one seeded run.
    public init(seed: UInt64, epoch: Int = 0, sample: Int = 0, purpose: RandomPurpose) {
        var key = splitmix64(seed)
        for word in [UInt64(bitPattern: Int64(epoch)), UInt64(bitPattern: Int64(sample)), purpose.rawValue] {
            key = splitmix64(key ^ splitmix64(word))
        }
        self.key = key
    }

    /// The next 64 uniformly distributed bits.
    public mutating func next() -> UInt64 {
        counter &+= 1
        return splitmix64(key &+ counter &* 0xD1B5_4A32_D192_ED03)
    }

    /// A uniformly distributed number in [0, 1), with 53 random bits.
    public mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A uniformly distributed integer in 0 ..< count.
    public mutating func below(_ count: Int) -> Int {
        precondition(count > 0, "below(\(count)): the count must be positive")
        return Int(next().multipliedFullWidth(by: UInt64(count)).high)
    }
}
