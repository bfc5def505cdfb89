// What a user wants to be good. Every metric counts hits, false alarms and misses by recording and class, so that one search,
// one interval and one test serve them all.
import Labels

/// A score of predicted events that settings can be tuned to.
public struct TuningMetric: Sendable, Hashable, Codable {
    /// What is counted.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// F1 of events, one to one, class included.
        case eventF1 = "event_f1"
        /// The mean of the classes' F1 of events.
        case eventMacroF1 = "event_macro_f1"
        /// F1 of events, whatever they are called.
        case detectionF1 = "detection_f1"
        /// F1 of segments of equal length.
        case segmentF1 = "segment_f1"
        /// The mean of the classes' F1 of segments.
        case segmentMacroF1 = "segment_macro_f1"
        /// The F-measure of the DCASE few-shot task, with five shots.
        case fewShotF = "few_shot_f"
    }

    /// What is counted.
    public var kind: Kind
    /// The least intersection over union of events.
    public var minimumIoU: Double
    /// Length of segments in seconds.
    public var segmentSeconds: Double

    /// A metric; DCASE asks for 0.3, others usually for 0.5.
    public init(_ kind: Kind, minimumIoU: Double? = nil, segmentSeconds: Double = 1) {
        self.kind = kind
        self.minimumIoU = minimumIoU ?? (kind == .fewShotF ? 0.3 : 0.5)
        self.segmentSeconds = segmentSeconds
    }

    /// Whether all classes count alike, however frequent.
    public var isMacro: Bool { kind == .eventMacroF1 || kind == .segmentMacroF1 }

    /// The counts of one recording by class; one entry, without name, where classes do not matter.
    public func counts(truth: [Event], predictions: [Event]) -> [String: EventCounts] {
        func spans(_ events: [Event]) -> [String: [TimeSpan]] {
            var spans: [String: [TimeSpan]] = [:]
            for event in events {
                spans[kind == .detectionF1 ? "" : event.label, default: []].append(
                    TimeSpan(startSeconds: event.startSeconds, endSeconds: event.endSeconds))
            }
            return spans
        }
        switch kind {
        case .fewShotF:
            let name = truth.first?.recording ?? predictions.first?.recording ?? ""
            let scores = FewShotScores(
                truth: truth, predictions: predictions, recordings: [name], minimumIoU: minimumIoU)
            return ["": scores.subSets[0].counts]
        case .eventF1, .eventMacroF1, .detectionF1, .segmentF1, .segmentMacroF1:
            let (truths, found) = (spans(truth), spans(predictions))
            var counts: [String: EventCounts] = [:]
            for label in Set(truths.keys).union(found.keys) {
                let (truths, found) = (truths[label] ?? [], found[label] ?? [])
                counts[label] =
                    kind == .segmentF1 || kind == .segmentMacroF1
                    ? EventCounts(segmentsOf: truths, found, segmentSeconds: segmentSeconds)
                    : Matching(truths: truths, predictions: found, rule: OverlapRule(minimumIoU: minimumIoU)).counts
            }
            return counts
        }
    }

    /// The score of recordings; nil if undefined.
    public func score(_ recordings: some Sequence<[String: EventCounts]>) -> Double? {
        var sums: [String: EventCounts] = [:]
        for counts in recordings { sums.merge(counts, uniquingKeysWith: +) }
        guard isMacro else { return sums.values.reduce(EventCounts(), +).f1 }
        // In a fixed order: sums of floating-point numbers depend on it.
        let values = sums.sorted { $0.key < $1.key }.filter { $0.value.truePositives + $0.value.falseNegatives > 0 }
            .compactMap(\.value.f1)
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }
}
