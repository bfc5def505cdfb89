// Frame scores: every frame of every recording counts, also of recordings in which nothing is heard. (animal2vec 1.0 left
// out frames without a true class, and so the false alarms in silence.) Legend: T frames, C classes.

/// Probabilities and truths of the frames of one recording.
public struct FrameRecording: Sendable {
    /// The name of the recording.
    public var recording: String
    /// T × C probabilities, frame by frame.
    public var scores: [Float]
    /// T × C truths, frame by frame; above 0.5 is true.
    public var targets: [Float]

    /// Frames of one recording; both arrays have T · C values.
    public init(recording: String, scores: [Float], targets: [Float]) {
        precondition(scores.count == targets.count, "FrameRecording: \(scores.count) scores, \(targets.count) targets")
        self.recording = recording
        self.scores = scores
        self.targets = targets
    }
}

/// Frame-wise average precision, and precision and recall at a threshold.
public struct FrameScores: Sendable {
    /// The scores of one class.
    public struct ClassScore: Sendable, Hashable, Codable {
        /// The label.
        public var label: String
        /// How many frames are true.
        public var positiveCount: Int
        /// Average precision; nil if the class is never true.
        public var averagePrecision: Double?
        /// Frames at the threshold.
        public var counts: EventCounts
    }

    /// The probability from which a frame counts as found.
    public let threshold: Double
    /// Every class in the order of the columns.
    public let classes: [ClassScore]
    /// Frame × class cells at the threshold, all classes together.
    public let counts: EventCounts
    /// Cells that are false and were left alone.
    public let trueNegatives: Int
    /// The mean average precision of the classes that are true somewhere.
    public let macroAveragePrecision: Double?
    /// The average precision of all cells in one list.
    public let microAveragePrecision: Double?
    /// The classes that are never true and so are left out of the mean.
    public var classesWithoutPositives: [String] { classes.filter { $0.positiveCount == 0 }.map(\.label) }

    private let rankedByClass: [RankedScores]
    private let rankedTogether: RankedScores
    private let recordingCount: Int

    /// Scores all frames of these recordings.
    public init(_ recordings: [FrameRecording], classes labels: [String], threshold: Double = 0.5) {
        self.threshold = threshold
        let classCount = labels.count
        let frameCount = recordings.reduce(0) { $0 + $1.scores.count } / max(1, classCount)
        var columns = Array(repeating: Column(reserving: frameCount), count: classCount)
        var counts = Array(repeating: EventCounts(), count: classCount)
        var together = Column(reserving: frameCount * classCount)
        for (group, recording) in recordings.enumerated() {
            precondition(
                classCount > 0 && recording.scores.count % classCount == 0,
                "FrameScores: \(recording.scores.count) scores do not divide into \(classCount) classes")
            for column in 0..<classCount {
                for index in stride(from: column, to: recording.scores.count, by: classCount) {
                    let (score, isTrue) = (recording.scores[index], recording.targets[index] > 0.5)
                    columns[column].append(score, isTrue, group)
                    together.append(score, isTrue, group)
                    let isFound = Double(score) >= threshold
                    if isTrue {
                        if isFound { counts[column].truePositives += 1 } else { counts[column].falseNegatives += 1 }
                    } else if isFound {
                        counts[column].falsePositives += 1
                    }
                }
            }
        }
        let rankedByClass = columns.map(\.ranked)
        let rankedTogether = together.ranked
        self.rankedByClass = rankedByClass
        self.rankedTogether = rankedTogether
        recordingCount = recordings.count
        classes = labels.indices.map { column in
            ClassScore(
                label: labels[column], positiveCount: rankedByClass[column].positiveCount,
                averagePrecision: rankedByClass[column].averagePrecision, counts: counts[column])
        }
        let total = counts.reduce(EventCounts(), +)
        self.counts = total
        trueNegatives =
            frameCount * classCount - total.truePositives - total.falsePositives - total.falseNegatives
        macroAveragePrecision = FrameScores.mean(classes.compactMap(\.averagePrecision))
        microAveragePrecision = rankedTogether.averagePrecision
    }

    /// The mean average precision with an interval from drawing recordings anew.
    public func macroInterval(_ bootstrap: Bootstrap) -> ScoreInterval {
        bootstrap.interval(of: recordingCount) { times in
            FrameScores.mean(rankedByClass.compactMap { $0.averagePrecision(times: times) })
        }
    }

    /// The average precision of all cells with an interval from drawing recordings anew.
    public func microInterval(_ bootstrap: Bootstrap) -> ScoreInterval {
        bootstrap.interval(of: recordingCount) { rankedTogether.averagePrecision(times: $0) }
    }

    private static func mean(_ values: [Double]) -> Double? {
        values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    private struct Column {
        var scores: [Float] = []
        var isTrue: [Bool] = []
        var groups: [Int32] = []

        init(reserving count: Int) {
            scores.reserveCapacity(count)
            isTrue.reserveCapacity(count)
            groups.reserveCapacity(count)
        }

        mutating func append(_ score: Float, _ isTrue: Bool, _ group: Int) {
            scores.append(score)
            self.isTrue.append(isTrue)
            groups.append(Int32(group))
        }

        var ranked: RankedScores { RankedScores(scores: scores, isTrue: isTrue, groups: groups) }
    }
}
