// Many threads work on a list, one thread takes the results: decoding beside one writer of the database.

import Foundation

/// Runs `work` on the elements of a list on several threads.
package enum ParallelMap {
    /// Calls `take` on the calling thread with each result as it comes, in no order; every `pause` seconds at least it is
    /// called with nil. Stops early, after the results under way, when `take` returns false.
    package static func run<Element: Sendable, Result: Sendable>(
        _ elements: [Element], threads: Int, pause: Double = 0.5, work: @escaping @Sendable (Element) -> Result,
        take: ((index: Int, result: Result)?) throws -> Bool
    ) rethrows {
        let queue = ResultQueue<Result>(count: elements.count)
        let threadCount = max(1, min(threads, elements.count))
        for _ in 0..<threadCount {
            let thread = Thread {
                while let index = queue.claim() { queue.deliver(index, work(elements[index])) }
                queue.leave()
            }
            // FFmpeg's demuxers keep large arrays on the stack.
            thread.stackSize = 4 << 20
            queue.enter()
            thread.start()
        }
        defer {
            queue.stop()
            queue.waitUntilEmpty()
        }
        while true {
            switch queue.next(withinSeconds: pause) {
            case .result(let index, let result): if try !take((index, result)) { return }
            case .nothingYet: if try !take(nil) { return }
            case .finished: return
            }
        }
    }
}

/// Indices going out to threads, results coming back.
private final class ResultQueue<Result: Sendable>: @unchecked Sendable {
    enum Next {
        case result(Int, Result)
        case nothingYet
        case finished
    }

    private let condition = NSCondition()
    private let count: Int
    private var claimed = 0
    private var running = 0
    private var isStopped = false
    private var results: [(Int, Result)] = []

    init(count: Int) { self.count = count }

    func enter() { condition.withLock { running += 1 } }

    func leave() {
        condition.withLock {
            running -= 1
            condition.broadcast()
        }
    }

    func claim() -> Int? {
        condition.withLock {
            guard !isStopped, claimed < count else { return nil }
            claimed += 1
            return claimed - 1
        }
    }

    func deliver(_ index: Int, _ result: Result) {
        condition.withLock {
            results.append((index, result))
            condition.broadcast()
        }
    }

    func next(withinSeconds seconds: Double) -> Next {
        condition.withLock {
            let limit = Date(timeIntervalSinceNow: seconds)
            while results.isEmpty {
                if running == 0 { return .finished }
                if !condition.wait(until: limit) { return results.isEmpty ? .nothingYet : takeFirst() }
            }
            return takeFirst()
        }
    }

    private func takeFirst() -> Next {
        let (index, result) = results.removeFirst()
        return .result(index, result)
    }

    func stop() { condition.withLock { isStopped = true } }

    func waitUntilEmpty() {
        condition.withLock {
            while running > 0 { condition.wait() }
        }
    }
}
