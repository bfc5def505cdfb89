// What has been prepared, in the order in which it was finished: one line of JSON per recording behind its checksum. A line
// is appended when all clips of the recording are there; what a kill left of a last line is cut off.
import Foundation
import Storage

/// The finished recordings of a folder of clips.
final class PreparationJournal {
    /// A clip of a recording.
    struct Clip: Codable, Hashable, Sendable {
        /// The path below `wav` and `lbl`, without extension.
        var path: String
        /// What the clip would be called without random names.
        var original: String
        var frames: Int
        var events: Int
        var hasLabels: Bool
    }

    /// A finished recording.
    struct Record: Codable, Hashable, Sendable {
        var path: String
        var size: Int64
        var modified: Int64
        /// Everything else that the clips depend on: the events, the channel, the name.
        var fingerprint: String
        var source: String
        var clips: [Clip]
        var seconds: Double
        var events: Int
        var cutEvents: Int
        var lostEvents: Int
        var otherChannelEvents: Int
        var silentClips: Int
        var restSeconds: Double
        var notes: [String]
    }

    private(set) var records: [String: Record] = [:]
    private let url: URL
    private let writer: FileWriter
    private var waiting: [Record] = []
    // Nil at the start: the first recording is kept at once, so that even calls that are all cut short come to an end.
    private var lastWrite: ContinuousClock.Instant?
    // A kill may cost the work of this time, and so may a power failure.
    private static let holdSeconds = 1.0

    init(_ url: URL) throws {
        self.url = url
        if let data = try? Data(contentsOf: url) {
            var good = 0
            let decoder = JSONDecoder()
            for line in data.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast() {
                guard line.count > 9, let checksum = UInt32(String(decoding: line.prefix(8), as: UTF8.self), radix: 16),
                    CRC32C.of(Array(line.dropFirst(9))).value == checksum,
                    let record = try? decoder.decode(Record.self, from: Data(line.dropFirst(9)))
                else { break }
                records[record.path] = record
                good += line.count + 1
            }
            if good < data.count { try AtomicFile.write(data.prefix(good), to: url) }
        }
        writer = try FileWriter(appendingTo: url)
    }

    /// Takes a finished recording. It is in the journal for good after `settle`.
    func append(_ record: Record) throws {
        records[record.path] = record
        waiting.append(record)
        if let lastWrite, lastWrite.duration(to: .now) < .seconds(Self.holdSeconds) { return }
        try settle()
    }

    /// Writes what waits, behind the clips it speaks of: the journal never knows of a clip that a power failure took.
    func settle() throws {
        defer { lastWrite = .now }
        guard !waiting.isEmpty else { return }
        try FileSystem.live.synchronizeDisk(of: url.deletingLastPathComponent())
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        for record in waiting {
            let line = [UInt8](try encoder.encode(record))
            try writer.write(String(format: "%08x ", CRC32C.of(line).value))
            try writer.write(line + [0x0A])
        }
        waiting = []
        try writer.synchronize()
    }
}
