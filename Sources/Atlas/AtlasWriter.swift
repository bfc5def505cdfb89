// Filling an atlas. Vectors are gathered and written as a segment; the catalogue learns of the segment and of its sounds
// in one transaction afterwards. A kill between leaves a file that nobody knows: the next segment replaces it.
import CVectors
import Foundation
import GRDB
import Storage
import Synchronization

/// A stretch of a recording on its way into an atlas.
public struct SoundPlace: Sendable, Hashable, Codable {
    /// The channel, from 0; nil for the mean of all.
    public var channel: Int?
    /// Its beginning in the recording.
    public var startSeconds: Double
    /// Its end in the recording.
    public var endSeconds: Double
    /// Labels that are known of it.
    public var labels: [String]

    /// A stretch of a recording.
    public init(channel: Int? = nil, startSeconds: Double, endSeconds: Double, labels: [String] = []) {
        (self.channel, self.startSeconds, self.endSeconds) = (channel, startSeconds, endSeconds)
        self.labels = labels
    }
}

/// A recording as it is on disk when its sounds come into an atlas.
public struct RecordingVersion: Sendable, Hashable {
    /// What tables call it.
    public var name: String
    /// Where the file lies.
    public var path: String
    /// Bytes.
    public var size: Int
    /// When the file was changed last, nanoseconds since 1970.
    public var modified: Int
    /// A text that says what is cut out of it: changed events are another version.
    public var cuts: String

    /// The version of a file as it is now; a file that does not exist has the size −1.
    public init(name: String, path: String, cuts: String = "") {
        (self.name, self.path, self.cuts) = (name, path, cuts)
        var status = stat()
        let isThere = stat(path, &status) == 0
        size = isThere ? Int(status.st_size) : -1
        modified = isThere ? Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec) : 0
    }
}

/// Adds sounds to an atlas. One at a time: it holds the folder's lock.
public final class AtlasWriter {
    /// The atlas that grows.
    public let atlas: Atlas
    private let lock: FileLock
    private let rowsPerSegment: Int
    private let secondsPerSegment: Double
    private var halves: [UInt16] = []
    private var places: [(recording: Int64, place: SoundPlace)] = []
    private var finished: [Finished] = []
    private var lastCommit = ContinuousClock.now

    private struct Finished {
        var recording: Int64
        var seconds: Double
        var rateHz: Double
        var note: String
        var startTime: String?
        var site: String?
    }

    /// A writer; throws `StorageError` where another one is at work.
    ///
    /// - Parameters:
    ///   - rowsPerSegment: a segment is written when it holds that many vectors,
    ///   - secondsPerSegment: or when that much time has passed: so much work a kill may cost.
    public init(_ atlas: Atlas, rowsPerSegment: Int = 65_536, secondsPerSegment: Double = 60) throws {
        self.atlas = atlas
        (self.rowsPerSegment, self.secondsPerSegment) = (rowsPerSegment, secondsPerSegment)
        lock = try FileLock(atlas.folder.appending(path: "writer.lock"))
        try AtomicFile.removeUnfinished(in: atlas.folder.appending(path: "vectors"), fileSystem: atlas.fileSystem)
    }

    /// Begins or continues a recording. Returns its row and how many of its sounds are in the atlas already; nil when all
    /// are. Another version of a recording of the same name is replaced: its sounds stay, but are no longer shown.
    public func begin(_ version: RecordingVersion) throws -> (id: Int64, done: Int)? { try begin([version])[0] }

    /// Begins or continues many recordings at once.
    public func begin(_ versions: [RecordingVersion]) throws -> [(id: Int64, done: Int)?] {
        defer { atlas.cached.withLock { $0.hidden = nil } }
        return try atlas.write { database in
            try versions.map { version in
                let rows = try Row.fetchAll(
                    database.cachedStatement(sql: "SELECT * FROM recordings WHERE name = ? AND NOT isReplaced"),
                    arguments: [version.name])
                for row in rows {
                    if row["size"] == version.size, row["modified"] == version.modified, row["cuts"] == version.cuts {
                        // The folder may have moved.
                        if row["path"] != version.path {
                            try database.execute(
                                sql: "UPDATE recordings SET path = ? WHERE id = ?",
                                arguments: [version.path, row["id"]])
                        }
                        return row["isComplete"] ? nil : (row["id"], row["soundsDone"])
                    }
                    try database.execute(
                        sql: "UPDATE recordings SET isReplaced = 1 WHERE id = ?", arguments: [row["id"]])
                }
                try database.cachedStatement(
                    sql: "INSERT INTO recordings (name, path, size, modified, cuts) VALUES (?, ?, ?, ?, ?)"
                ).execute(arguments: [version.name, version.path, version.size, version.modified, version.cuts])
                return (database.lastInsertedRowID, 0)
            }
        }
    }

    /// Adds sounds of a recording, in order; `vectors` holds one row for each.
    public func add(_ sounds: [SoundPlace], vectors: [Float], recording: Int64) throws {
        let dimension = atlas.vectors.dimension
        precondition(vectors.count == sounds.count * dimension, "\(vectors.count) numbers for \(sounds.count) sounds")
        // 65504 is the largest number of half precision.
        if let bad = vectors.first(where: { !(abs($0) <= 65_504) }) {
            throw AtlasError(
                atlas.description.model, "gave the number \(bad), which half precision cannot hold",
                remedy: "check the model; in fp32 its vectors should be finite and below 65,504")
        }
        let start = halves.count
        halves.append(contentsOf: repeatElement(0, count: vectors.count))
        halves.withUnsafeMutableBufferPointer {
            cvectors_narrow(vectors, vectors.count, $0.baseAddress! + start)
        }
        places += sounds.map { (recording, $0) }
        if places.count >= rowsPerSegment || ContinuousClock.now - lastCommit > .seconds(secondsPerSegment) {
            try commit()
        }
    }

    /// All sounds of a recording have been added.
    ///
    /// - Parameters:
    ///   - note: what a user should know; empty if there is nothing.
    ///   - startTime: when the recording began, ISO 8601; nil if unknown.
    ///   - site: where it was made; nil if unknown.
    public func finish(
        _ recording: Int64, seconds: Double, rateHz: Double, note: String = "", startTime: String? = nil,
        site: String? = nil
    ) throws {
        finished.append(
            Finished(
                recording: recording, seconds: seconds, rateHz: rateHz, note: note, startTime: startTime, site: site))
        // Without vectors there is no segment that would carry the news.
        if finished.count >= 1000 { try commit() }
    }

    /// Makes everything that was added durable.
    public func commit() throws {
        guard !places.isEmpty || !finished.isEmpty else { return }
        let firstRow = atlas.vectors.count
        var segment: VectorSegment?
        if !places.isEmpty {
            let url = Atlas.segmentFile(atlas.folder, firstRow: firstRow)
            try VectorSegment.write(
                halves, dimension: atlas.vectors.dimension, firstRow: firstRow, to: url, fileSystem: atlas.fileSystem)
            segment = try VectorSegment(url)
        }
        try atlas.write { database in
            if let segment {
                try database.execute(
                    sql: "INSERT INTO segments (firstRow, rowCount) VALUES (?, ?)",
                    arguments: [firstRow, segment.rowCount])
            }
            try insertSounds(database, firstRow: firstRow)
            for item in finished {
                try database.execute(
                    sql: """
                        UPDATE recordings SET seconds = ?, rateHz = ?, note = ?, startTime = ?, site = ?, isComplete = 1
                        WHERE id = ?
                        """,
                    arguments: [
                        item.seconds, item.rateHz, item.note, item.startTime, item.site, item.recording,
                    ])
            }
        }
        if let segment { atlas.vectors.append(segment) }
        halves.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        finished = []
        lastCommit = .now
    }

    private func insertSounds(_ database: Database, firstRow: Int) throws {
        let insert = try database.makeStatement(
            sql: "INSERT INTO sounds (id, recordingID, channel, startSeconds, endSeconds) VALUES (?, ?, ?, ?, ?)")
        var counts: [Int64: Int] = [:]
        for (offset, item) in places.enumerated() {
            let (id, place) = (firstRow + offset, item.place)
            try insert.execute(arguments: [
                id, item.recording, place.channel, place.startSeconds, place.endSeconds,
            ])
            counts[item.recording, default: 0] += 1
            for label in place.labels {
                try Annotation(
                    soundID: id, recordingID: item.recording, channel: place.channel,
                    startSeconds: place.startSeconds, endSeconds: place.endSeconds, label: label, source: .corpus
                ).write(database)
            }
        }
        for (recording, count) in counts {
            try database.execute(
                sql: "UPDATE recordings SET soundsDone = soundsDone + ? WHERE id = ?", arguments: [count, recording])
        }
    }
}
