import Randomness
import Testing

@Suite struct PermutationTests {
    @Test(
        "Every count from 1 to 600 and some large ones give a bijection",
        arguments: Array(1...600) + [65_535, 65_536, 65_537])
    func bijective(count: Int) {
        let permutation = Permutation(count: count, seed: 7, epoch: 3)
        var seen = [Bool](repeating: false, count: count)
        for index in 0..<count { seen[permutation[index]] = true }
        #expect(seen.allSatisfy { $0 })
    }

    @Test func `Another seed or epoch gives another order, the same key the same one`() {
        let order = { (seed: UInt64, epoch: Int) in
            (0..<100).map { Permutation(count: 100, seed: seed, epoch: epoch)[$0] }
        }
        #expect(order(1, 0) == order(1, 0))
        #expect(order(1, 0) != order(1, 1))
        #expect(order(1, 0) != order(2, 0))
    }
}

@Suite struct KeyedRandomTests {
    @Test func `Streams of different purposes and samples differ and repeat exactly`() {
        func draw(_ sample: Int, _ purpose: RandomPurpose) -> [UInt64] {
            var random = KeyedRandom(seed: 1, epoch: 2, sample: sample, purpose: purpose)
            return (0..<8).map { _ in random.next() }
        }
        #expect(draw(0, .crop) == draw(0, .crop))
        #expect(draw(0, .crop) != draw(0, .mask))
        #expect(draw(0, .crop) != draw(1, .crop))
    }

    @Test func `Uniform numbers have the mean and variance of a uniform distribution`() {
        var random = KeyedRandom(seed: 3, purpose: .noise)
        let values = (0..<100_000).map { _ in random.uniform() }
        let mean = values.reduce(0, +) / 100_000
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 100_000
        #expect(abs(mean - 0.5) < 0.004)
        #expect(abs(variance - 1.0 / 12) < 0.001)
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
    }
}
