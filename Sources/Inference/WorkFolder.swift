// Several processes, on one computer or many, share the recordings of one folder of predictions through its files alone.
//
//   .prediction/lock          held together by all who work here; who can take it alone tidies up
//   .prediction/workers/…     one file per process, touched every few seconds, with what it computes
//   .prediction/claims/…      one file per recording that somebody computes
//   .prediction/failed/…      recordings that could not be used, until the folder is tidied up
//   .prediction/partial/…     how far recordings are that are not finished
//   .prediction/journal-…     one per process: what is finished
//
// The operating system releases the locks of a process that ends, however it ends. Between computers whose file system does
// not pass locks on, a claim holds while the file of its worker is touched. Two processes that computed the same recording
// all the same would write the same bytes.
import Foundation
import Storage
import Synchronization

/// The working folder of a prediction, as one of the processes that share it sees it.
final class WorkFolder: @unchecked Sendable {
    /// Seconds after which a worker on another computer that has not touched its file is taken for dead.
    static let leaseSeconds = 60.0

    /// `.prediction`
    let url: URL
    /// Whether nobody else worked here when this process came.
    let cameAlone: Bool
    private let fileSystem = FileSystem.live
    // Let go of when the worker leaves, whoever still knows this object.
    private var locks: [FileLock] = []
    private let workerFile: URL
    private let workerName: String
    private let heart = Heart()

    /// What the heartbeat knows.
    private final class Heart: Sendable { let hasStopped = Atomic(false) }

    /// Comes to work on what `fingerprint` means. Throws `PredictionError` if somebody works here on something else.
    init(_ folder: URL, fingerprint: String) throws {
        url = folder.appending(path: ".prediction")
        for name in ["", "workers", "claims", "failed", "partial"] {
            try FileManager.default.createDirectory(
                at: url.appending(path: name), withIntermediateDirectories: true)
        }
        let host = ProcessInfo.processInfo.hostName.filter { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." }
        workerName = "\(host)_\(getpid())"
        workerFile = url.appending(path: "workers/\(workerName)")
        let lockFile = url.appending(path: "lock")
        let alone = try FileLock.attempt(lockFile)
        let others = try Self.others(url.appending(path: "workers"), host: host, own: workerName)
        cameAlone = alone?.isExclusive == true && others.isEmpty
        if let other = others.first(where: { $0.fingerprint != fingerprint }) {
            throw PredictionError(
                file: folder.path,
                problem: "process \(other.name) predicts into it with another model, other settings or other outputs",
                remedy: "wait for it to end, stop it, or choose another folder")
        }
        if cameAlone {
            for name in ["workers", "claims", "failed"] { try Self.empty(url.appending(path: name)) }
            try AtomicFile.removeUnfinished(in: folder)
            try AtomicFile.removeUnfinished(in: url)
            try AtomicFile.removeUnfinished(in: url.appending(path: "partial"))
        }
        guard let worker = try FileLock.attempt(workerFile) else {
            throw PredictionError(
                file: workerFile.path, problem: "is held by another process", remedy: "run the prediction again")
        }
        worker.write(fingerprint)
        // From alone to together; who comes in between finds the file of this worker.
        locks = [worker, try Self.together(lockFile, alone)]
        let thread = Thread { [heart, path = workerFile.path] in
            var beat = 0
            while !heart.hasStopped.load(ordering: .acquiring) {
                if beat % 20 == 0 { _ = utimes(path, nil) }
                beat += 1
                usleep(250_000)
            }
        }
        thread.name = "heartbeat"
        thread.start()
    }

    /// Leaves: other processes may tidy up.
    func leave() {
        heart.hasStopped.store(true, ordering: .releasing)
        try? fileSystem.remove(workerFile)
        locks = []
    }

    private static func together(_ url: URL, _ alone: FileLock?) throws -> FileLock {
        if let alone {
            alone.share()
            return alone
        }
        while true {
            if let lock = try FileLock.attempt(url, isShared: true) { return lock }
            usleep(20_000)
        }
    }

    private static func empty(_ folder: URL) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            try FileSystem.live.remove(folder.appending(path: name))
        }
    }

    // MARK: Workers

    /// Living workers.
    private static func others(_ folder: URL, host: String, own: String) throws -> [(name: String, fingerprint: String)]
    {
        var others: [(name: String, fingerprint: String)] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) where name != own {
            let file = folder.appending(path: name)
            let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
            guard try isAlive(file, host: host) else { continue }
            others.append((name, text))
        }
        return others
    }

    private static func isAlive(_ file: URL, host: String) throws -> Bool {
        guard FileManager.default.fileExists(atPath: file.path) else { return false }
        if file.lastPathComponent.hasPrefix("\(host)_") {
            return try FileLock.attempt(file, isShared: true) == nil
        }
        var status = stat()
        guard stat(file.path, &status) == 0 else { return false }
        // The clock of the file system, not that of this computer.
        let probe = file.deletingLastPathComponent().deletingLastPathComponent().appending(path: "clock-\(getpid())")
        defer { try? FileSystem.live.remove(probe) }
        _ = FileManager.default.createFile(atPath: probe.path, contents: nil)
        var now = stat()
        guard stat(probe.path, &now) == 0 else { return true }
        return Double(now.st_mtim.tv_sec - status.st_mtim.tv_sec) < leaseSeconds
    }

    // MARK: Claims

    /// Takes a recording for this process; nil if another one is at it.
    func claim(_ key: String) throws -> Claim? {
        guard !heart.hasStopped.load(ordering: .acquiring) else { return nil }
        let file = url.appending(path: "claims/\(key)")
        let before = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        guard let lock = try FileLock.attempt(file) else { return nil }
        let host = workerName.split(separator: "_")[0]
        if !before.isEmpty, before != workerName, !lock.isExclusive || !before.hasPrefix("\(host)_"),
            try Self.isAlive(url.appending(path: "workers/\(before)"), host: String(host))
        {
            // Another computer's, whose lock is not known here.
            lock.write(before)
            lock.keepText()
            return nil
        }
        lock.write(workerName)
        return Claim(file: file, lock: lock)
    }

    /// A recording that is this process's.
    struct Claim {
        fileprivate let file: URL
        fileprivate let lock: FileLock
    }

    /// Gives a recording back, finished or not.
    func release(_ claim: Claim) {
        try? fileSystem.remove(claim.file)
        withExtendedLifetime(claim.lock) {}
    }

    // MARK: Failures

    /// Tells the others that a recording cannot be used, and why.
    func fail(_ key: String, _ reason: String) throws {
        try AtomicFile.write(reason, to: url.appending(path: "failed/\(key)"))
    }

    /// Why a recording cannot be used, as another process found.
    func failure(_ key: String) -> String? {
        try? String(contentsOf: url.appending(path: "failed/\(key)"), encoding: .utf8)
    }

    /// The name of the files of a recording: short, safe and as good as unique.
    static func key(_ name: String) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return String(format: "%016llx%08x", hash, CRC32C.of(Array(name.utf8)).value)
    }

    /// The journal that this process may append to: of those of this computer the first that nobody holds.
    func ownJournal() throws -> (url: URL, lock: FileLock) {
        let host = workerName.split(separator: "_")[0]
        for number in 1... {
            let file = url.appending(path: "journal-\(host)-\(number)")
            if let lock = try FileLock.attempt(url.appending(path: "\(file.lastPathComponent).lock")) {
                return (file, lock)
            }
        }
        preconditionFailure("there are more numbers than processes")
    }
}
