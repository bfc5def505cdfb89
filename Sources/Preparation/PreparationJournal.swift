// What has been prepared, in the order in which it was finished. A record is appended when all clips of the recording are
// there.
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

    private(set) var records: [String: Record]
    private let url: URL
    private let writer: FileWriter
    private var waiting: [Record] = []
    // Nil at the start: the first recording is kept at once, so that even calls that are all cut short come to an end.
    private var lastWrite: ContinuousClock.Instant?
    // A kill may cost the work of this time, and so may a power failure.
    private static let holdSeconds = 1.0
    private static let format = RecordFile<Record>(magic: "A2VPREP1")

    init(_ url: URL) throws {
        self.url = url
        var known: [String: Record] = [:]
        writer = try Self.format.open(url) { known[$0.path] = $0 }
        records = known
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
        for record in waiting { try writer.write(Self.format.bytes(of: record)) }
        waiting = []
        try writer.synchronize()
    }
}
