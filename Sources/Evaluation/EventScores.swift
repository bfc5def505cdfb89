// Event precision, recall and F1: per recording and class, so that totals, classes and intervals all come from one count.
import Labels

/// Predictions counted against truths, for every recording and class.
public struct EventScores: Sendable, Hashable {
    /// When a prediction finds an event.
    public let rule: OverlapRule
    /// The recordings, in the order of the rows of `counts`.
    public let recordings: [String]
    /// The labels, in the order of the columns of `counts`; one empty name if labels do not matter.
    public let classes: [String]
    /// Recordings × classes, row by row.
    public let counts: [EventCounts]

    /// Counts events in these recordings; others are left out. Without `ignoresClass` the labels must agree.
    public init(
        truth: [Event], predictions: [Event], recordings: [String], rule: OverlapRule = OverlapRule(minimumIoU: 0.5),
        ignoresClass: Bool = false
    ) {
        self.rule = rule
        self.recordings = recordings
        let classes = ignoresClass ? [""] : Vocabulary(events: truth + predictions).labels
        self.classes = classes
        let rows = Dictionary(recordings.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let columns = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        func cells(_ events: [Event]) -> [[TimeSpan]] {
            var cells = Array(repeating: [TimeSpan](), count: recordings.count * classes.count)
            for event in events {
                guard let row = rows[event.recording] else { continue }
                let column = ignoresClass ? 0 : columns[event.label]!
                cells[row * classes.count + column].append(
                    TimeSpan(startSeconds: event.startSeconds, endSeconds: event.endSeconds))
            }
            return cells
        }
        counts = zip(cells(truth), cells(predictions)).map { truths, predictions in
            Matching(truths: truths, predictions: predictions, rule: rule).counts
        }
    }

    /// The counts of everything together.
    public var total: EventCounts { counts.reduce(EventCounts(), +) }

    /// The counts of a class in all recordings.
    public func counts(ofClass column: Int) -> EventCounts {
        recordings.indices.reduce(EventCounts()) { $0 + counts[$1 * classes.count + column] }
    }

    /// The counts of a recording in all classes.
    public func counts(ofRecording row: Int) -> EventCounts {
        counts[row * classes.count..<(row + 1) * classes.count].reduce(EventCounts(), +)
    }

    /// The mean F1 of the classes that occur in the truth; nil if there is none.
    public var macroF1: Double? { macroF1(times: Array(repeating: 1, count: recordings.count)) }

    /// The mean F1 when each recording is drawn so many times.
    func macroF1(times: [Int]) -> Double? {
        var scores: [Double] = []
        for column in classes.indices {
            var sum = EventCounts()
            for row in recordings.indices where times[row] > 0 {
                sum += counts[row * classes.count + column].repeated(times[row])
            }
            if sum.truePositives + sum.falseNegatives > 0, let f1 = sum.f1 { scores.append(f1) }
        }
        return scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
    }
}
