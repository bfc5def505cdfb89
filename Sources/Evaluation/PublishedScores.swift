// The numbers that animal2vec 1.0 prints, by its own rules, so that a laboratory finds its old figures again: frames of
// clips at a threshold, average precision over all rows, and over the rows with a true class only, as its script for
// average precision does. That script so leaves out every false alarm in silence; its figure is given beside the right one.
import Labels

/// Frame and segment scores as animal2vec 1.0 counts them.
public struct PublishedScores: Sendable, Hashable, Codable {
    /// How its predictions become segments.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Length of a clip in seconds.
        public var clipSeconds = 10.0
        /// Length of the pooling window in seconds.
        public var sigmaSeconds = 0.1
        /// The probability from which a frame counts as found.
        public var threshold: Float = 0.175
        /// A pair of segments counts if its intersection over union is above this.
        public var iouThreshold = 0.0
        /// How frames become segments.
        public var method = PublishedFusion.Method.average

        /// The values of its validation.
        public init() {}
    }

    /// The labels, in the order of the lists.
    public var classes: [String]
    /// Cells, frames × classes, at the threshold.
    public var counts: EventCounts
    /// Precision, recall and F1 of the cells, 0 where undefined.
    public var precision, recall, f1: Double
    /// By class, 0 where nothing is true.
    public var frameAveragePrecision: [Double]
    /// The mean over all classes.
    public var frameMacro: Double
    /// All cells in one list.
    public var frameMicro: Double
    /// All cells of the frames in which some class is true: what its script gives as micro average precision.
    public var frameMicroWithoutSilence: Double
    /// By class, over segments.
    public var segmentAveragePrecision: [Double]
    /// The mean over all classes.
    public var segmentMacro: Double
    /// All segments in one list.
    public var segmentMicro: Double
    /// Truths that were found in several pieces.
    public var splits: Int
    /// Predictions that cover several truths.
    public var mergers: Int

    /// Scores recordings, cut into clips; frames per second as in the model.
    public init(
        _ recordings: [FrameRecording], classes: [String], framesPerSecond: Double,
        configuration: Configuration = Configuration()
    ) {
        self.classes = classes
        let classCount = classes.count
        let frames = FrameScores(recordings, classes: classes, threshold: Double(configuration.threshold))
        counts = frames.counts
        precision = frames.counts.precision ?? 0
        recall = frames.counts.recall ?? 0
        f1 = frames.counts.f1 ?? 0
        frameAveragePrecision = frames.classes.map { $0.averagePrecision ?? 0 }
        frameMacro = frameAveragePrecision.reduce(0, +) / Double(max(1, classCount))
        frameMicro = frames.microAveragePrecision ?? 0
        var (scores, isTrue): ([Float], [Bool]) = ([], [])
        var clips: [SegmentClip] = []
        let clipValues = max(1, Int((configuration.clipSeconds * framesPerSecond).rounded())) * classCount
        for recording in recordings {
            for start in stride(from: 0, to: recording.scores.count, by: classCount)
            where recording.targets[start..<start + classCount].contains(where: { $0 > 0.5 }) {
                scores += recording.scores[start..<start + classCount]
                isTrue += recording.targets[start..<start + classCount].map { $0 > 0.5 }
            }
            for start in stride(from: 0, to: recording.scores.count, by: clipValues) {
                let range = start..<min(recording.scores.count, start + clipValues)
                clips.append(
                    Self.clip(
                        Array(recording.scores[range]), Array(recording.targets[range]), classCount, framesPerSecond,
                        configuration))
            }
        }
        frameMicroWithoutSilence = RankedScores(scores: scores, isTrue: isTrue).averagePrecision ?? 0
        let segments = SegmentScores(
            clips, classCount: classCount, iouThreshold: configuration.iouThreshold, reading: .published)
        segmentAveragePrecision = segments.averagePrecisionByClass.map { $0 ?? 0 }
        segmentMacro = segments.macroAveragePrecision ?? 0
        segmentMicro = segments.microAveragePrecision ?? 0
        splits = segments.cells.reduce(0) { $0 + $1.splits.count }
        mergers = segments.cells.reduce(0) { $0 + $1.mergers.count }
    }

    private static func clip(
        _ scores: [Float], _ targets: [Float], _ classCount: Int, _ framesPerSecond: Double,
        _ configuration: Configuration
    ) -> SegmentClip {
        let frames = scores.count / classCount
        let found = PublishedFusion.events(
            scores, chunks: 1, classes: classCount, chunkSeconds: Double(frames) / framesPerSecond,
            method: configuration.method, sigmaSeconds: configuration.sigmaSeconds, threshold: configuration.threshold,
            framesPerSecond: framesPerSecond)
        return SegmentClip(
            truths: (0..<classCount).map { SegmentClip.runs(in: targets, classCount: classCount, column: $0) },
            predictions: found[0].map { $0.map { $0.startFrame...max($0.startFrame, $0.endFrame) } },
            probabilities: scores)
    }
}
