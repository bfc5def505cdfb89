import Foundation

/// Records of JSON behind their checksums in a file that is only ever appended to: what a kill left of a last record is
/// recognised, and what lies behind damage is not read.
///
/// file: 8 bytes that say what it is, then records: UInt32 length, UInt32 CRC-32C (both little-endian), JSON of that length
public struct RecordFile<Record: Codable>: Sendable {
    private let magic: [UInt8]

    /// Files that begin with these 8 characters.
    public init(magic: String) { self.magic = Array(magic.utf8) }

    /// Opens a file for appending, makes it where there is none, and cuts off what is no whole record. `body` gets the records
    /// that are there.
    public func open(
        _ url: URL, fileSystem: FileSystem = .live, _ body: (Record) -> Void = { _ in }
    ) throws(StorageError) -> FileWriter {
        var good = Data(magic)
        var isSound = false
        if FileManager.default.fileExists(atPath: url.path) {
            let file = try MappedFile(url)
            let end = try read(file) { body($1) }
            isSound = end == file.byteCount && end > 0
            if !isSound, end > 0 { good = file.withUnsafeBytes { Data($0.prefix(end)) } }
        }
        if !isSound { try AtomicFile.write(good, to: url, fileSystem: fileSystem) }
        return try FileWriter(appendingTo: url, fileSystem: fileSystem)
    }

    /// Reads whole records from an offset on, with the bytes they take.
    ///
    /// - Returns: Where the last one ends; 0 where the file was broken off in its first bytes.
    /// - Throws: `StorageError` of code `invalid` for a file of something else.
    public func read(
        _ file: MappedFile, from offset: Int = 0, _ body: (Range<Int>, Record) -> Void
    ) throws(StorageError) -> Int {
        try file.withUnsafeBytes { bytes throws(StorageError) in
            guard bytes.count >= magic.count else { return 0 }
            guard bytes.prefix(magic.count).elementsEqual(magic) else {
                throw StorageError(
                    .invalid, path: file.path,
                    "is no journal that this program can read; choose another folder or remove it")
            }
            var end = max(offset, magic.count)
            while let (range, record) = record(bytes, at: end) {
                body(range, record)
                end = range.upperBound
            }
            return end
        }
    }

    /// The record that takes these bytes; nil if it is not there, or not whole.
    public func record(_ file: MappedFile, _ range: Range<Int>) -> Record? {
        file.withUnsafeBytes { range.upperBound <= $0.count ? record($0, at: range.lowerBound)?.record : nil }
    }

    /// The bytes of a record.
    public func bytes(of record: Record) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let payload = [UInt8](try encoder.encode(record))
        var bytes: [UInt8] = []
        for number in [UInt32(payload.count), CRC32C.of(payload).value] {
            Swift.withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        return bytes + payload
    }

    private func record(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (range: Range<Int>, record: Record)? {
        guard bytes.count - offset >= 8 else { return nil }
        let length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
        let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self))
        guard length <= bytes.count - offset - 8 else { return nil }
        let payload = UnsafeRawBufferPointer(rebasing: bytes[offset + 8..<offset + 8 + length])
        guard CRC32C.of(payload).value == checksum,
            let record = try? JSONDecoder().decode(Record.self, from: Data(payload))
        else { return nil }
        return (offset..<offset + 8 + length, record)
    }
}
