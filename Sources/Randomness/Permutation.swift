// The order of an epoch without a list in memory: a Feistel network over 2^(2·half) numbers, walked until the result
// falls inside the range (cycle walking), is a bijection on 0 ..< count for every count.

/// A pseudo-random permutation of 0 ..< count that is a pure function of (seed, epoch).
public struct Permutation: Sendable {
    /// How many numbers are permuted.
    public let count: Int
    private let key: UInt64
    private let half: UInt64
    private let mask: UInt64

    /// The permutation of 0 ..< count for one epoch of a seeded run.
    public init(count: Int, seed: UInt64, epoch: Int) {
        precondition(count > 0, "Permutation(count: \(count)): the count must be positive")
        self.count = count
        var random = KeyedRandom(seed: seed, epoch: epoch, purpose: .order)
        key = random.next()
        let bits = UInt64(64 - (UInt64(count) - 1).leadingZeroBitCount)
        half = max(1, (bits + 1) / 2)
        mask = (1 << half) - 1
    }

    /// Where position `index` of the epoch points. Complexity: O(1) expected.
    public subscript(index: Int) -> Int {
        precondition(index >= 0 && index < count, "Permutation: index \(index) is outside 0..<\(count)")
        var x = UInt64(index)
        repeat {
            var (left, right) = (x >> half, x & mask)
            for round: UInt64 in 0..<6 {
                (left, right) = (right, left ^ (splitmix64(right &+ key &+ round &* 0x9E37_79B9_7F4A_7C15) & mask))
            }
            x = left << half | right
        } while x >= UInt64(count)
        return Int(x)
    }
}
