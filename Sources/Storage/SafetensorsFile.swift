// https://github.com/huggingface/safetensors: 8 bytes little-endian length of the header, JSON header, data.
import Foundation

/// A safetensors file, mapped and checked: every rule of the format holds before the first tensor is touched.
public struct SafetensorsFile: Sendable {
    /// The longest header that is read.
    public static let largestHeader = 100_000_000

    /// Names of the tensors in the order of their data.
    public let names: [String]
    /// Text that travels with the tensors.
    public let metadata: [String: String]
    /// Path of the file.
    public var path: String { file.path }

    private let entries: [String: SafetensorsEntry]
    private let file: MappedFile
    private let dataOffset: Int

    /// Maps the file at `url` and checks lengths, header, types, shapes and the seamless cover of the data.
    public static func open(_ url: URL) throws(StorageError) -> SafetensorsFile {
        try SafetensorsFile(MappedFile(url))
    }

    private init(_ file: MappedFile) throws(StorageError) {
        self.file = file
        let headerLength = try Self.headerLength(file)
        dataOffset = 8 + headerLength
        let header = try file.withUnsafeBytes { (bytes) throws(StorageError) in
            try SafetensorsHeader(UnsafeRawBufferPointer(rebasing: bytes[8..<8 + headerLength]), path: file.path)
        }
        entries = header.entries
        metadata = header.metadata
        let ordered = header.entries.sorted {
            let (a, b) = ($0.value.byteRange, $1.value.byteRange)
            return (a.lowerBound, a.upperBound, $0.key) < (b.lowerBound, b.upperBound, $1.key)
        }
        names = ordered.map(\.key)
        var end = 0
        for (name, entry) in ordered {
            guard entry.byteRange.lowerBound == end else {
                throw Self.bad(
                    file,
                    "tensor \"\(name)\" starts at byte \(entry.byteRange.lowerBound) of the data, the one before ends "
                        + "at \(end): a \(entry.byteRange.lowerBound < end ? "shared" : "lost") piece")
            }
            end = entry.byteRange.upperBound
        }
        guard end == file.byteCount - dataOffset else {
            throw Self.bad(
                file, "the tensors need \(end) bytes, \(file.byteCount - dataOffset) are there")
        }
    }

    private static func headerLength(_ file: MappedFile) throws(StorageError) -> Int {
        guard file.byteCount >= 8 else { throw bad(file, "only \(file.byteCount) bytes, a header needs more") }
        let length = file.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
        guard length <= UInt64(largestHeader) else {
            throw bad(file, "a header of \(length) bytes, at most \(largestHeader) are allowed")
        }
        guard Int(length) <= file.byteCount - 8 else {
            throw bad(file, "a header of \(length) bytes in a file of \(file.byteCount)")
        }
        return Int(length)
    }

    private static func bad(_ file: MappedFile, _ what: String) -> StorageError {
        StorageError(.corrupt, path: file.path, "no sound safetensors file: \(what); fetch or write the file again")
    }

    /// Type, shape and place of a tensor, nil where there is none of this name.
    public subscript(name: String) -> SafetensorsEntry? { entries[name] }

    /// Calls `body` with the bytes of a tensor, row-major and little-endian; the pointer is valid only inside, and aligned
    /// to nothing in files of other writers.
    public func withUnsafeBytes<Result>(
        _ name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        guard let entry = entries[name] else {
            throw StorageError(.invalid, path: path, "holds no tensor \"\(name)\", but \(names.count) others")
        }
        let range = entry.byteRange.lowerBound + dataOffset..<entry.byteRange.upperBound + dataOffset
        return try file.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }

    /// The elements of a tensor, which must be of the type that `Element` is in memory.
    public func values<Element: SafetensorsElement>(_ name: String, as type: Element.Type) throws -> [Element] {
        if let entry = entries[name], entry.elementType != Element.elementType {
            throw StorageError(
                .invalid, path: path,
                "tensor \"\(name)\" is \(entry.elementType.rawValue), asked for as \(Element.elementType.rawValue)")
        }
        return try withUnsafeBytes(name) { bytes in
            [Element](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Element>.stride) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
                count = bytes.count / MemoryLayout<Element>.stride
            }
        }
    }
}
