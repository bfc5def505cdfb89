// Intervals by drawing recordings, not events: events of one recording are alike, and only recordings are independent
// (Efron's percentile method). The draws depend on the seed alone, so that two systems see the same ones.
import Randomness

/// A score and the range in which it would lie with other recordings of the same kind.
public struct ScoreInterval: Sendable, Hashable, Codable {
    /// The score of the recordings as they are; nil if undefined.
    public var value: Double?
    /// The lower end of the range.
    public var low: Double?
    /// The upper end of the range.
    public var high: Double?

    /// A score with its range.
    public init(value: Double?, low: Double? = nil, high: Double? = nil) {
        self.value = value
        self.low = low
        self.high = high
    }
}

/// The difference between two systems on the same recordings.
public struct ScoreDifference: Sendable, Hashable, Codable {
    /// First minus second, with its range.
    public var difference: ScoreInterval
    /// The two-sided p-value: how often the draws contradict the sign of the difference, twice; nil if undefined.
    public var pValue: Double?
}

/// Draws recordings with replacement.
public struct Bootstrap: Sendable, Hashable {
    /// How often.
    public var resamples: Int
    /// The share of draws inside the range.
    public var level: Double
    /// The seed of the draws.
    public var seed: UInt64

    /// A bootstrap with its usual values: 1000 draws, 95 %.
    public init(resamples: Int = 1000, level: Double = 0.95, seed: UInt64 = 0) {
        precondition(resamples >= 0 && level > 0 && level < 1, "Bootstrap: \(resamples) resamples, level \(level)")
        self.resamples = resamples
        self.level = level
        self.seed = seed
    }

    /// How often each of `count` recordings occurs in a draw.
    public func times(draw: Int, count: Int) -> [Int] {
        var random = KeyedRandom(seed: seed, sample: draw, purpose: .bootstrap)
        var times = Array(repeating: 0, count: count)
        for _ in 0..<count { times[random.below(count)] += 1 }
        return times
    }

    /// A statistic of `count` recordings with its range. `statistic` gets how often each recording occurs; draws for
    /// which it is undefined are left out. Fewer than two recordings have no range.
    public func interval(of count: Int, _ statistic: ([Int]) -> Double?) -> ScoreInterval {
        let value = statistic(Array(repeating: 1, count: count))
        guard count >= 2 else { return ScoreInterval(value: value) }
        let draws = (0..<resamples).compactMap { statistic(times(draw: $0, count: count)) }.sorted()
        return range(value, draws)
    }

    /// The difference of two statistics of the same recordings, drawn together.
    public func difference(
        of count: Int, _ first: ([Int]) -> Double?, _ second: ([Int]) -> Double?
    ) -> ScoreDifference {
        func gap(_ times: [Int]) -> Double? {
            guard let a = first(times), let b = second(times) else { return nil }
            return a - b
        }
        let value = gap(Array(repeating: 1, count: count))
        guard count >= 2 else { return ScoreDifference(difference: ScoreInterval(value: value), pValue: nil) }
        let draws = (0..<resamples).compactMap { gap(times(draw: $0, count: count)) }.sorted()
        guard !draws.isEmpty else { return ScoreDifference(difference: ScoreInterval(value: value), pValue: nil) }
        // One is added to both counts: a finite number of draws never proves a p-value of zero.
        let below = draws.count { $0 <= 0 }
        let above = draws.count { $0 >= 0 }
        let pValue = min(1, 2 * Double(min(below, above) + 1) / Double(draws.count + 1))
        return ScoreDifference(difference: range(value, draws), pValue: pValue)
    }

    /// A value with the range of draws that were made already, in any order.
    public func interval(_ value: Double?, draws: [Double]) -> ScoreInterval { range(value, draws.sorted()) }

    private func range(_ value: Double?, _ sorted: [Double]) -> ScoreInterval {
        guard !sorted.isEmpty else { return ScoreInterval(value: value) }
        func quantile(_ share: Double) -> Double {
            let position = share * Double(sorted.count - 1)
            let lower = Int(position)
            let upper = min(lower + 1, sorted.count - 1)
            return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
        }
        return ScoreInterval(
            value: value, low: quantile((1 - level) / 2), high: quantile(1 - (1 - level) / 2))
    }
}
