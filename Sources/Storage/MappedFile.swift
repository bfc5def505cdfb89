import Foundation

/// A file mapped into memory for reading. Nothing is read before it is touched.
///
/// Truncating the file while it is mapped ends the process when the lost part is touched; files written by `AtomicFile` are
/// replaced, never truncated.
public final class MappedFile: @unchecked Sendable {
    /// Path of the file.
    public let path: String
    /// Size of the file in bytes.
    public let byteCount: Int
    // Read-only memory that lives as long as this object: safe to read from any thread.
    private let base: UnsafeRawPointer?

    /// Maps the file at `url`.
    public init(_ url: URL) throws(StorageError) {
        path = url.path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StorageError(errno: errno, doing: "open", path: path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StorageError(errno: errno, doing: "read", path: path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StorageError(.invalid, path: path, "is no regular file")
        }
        byteCount = Int(status.st_size)
        guard byteCount > 0 else {
            base = nil
            return
        }
        guard let address = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw StorageError(errno: errno, doing: "map into memory", path: path)
        }
        base = UnsafeRawPointer(address)
    }

    deinit {
        if let base { munmap(UnsafeMutableRawPointer(mutating: base), byteCount) }
    }

    /// Calls `body` with all bytes of the file; the pointer is valid only inside.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(UnsafeRawBufferPointer(start: base, count: byteCount))
    }

    /// Lets go of the memory that holds these bytes. They are read from the file again when they are touched, so who walks
    /// through a large file and lets go of what lies behind needs little memory.
    public func release(_ range: Range<Int>) {
        guard let base, range.lowerBound >= 0, range.upperBound <= byteCount else { return }
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = (range.lowerBound + page - 1) / page * page
        let end = range.upperBound == byteCount ? byteCount : range.upperBound / page * page
        guard start < end else { return }
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }

    /// CRC-32C of the whole file.
    public var checksum: UInt32 { withUnsafeBytes { CRC32C.of($0).value } }
}
