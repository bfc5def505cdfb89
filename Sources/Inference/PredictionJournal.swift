// What has been predicted, by every process in the order in which it was finished. A record is appended when its results are on the disk, and
// says everything about them: after an interruption nothing is computed twice, and another format needs no model.
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
            /// Whether the focal animal called; nil where nobody asked.
            var focal: Bool?

            init(_ event: Event) {
                (start, end, label) = (event.startSeconds, event.endSeconds, event.label)
                (score, channel, focal) = (event.score, event.channel, event.isFocal)
            }
        }

        var identity: Identity
        var seconds: Double
        var rateHz: Double
        var note: String
        var found: [Found]
        /// Events that lost against rivals; nil where they are not kept.
        var secondary: [Found]?

        /// The events with the recording's name.
        var events: [Event] { events(found) }

        /// Events that lost, with the recording's name.
        var secondaryEvents: [Event] { events(secondary ?? []) }

        private func events(_ found: [Found]) -> [Event] {
            found.map {
                Event(
                    recording: identity.name, startSeconds: $0.start, endSeconds: $0.end, label: $0.label,
                    score: $0.score, channel: $0.channel,
                    extra: $0.focal.map { [Event.focalColumn: $0 ? "1" : "0"] } ?? [:])
            }
        }
    }

    private static let format = RecordFile<Record>(magic: "A2VPRED1")
    // Power failures may cost this much work; a kill costs nothing.
    private static let synchronizeSeconds = 2.0

    private let folder: URL
    private let own: URL
    private let writer: FileWriter
    private var places: [String: Place] = [:]
    // By journal, how far it has been read.
    private var ends: [String: Int] = [:]
    private var mapped: [String: MappedFile] = [:]
    private var lastSynchronization = ContinuousClock.now

    private struct Place {
        var identity: Identity
        var file: String
        var range: Range<Int>
    }

    /// Opens all journals of a folder, or begins one, at `own`, which only this process may append to. What a kill left of
    /// a last record there is cut off.
    init(_ folder: URL, own: URL, fileSystem: FileSystem = .live) throws {
        self.folder = folder
        self.own = own
        writer = try Self.format.open(own, fileSystem: fileSystem)
        try refresh()
    }

    /// Reads what other processes have appended.
    func refresh() throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        where name.hasPrefix("journal") && !name.hasSuffix(".lock") && !name.hasSuffix(AtomicFile.unfinishedSuffix) {
            let file = folder.appending(path: name)
            var status = stat()
            guard stat(file.path, &status) == 0, Int(status.st_size) > ends[name] ?? 0 else { continue }
            let map = try MappedFile(file)
            mapped[name] = map
            ends[name] = try Self.format.read(map, from: ends[name] ?? 0) { range, record in
                places[record.identity.name] = Place(identity: record.identity, file: name, range: range)
            }
        }
    }

    /// What the last finished result of that name depended on.
    func identity(_ name: String) -> Identity? { places[name]?.identity }

    /// The last finished result of that name.
    func record(_ name: String) throws -> Record? {
        guard let place = places[name] else { return nil }
        let file = folder.appending(path: place.file)
        if (mapped[place.file]?.byteCount ?? 0) < place.range.upperBound { mapped[place.file] = try MappedFile(file) }
        guard let record = Self.format.record(mapped[place.file]!, place.range) else {
            throw PredictionError(
                file: file.path, problem: "was changed by another program", remedy: "run the prediction again")
        }
        return record
    }

    /// Appends a finished recording. A kill after this does not lose it.
    func append(_ record: Record) throws {
        let bytes = try Self.format.bytes(of: record)
        try writer.write(bytes)
        try writer.flush()
        let name = own.lastPathComponent
        let end = ends[name]!
        let range = end..<end + bytes.count
        places[record.identity.name] = Place(identity: record.identity, file: name, range: range)
        ends[name] = range.upperBound
        if ContinuousClock.now - lastSynchronization > .seconds(Self.synchronizeSeconds) {
            try writer.synchronize()
            lastSynchronization = .now
        }
    }

    /// Writes everything to the disk. Nothing can be appended afterwards.
    func finish() throws { try writer.finish() }
}
