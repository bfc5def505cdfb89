// Which recording comes next, for one of the processes that share them. Asked on the thread that decodes, told on the
// thread that computes.
import Foundation

/// The recordings that are not finished yet, as one process sees them.
final class PredictionQueue: @unchecked Sendable {
    /// What became of a recording that another process had.
    enum Elsewhere {
        case finished(PredictionJournal.Record)
        case failed(String)
    }

    private let lock = NSLock()
    private let work: WorkFolder
    private let journal: PredictionJournal
    private let recordings: [NamedRecording]
    private let identities: [PredictionJournal.Identity?]
    private let outputs: Prediction.Outputs
    private let results: PredictionResults
    private var open: [Int]
    private var cursor = 0
    private var isClosed = false
    private var claims: [Int: WorkFolder.Claim] = [:]
    private var saved: [Int: RecordingWork.Saved] = [:]
    private var elsewhere: [(index: Int, what: Elsewhere)] = []
    private var failure: (any Error)?

    init(
        _ work: WorkFolder, _ journal: PredictionJournal, _ recordings: [NamedRecording],
        _ identities: [PredictionJournal.Identity?], open: [Int], outputs: Prediction.Outputs,
        results: PredictionResults
    ) {
        (self.work, self.journal, self.recordings, self.identities) = (work, journal, recordings, identities)
        (self.open, self.outputs, self.results) = (open, outputs, results)
    }

    /// The next recording that nobody has; waits while others are at the rest.
    func next() -> WindowFeed.Job {
        lock.withLock {
            guard !isClosed else { return .end }
            do {
                try journal.refresh()
                var looked = 0
                let count = open.count
                while looked < count, !open.isEmpty {
                    looked += 1
                    if cursor >= open.count { cursor = 0 }
                    let index = open[cursor]
                    if claims[index] != nil {
                        cursor += 1
                        continue
                    }
                    if try settle(index) { continue }
                    let key = WorkFolder.key(recordings[index].name)
                    guard let claim = try work.claim(key) else {
                        cursor += 1
                        continue
                    }
                    // It may have been finished between the look and the claim.
                    try journal.refresh()
                    if try settle(index) {
                        work.release(claim)
                        continue
                    }
                    claims[index] = claim
                    cursor += 1
                    let state = RecordingWork.load(
                        partial(index), identity: identities[index]!, outputs: outputs)
                    if state == nil { try RecordingWork.clear(partial(index)) }
                    saved[index] = state
                    return .recording(index: index, path: recordings[index].path, skippedRows: state?.rows ?? 0)
                }
                return open.allSatisfy { claims[$0] != nil } ? .end : .wait
            } catch {
                failure = error
                return .end
            }
        }
    }

    /// Takes a recording off the list that another process has finished.
    private func settle(_ index: Int) throws -> Bool {
        let name = recordings[index].name
        if journal.identity(name) == identities[index], results.holds(name, outputs),
            let record = try journal.record(name)
        {
            elsewhere.append((index, .finished(record)))
        } else if let reason = work.failure(WorkFolder.key(name)) {
            elsewhere.append((index, .failed(reason)))
        } else {
            return false
        }
        open.remove(at: cursor)
        return true
    }

    /// Where the files of an unfinished recording lie.
    func partial(_ index: Int) -> URL {
        work.url.appending(path: "partial/\(WorkFolder.key(recordings[index].name))")
    }

    /// How far a recording is that `next` gave.
    func state(_ index: Int) -> RecordingWork.Saved? { lock.withLock { saved.removeValue(forKey: index) } }

    /// What other processes have finished since the last call.
    func takeElsewhere() -> [(index: Int, what: Elsewhere)] {
        lock.withLock {
            defer { elsewhere = [] }
            return elsewhere
        }
    }

    /// A recording whose results are on the disk.
    func finish(_ index: Int, _ record: PredictionJournal.Record) throws {
        try lock.withLock {
            try journal.append(record)
            try RecordingWork.clear(partial(index))
            giveBack(index)
        }
    }

    /// A recording that cannot be used.
    func fail(_ index: Int, _ reason: String) throws {
        try lock.withLock {
            try work.fail(WorkFolder.key(recordings[index].name), reason)
            try RecordingWork.clear(partial(index))
            giveBack(index)
        }
    }

    private func giveBack(_ index: Int) {
        if let claim = claims.removeValue(forKey: index) { work.release(claim) }
        if let place = open.firstIndex(of: index) {
            open.remove(at: place)
            if place < cursor { cursor -= 1 }
        }
    }

    /// Gives back what is not finished, and throws what went wrong on the way.
    func close() throws {
        try lock.withLock {
            for claim in claims.values { work.release(claim) }
            claims = [:]
            isClosed = true
            if let failure { throw failure }
        }
    }
}
