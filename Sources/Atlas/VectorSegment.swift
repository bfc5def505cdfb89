// One file of vectors. It is written whole or not at all and never changed, so that it can be mapped and shared.
//
// 64 bytes: magic "A2VVECT1", UInt32 version, UInt32 dimension, UInt64 first row, UInt64 rows, UInt32 CRC-32C of the
// numbers, zeros, and at 60 a CRC-32C of the 60 bytes before; then rows × dimension numbers of half precision. All
// little-endian.
import CVectors
import Foundation
import Storage

/// The rows `firstRow ..< firstRow + rowCount` of an atlas, mapped.
final class VectorSegment: Sendable {
    static let headerBytes = 64
    private static let magic = Array("A2VVECT1".utf8)

    let firstRow: Int
    let rowCount: Int
    let dimension: Int
    private let numbersChecksum: UInt32
    private let file: MappedFile

    /// Maps a segment. The header is checked, the numbers are not: see `verify`.
    init(_ url: URL) throws {
        let file = try MappedFile(url)
        let fields = file.withUnsafeBytes { bytes -> (UInt32, UInt64, UInt64, UInt32)? in
            guard bytes.count >= Self.headerBytes, bytes.prefix(8).elementsEqual(Self.magic) else { return nil }
            let sum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 60, as: UInt32.self))
            guard CRC32C.of(UnsafeRawBufferPointer(rebasing: bytes[..<60])).value == sum else { return nil }
            return (
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
                UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
            )
        }
        guard let fields, fields.0 > 0, fields.0 < 1 << 20, fields.1 < 1 << 40, fields.2 < 1 << 40,
            file.byteCount == Self.headerBytes + Int(fields.2) * Int(fields.0) * 2
        else {
            throw AtlasError(url.path, "is no whole file of vectors", remedy: "restore it from a copy of the atlas")
        }
        (dimension, firstRow, rowCount) = (Int(fields.0), Int(fields.1), Int(fields.2))
        numbersChecksum = fields.3
        self.file = file
    }

    /// Calls `body` with the numbers, row-major, as bits of half precision.
    func withHalves<Result>(_ body: (UnsafePointer<UInt16>) throws -> Result) rethrows -> Result {
        try file.withUnsafeBytes { bytes in
            try body((bytes.baseAddress! + Self.headerBytes).assumingMemoryBound(to: UInt16.self))
        }
    }

    /// Throws if the numbers are not those that were written.
    func verify() throws {
        let sum = file.withUnsafeBytes { CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[Self.headerBytes...])).value }
        guard sum == numbersChecksum else {
            throw AtlasError(
                file.path, "holds other numbers than were written (checksum \(sum), not \(numbersChecksum))",
                remedy: "restore it from a copy of the atlas")
        }
    }

    /// Writes a segment, whole or not at all.
    static func write(
        _ halves: [UInt16], dimension: Int, firstRow: Int, to url: URL, fileSystem: FileSystem = .live
    ) throws {
        try AtomicFile.write(to: url, fileSystem: fileSystem) { writer in
            var header = magic
            func append(_ value: some FixedWidthInteger) {
                Swift.withUnsafeBytes(of: value.littleEndian) { header += $0 }
            }
            append(UInt32(1))
            append(UInt32(dimension))
            append(UInt64(firstRow))
            append(UInt64(halves.count / dimension))
            append(halves.withUnsafeBytes { CRC32C.of($0).value })
            header += [UInt8](repeating: 0, count: 60 - header.count)
            append(CRC32C.of(header).value)
            try writer.write(header)
            try halves.withUnsafeBytes { try writer.write($0) }
        }
    }
}
