// The report of a detection: what `evaluate` prints and stores.
import Labels

/// Scores of detected events, and of frames where their probabilities are known.
public struct DetectionScores: Sendable, Hashable, Codable {
    /// A score of one class.
    public struct ClassRow: Sendable, Hashable, Codable {
        /// The label.
        public var label: String
        /// Hits, false alarms and misses.
        public var counts: EventCounts
        /// The share of predictions that are right.
        public var precision: Double?
        /// The share of events that were found.
        public var recall: Double?
        /// The harmonic mean of both.
        public var f1: Double?
    }

    /// Event scores at one threshold of overlap.
    public struct AtOverlap: Sendable, Hashable, Codable {
        /// The least intersection over union.
        public var minimumIoU: Double
        /// Hits, false alarms and misses of all classes.
        public var counts: EventCounts
        /// The share of predictions that are right.
        public var precision: ScoreInterval
        /// The share of events that were found.
        public var recall: ScoreInterval
        /// The harmonic mean of both over all events.
        public var f1: ScoreInterval
        /// The mean F1 of the classes that occur.
        public var macroF1: ScoreInterval
        /// F1 when labels need not agree: how well events are found, however they are named.
        public var f1IgnoringClass: Double?
        /// Every class.
        public var classes: [ClassRow]
    }

    /// Frame scores.
    public struct Frames: Sendable, Hashable, Codable {
        /// The mean average precision of the classes that occur.
        public var macroAveragePrecision: ScoreInterval
        /// The average precision of all frame × class cells.
        public var microAveragePrecision: ScoreInterval
        /// The probability from which a frame counts as found.
        public var threshold: Double
        /// Cells at the threshold.
        public var counts: EventCounts
        /// Every class.
        public var classes: [FrameScores.ClassScore]
        /// Classes that never occur and are left out of the mean.
        public var classesWithoutPositives: [String]
    }

    /// How many recordings were scored.
    public var recordingCount: Int
    /// How many events they hold.
    public var truthCount: Int
    /// How many events were predicted in them.
    public var predictionCount: Int
    /// The share of draws inside the ranges.
    public var level: Double
    /// Event scores, by overlap.
    public var events: [AtOverlap]
    /// Frame scores, if probabilities are known.
    public var frames: Frames?
    /// Segment scores, if frames are known.
    public var segments: Segments?
    /// The measure of the DCASE few-shot task, if it was asked for.
    public var fewShot: FewShot?
    /// The polyphonic sound detection score, if the lengths of the recordings are known.
    public var polyphonic: Polyphonic?
    /// The calls of the focal animal, if a class tells them.
    public var focal: FocalFrames?
    /// What animal2vec 1.0 would have printed, if it was asked for.
    public var published: PublishedScores?
    /// The same for other predictions, if they were given: first these, then those.
    public var comparison: [ScoreComparison]?
    /// What the reader should know: recordings that count neither way, classes left out.
    public var notes: [String]

    /// Scores predictions against the truth at several thresholds of overlap.
    public init(
        _ aligned: AlignedEvents, minimumIoUs: [Double] = [0.5], frames: FrameScores? = nil,
        bootstrap: Bootstrap = Bootstrap()
    ) {
        let recordings = aligned.recordings
        let known = Set(recordings)
        recordingCount = recordings.count
        truthCount = aligned.truth.count { known.contains($0.recording) }
        predictionCount = aligned.predictions.count { known.contains($0.recording) }
        level = bootstrap.level
        events = minimumIoUs.map { minimumIoU in
            let rule = OverlapRule(minimumIoU: minimumIoU)
            let scores = EventScores(
                truth: aligned.truth, predictions: aligned.predictions, recordings: recordings, rule: rule)
            let blind = EventScores(
                truth: aligned.truth, predictions: aligned.predictions, recordings: recordings, rule: rule,
                ignoresClass: true)
            return AtOverlap(minimumIoU: minimumIoU, scores: scores, blind: blind, bootstrap: bootstrap)
        }
        self.frames = frames.map { Frames($0, bootstrap: bootstrap) }
        notes = DetectionScores.notes(aligned, frames)
    }

    private static func notes(_ aligned: AlignedEvents, _ frames: FrameScores?) -> [String] {
        func list(_ names: [String]) -> String {
            names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
        }
        var notes: [String] = []
        if !aligned.unknownRecordings.isEmpty {
            notes.append(
                "\(aligned.unknownRecordings.count) predicted recordings are not in the truth and do not count: "
                    + list(aligned.unknownRecordings))
        }
        if !aligned.ambiguousRecordings.isEmpty {
            notes.append(
                "\(aligned.ambiguousRecordings.count) predicted names fit several recordings and do not count: "
                    + list(aligned.ambiguousRecordings))
        }
        if !aligned.unpredictedRecordings.isEmpty {
            notes.append(
                "\(aligned.unpredictedRecordings.count) recordings have no predictions, their events are missed: "
                    + list(aligned.unpredictedRecordings))
        }
        if let missing = frames?.classesWithoutPositives, !missing.isEmpty {
            notes.append("classes that never occur are left out of the frame mean: " + list(missing))
        }
        return notes
    }
}

extension DetectionScores.AtOverlap {
    fileprivate init(minimumIoU: Double, scores: EventScores, blind: EventScores, bootstrap: Bootstrap) {
        self.minimumIoU = minimumIoU
        let count = scores.recordings.count
        let byRecording = (0..<count).map { scores.counts(ofRecording: $0) }
        func total(_ times: [Int]) -> EventCounts {
            var sum = EventCounts()
            for (row, times) in times.enumerated() { sum += byRecording[row].repeated(times) }
            return sum
        }
        counts = scores.total
        precision = bootstrap.interval(of: count) { total($0).precision }
        recall = bootstrap.interval(of: count) { total($0).recall }
        f1 = bootstrap.interval(of: count) { total($0).f1 }
        macroF1 = bootstrap.interval(of: count) { scores.macroF1(times: $0) }
        f1IgnoringClass = blind.total.f1
        classes = scores.classes.indices.map { column in
            let counts = scores.counts(ofClass: column)
            return DetectionScores.ClassRow(
                label: scores.classes[column], counts: counts, precision: counts.precision, recall: counts.recall,
                f1: counts.f1)
        }
    }
}

extension DetectionScores.Frames {
    fileprivate init(_ scores: FrameScores, bootstrap: Bootstrap) {
        macroAveragePrecision = scores.macroInterval(bootstrap)
        microAveragePrecision = scores.microInterval(bootstrap)
        threshold = scores.threshold
        counts = scores.counts
        classes = scores.classes
        classesWithoutPositives = scores.classesWithoutPositives
    }
}
