// What has been predicted, in the order in which it was finished. A record is appended when its results are on the disk, and
// says everything about them: after an interruption nothing is computed twice, and another format needs no model.
//
// file: 8 bytes "A2VPRED1", then records: UInt32 length, UInt32 CRC-32C (both little-endian), JSON of that length
import Foundation
import Labels
import Storage

/// The finished recordings of a folder of predictions.
final class PredictionJournal {
    /// What a result depends on. If anything of it changes, the recording is predicted again.
    struct Identity: Codable, Hashable, Sendable {
        var name: String
        var path: String
        var byteCount: Int
        var modifiedNanoseconds: Int
        var model: String
        var settings: String
    }

    /// One finished recording.
    struct Record: Codable, Hashable, Sendable {
        /// An event without what the record says already.
        struct Found: Codable, Hashable, Sendable {
            var start: Double
            var end: Double
            var label: String
            var score: Double?
            var channel: Int?
        }

        var identity: Identity
        var seconds: Double
        var rateHz: Double
        var note: String
        var found: [Found]

        /// The events with the recording's name.
        var events: [Event] {
            found.map {
                Event(
                    recording: identity.name, startSeconds: $0.start, endSeconds: $0.end, label: $0.label,
                    score: $0.score, channel: $0.channel)
            }
        }
    }

    private static let magic = Array("A2VPRED1".utf8)
    // Power failures may cost this much work; a kill costs nothing.
    private static let synchronizeSeconds = 2.0

    private let url: URL
    private let writer: FileWriter
    private var places: [String: (identity: Identity, range: Range<Int>)]
    private var end: Int
    private var mapped: MappedFile?
    private var lastSynchronization = ContinuousClock.now

    /// Opens the journal at `url` or begins it. What a kill left of a last record is cut off.
    init(_ url: URL, fileSystem: FileSystem = .live) throws {
        self.url = url
        var end = Self.magic.count
        var places: [String: (identity: Identity, range: Range<Int>)] = [:]
        var good = Data(Self.magic)
        var isSound = false
        if FileManager.default.fileExists(atPath: url.path) {
            let file = try MappedFile(url)
            try file.withUnsafeBytes { bytes throws(PredictionError) in
                // A journal that was broken off in its first bytes is begun anew.
                guard bytes.count >= Self.magic.count else { return }
                guard bytes.prefix(Self.magic.count).elementsEqual(Self.magic) else {
                    throw PredictionError(
                        file: url.path, problem: "is no journal of predictions that this program can read",
                        remedy:
                            "choose another folder for the results, or remove the journal to predict everything again")
                }
                while let (range, record) = Self.record(bytes, at: end) {
                    places[record.identity.name] = (record.identity, range)
                    end = range.upperBound
                }
                isSound = end == bytes.count
                if !isSound { good = Data(bytes.prefix(end)) }
            }
        }
        if !isSound { try AtomicFile.write(good, to: url, fileSystem: fileSystem) }
        self.end = end
        self.places = places
        writer = try FileWriter(appendingTo: url, fileSystem: fileSystem)
    }

    /// What the last finished result of that name depended on.
    func identity(_ name: String) -> Identity? { places[name]?.identity }

    /// The last finished result of that name.
    func record(_ name: String) throws -> Record? {
        guard let range = places[name]?.range else { return nil }
        if (mapped?.byteCount ?? 0) < range.upperBound { mapped = try MappedFile(url) }
        let record = mapped!.withUnsafeBytes { bytes in
            range.upperBound <= bytes.count ? Self.record(bytes, at: range.lowerBound)?.record : nil
        }
        guard let record else {
            throw PredictionError(
                file: url.path, problem: "was changed by another program", remedy: "run the prediction again")
        }
        return record
    }

    /// Appends a finished recording. A kill after this does not lose it.
    func append(_ record: Record) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let payload = [UInt8](try encoder.encode(record))
        var bytes: [UInt8] = []
        for number in [UInt32(payload.count), CRC32C.of(payload).value] {
            withUnsafeBytes(of: number.littleEndian) { bytes += $0 }
        }
        try writer.write(bytes + payload)
        try writer.flush()
        places[record.identity.name] = (record.identity, end..<end + 8 + payload.count)
        end += 8 + payload.count
        if ContinuousClock.now - lastSynchronization > .seconds(Self.synchronizeSeconds) {
            try writer.synchronize()
            lastSynchronization = .now
        }
    }

    /// Writes everything to the disk. Nothing can be appended afterwards.
    func finish() throws { try writer.finish() }

    /// The record at an offset and where it lies; nil if it is not whole.
    private static func record(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> (range: Range<Int>, record: Record)?
    {
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
