// Positions going out to threads, windows coming back: the moving part of the loader.

import Audio
import Foundation

/// Reads windows ahead of the last position asked for. All state is guarded by one condition.
final class WindowQueue: @unchecked Sendable {
    /// One window, read.
    struct Row: Sendable {
        var window: Window
        var position: Int
        var samples: [Float]
        var validFrames: Int
        var replacements: [Batch.Replacement]
    }

    typealias Read = @Sendable (Int) -> Result<Row, CorpusError>

    private let read: Read
    private let threads: Int
    private let condition = NSCondition()
    private var rows: [Int: Result<Row, CorpusError>] = [:]
    private var claimed: Set<Int> = []
    private var wanted: Range<Int>?
    private var running = 0
    private var isClosed = false
    private var done = Loader.Statistics()

    init(threads: Int, read: @escaping Read) {
        self.read = read
        self.threads = threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount
    }

    var statistics: Loader.Statistics { condition.withLock { done } }

    /// The windows of some positions, in order, once all of them are there; then reads `ahead` more.
    func take(_ positions: Range<Int>, ahead: Int) -> [Result<Row, CorpusError>] {
        condition.withLock {
            startThreads()
            let begun = ContinuousClock.now
            wanted = positions.lowerBound..<positions.upperBound + max(0, ahead)
            rows = rows.filter { wanted!.contains($0.key) }
            condition.broadcast()
            var results: [Result<Row, CorpusError>] = []
            for position in positions {
                while rows[position] == nil { condition.wait() }
                results.append(rows.removeValue(forKey: position)!)
                // Nobody asks for it again, so nobody may claim it again.
                wanted = position + 1..<wanted!.upperBound
            }
            let waited = begun.duration(to: .now).components
            done.waitedSeconds += Double(waited.seconds) + Double(waited.attoseconds) * 1e-18
            return results
        }
    }

    /// Ends the threads after the windows they are at.
    func close() {
        condition.withLock {
            isClosed = true
            condition.broadcast()
        }
    }

    private func startThreads() {
        while running < threads {
            running += 1
            let thread = Thread { self.work() }
            // FFmpeg's demuxers keep large arrays on the stack.
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    private func work() {
        condition.lock()
        while !isClosed {
            guard let position = claim() else {
                condition.wait()
                continue
            }
            condition.unlock()
            let row = read(position)
            condition.lock()
            claimed.remove(position)
            if wanted?.contains(position) == true {
                rows[position] = row
                if case .success(let row) = row {
                    done.windows += 1
                    for failure in row.replacements { done.failures[failure.path, default: 0] += 1 }
                }
                condition.broadcast()
            }
        }
        condition.unlock()
    }

    private func claim() -> Int? {
        guard let wanted else { return nil }
        claimed = claimed.filter { wanted.contains($0) }
        guard let position = wanted.first(where: { !claimed.contains($0) && rows[$0] == nil }) else { return nil }
        claimed.insert(position)
        return position
    }
}
