// Tables without frame probabilities still rank: a frame has the score of the best event that covers it, and 0 elsewhere.
import Labels

extension FrameRecording {
    /// Frames of a recording from its events alone; an event without score counts as sure.
    ///
    /// - Parameter grid: the times of the frames, all of the recording.
    public init(recording: String, truth: [Event], predictions: [Event], vocabulary: Vocabulary, grid: FrameGrid) {
        let width = vocabulary.count
        var scores = [Float](repeating: 0, count: grid.count * width)
        for event in predictions {
            guard let column = vocabulary.index(of: event.label) else { continue }
            let score = Float(event.score ?? 1)
            for frame in grid.frames(from: event.startSeconds, to: event.endSeconds) {
                scores[frame * width + column] = max(scores[frame * width + column], score)
            }
        }
        let targets = FrameTargets(events: truth, vocabulary: vocabulary, grid: grid)
        self.init(recording: recording, scores: scores, targets: targets.values)
    }
}
