// The measure of the DCASE few-shot task. The first five positive events of a recording are given to the system; what
// follows is to be found. Sounds the annotators could not decide on count neither way.
import Labels

/// DCASE few-shot precision, recall and F-measure.
public struct FewShotScores: Sendable, Hashable {
    /// How predictions that the task gives no credit for are treated.
    public enum Reading: String, Sendable, Hashable, Codable {
        /// As the reference code does: predictions before the end of the last shot are false alarms, and the shots of a
        /// recording without any prediction are misses.
        case published
        /// As it is meant: predictions of the shots count neither way, and shots are never missed.
        case exact
    }

    /// The scores of one part of the data, such as one animal.
    public struct SubSet: Sendable, Hashable {
        /// The name.
        public var name: String
        /// Hits, false alarms and misses.
        public var counts: EventCounts

        /// The share of predictions that are right; 0 without predictions.
        public var precision: Double { counts.precision ?? 0 }
        /// The share of events that were found; 0 without events.
        public var recall: Double { counts.recall ?? 0 }
        /// The harmonic mean of both.
        public var f1: Double { counts.f1 ?? 0 }
    }

    /// The label of sounds the annotators could not decide on.
    public static let unknownLabel = "UNK"
    /// No sub-set enters the harmonic mean with less.
    public static let floor = 1e-5

    /// The sub-sets by name.
    public let subSets: [SubSet]
    /// The harmonic mean of the precisions.
    public let precision: Double
    /// The harmonic mean of the recalls.
    public let recall: Double
    /// The harmonic mean of the F-measures.
    public let f1: Double

    /// Scores predictions against the truth; every label but `UNK` is positive, labels of predictions do not matter.
    /// `subSet` names the part of the data a recording belongs to.
    public init(
        truth: [Event], predictions: [Event], recordings: [String], shots: Int = 5, minimumIoU: Double = 0.3,
        reading: Reading = .exact, subSet: (String) -> String = { _ in "" }
    ) {
        let truths = Dictionary(grouping: truth, by: \.recording)
        let found = Dictionary(grouping: predictions, by: \.recording)
        var counts: [String: EventCounts] = [:]
        for recording in recordings {
            counts[subSet(recording), default: EventCounts()] += FewShotScores.counts(
                truths[recording] ?? [], found[recording] ?? [], shots,
                OverlapRule(minimumIoU: minimumIoU, isStrict: true), reading)
        }
        let subSets = counts.keys.sorted().map { SubSet(name: $0, counts: counts[$0]!) }
        self.subSets = subSets
        func harmonicMean(_ value: (SubSet) -> Double) -> Double {
            subSets.isEmpty ? 0 : Double(subSets.count) / subSets.reduce(0) { $0 + 1 / max(value($1), Self.floor) }
        }
        precision = harmonicMean(\.precision)
        recall = harmonicMean(\.recall)
        f1 = harmonicMean(\.f1)
    }

    private static func counts(
        _ truth: [Event], _ predictions: [Event], _ shots: Int, _ rule: OverlapRule, _ reading: Reading
    ) -> EventCounts {
        let truth = truth.sorted { $0.startSeconds < $1.startSeconds }
        let positives = truth.filter { $0.label != unknownLabel }
        if predictions.isEmpty, reading == .published { return EventCounts(falseNegatives: positives.count) }
        let lastShotEnd = positives.prefix(shots).last?.endSeconds ?? 0
        let remaining = shots > 0 ? truth.filter { $0.endSeconds > lastShotEnd } : truth
        let considered =
            reading == .published || shots == 0 ? predictions : predictions.filter { $0.endSeconds > lastShotEnd }
        func spans(_ events: [Event]) -> [TimeSpan] {
            events.map { TimeSpan(startSeconds: $0.startSeconds, endSeconds: $0.endSeconds) }
        }
        let matching = Matching(
            truths: spans(remaining.filter { $0.label != unknownLabel }), predictions: spans(considered), rule: rule)
        let undecided = Matching(
            truths: spans(remaining.filter { $0.label == unknownLabel }),
            predictions: spans(matching.surplus.map { considered[$0] }), rule: rule)
        return EventCounts(
            truePositives: matching.pairs.count, falsePositives: undecided.surplus.count,
            falseNegatives: matching.missed.count)
    }
}
