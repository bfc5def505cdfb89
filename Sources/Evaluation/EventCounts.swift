/// Hits, false alarms and misses, and what follows from them.
public struct EventCounts: Sendable, Hashable, Codable {
    /// Predictions that found an event, and so events that were found.
    public var truePositives: Int
    /// Predictions that found none.
    public var falsePositives: Int
    /// Events that no prediction found.
    public var falseNegatives: Int

    /// Counts, zero unless given.
    public init(truePositives: Int = 0, falsePositives: Int = 0, falseNegatives: Int = 0) {
        self.truePositives = truePositives
        self.falsePositives = falsePositives
        self.falseNegatives = falseNegatives
    }

    /// The share of predictions that are right; nil without predictions.
    public var precision: Double? { EventCounts.share(truePositives, of: truePositives + falsePositives) }

    /// The share of events that were found; nil without events.
    public var recall: Double? { EventCounts.share(truePositives, of: truePositives + falseNegatives) }

    /// 2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; nil without events and predictions.
    public var f1: Double? {
        EventCounts.share(2 * truePositives, of: 2 * truePositives + falsePositives + falseNegatives)
    }

    /// The sums.
    public static func + (a: EventCounts, b: EventCounts) -> EventCounts {
        EventCounts(
            truePositives: a.truePositives + b.truePositives, falsePositives: a.falsePositives + b.falsePositives,
            falseNegatives: a.falseNegatives + b.falseNegatives)
    }

    /// Adds to the counts.
    public static func += (a: inout EventCounts, b: EventCounts) { a = a + b }

    /// The counts of one recording that was drawn `times` times.
    func repeated(_ times: Int) -> EventCounts {
        EventCounts(
            truePositives: truePositives * times, falsePositives: falsePositives * times,
            falseNegatives: falseNegatives * times)
    }

    private static func share(_ part: Int, of whole: Int) -> Double? {
        whole == 0 ? nil : Double(part) / Double(whole)
    }
}
