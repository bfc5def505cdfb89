// Which events were found, the same way as they are scored: one to one, with the same label.
import Evaluation
import Labels

/// What became of every event of a recording.
struct EventOutcomes {
    /// What became of one event.
    enum Outcome: Equatable {
        /// Found with the right label; the position of the partner and the overlap.
        case matched(partner: Int, overlap: Double)
        /// Found with another label.
        case renamed(partner: Int, overlap: Double)
        /// Without a partner: a miss or a false alarm.
        case alone
    }

    /// Of every true event.
    let truth: [Outcome]
    /// Of every found event.
    let found: [Outcome]

    init(truth: [Event], found: [Event], minimumIoU: Double) {
        let rule = OverlapRule(minimumIoU: minimumIoU)
        var truthOutcomes = [Outcome](repeating: .alone, count: truth.count)
        var foundOutcomes = [Outcome](repeating: .alone, count: found.count)
        func match(_ a: [Int], _ b: [Int], _ outcome: (Int, Double) -> Outcome) {
            func spans(_ events: [Event], _ indices: [Int]) -> [TimeSpan] {
                indices.map { TimeSpan(startSeconds: events[$0].startSeconds, endSeconds: events[$0].endSeconds) }
            }
            for pair in Matching(truths: spans(truth, a), predictions: spans(found, b), rule: rule).pairs {
                truthOutcomes[a[pair.truth]] = outcome(b[pair.prediction], pair.overlap)
                foundOutcomes[b[pair.prediction]] = outcome(a[pair.truth], pair.overlap)
            }
        }
        let truthByLabel = Dictionary(grouping: truth.indices) { truth[$0].label }
        let foundByLabel = Dictionary(grouping: found.indices) { found[$0].label }
        for (label, indices) in truthByLabel {
            match(indices, foundByLabel[label] ?? []) { .matched(partner: $0, overlap: $1) }
        }
        match(
            truth.indices.filter { truthOutcomes[$0] == .alone }, found.indices.filter { foundOutcomes[$0] == .alone }
        ) { .renamed(partner: $0, overlap: $1) }
        self.truth = truthOutcomes
        self.found = foundOutcomes
    }

    private static func isMatched(_ outcome: Outcome) -> Bool {
        if case .matched = outcome { true } else { false }
    }

    /// How many true events were found with the right label.
    var matchedCount: Int { truth.count(where: EventOutcomes.isMatched) }
    /// How many true events were found with another label.
    var renamedCount: Int { truth.count - matchedCount - missedCount }
    /// How many true events were not found.
    var missedCount: Int { truth.count { $0 == .alone } }
    /// How many found events are nothing.
    var falseCount: Int { found.count { $0 == .alone } }
}
