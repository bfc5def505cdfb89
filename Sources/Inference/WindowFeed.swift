// Recordings to batches of windows, on a thread of its own: while the model computes, the next batches are decoded,
// resampled and normalised. The queue between them is bounded, and so is the memory, whatever the length of a recording.
import Audio
import Foundation
import Models

/// Decodes recordings one after the other and cuts them into batches of windows.
final class WindowFeed: Sendable {
    /// A batch of windows of one recording, all of one length.
    struct Batch: Sendable {
        /// Samples of all windows, one after the other.
        var samples: [Float]
        /// Which window each row is.
        var rows: [(window: WindowPlan.Window, channel: Int)]
    }

    /// What happens to a recording; `index` counts in the list of recordings.
    enum Item: Sendable {
        case opened(index: Int, file: AudioFile, channelCount: Int)
        case batch(index: Int, Batch)
        case ended(index: Int, seconds: Double, damage: [String])
        case failed(index: Int, reason: String)
        /// Nothing is to be done for the moment.
        case waiting
    }

    /// What is to be decoded next.
    enum Job: Sendable {
        /// A recording, without the rows of its first batches, which are known already.
        case recording(index: Int, path: String, skippedRows: Int)
        /// Nothing yet; it is asked again soon.
        case wait
        /// Nothing any more.
        case end
    }

    private let queue: BoundedQueue<Item>
    private let plan: WindowPlan
    private let normalization: ClipNormalization
    private let batchWindows: Int

    /// Begins at once with the first of what `next` gives, which is asked on the feed's own thread.
    init(
        channel: ChannelSelection, plan: WindowPlan, normalization: ClipNormalization, batchWindows: Int,
        queuedBatches: Int = 2, next: @escaping @Sendable () -> Job
    ) {
        queue = BoundedQueue(capacity: queuedBatches)
        self.plan = plan
        self.normalization = normalization
        self.batchWindows = batchWindows
        let thread = Thread { [self] in
            jobs: while true {
                switch next() {
                case .end: break jobs
                case .wait:
                    guard queue.put(.waiting) else { break jobs }
                    usleep(100_000)
                case .recording(let index, let path, let skippedRows):
                    do throws(AudioError) {
                        guard try decode(index, path, channel, skippedRows) else { break jobs }
                    } catch {
                        guard queue.put(.failed(index: index, reason: error.reason)) else { break jobs }
                    }
                }
            }
            queue.close()
        }
        thread.name = "window feed"
        thread.start()
    }

    /// The next thing that happens; nil after the last recording.
    func next() -> Item? { queue.take() }

    /// Ends the thread as soon as it looks up.
    func cancel() { queue.cancel() }

    /// False when nobody listens any more.
    private func decode(
        _ index: Int, _ path: String, _ channel: ChannelSelection, _ skippedRows: Int
    ) throws(AudioError) -> Bool {
        let stream = try AudioStream(path: path, rateHz: plan.sampleRateHz, channel: channel)
        let channels = stream.outputChannelCount
        guard queue.put(.opened(index: index, file: stream.file, channelCount: channels)) else { return false }
        // Samples from the beginning of the window before on: the last window reaches back into it.
        var samples = [[Float]](repeating: [], count: channels)
        var firstSample = 0
        var total = 0
        var batch = Batch(samples: [], rows: [])
        var number = 0
        var isOver = false
        var row = 0
        while !isOver {
            let regular = plan.window(number)
            let end = (regular.firstFrame + regular.frameCount) * plan.samplesPerFrame
            // One sample more tells whether the recording goes on.
            while total <= end, let block = try stream.next(frames: end + 1 - total) {
                for channel in 0..<channels { samples[channel] += block.channels[channel] }
                total += block.frameCount
            }
            if total == 0 { throw .unreadable(path: path, reason: "it holds no samples") }
            isOver = total <= end
            let window = isOver ? plan.lastWindow(number, samples: total) : regular
            for channel in 0..<channels {
                row += 1
                // Sound is decoded from the beginning all the same: resampled from the middle it would differ in a last bit.
                guard row > skippedRows else { continue }
                append(window, samples[channel], at: window.firstFrame * plan.samplesPerFrame - firstSample, to: &batch)
                batch.rows.append((window, channel))
                guard batch.rows.count == batchWindows || (isOver && channel == channels - 1) else { continue }
                guard queue.put(.batch(index: index, batch)) else { return false }
                batch = Batch(samples: [], rows: [])
            }
            let unneeded = regular.firstFrame * plan.samplesPerFrame - firstSample
            for channel in 0..<channels { samples[channel].removeFirst(min(unneeded, samples[channel].count)) }
            firstSample += unneeded
            number += 1
        }
        return queue.put(.ended(index: index, seconds: Double(total) / plan.sampleRateHz, damage: stream.damage))
    }

    private func append(_ window: WindowPlan.Window, _ samples: [Float], at offset: Int, to batch: inout Batch) {
        let length = window.frameCount * plan.samplesPerFrame
        let start = batch.samples.count
        let valid = min(length, samples.count - offset)
        batch.samples.append(contentsOf: samples[offset..<offset + valid])
        batch.samples.append(contentsOf: repeatElement(0, count: length - valid))
        batch.samples.withUnsafeMutableBufferPointer {
            normalization.apply(UnsafeMutableBufferPointer(rebasing: $0[start...]), count: valid)
        }
    }
}
