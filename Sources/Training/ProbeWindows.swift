// Windows that a model is looked at with while it learns: always the same ones, read once, kept as sound.
import Audio
import Corpus
import Foundation
import Inference
import Labels
import Models

/// Fixed windows of a corpus for check-ups.
package final class ProbeWindows {
    /// Windows around events, with what they are.
    package struct Labelled {
        /// One row of samples per window.
        package var windows: [[Float]] = []
        /// The label of the event in the middle of each.
        package var labels: [String] = []
        /// The recording that each comes from, as a number.
        package var recordings: [Int] = []
    }

    private let data: Recipe.Data
    private let health: DINOPretrainingModel.Health
    private let recordings: [LabelledRecording]
    private let labelled: [LabelledRecording]
    private var read: (windows: [[Float]]?, labelled: Labelled?) = (nil, nil)

    /// Windows of the length and rate of `data`; nothing is read yet.
    package init(
        _ data: Recipe.Data, _ health: DINOPretrainingModel.Health, _ recordings: [LabelledRecording],
        _ labelled: [LabelledRecording]
    ) {
        (self.data, self.health, self.recordings, self.labelled) = (data, health, recordings, labelled)
    }

    /// Windows from all over the corpus, whatever is in them.
    package func windows() throws -> [[Float]] {
        if let windows = read.windows { return windows }
        // A seed of its own: the same windows in every run on this corpus, so that runs can be compared.
        let loader = try data.loader(recordings, seed: 0, clips: health.windows, labelled: false)
        let count = min(health.windows, max(2, loader.sampler.windowsPerEpoch))
        let batch = try loader.batch(at: 0, count: count)
        let windows = (0..<count).map { row in
            var samples = Array(batch.row(row))
            ClipNormalization.unitVariance.apply(&samples, count: batch.validFrames[row])
            return samples
        }
        read.windows = windows
        return windows
    }

    /// Windows with an event in their middle, as many of each label as there are; labels take turns.
    package func labelledWindows() throws -> Labelled {
        if let labelled = read.labelled { return labelled }
        var byLabel: [String: [(recording: Int, event: Event)]] = [:]
        for (number, entry) in labelled.enumerated() {
            for event in entry.events { byLabel[event.label, default: []].append((number, event)) }
        }
        // From each label events evenly spaced over all recordings, so that no bird speaks for all.
        let share = max(1, health.labelledWindows / max(1, byLabel.count))
        var chosen: [(label: String, recording: Int, event: Event)] = []
        for label in byLabel.keys.sorted() {
            let events = byLabel[label]!
            let count = min(share, events.count)
            for index in 0..<count {
                let entry = events[index * events.count / count]
                chosen.append((label, entry.recording, entry.event))
            }
        }
        var result = Labelled()
        for entry in health.labelledWindows > 0 ? chosen : [] {
            guard let samples = samples(around: entry.event, in: labelled[entry.recording].recording) else { continue }
            result.windows.append(samples)
            result.labels.append(entry.label)
            result.recordings.append(entry.recording)
        }
        read.labelled = result
        return result
    }

    /// Nil for a recording that cannot be read: training has already named it.
    private func samples(around event: Event, in recording: Recording) -> [Float]? {
        let frames = Int((data.windowSeconds * data.sampleRateHz).rounded())
        let middle = (event.startSeconds + event.endSeconds) / 2
        let start = min(max(0, middle - data.windowSeconds / 2), max(0, recording.seconds - data.windowSeconds))
        let channel = data.channels.selection == .all ? .index(0) : data.channels.selection
        guard
            let stream = try? AudioStream(path: recording.path, rateHz: data.sampleRateHz, channel: channel),
            let found = try? stream.read(startFrame: Int(start * data.sampleRateHz), frameCount: frames).channels.first,
            !found.isEmpty
        else { return nil }
        var samples = Array(found.prefix(frames))
        let count = samples.count
        samples += [Float](repeating: 0, count: frames - count)
        ClipNormalization.unitVariance.apply(&samples, count: count)
        return samples
    }
}
