import Corpus
import Foundation
import Inference
import Models
import Torch

extension Batch {
    /// The windows as a tensor [B, S], each normalised over its sound exactly as at prediction.
    func waves(_ normalization: ClipNormalization) throws -> Tensor {
        var samples = samples_BS
        samples.withUnsafeMutableBufferPointer { all in
            for row in 0..<count {
                let window = UnsafeMutableBufferPointer(
                    rebasing: all[row * windowFrames..<(row + 1) * windowFrames])
                normalization.apply(window, count: validFrames[row])
            }
        }
        return try Tensor(samples, shape: [count, windowFrames])
    }
}

extension Recipe.Data {
    /// The recordings of a corpus that this section means.
    ///
    /// A corpus that was never split is taken whole.
    func recordings(_ catalogue: Catalogue, labelled: Bool) throws -> [LabelledRecording] {
        let isSplit = try catalogue.recordings().contains { $0.part != nil }
        let filter = RecordingFilter(isAnnotated: labelled, part: isSplit ? split : nil)
        let found = try catalogue.labelledRecordings(filter, subset: labelled ? subset : nil)
            .filter { $0.recording.seconds >= shortestSeconds }
        guard !found.isEmpty else {
            throw RunError(
                description: "\(catalogue.folder.path): holds no \(labelled ? "annotated " : "")recording of the part "
                    + "\(split.rawValue) that lasts at least \(shortestSeconds) s; scan again"
                    + (labelled ? " with --labels" : "") + ", or split anew")
        }
        return found
    }

    /// The rate that most of the sound has.
    static func commonestRateHz(_ recordings: [LabelledRecording]) -> Double {
        var seconds: [Double: Double] = [:]
        for entry in recordings { seconds[entry.recording.rateHz, default: 0] += entry.recording.seconds }
        return seconds.max { ($0.value, $0.key) < ($1.value, $1.key) }!.key
    }

    /// The recordings of the same part that have labels, as far as there are any.
    func labels(_ catalogue: Catalogue) throws -> [LabelledRecording] {
        let isSplit = try catalogue.recordings().contains { $0.part != nil }
        return try catalogue.labelledRecordings(RecordingFilter(isAnnotated: true, part: isSplit ? split : nil))
            .filter { $0.recording.seconds >= shortestSeconds && !$0.events.isEmpty }
    }

    /// What is drawn from those recordings.
    func sampler(_ recordings: [LabelledRecording], seed: UInt64, labelled: Bool) throws -> WindowSampler {
        var drawing = WindowSampler.Configuration(windowSeconds: windowSeconds, seed: seed, isLabelled: labelled)
        drawing.channel = channels.selection
        drawing.balancedShare = labelled ? balancedShare : 0
        return try WindowSampler(recordings, drawing)
    }

    /// A loader over those recordings.
    func loader(_ recordings: [LabelledRecording], seed: UInt64, clips: Int, labelled: Bool) throws -> Loader {
        var reading = Loader.Configuration()
        reading.threads = decoderThreads
        reading.prefetch = max(1, prefetchedBatches) * clips
        return try Loader(
            sampler(recordings, seed: seed, labelled: labelled), rateHz: sampleRateHz, configuration: reading)
    }
}
