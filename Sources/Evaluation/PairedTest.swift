// Two systems on the same recordings. The interval of their difference draws recordings with replacement, both systems the
// same ones. The test swaps the two systems in randomly chosen recordings: if neither is better, that makes no difference
// (Fisher's permutation test). With few recordings every swap is tried.
import Randomness

/// A score of two systems, and whether they differ.
public struct ScoreComparison: Sendable, Hashable, Codable {
    /// What is compared.
    public var name: String
    /// The score of the first system; nil if undefined.
    public var first: Double?
    /// The score of the second system.
    public var second: Double?
    /// First minus second, with its range over recordings.
    public var difference: ScoreInterval
    /// How often the draws contradict the sign of the difference, twice.
    public var bootstrapPValue: Double?
    /// How often a difference as large comes out when the systems are swapped at random.
    public var permutationPValue: Double?
}

/// Compares two systems.
public struct PairedTest: Sendable, Hashable {
    /// How recordings are drawn.
    public var bootstrap: Bootstrap
    /// How many random swaps are tried; fewer where the recordings allow fewer.
    public var permutations: Int

    /// A test with its usual values: 1000 draws, 2000 swaps.
    public init(bootstrap: Bootstrap = Bootstrap(), permutations: Int = 2000) {
        precondition(permutations >= 0, "PairedTest: \(permutations) permutations")
        (self.bootstrap, self.permutations) = (bootstrap, permutations)
    }

    /// Compares a statistic of both systems in `count` recordings. `statistic` gets how often every recording occurs, first
    /// as the first system saw it, then as the second did: 2 · `count` numbers.
    public func compare(_ name: String, recordings count: Int, _ statistic: ([Int]) -> Double?) -> ScoreComparison {
        let none = [Int](repeating: 0, count: count)
        func first(_ times: [Int]) -> Double? { statistic(times + none) }
        func second(_ times: [Int]) -> Double? { statistic(none + times) }
        let drawn = bootstrap.difference(of: count, first, second)
        let ones = [Int](repeating: 1, count: count)
        return ScoreComparison(
            name: name, first: first(ones), second: second(ones), difference: drawn.difference,
            bootstrapPValue: drawn.pValue,
            permutationPValue: drawn.difference.value.flatMap { permutation(count, abs($0), statistic) })
    }

    private func permutation(_ count: Int, _ observed: Double, _ statistic: ([Int]) -> Double?) -> Double? {
        guard count >= 2, permutations > 0 else { return nil }
        // Swapping everything or nothing gives the same difference: half of all swaps are enough.
        let isExhaustive = count <= 24 && 1 << (count - 1) <= permutations
        let total = isExhaustive ? 1 << (count - 1) : permutations
        var (asLarge, defined) = (0, 0)
        for number in 0..<total {
            var random = KeyedRandom(seed: bootstrap.seed, epoch: 1, sample: number, purpose: .bootstrap)
            let isSwapped = (0..<count).map { isExhaustive ? number >> $0 & 1 == 1 : random.next() & 1 == 1 }
            let kept = isSwapped.map { $0 ? 0 : 1 }
            let swapped = isSwapped.map { $0 ? 1 : 0 }
            guard let a = statistic(kept + swapped), let b = statistic(swapped + kept) else { continue }
            defined += 1
            if abs(a - b) >= observed - 1e-12 { asLarge += 1 }
        }
        guard defined > 0 else { return nil }
        // A random choice of swaps never proves a p-value of zero; all of them include the one that was observed.
        return isExhaustive ? Double(asLarge) / Double(defined) : Double(asLarge + 1) / Double(defined + 1)
    }
}

extension PairedTest {
    /// Compares two predictions of the same truth: event scores at every overlap, and frame scores where both give
    /// probabilities for the same classes.
    public func compare(
        _ first: AlignedEvents, _ second: AlignedEvents, minimumIoUs: [Double],
        frames: ([FrameRecording], [FrameRecording])?,
        classes: [String]
    ) -> [ScoreComparison] {
        let count = first.recordings.count
        var rows: [ScoreComparison] = []
        for minimumIoU in minimumIoUs {
            let rule = OverlapRule(minimumIoU: minimumIoU)
            let scores = [first, second].map {
                EventScores(truth: $0.truth, predictions: $0.predictions, recordings: $0.recordings, rule: rule)
            }
            let cells = scores.map { scores in (0..<count).map { scores.counts(ofRecording: $0) } }
            func total(_ times: [Int]) -> EventCounts {
                var sum = EventCounts()
                for (place, times) in times.enumerated() where times > 0 {
                    sum += cells[place / count][place % count].repeated(times)
                }
                return sum
            }
            let at = "at IoU \(minimumIoU)"
            rows.append(compare("event F1 \(at)", recordings: count) { total($0).f1 })
            rows.append(compare("event precision \(at)", recordings: count) { total($0).precision })
            rows.append(compare("event recall \(at)", recordings: count) { total($0).recall })
            rows.append(
                compare("event macro F1 \(at)", recordings: count) { times in
                    Self.macroF1(scores, times, count)
                })
        }
        if let frames {
            let together = Self.ranked(frames.0, frames.1, columns: Array(classes.indices), of: classes.count)
            let single = classes.indices.map { Self.ranked(frames.0, frames.1, columns: [$0], of: classes.count) }
            rows.append(
                compare("frame average precision, macro", recordings: count) { times in
                    let values = single.compactMap { $0.averagePrecision(times: times) }
                    return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
                })
            rows.append(
                compare("frame average precision, micro", recordings: count) { together.averagePrecision(times: $0) })
        }
        return rows
    }

    /// The mean F1 of the classes that occur in the truth of the drawn recordings.
    private static func macroF1(_ scores: [EventScores], _ times: [Int], _ count: Int) -> Double? {
        let labels = Set(scores[0].classes).union(scores[1].classes)
        let columns = scores.map { scores in
            Dictionary(uniqueKeysWithValues: scores.classes.enumerated().map { ($1, $0) })
        }
        var values: [Double] = []
        for label in labels {
            var sum = EventCounts()
            for (place, times) in times.enumerated() where times > 0 {
                let system = place / count
                guard let column = columns[system][label] else { continue }
                sum += scores[system].counts[place % count * scores[system].classes.count + column].repeated(times)
            }
            if sum.truePositives + sum.falseNegatives > 0, let f1 = sum.f1 { values.append(f1) }
        }
        return values.isEmpty ? nil : values.sorted().reduce(0, +) / Double(values.count)
    }

    private static func ranked(
        _ first: [FrameRecording], _ second: [FrameRecording], columns: [Int], of classCount: Int
    ) -> RankedScores {
        var (scores, isTrue, groups): ([Float], [Bool], [Int32]) = ([], [], [])
        for (group, recording) in (first + second).enumerated() {
            for start in stride(from: 0, to: recording.scores.count, by: classCount) {
                for column in columns {
                    scores.append(recording.scores[start + column])
                    isTrue.append(recording.targets[start + column] > 0.5)
                    groups.append(Int32(group))
                }
            }
        }
        return RankedScores(scores: scores, isTrue: isTrue, groups: groups)
    }
}
