// B clips, T frames, C classes
import Corpus
import Inference
import Labels
import Torch

/// What is known of the frames of a batch.
struct LabelFrames {
    /// [B, T, C], 1 where a class is heard.
    var labels_BTC: Tensor
    /// [B, T, 1], 1 where labels are complete; nil where they are everywhere.
    var known: Tensor?
    private let isKnownThroughout: [Bool]

    /// - Parameter separationFrames: frames kept free between events of one class that touch.
    init(
        _ batch: Batch, _ vocabulary: Vocabulary, _ grid: FrameGrid, separationFrames: Int = 0, on device: Device
    ) throws {
        let rows = batch.events.flatMap {
            FrameTargets(events: $0, vocabulary: vocabulary, grid: grid, separationFrames: separationFrames).values
        }
        labels_BTC = try Tensor(rows, shape: [batch.count, grid.count, vocabulary.count]).to(device)
        // Frames past the end of a short recording, and where nobody has labelled, teach nothing.
        var taught = [Float](repeating: 0, count: batch.count * grid.count)
        for (row, ranges) in batch.known.enumerated() {
            for range in ranges {
                for frame in grid.frames(from: range.lowerBound, to: range.upperBound) {
                    taught[row * grid.count + frame] = 1
                }
            }
        }
        isKnownThroughout = batch.known.indices.map { row in
            let end = Double(batch.validFrames[row]) / batch.rateHz
            return batch.known[row].contains { $0.lowerBound <= 1e-6 && $0.upperBound >= end - 1e-6 }
        }
        known =
            taught.allSatisfy { $0 == 1 } ? nil : try Tensor(taught, shape: [batch.count, grid.count, 1]).to(device)
    }

    /// One frame per clip: a class is heard if it is anywhere, and is known not to be if the clip's labels are complete.
    func ofClips() throws(TorchError) -> LabelFrames {
        var clips = self
        clips.labels_BTC = try labels_BTC.maximum([1], keep: true)
        clips.known = nil
        if isKnownThroughout.contains(false) {
            let whole = try Tensor(isKnownThroughout.map { $0 ? Float(1) : 0 }, shape: [isKnownThroughout.count, 1, 1])
            clips.known = try clips.labels_BTC.maximum(whole.to(labels_BTC.device))
        }
        return clips
    }
}
