// The segment metric of animal2vec 1.0: runs of frames predicted against runs of true frames. Unlike event scores it is
// not one to one: a call found in two pieces counts twice and is noted as a split, two calls found as one as a merger.
//
// Every pair that overlaps gives a row: (true, mean probability over the prediction) if their intersection over union is
// above the threshold, else (false, mean over the truth). A truth that nothing overlaps gives (true, mean over the truth),
// a prediction that overlaps nothing (false, mean over the prediction). Average precision is taken over the rows.

/// Runs of frames and probabilities of one clip, for every class.
public struct SegmentClip: Sendable {
    /// For every class the true runs, frame numbers inclusive.
    public var truths: [[ClosedRange<Int>]]
    /// For every class the predicted runs, frame numbers inclusive.
    public var predictions: [[ClosedRange<Int>]]
    /// T × C probabilities, frame by frame.
    public var probabilities: [Float]

    /// The runs and probabilities of one clip.
    public init(truths: [[ClosedRange<Int>]], predictions: [[ClosedRange<Int>]], probabilities: [Float]) {
        precondition(truths.count == predictions.count, "SegmentClip: truths and predictions differ in classes")
        self.truths = truths
        self.predictions = predictions
        self.probabilities = probabilities
    }

    /// The runs of one class in a T × C matrix: stretches of values above 0.5.
    public static func runs(in values: [Float], classCount: Int, column: Int) -> [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        var first: Int?
        let frameCount = values.count / classCount
        for frame in 0...frameCount {
            let isOn = frame < frameCount && values[frame * classCount + column] > 0.5
            if isOn, first == nil { first = frame }
            if !isOn, let start = first {
                runs.append(start...frame - 1)
                first = nil
            }
        }
        return runs
    }
}

/// Segment-wise average precision with splits and mergers.
public struct SegmentScores: Sendable, Hashable {
    /// How runs are read.
    public enum Reading: String, Sendable, Hashable, Codable {
        /// As the published software does: the last frame of a run is left out unless it is the only one, and there are
        /// as many rows as frames, unused ones (false, 0).
        case published
        /// As they are meant: the last frame belongs to the run, and only used rows count.
        case exact
    }

    /// One row of the metric.
    public struct Row: Sendable, Hashable {
        /// What the prediction should have been.
        public var isTrue: Bool
        /// The mean probability.
        public var score: Float
    }

    /// What was found of one class in one clip.
    public struct Cell: Sendable, Hashable {
        /// The rows in the order of the truths, then of the surplus predictions.
        public var rows: [Row] = []
        /// The intersection over union of every overlapping pair.
        public var overlaps: [Double] = []
        /// For every truth found in several pieces, in how many.
        public var splits: [Int] = []
        /// For every prediction that covers several truths, how many.
        public var mergers: [Int] = []
    }

    /// Clips × classes, clip by clip.
    public let cells: [Cell]
    /// The average precision of every class; nil if it has no true row.
    public let averagePrecisionByClass: [Double?]
    /// The mean over the classes with a true row.
    public let macroAveragePrecision: Double?
    /// The average precision of all rows together.
    public let microAveragePrecision: Double?

    /// Scores clips; a pair counts as found if its intersection over union is above (not at) the threshold.
    public init(_ clips: [SegmentClip], classCount: Int, iouThreshold: Double = 0, reading: Reading = .exact) {
        var cells: [Cell] = []
        for clip in clips {
            for column in 0..<classCount {
                cells.append(SegmentScores.cell(clip, column, classCount, iouThreshold, reading))
            }
        }
        self.cells = cells
        let frameCount = clips.reduce(0) { $0 + $1.probabilities.count } / max(1, classCount)
        let rowsByClass = (0..<classCount).map { column in
            var rows = clips.indices.flatMap { cells[$0 * classCount + column].rows }
            if reading == .published, rows.count < frameCount {
                rows += Array(repeating: Row(isTrue: false, score: 0), count: frameCount - rows.count)
            }
            return rows
        }
        func averagePrecision(_ rows: [Row]) -> Double? {
            RankedScores(scores: rows.map(\.score), isTrue: rows.map(\.isTrue)).averagePrecision
        }
        averagePrecisionByClass = rowsByClass.map(averagePrecision)
        // The published software gives 0 to a class without a true row and keeps it in the mean.
        let kept = averagePrecisionByClass.compactMap { reading == .published ? $0 ?? 0 : $0 }
        macroAveragePrecision = kept.isEmpty ? nil : kept.reduce(0, +) / Double(kept.count)
        microAveragePrecision = averagePrecision(Array(rowsByClass.joined()))
    }

    private static func cell(
        _ clip: SegmentClip, _ column: Int, _ classCount: Int, _ threshold: Double, _ reading: Reading
    ) -> Cell {
        func halfOpen(_ run: ClosedRange<Int>) -> Range<Int> {
            switch reading {
            case .exact: run.lowerBound..<run.upperBound + 1
            case .published: run.lowerBound..<max(run.upperBound, run.lowerBound + 1)
            }
        }
        func mean(_ run: Range<Int>) -> Float {
            let sum = run.reduce(0.0) { $0 + Double(clip.probabilities[$1 * classCount + column]) }
            return Float(sum / Double(run.count))
        }
        let truths = clip.truths[column].map(halfOpen)
        let predictions = clip.predictions[column].map(halfOpen)
        var cell = Cell()
        var isTouched = Array(repeating: false, count: predictions.count)
        var truthsFoundBy = Array(repeating: 0, count: predictions.count)
        for truth in truths {
            var (overlapping, pieces) = (0, 0)
            for (index, prediction) in predictions.enumerated() where prediction.overlaps(truth) {
                let intersection = prediction.clamped(to: truth).count
                let union = max(prediction.upperBound, truth.upperBound) - min(prediction.lowerBound, truth.lowerBound)
                let overlap = Double(intersection) / Double(union)
                isTouched[index] = true
                overlapping += 1
                cell.overlaps.append(overlap)
                if overlap > threshold {
                    pieces += 1
                    truthsFoundBy[index] += 1
                    cell.rows.append(Row(isTrue: true, score: mean(prediction)))
                } else {
                    cell.rows.append(Row(isTrue: false, score: mean(truth)))
                }
            }
            if overlapping == 0 { cell.rows.append(Row(isTrue: true, score: mean(truth))) }
            if pieces > 1 { cell.splits.append(pieces) }
        }
        for (index, prediction) in predictions.enumerated() where !isTouched[index] {
            cell.rows.append(Row(isTrue: false, score: mean(prediction)))
        }
        cell.mergers = truthsFoundBy.filter { $0 > 1 }
        return cell
    }
}
