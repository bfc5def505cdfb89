// Every system call that changes something on disk goes through here, so that a test can stop the world at each of
// them in turn and look at what lies on disk.
import Foundation
import Synchronization

/// Glibc declares it for C programs that ask for GNU extensions only.
@_silgen_name("syncfs") private func syncfs(_ descriptor: Int32) -> Int32

/// The system calls that change files, each one a step that a test can make fail.
public struct FileSystem: Sendable {
    /// The real one.
    public static let live = FileSystem(faults: nil)

    /// The real one, but it does not wait for the disk after each file: for very many small files, which are whole or not
    /// there after a kill, and after a power failure once `synchronizeDisk` was called behind them.
    public static let hurried = FileSystem(faults: nil, waits: false)

    private let faults: FaultPlan?
    private let waits: Bool

    /// The real one, but stopped or failing where `faults` says so. It never waits for the disk: after a kill the operating
    /// system still has what was written, and a test has better things to do.
    package init(faults: FaultPlan?) { self.init(faults: faults, waits: true) }

    private init(faults: FaultPlan?, waits: Bool) { (self.faults, self.waits) = (faults, waits) }

    /// Waits until everything that was written to the disk of a folder lies there.
    public func synchronizeDisk(of folder: URL) throws(StorageError) {
        let descriptor = Foundation.open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError(errno: errno, doing: "open the folder", path: folder.path) }
        defer { _ = Foundation.close(descriptor) }
        if syncfs(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP && errno != ENOSYS {
            throw StorageError(errno: errno, doing: "write the folder to the disk", path: folder.path)
        }
    }

    func open(_ path: String, _ flags: Int32) throws(StorageError) -> Int32 {
        try faults?.step("open", path)
        return try check("open", path) { Foundation.open(path, flags | O_CLOEXEC, 0o666) }
    }

    /// Writes all bytes; a full disk may leave a part of them behind.
    func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws(StorageError) {
        var rest = bytes[...]
        if let faults {
            let part = try faults.writeStep(path, byteCount: bytes.count)
            if part < bytes.count {
                if part > 0 { _ = Foundation.write(descriptor, bytes.baseAddress, part) }
                throw StorageError(.stopped, path: path, "stopped in the middle of a write")
            }
        }
        while !rest.isEmpty {
            let piece = UnsafeRawBufferPointer(rebasing: rest)
            let count = Foundation.write(descriptor, piece.baseAddress, min(piece.count, 1 << 30))
            if count < 0 {
                if errno == EINTR { continue }
                throw StorageError(errno: errno, doing: "write", path: path)
            }
            rest = rest.dropFirst(count)
        }
    }

    func synchronize(_ descriptor: Int32, _ path: String) throws(StorageError) {
        if let faults { return try faults.step("fsync", path) }
        guard waits else { return }
        _ = try check("write to the disk", path) { fsync(descriptor) }
    }

    /// Closes in any case, then reports.
    func close(_ descriptor: Int32, _ path: String) throws(StorageError) {
        let result = Foundation.close(descriptor)
        let number = errno
        try faults?.step("close", path)
        if result != 0 && number != EINTR { throw StorageError(errno: number, doing: "close", path: path) }
    }

    /// Renames a file or folder; a file that bears the new name disappears in the same instant.
    public func rename(_ source: URL, to target: URL) throws(StorageError) {
        try faults?.step("rename", target.path)
        _ = try check("rename \(source.lastPathComponent) to \(target.lastPathComponent)", target.path) {
            Foundation.rename(source.path, target.path)
        }
    }

    /// Makes one folder; one that is there already is fine.
    public func makeFolder(_ url: URL) throws(StorageError) {
        try faults?.step("mkdir", url.path)
        if mkdir(url.path, 0o777) != 0 && errno != EEXIST {
            throw StorageError(errno: errno, doing: "make the folder", path: url.path)
        }
    }

    /// Makes the names inside a folder durable. File systems that cannot do this (some network ones) are left alone.
    public func synchronizeFolder(_ url: URL) throws(StorageError) {
        if let faults { return try faults.step("fsync folder", url.path) }
        guard waits else { return }
        let descriptor = Foundation.open(url.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError(errno: errno, doing: "open the folder", path: url.path) }
        defer { _ = Foundation.close(descriptor) }
        if fsync(descriptor) != 0 && errno != EINVAL && errno != ENOTSUP && errno != EBADF {
            throw StorageError(errno: errno, doing: "write the folder to the disk", path: url.path)
        }
    }

    /// Removes a file or a folder with everything in it. What does not exist is fine.
    public func remove(_ url: URL) throws(StorageError) {
        var status = stat()
        guard lstat(url.path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: url.path))?.sorted() ?? [] {
                try remove(url.appending(path: name))
            }
        }
        try faults?.step("remove", url.path)
        if Foundation.remove(url.path) != 0 && errno != ENOENT {
            throw StorageError(errno: errno, doing: "remove", path: url.path)
        }
    }

    private func check(_ action: String, _ path: String, _ call: () -> Int32) throws(StorageError) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            if errno != EINTR { throw StorageError(errno: errno, doing: action, path: path) }
        }
    }
}

/// Where a test wants the file system to break.
package final class FaultPlan: Sendable {
    /// How it breaks.
    package enum Fault: Sendable {
        /// As if the process had been killed before the step: neither it nor any later one happens.
        case stop
        /// As `stop`, but half of the bytes of a write arrive first.
        case tear
        /// The step fails with this error number; later ones work.
        case fail(Int32)
        /// The step and all later writes fail with this error number.
        case failWrites(Int32)
    }

    private let index: Int
    private let fault: Fault
    private let count = Mutex(0)

    /// Breaks at the step with this index, counted from 0; `Int.max` only counts.
    package init(at index: Int, _ fault: Fault = .stop) {
        self.index = index
        self.fault = fault
    }

    /// How many steps were taken so far.
    package var steps: Int { count.withLock { $0 } }

    func step(_ name: String, _ path: String) throws(StorageError) {
        let current = take()
        guard current >= index else { return }
        switch fault {
        case .stop, .tear: throw StorageError(.stopped, path: path, "stopped before \(name)")
        case .fail(let number):
            if current == index { throw StorageError(errno: number, doing: name, path: path) }
        case .failWrites(let number):
            if current == index { throw StorageError(errno: number, doing: name, path: path) }
        }
    }

    /// How many of the bytes may be written.
    func writeStep(_ path: String, byteCount: Int) throws(StorageError) -> Int {
        let current = take()
        guard current >= index else { return byteCount }
        switch fault {
        case .stop: throw StorageError(.stopped, path: path, "stopped before write")
        case .tear:
            if current > index { throw StorageError(.stopped, path: path, "stopped before write") }
            return byteCount / 2
        case .fail(let number):
            if current == index { throw StorageError(errno: number, doing: "write", path: path) }
        case .failWrites(let number): throw StorageError(errno: number, doing: "write", path: path)
        }
        return byteCount
    }

    private func take() -> Int {
        count.withLock { count in
            defer { count += 1 }
            return count
        }
    }
}
