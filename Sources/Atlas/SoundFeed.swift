// Recordings to clips, on threads of their own: while the model computes, the next recordings are decoded. Clips come out
// in the order of the recordings, whichever thread was faster, and a bounded number of them waits.
import Audio
import Foundation
import Inference
import Labels
import Synchronization

/// A recording and what is known of it, on its way into an atlas.
public struct EmbeddingSource: Sendable, Hashable {
    /// The recording.
    public var recording: NamedRecording
    /// Its labelled events, by time; nil where nothing is known.
    public var events: [Event]?

    /// A recording.
    public init(_ recording: NamedRecording, events: [Event]? = nil) {
        self.recording = recording
        self.events = events?.sorted(by: Event.isOrderedBefore)
    }
}

/// How sounds are cut out of recordings.
struct SoundCutting: Sendable {
    var unit: Atlas.Description.Unit
    var windowSeconds: Double
    var hopSeconds: Double
    var rateHz: Double
    var channels: ChannelSelection
    var clipSeconds: Double?
    var contextSeconds: Double

    /// The samples around an event: a clip of a length that other events share, so that they are computed together.
    func clip(_ startSeconds: Double, _ endSeconds: Double) -> (clip: Range<Int>, span: Range<Int>) {
        let start = Int((startSeconds * rateHz).rounded())
        let end = max(start + 1, Int((endSeconds * rateHz).rounded()))
        let wanted =
            clipSeconds.map { Int(($0 * rateHz).rounded()) }
            ?? (end - start + 2 * Int((contextSeconds * rateHz).rounded()))
        var length = wanted
        if clipSeconds == nil {
            // At most eight lengths from one power of two to the next.
            let quantum = max(1, 1 << max(0, Int.bitWidth - wanted.leadingZeroBitCount - 4))
            length = (wanted + quantum - 1) / quantum * quantum
        }
        let first = (start + end - length) / 2
        let span = max(start, first)..<min(end, first + length)
        return (first..<first + length, span.lowerBound - first..<span.upperBound - first)
    }
}

/// Decodes recordings and cuts sounds out of them.
final class SoundFeed: Sendable {
    struct Clip: Sendable {
        var samples: [Float]
        var span: Range<Int>
        var place: SoundPlace
    }

    struct Ending: Sendable {
        var seconds: Double
        var rateHz: Double
        var note: String
        var startTime: String?
    }

    enum Item: Sendable {
        case clips([Clip])
        case ended(Ending)
        case failed(reason: String)
    }

    private let queues: [BoundedQueue<Item>]
    private let cutting: SoundCutting
    private let next = Mutex(0)

    /// Begins at once. `jobs` are the recordings with the number of sounds that are in the atlas already.
    init(_ jobs: [(source: EmbeddingSource, done: Int)], cutting: SoundCutting, threads: Int) {
        queues = jobs.map { _ in BoundedQueue(capacity: 2) }
        self.cutting = cutting
        for _ in 0..<max(1, min(threads, jobs.count)) {
            let thread = Thread { [self] in
                while true {
                    let index = next.withLock { value in
                        defer { value += 1 }
                        return value
                    }
                    guard index < jobs.count else { return }
                    decode(jobs[index].source, done: jobs[index].done, to: queues[index])
                    queues[index].close()
                }
            }
            // FFmpeg's demuxers keep large arrays on the stack.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    /// What happens next in the job of that number; nil at its end.
    func take(_ job: Int) -> Item? { queues[job].take() }

    /// Ends the threads as soon as they look up.
    func cancel() {
        next.withLock { $0 = queues.count }
        for queue in queues { queue.cancel() }
    }

    private func decode(_ source: EmbeddingSource, done: Int, to queue: BoundedQueue<Item>) {
        do throws(AudioError) {
            let cutter = try SoundCutter(source, cutting: cutting, done: done)
            while let clips = try cutter.next() {
                guard queue.put(.clips(clips)) else { return }
            }
            let startTime = RecordingMetadata(path: source.recording.path).start?.iso8601
            let ending = Ending(
                seconds: cutter.seconds, rateHz: cutter.fileRateHz, note: cutter.note, startTime: startTime)
            _ = queue.put(.ended(ending))
        } catch {
            _ = queue.put(.failed(reason: error.reason))
        }
    }
}
