// Thresholds, windows, gaps and lengths that suit a metric, found by going along one setting at a time: first those of all
// classes together, then those of every class. What comes out is too good on the recordings it was chosen on, so the gain
// that is told is that of recordings left out in turn: tuned without them, tried on them.
import Dispatch
import Labels

/// Chooses how frame probabilities become events.
public struct DecodingTuner: Sendable {
    /// Frame probabilities of one recording and what is really there.
    public struct Recording: Sendable {
        /// Row-major T × C.
        public var probabilities: [Float]
        /// The times of the frames.
        public var grid: FrameGrid
        /// Length in seconds.
        public var seconds: Double
        /// What is there.
        public var truth: [Event]

        /// A recording with its truth.
        public init(probabilities: [Float], grid: FrameGrid, seconds: Double, truth: [Event]) {
            (self.probabilities, self.grid, self.seconds, self.truth) = (probabilities, grid, seconds, truth)
        }
    }

    /// What tuning has found.
    public struct Outcome: Sendable, Hashable, Codable {
        /// The metric.
        public var metric: TuningMetric
        /// The score of the settings before, on all recordings.
        public var before: Double?
        /// The score of the new settings on the recordings they were chosen on: too good.
        public var after: Double?
        /// New settings against old ones on recordings that had no part in choosing; nil for a single recording.
        public var heldOut: ScoreComparison?
        /// Into how many parts the recordings were divided for that.
        public var folds: Int
        /// The new settings, chosen on all recordings.
        public var configuration: EventDecoder.Configuration
    }

    /// What is to be good.
    public let metric: TuningMetric
    private let classes: [String]
    private let recordings: [Recording]
    private let tunesClasses: Bool
    private let progress: @Sendable (Double) -> Bool

    /// A tuner; `progress` hears the share that is done, and ends the work by returning false.
    public init(
        _ metric: TuningMetric, classes: [String], recordings: [Recording], tunesClasses: Bool = true,
        progress: @escaping @Sendable (Double) -> Bool = { _ in true }
    ) {
        (self.metric, self.classes, self.recordings) = (metric, classes, recordings)
        (self.tunesClasses, self.progress) = (tunesClasses, progress)
    }

    /// Thrown when `progress` ends the work.
    public struct Stopped: Error {
        /// It says no more.
        public init() {}
    }

    /// Searches from `start` on, all recordings, and without each of `folds` parts. Throws `Stopped`.
    public func tune(
        from start: EventDecoder.Configuration, folds: Int = 5, bootstrap: Bootstrap = Bootstrap()
    ) throws(Stopped) -> Outcome {
        let all = Array(recordings.indices)
        let parts = recordings.count >= 2 ? min(max(2, folds), recordings.count) : 0
        let steps = Double(parts + 1)
        let found = try search(all, from: start, share: 0, of: steps)
        let old = counts(all, start)
        var heldOut: ScoreComparison?
        if parts > 0 {
            var new = old
            for part in 0..<parts {
                let (inside, outside) = (all.filter { $0 % parts == part }, all.filter { $0 % parts != part })
                let tuned = try search(outside, from: start, share: Double(part + 1), of: steps)
                for (index, counts) in zip(inside, counts(inside, tuned)) { new[index] = counts }
            }
            let both = new + old
            heldOut = PairedTest(bootstrap: bootstrap).compare(metric.kind.rawValue, recordings: all.count) { times in
                metric.score(times.indices.lazy.flatMap { repeatElement(both[$0], count: times[$0]) })
            }
        }
        guard progress(1) else { throw Stopped() }
        return Outcome(
            metric: metric, before: metric.score(old), after: metric.score(counts(all, found)), heldOut: heldOut,
            folds: parts, configuration: found)
    }

    // MARK: Search

    /// The counts of recordings; with `column` those of one class alone, which is much quicker.
    private func counts(
        _ indices: [Int], _ configuration: EventDecoder.Configuration, column: Int? = nil
    ) -> [[String: EventCounts]] {
        var results = [[String: EventCounts]](repeating: [:], count: indices.count)
        results.withUnsafeMutableBufferPointer { buffer in
            nonisolated(unsafe) let buffer = buffer
            DispatchQueue.concurrentPerform(iterations: indices.count) { place in
                let recording = recordings[indices[place]]
                var (labels, probabilities, truth) = (classes, recording.probabilities, recording.truth)
                if let column {
                    labels = [classes[column]]
                    probabilities = (0..<recording.grid.count).map {
                        recording.probabilities[$0 * classes.count + column]
                    }
                    truth = truth.filter { $0.label == labels[0] }
                }
                let events = EventDecoder.events(
                    probabilities, configuration.withoutMarks, classes: labels, recording: "",
                    framesPerSecond: recording.grid.framesPerSecond,
                    firstCentreSeconds: recording.grid.firstCentreSeconds, recordingSeconds: recording.seconds)
                buffer[place] = metric.counts(truth: truth, predictions: events)
            }
        }
        return results
    }

    private func search(
        _ indices: [Int], from start: EventDecoder.Configuration, share: Double, of steps: Double
    ) throws(Stopped) -> EventDecoder.Configuration {
        var best = start
        var bestScore = metric.score(counts(indices, start)) ?? 0
        // Counts of the best settings; only kept where classes do not depend on each other.
        var known: [[String: EventCounts]] = []
        func attempt(_ candidates: [EventDecoder.Configuration], column: Int? = nil) {
            for candidate in candidates where candidate != best {
                var counted = counts(indices, candidate, column: column)
                if let column {
                    let own = counted
                    counted = known
                    for place in counted.indices { counted[place][classes[column]] = own[place][classes[column]] }
                }
                let score = metric.score(counted) ?? 0
                // What is as good without a change stays: less is chosen by chance.
                if score > bestScore + 1e-9 { (best, bestScore, known) = (candidate, score, counted) }
            }
        }
        func vary<Value>(
            _ path: WritableKeyPath<EventDecoder.Configuration, Value>, _ values: [Value]
        ) -> [EventDecoder.Configuration] {
            values.map { value in
                var candidate = best
                candidate[keyPath: path] = value
                return candidate
            }
        }
        let labels = metric.kind == .detectionF1 || !tunesClasses ? [] : heard(indices)
        let total = Double(2 * 6 + labels.count)
        var done = 0.0
        func advance() throws(Stopped) {
            done += 1
            guard progress((share + done / total) / steps) else { throw Stopped() }
        }
        for _ in 0..<2 {
            attempt(vary(\.threshold, Self.thresholds))
            try advance()
            if best.smoothing != .edges { attempt(vary(\.smoothingSeconds, Self.windows)) }
            try advance()
            attempt(vary(\.minimumSeconds, Self.lengths))
            try advance()
            attempt(vary(\.gapSeconds, Self.lengths))
            try advance()
            attempt(vary(\.oneClassAtATime, [true, false]))
            try advance()
            attempt(vary(\.threshold, Self.around(best.threshold)))
            try advance()
        }
        // Classes that hardly occur follow the others: their own settings would fit single events.
        let areRivals = best.oneClassAtATime || best.focal != nil || best.anyClass != nil || metric.kind == .fewShotF
        if !areRivals { known = counts(indices, best) }
        for label in labels {
            let column = areRivals ? nil : classes.firstIndex(of: label)
            func own(_ change: (inout EventDecoder.Configuration.ClassSettings) -> Void) -> EventDecoder.Configuration {
                var candidate = best
                change(&candidate.classes[label, default: .init()])
                return candidate
            }
            attempt(Self.thresholds.map { value in own { $0.threshold = value } }, column: column)
            attempt(Self.windows.map { value in own { $0.smoothingSeconds = value } }, column: column)
            attempt(Self.lengths.map { value in own { $0.minimumSeconds = value } }, column: column)
            attempt(Self.lengths.map { value in own { $0.gapSeconds = value } }, column: column)
            try advance()
        }
        return best
    }

    /// Classes with at least ten events in at least two of the recordings.
    private func heard(_ indices: [Int]) -> [String] {
        classes.filter { label in
            let counts = indices.map { recordings[$0].truth.count { $0.label == label } }
            return counts.reduce(0, +) >= 10 && counts.count { $0 > 0 } >= 2
        }
    }

    private static let thresholds = [
        0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.8, 0.9,
    ]
    private static let windows = [0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3]
    private static let lengths = [0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2]

    private static func around(_ value: Double) -> [Double] {
        [-0.03, -0.02, -0.01, 0.01, 0.02, 0.03].map { ((value + $0) * 1e6).rounded() / 1e6 }.filter {
            $0 > 0 && $0 <= 1
        }
    }
}
