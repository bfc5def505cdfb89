// How well groups that were found without labels agree with labels. Chance is taken out of the first two: random groups
// score 0, however many there are (Hubert & Arabie 1985; Vinh, Epps & Bailey 2010).
import Foundation

/// How often each group meets each label.
public struct ContingencyTable: Sendable, Hashable {
    /// Groups × labels, row-major.
    public private(set) var counts: [Int]
    /// Rows.
    public let groupCount: Int
    /// Columns.
    public let labelCount: Int

    /// The table of two lists of the same length, with numbers from 0; `times` says how often each place counts.
    public init(groups: [Int], labels: [Int], times: [Int]? = nil) {
        precondition(groups.count == labels.count, "\(groups.count) groups for \(labels.count) labels")
        groupCount = (groups.max() ?? -1) + 1
        labelCount = (labels.max() ?? -1) + 1
        counts = [Int](repeating: 0, count: groupCount * labelCount)
        for index in groups.indices { counts[groups[index] * labelCount + labels[index]] += times?[index] ?? 1 }
    }

    /// Everything that was counted.
    public var total: Int { counts.reduce(0, +) }
    private var groupSizes: [Int] {
        (0..<groupCount).map { counts[$0 * labelCount..<($0 + 1) * labelCount].reduce(0, +) }
    }
    private var labelSizes: [Int] {
        (0..<labelCount).map { label in (0..<groupCount).reduce(0) { $0 + counts[$1 * labelCount + label] } }
    }

    /// Share of places whose label is the most frequent one of their group; nil for an empty table.
    public var purity: Double? {
        guard total > 0 else { return nil }
        let right = (0..<groupCount).reduce(0) {
            $0 + (counts[$1 * labelCount..<($1 + 1) * labelCount].max() ?? 0)
        }
        return Double(right) / Double(total)
    }

    /// Share of pairs on which groups and labels agree, beyond chance; 1 when they are the same.
    public var adjustedRandIndex: Double? {
        guard total > 0 else { return nil }
        func pairs(_ count: Int) -> Double { Double(count) * Double(count - 1) / 2 }
        let together = counts.reduce(0) { $0 + pairs($1) }
        let inGroups = groupSizes.reduce(0) { $0 + pairs($1) }
        let inLabels = labelSizes.reduce(0) { $0 + pairs($1) }
        let all = pairs(total)
        let expected = all > 0 ? inGroups * inLabels / all : 0
        let most = (inGroups + inLabels) / 2
        return most == expected ? 1 : (together - expected) / (most - expected)
    }

    /// What groups tell about labels, beyond chance, against the mean of both entropies; 1 when they are the same.
    public var adjustedMutualInformation: Double? {
        guard total > 0 else { return nil }
        let (rows, columns) = (groupSizes.filter { $0 > 0 }, labelSizes.filter { $0 > 0 })
        // Where everything is in one group and has one label, they agree.
        if rows.count == 1 && columns.count == 1 { return 1 }
        let number = Double(total)
        func entropy(_ sizes: [Int]) -> Double {
            -sizes.reduce(0) { $0 + Double($1) / number * log(Double($1) / number) }
        }
        let (groupSizes, labelSizes) = (self.groupSizes, self.labelSizes)
        var information = 0.0
        for group in 0..<groupCount {
            for label in 0..<labelCount {
                let count = Double(counts[group * labelCount + label])
                guard count > 0 else { continue }
                information +=
                    count / number * log(number * count / (Double(groupSizes[group]) * Double(labelSizes[label])))
            }
        }
        let expected = expectedInformation(rows, columns)
        let mean = (entropy(rows) + entropy(columns)) / 2
        let room = mean - expected
        // Both may be rounding only: where every place is a group of its own.
        guard abs(room) > 1e-15 else { return 0 }
        return (information - expected) / room
    }

    /// The mean mutual information of all tables with these sums.
    private func expectedInformation(_ rows: [Int], _ columns: [Int]) -> Double {
        let total = total
        let number = Double(total)
        var factorials = [Double](repeating: 0, count: total + 1)
        for index in stride(from: 2, through: total, by: 1) {
            factorials[index] = factorials[index - 1] + log(Double(index))
        }
        var logarithms = [Double](repeating: 0, count: total + 1)
        for index in stride(from: 1, through: total, by: 1) { logarithms[index] = log(Double(index)) }
        var sum = 0.0
        // Sums that occur several times are computed once.
        let rowTimes = Dictionary(rows.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
        let columnTimes = Dictionary(columns.map { ($0, 1) }, uniquingKeysWith: +).sorted { $0.key < $1.key }
        for (a, aTimes) in rowTimes {
            for (b, bTimes) in columnTimes {
                let constant =
                    factorials[a] + factorials[b] + factorials[total - a] + factorials[total - b] - factorials[total]
                let offset = log(number) - logarithms[a] - logarithms[b]
                var part = 0.0
                for n in max(1, a + b - total)...min(a, b) {
                    let likelihood =
                        constant - factorials[n] - factorials[a - n] - factorials[b - n]
                        - factorials[total - a - b + n]
                    part += Double(n) / number * (logarithms[n] + offset) * exp(likelihood)
                }
                sum += Double(aTimes * bTimes) * part
            }
        }
        return sum
    }
}

/// Agreement of groups with labels, with intervals over recordings.
public struct GroupingScores: Sendable, Hashable, Codable {
    /// Adjusted mutual information.
    public var adjustedMutualInformation: ScoreInterval
    /// Adjusted Rand index.
    public var adjustedRandIndex: ScoreInterval
    /// Share of places whose label is the most frequent one of their group.
    public var purity: ScoreInterval

    /// Scores of labelled places.
    ///
    /// - Parameters:
    ///   - groups: the group of each place, from 0.
    ///   - labels: the label of each place, from 0.
    ///   - recordings: the recording of each place, from 0: recordings are drawn, not places.
    public init(groups: [Int], labels: [Int], recordings: [Int], bootstrap: Bootstrap = Bootstrap()) {
        let count = (recordings.max() ?? -1) + 1
        // One pass over the draws serves all three.
        func tables(_ times: [Int]) -> ContingencyTable {
            ContingencyTable(groups: groups, labels: labels, times: recordings.map { times[$0] })
        }
        let whole = tables([Int](repeating: 1, count: count))
        let draws =
            count < 2 ? [] : (0..<bootstrap.resamples).map { tables(bootstrap.times(draw: $0, count: count)) }
        func interval(_ value: (ContingencyTable) -> Double?) -> ScoreInterval {
            bootstrap.interval(value(whole), draws: draws.compactMap(value))
        }
        adjustedMutualInformation = interval(\.adjustedMutualInformation)
        adjustedRandIndex = interval(\.adjustedRandIndex)
        purity = interval(\.purity)
    }
}

/// How often a classifier was right.
public struct ClassificationScores: Sendable, Hashable, Codable {
    /// Share of places that got their label.
    public var accuracy: ScoreInterval
    /// F1 of each label, averaged over the labels that occur.
    public var macroF1: ScoreInterval

    /// Scores of predicted labels, both with numbers from 0.
    ///
    /// - Parameter recordings: the recording of each place, from 0: recordings are drawn, not places.
    public init(truth: [Int], predicted: [Int], recordings: [Int], bootstrap: Bootstrap = Bootstrap()) {
        let count = (recordings.max() ?? -1) + 1
        func values(_ times: [Int]) -> (accuracy: Double?, macroF1: Double?) {
            Self.values(truth: truth, predicted: predicted, times: recordings.map { times[$0] })
        }
        let whole = values([Int](repeating: 1, count: count))
        let draws =
            count < 2 ? [] : (0..<bootstrap.resamples).map { values(bootstrap.times(draw: $0, count: count)) }
        accuracy = bootstrap.interval(whole.accuracy, draws: draws.compactMap(\.accuracy))
        macroF1 = bootstrap.interval(whole.macroF1, draws: draws.compactMap(\.macroF1))
    }

    /// Accuracy and macro-F1 without intervals; nil without places.
    public static func values(
        truth: [Int], predicted: [Int], times: [Int]? = nil
    ) -> (accuracy: Double?, macroF1: Double?) {
        precondition(truth.count == predicted.count, "\(predicted.count) predictions for \(truth.count) places")
        let classes = max(truth.max() ?? -1, predicted.max() ?? -1) + 1
        var hits = [Int](repeating: 0, count: classes)
        var truths = hits
        var found = hits
        var total = 0
        for index in truth.indices {
            let weight = times?[index] ?? 1
            total += weight
            truths[truth[index]] += weight
            found[predicted[index]] += weight
            if truth[index] == predicted[index] { hits[truth[index]] += weight }
        }
        guard total > 0 else { return (nil, nil) }
        let occurring = (0..<classes).filter { truths[$0] + found[$0] > 0 }
        let f1 = occurring.reduce(0) { $0 + 2 * Double(hits[$1]) / Double(truths[$1] + found[$1]) }
        return (Double(hits.reduce(0, +)) / Double(total), f1 / Double(occurring.count))
    }
}
