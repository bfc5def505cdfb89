import Foundation

/// One process at a time: an advisory lock on a file, which the operating system releases when the process ends, however
/// it ends.
public final class FileLock: Sendable {
    private let descriptor: Int32
    /// False where the file system knows no locks: then nothing keeps a second process out.
    public let isExclusive: Bool

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
        _ = ftruncate(descriptor, 0)
        close(descriptor)
    }
}
