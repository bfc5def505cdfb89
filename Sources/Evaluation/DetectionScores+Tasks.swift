// Scores beside those of events one to one: segments as animal2vec counts them, the measure of the DCASE few-shot task, the
// polyphonic sound detection score, and the calls of the animal that carries the recorder.
import Labels

extension DetectionScores {
    /// Segment-wise average precision: runs of frames against runs of frames, not one to one.
    public struct Segments: Sendable, Hashable, Codable {
        /// A pair counts if its intersection over union is above this.
        public var iouThreshold: Double
        /// The mean average precision of the classes that occur.
        public var macroAveragePrecision: ScoreInterval
        /// The average precision of all rows.
        public var microAveragePrecision: ScoreInterval
        /// By class; nil for a class that never occurs.
        public var averagePrecision: [String: Double]
        /// Truths that were found in several pieces.
        public var splits: Int
        /// Predictions that cover several truths.
        public var mergers: Int

        /// Scores predicted events as runs of frames.
        ///
        /// - Parameters:
        ///   - frames: scores and truths of every recording.
        ///   - predictions: the events of the same recordings.
        ///   - grids: the times of their frames.
        public init(
            _ frames: [FrameRecording], predictions: [[Event]], grids: [FrameGrid], classes: [String],
            iouThreshold: Double = 0, bootstrap: Bootstrap = Bootstrap()
        ) {
            let vocabulary = Vocabulary(classes)
            let width = classes.count
            let clips = frames.indices.map { index in
                let frame = frames[index]
                var runs = Array(repeating: [ClosedRange<Int>](), count: width)
                for event in predictions[index] {
                    guard let column = vocabulary.index(of: event.label) else { continue }
                    let range = grids[index].frames(from: event.startSeconds, to: event.endSeconds)
                    if !range.isEmpty { runs[column].append(ClosedRange(range)) }
                }
                return SegmentClip(
                    truths: (0..<width).map { SegmentClip.runs(in: frame.targets, classCount: width, column: $0) },
                    predictions: runs.map { $0.sorted { $0.lowerBound < $1.lowerBound } }, probabilities: frame.scores)
            }
            let scores = SegmentScores(clips, classCount: width, iouThreshold: iouThreshold)
            func ranked(_ columns: Range<Int>) -> RankedScores {
                var (values, isTrue, groups): ([Float], [Bool], [Int32]) = ([], [], [])
                for clip in clips.indices {
                    for row in columns.flatMap({ scores.cells[clip * width + $0].rows }) {
                        values.append(row.score)
                        isTrue.append(row.isTrue)
                        groups.append(Int32(clip))
                    }
                }
                return RankedScores(scores: values, isTrue: isTrue, groups: groups)
            }
            let byClass = (0..<width).map { ranked($0..<$0 + 1) }
            let together = ranked(0..<width)
            self.iouThreshold = iouThreshold
            macroAveragePrecision = bootstrap.interval(of: clips.count) { times in
                let values = byClass.compactMap { $0.averagePrecision(times: times) }
                return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
            }
            microAveragePrecision = bootstrap.interval(of: clips.count) { together.averagePrecision(times: $0) }
            averagePrecision = [:]
            for (label, value) in zip(classes, scores.averagePrecisionByClass) { averagePrecision[label] = value }
            splits = scores.cells.reduce(0) { $0 + $1.splits.count }
            mergers = scores.cells.reduce(0) { $0 + $1.mergers.count }
        }
    }

    /// The measure of the DCASE few-shot task.
    public struct FewShot: Sendable, Hashable, Codable {
        /// Events that are given to the system in every recording.
        public var shots: Int
        /// The least intersection over union, itself not enough.
        public var minimumIoU: Double
        /// With its range over recordings.
        public var precision, recall, f1: ScoreInterval

        /// The exact reading of the measure with intervals by recording, all recordings one sub-set.
        public init(
            _ aligned: AlignedEvents, shots: Int = 5, minimumIoU: Double = 0.3, bootstrap: Bootstrap = Bootstrap()
        ) {
            (self.shots, self.minimumIoU) = (shots, minimumIoU)
            let truth = Dictionary(grouping: aligned.truth, by: \.recording)
            let found = Dictionary(grouping: aligned.predictions, by: \.recording)
            let counts = aligned.recordings.map { recording in
                FewShotScores(
                    truth: truth[recording] ?? [], predictions: found[recording] ?? [], recordings: [recording],
                    shots: shots, minimumIoU: minimumIoU
                ).subSets[0].counts
            }
            func interval(_ score: (EventCounts) -> Double?) -> ScoreInterval {
                bootstrap.interval(of: counts.count) { times in
                    var sum = EventCounts()
                    for (count, times) in zip(counts, times) { sum += count.repeated(times) }
                    return score(sum)
                }
            }
            precision = interval(\.precision)
            recall = interval(\.recall)
            f1 = interval(\.f1)
        }
    }

    /// The polyphonic sound detection score.
    public struct Polyphonic: Sendable, Hashable, Codable {
        /// Scenario 1 of DCASE task 4, where times matter; nil without events.
        public var timing: Double?
        /// Scenario 2, where classes matter.
        public var classes: Double?
        /// How many thresholds the curve was drawn from.
        public var thresholds: Int

        /// From detections at several thresholds.
        public init(truth: [Event], detections: [[Event]], durationSeconds: Double) {
            timing =
                PolyphonicScore(
                    truth: truth, detections: detections, durationSeconds: durationSeconds, configuration: .timing
                ).value
            classes =
                PolyphonicScore(
                    truth: truth, detections: detections, durationSeconds: durationSeconds, configuration: .classes
                ).value
            thresholds = detections.count
        }

        /// From events with scores: those above the model's own threshold only, so that the curve is cut off there.
        public init(_ aligned: AlignedEvents, durationSeconds: Double) {
            let scores = Set(aligned.predictions.map { $0.score ?? 1 }).sorted()
            let count = min(50, scores.count)
            let thresholds = (0..<count).map { scores[$0 * scores.count / max(1, count)] }
            self.init(
                truth: aligned.truth,
                detections: thresholds.map { threshold in aligned.predictions.filter { ($0.score ?? 1) >= threshold } },
                durationSeconds: durationSeconds)
        }
    }

    /// How well the focal animal's frames are told from others.
    public struct FocalFrames: Sendable, Hashable, Codable {
        /// The class that says so.
        public var label: String
        /// Average precision of its frames.
        public var averagePrecision: Double?
        /// The best F1 over all thresholds, chosen on these very frames and so a little too good.
        public var bestF1: Double?
        /// The threshold that gives it.
        public var bestThreshold: Double?
        /// F1 at the best threshold of the other recordings, every recording in its turn: without that favour.
        public var heldOutF1: Double?
    }
}

extension FrameScores {
    /// The frames of the class that says which calls are the focal animal's; nil if there is no such class.
    public static func focal(
        _ recordings: [FrameRecording], classes: [String], label: String = "focal"
    ) -> DetectionScores.FocalFrames? {
        guard let column = classes.firstIndex(of: label) else { return nil }
        let width = classes.count
        func items(_ recordings: some Sequence<FrameRecording>) -> (scores: [Float], isTrue: [Bool]) {
            var (scores, isTrue): ([Float], [Bool]) = ([], [])
            for recording in recordings {
                for index in stride(from: column, to: recording.scores.count, by: width) {
                    scores.append(recording.scores[index])
                    isTrue.append(recording.targets[index] > 0.5)
                }
            }
            return (scores, isTrue)
        }
        let all = items(recordings)
        let ranked = RankedScores(scores: all.scores, isTrue: all.isTrue)
        let best = bestThreshold(all)
        var counts = EventCounts()
        var isComplete = recordings.count >= 2
        for index in recordings.indices where isComplete {
            let others = recordings.indices.lazy.filter { $0 != index }.map { recordings[$0] }
            guard let threshold = bestThreshold(items(others))?.threshold else {
                isComplete = false
                break
            }
            let own = items([recordings[index]])
            for (score, isTrue) in zip(own.scores, own.isTrue) {
                let isFound = score >= threshold
                if isTrue {
                    if isFound { counts.truePositives += 1 } else { counts.falseNegatives += 1 }
                } else if isFound {
                    counts.falsePositives += 1
                }
            }
        }
        return DetectionScores.FocalFrames(
            label: label, averagePrecision: ranked.averagePrecision, bestF1: best?.f1,
            bestThreshold: best.map { Double($0.threshold) }, heldOutF1: isComplete ? counts.f1 : nil)
    }

    private static func bestThreshold(_ items: (scores: [Float], isTrue: [Bool])) -> (threshold: Float, f1: Double)? {
        let order = items.scores.indices.sorted { items.scores[$0] > items.scores[$1] }
        let positives = items.isTrue.count { $0 }
        guard positives > 0 else { return nil }
        var (found, best): (Int, (threshold: Float, f1: Double)?) = (0, nil)
        for (rank, index) in order.enumerated() {
            found += items.isTrue[index] ? 1 : 0
            let isLast = rank + 1 == order.count || items.scores[order[rank + 1]] != items.scores[index]
            let f1 = 2 * Double(found) / Double(rank + 1 + positives)
            if isLast, f1 > best?.f1 ?? -1 { best = (items.scores[index], f1) }
        }
        return best
    }
}
