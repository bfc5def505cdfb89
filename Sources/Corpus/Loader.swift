// Batches in the order of their positions, decoded ahead by background threads. The threads only decide when a window is
// read, never which one or how: any number of them gives the same batches.

import Audio
import Labels

/// Reads the windows of a sampler. Ask from one thread at a time.
public final class Loader: Sendable {
    /// How windows are read.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Threads that decode; 0 for one per core.
        public var threads = 0
        /// Windows that are read ahead of the last one asked for.
        public var prefetch = 64
        /// Bytes for decoded recordings of up to ten minutes, kept when all of them fit.
        public var cacheBytes = 512 << 20
        /// Seconds that the storage may take for one read.
        public var timeoutSeconds = 60.0
        /// Windows in a row that may fail before the loader gives up.
        public var failureLimit = 100

        /// The defaults.
        public init() {}
    }

    /// What a loader has done.
    public struct Statistics: Sendable, Hashable {
        /// Windows that were read.
        public var windows = 0
        /// Windows that could not be read, by path.
        public var failures: [String: Int] = [:]
        /// Seconds that callers waited for windows.
        public var waitedSeconds = 0.0
    }

    /// The windows that are read.
    public let sampler: WindowSampler
    /// Samples per second of every batch.
    public let rateHz: Double
    /// Samples of each row.
    public let windowFrames: Int
    /// How windows are read.
    public let configuration: Configuration

    private let recordings: [Int64: LabelledRecording]
    private let queue: WindowQueue

    /// A loader for a sampler's windows at a rate in whole hertz. Throws `CorpusError` for a rate that cannot be used.
    public init(_ sampler: WindowSampler, rateHz: Double, configuration: Configuration = .init()) throws(CorpusError) {
        guard rateHz == rateHz.rounded(), rateHz >= 1, rateHz <= 10_000_000 else {
            throw .invalidSetting(name: "rateHz", value: "\(rateHz)", remedy: "give whole hertz")
        }
        self.sampler = sampler
        self.rateHz = rateHz
        self.configuration = configuration
        let reader = WindowReader(
            sampler.recordings.map(\.recording), rateHz: rateHz, windowSeconds: sampler.configuration.windowSeconds,
            cacheBytes: configuration.cacheBytes, timeoutSeconds: configuration.timeoutSeconds)
        windowFrames = reader.windowFrames
        let recordings = Dictionary(sampler.recordings.map { ($0.recording.id, $0) }) { first, _ in first }
        self.recordings = recordings
        let tries = max(1, configuration.failureLimit)
        queue = WindowQueue(threads: configuration.threads) { position in
            Self.read(position, tries: tries, sampler, reader, recordings)
        }
    }

    deinit { queue.close() }

    /// The windows of positions `position ..< position + count`, counted through all epochs, and reads ahead from there.
    ///
    /// A window whose file cannot be read is replaced by that of the next position and named. Throws
    /// `CorpusError.nothingFound` when nothing can be read for many positions on end.
    public func batch(at position: Int, count: Int) throws(CorpusError) -> Batch {
        precondition(position >= 0 && count > 0, "batch(at: \(position), count: \(count))")
        let results = queue.take(position..<position + count, ahead: configuration.prefetch)
        var batch = Batch(
            samples_BS: [], count: count, windowFrames: windowFrames, rateHz: rateHz, windows: [], positions: [],
            validFrames: [], events: [], known: [], replacements: [])
        batch.samples_BS.reserveCapacity(count * windowFrames)
        for result in results {
            let row = try result.get()
            batch.samples_BS.append(contentsOf: row.samples)
            batch.windows.append(row.window)
            batch.positions.append(row.position)
            batch.validFrames.append(row.validFrames)
            batch.replacements += row.replacements
            appendLabels(of: row, to: &batch)
        }
        return batch
    }

    /// What was done so far.
    public var statistics: Statistics { queue.statistics }

    private static func read(
        _ wanted: Int, tries: Int, _ sampler: WindowSampler, _ reader: WindowReader,
        _ recordings: [Int64: LabelledRecording]
    ) -> Result<WindowQueue.Row, CorpusError> {
        var replacements: [Batch.Replacement] = []
        for position in wanted..<wanted + tries {
            let window = sampler.window(at: position)
            let recording = recordings[window.recordingID]!.recording
            var samples = [Float](repeating: 0, count: reader.windowFrames)
            do throws(AudioError) {
                var valid = 0
                var failure: AudioError?
                samples.withUnsafeMutableBufferPointer { buffer in
                    do throws(AudioError) {
                        valid = try reader.read(window, of: recording, into: buffer)
                    } catch {
                        failure = error
                    }
                }
                if let failure { throw failure }
                return .success(
                    WindowQueue.Row(
                        window: window, position: position, samples: samples, validFrames: valid,
                        replacements: replacements))
            } catch {
                replacements.append(Batch.Replacement(path: recording.path, reason: error.reason))
            }
        }
        return .failure(
            .nothingFound(
                what: "window that can be read in \(replacements.count) tries (last: \(replacements.last?.path ?? ""))",
                remedy: "check the disk and scan again"))
    }

    private func appendLabels(of row: WindowQueue.Row, to batch: inout Batch) {
        let source = recordings[row.window.recordingID]!
        let start = row.window.startSeconds
        let end = start + Double(row.validFrames) / rateHz
        batch.events.append(
            source.events.filter { $0.endSeconds >= start && $0.startSeconds < end }.map { event in
                var moved = event
                moved.startSeconds -= start
                moved.endSeconds -= start
                return moved
            })
        batch.known.append(
            source.known.filter { $0.overlaps(start..<end) }.map { range in
                max(0, range.lowerBound - start)..<min(range.upperBound, end) - start
            })
    }
}
