import Foundation

/// Writes a file from front to back through a buffer, counting bytes and their CRC-32C on the way.
///
/// Not safe for use from several threads at once.
public final class FileWriter {
    /// Bytes written so far, those that were there before an append not counted.
    public private(set) var byteCount = 0
    /// CRC-32C of the bytes written so far.
    public var checksum: UInt32 { crc.value }

    private let path: String
    private let fileSystem: FileSystem
    private var descriptor: Int32
    private var crc = CRC32C()
    private var buffer: [UInt8] = []
    private static let bufferSize = 1 << 18

    /// Opens a file for appending and creates it where it does not exist.
    public convenience init(appendingTo url: URL, fileSystem: FileSystem = .live) throws(StorageError) {
        try self.init(url, flags: O_WRONLY | O_CREAT | O_APPEND, fileSystem: fileSystem)
    }

    /// Creates a file that must not exist yet.
    package convenience init(creating url: URL, fileSystem: FileSystem) throws(StorageError) {
        try self.init(url, flags: O_WRONLY | O_CREAT | O_EXCL, fileSystem: fileSystem)
    }

    private init(_ url: URL, flags: Int32, fileSystem: FileSystem) throws(StorageError) {
        path = url.path
        self.fileSystem = fileSystem
        descriptor = try fileSystem.open(path, flags)
        buffer.reserveCapacity(Self.bufferSize)
    }

    deinit {
        if descriptor >= 0 { _ = Foundation.close(descriptor) }
    }

    /// Appends bytes.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(StorageError) {
        guard !bytes.isEmpty else { return }
        crc.update(bytes)
        byteCount += bytes.count
        if buffer.count + bytes.count > Self.bufferSize { try flush() }
        if bytes.count >= Self.bufferSize {
            try fileSystem.write(bytes, to: descriptor, path)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    /// Appends data.
    public func write(_ data: Data) throws(StorageError) {
        try typed { try data.withUnsafeBytes { try write($0) } }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws(StorageError) {
        try typed { try bytes.withUnsafeBytes { try write($0) } }
    }

    /// Appends text as UTF-8.
    public func write(_ text: String) throws(StorageError) {
        try write(Array(text.utf8))
    }

    /// Hands the buffer to the operating system: a kill of this process loses nothing of it any more.
    public func flush() throws(StorageError) {
        guard !buffer.isEmpty else { return }
        defer { buffer.removeAll(keepingCapacity: true) }
        try typed { try buffer.withUnsafeBytes { try fileSystem.write($0, to: descriptor, path) } }
    }

    /// Waits until everything lies on the disk: a power failure loses nothing of it any more.
    public func synchronize() throws(StorageError) {
        try flush()
        try fileSystem.synchronize(descriptor, path)
    }

    /// Writes everything to the disk and closes the file. The writer cannot be used afterwards.
    public func finish() throws(StorageError) {
        try synchronize()
        let open = descriptor
        descriptor = -1
        try fileSystem.close(open, path)
    }
}

/// Gives the type back to an error that passed through a function that only rethrows.
func typed<Result>(_ body: () throws -> Result) throws(StorageError) -> Result {
    do {
        return try body()
    } catch let error as StorageError {
        throw error
    } catch {
        preconditionFailure("only storage errors are thrown here, got \(error)")
    }
}
