import Foundation
import Synchronization

/// One process at a time: an advisory lock on a file, which the operating system releases when the process ends, however
/// it ends.
public final class FileLock: Sendable {
    private let descriptor: Int32
    /// False where the file system knows no locks: then nothing keeps a second process out.
    public let isExclusive: Bool
    private let keepsText = Atomic(false)

    private init(_ descriptor: Int32, isExclusive: Bool) {
        (self.descriptor, self.isExclusive) = (descriptor, isExclusive)
    }

    /// Takes the lock if it is free, alone or together with others; nil if somebody holds it so that it cannot be taken. On
    /// a file system without locks it is always free.
    public static func attempt(_ url: URL, isShared: Bool = false) throws(StorageError) -> FileLock? {
        while true {
            let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw StorageError(errno: errno, doing: "open the lock", path: url.path) }
            var result: Int32
            repeat {
                result = flock(descriptor, (isShared ? LOCK_SH : LOCK_EX) | LOCK_NB)
            } while result != 0 && errno == EINTR
            if result != 0 && errno == EWOULDBLOCK {
                close(descriptor)
                return nil
            }
            // Whoever held it may have removed the file in the meantime: a lock on a file without name keeps nobody out.
            var (own, named) = (stat(), stat())
            guard fstat(descriptor, &own) == 0, stat(url.path, &named) == 0, own.st_ino == named.st_ino else {
                close(descriptor)
                continue
            }
            let lock = FileLock(descriptor, isExclusive: result == 0)
            if isShared { lock.keepText() }
            return lock
        }
    }

    /// The content of the lock's file, for others to read.
    public func write(_ text: String) {
        if ftruncate(descriptor, 0) == 0 { _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) } }
    }

    /// Lets the content stay when the lock is released.
    public func keepText() { keepsText.store(true, ordering: .relaxed) }

    /// Lets others take the lock together with this holder.
    public func share() {
        keepText()
        while flock(descriptor, LOCK_SH | LOCK_NB) != 0 && errno == EINTR {}
    }

    /// Takes the lock or throws `locked`, naming the process that holds it.
    public init(_ url: URL) throws(StorageError) {
        let path = url.path
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw StorageError(errno: errno, doing: "open the lock", path: path) }
        var result = flock(descriptor, LOCK_EX | LOCK_NB)
        while result != 0 && errno == EINTR { result = flock(descriptor, LOCK_EX | LOCK_NB) }
        if result != 0 && errno == EWOULDBLOCK {
            let holder = (try? String(contentsOf: url, encoding: .utf8))?.trimmingCharacters(
                in: .whitespacesAndNewlines)
            close(descriptor)
            throw StorageError(
                .locked, path: path,
                "in use by \(holder.flatMap { $0.isEmpty ? nil : $0 } ?? "another process"); "
                    + "wait for it to end, stop it, or choose another folder")
        }
        isExclusive = result == 0
        self.descriptor = descriptor
        let start = Date().formatted(.iso8601)
        let text = "process \(getpid()) on \(ProcessInfo.processInfo.hostName) since \(start)\n"
        if ftruncate(descriptor, 0) == 0 {
            // Only for the message to others: the lock holds without it.
            _ = text.withCString { pwrite(descriptor, $0, strlen($0), 0) }
        }
    }

    deinit {
        // Nobody may be told the name of a process that is gone.
        if isExclusive, !keepsText.load(ordering: .relaxed) { _ = ftruncate(descriptor, 0) }
        close(descriptor)
    }
}
