// The corpus folder: `corpus.sqlite`, in write-ahead mode so that readers and one writer work side by side.

import Audio
import Foundation
import GRDB
import Labels

/// The catalogue of recordings, labels and split of one corpus. May be used from several threads at once.
public final class Catalogue: Sendable {
    /// The folder of the corpus.
    public let folder: URL
    let database: DatabasePool

    /// Opens the corpus in `folder`, or makes one there. Throws `CorpusError`.
    public init(folder: URL, makeIfMissing: Bool = false) throws(CorpusError) {
        self.folder = folder
        let file = folder.appending(path: "corpus.sqlite")
        let isThere = FileManager.default.fileExists(atPath: file.path)
        guard isThere || makeIfMissing else { throw .notACorpus(folder: folder.path) }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var configuration = Configuration()
            configuration.busyMode = .timeout(30)
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = NORMAL") }
            database = try DatabasePool(path: file.path, configuration: configuration)
            try Schema.migrator.migrate(database)
        } catch {
            throw .database(folder: folder.path, reason: String(describing: error))
        }
    }

    /// All recordings that fit, sorted by their path, numbers in names by their value.
    public func recordings(_ filter: RecordingFilter = .init()) throws(CorpusError) -> [Recording] {
        let rows = try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT recordings.*, EXISTS (SELECT 1 FROM annotations WHERE recordingID = recordings.id) AS isAnnotated
                    FROM recordings WHERE verdictKind <> 'pending'
                    \(filter.set == nil ? "" : "AND id IN (SELECT recordingID FROM recordingSets WHERE name = ?)")
                    """, arguments: filter.set.map { [$0] } ?? [])
        }
        let found = rows.map(Recording.init(row:)).filter(filter.includes)
        return NaturalOrder.sorted(found, by: \.relativePath)
    }

    /// The events of recordings, by the recording's row, sorted by start. Times are seconds in the recording; the event's
    /// `recording` is the relative path. Nil for all recordings.
    public func events(of recordings: Set<Int64>? = nil, subset: String? = nil) throws(CorpusError) -> [Int64: [Event]]
    {
        let rows = try read { database in
            let condition = subset == nil ? "" : "WHERE events.id IN (SELECT eventID FROM subsets WHERE name = ?)"
            return try Row.fetchAll(
                database,
                sql: """
                    SELECT events.*, relativePath FROM events JOIN recordings ON recordings.id = recordingID \(condition)
                    ORDER BY recordingID, startSeconds, endSeconds, label, events.id
                    """, arguments: subset.map { [$0] } ?? [])
        }
        var events: [Int64: [Event]] = [:]
        for row in rows {
            let recordingID: Int64 = row["recordingID"]
            guard recordings?.contains(recordingID) ?? true else { continue }
            events[recordingID, default: []].append(Event(row: row))
        }
        return events
    }

    /// How often each label occurs in the recordings that fit, in order of the labels.
    public func labelCounts(_ filter: RecordingFilter = .init()) throws(CorpusError) -> [(label: String, count: Int)] {
        let included = Set(try recordings(filter).map(\.id))
        var counts: [String: Int] = [:]
        for list in try events(of: included).values {
            for event in list { counts[event.label, default: 0] += 1 }
        }
        return NaturalOrder.sorted(Array(counts), by: \.key).map { ($0.key, $0.value) }
    }

    /// The report of the last scan; nil before the first.
    public func lastReport() throws(CorpusError) -> ScanReport? {
        guard let text = try property("lastReport") else { return nil }
        return try? JSONDecoder().decode(ScanReport.self, from: Data(text.utf8))
    }

    /// A remark kept with the catalogue.
    public func property(_ name: String) throws(CorpusError) -> String? {
        try read { try String.fetchOne($0, sql: "SELECT value FROM properties WHERE name = ?", arguments: [name]) }
    }

    /// Keeps a remark with the catalogue.
    public func setProperty(_ name: String, _ value: String) throws(CorpusError) {
        try write {
            try $0.execute(
                sql: "INSERT OR REPLACE INTO properties (name, value) VALUES (?, ?)", arguments: [name, value])
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws(CorpusError) -> Value {
        do {
            return try database.read(body)
        } catch {
            throw .database(folder: folder.path, reason: String(describing: error))
        }
    }

    func write<Value>(_ body: (Database) throws -> Value) throws(CorpusError) -> Value {
        do {
            return try database.write(body)
        } catch {
            throw .database(folder: folder.path, reason: String(describing: error))
        }
    }
}

/// Which recordings are meant. Every condition that is set has to hold.
public struct RecordingFilter: Sendable, Hashable {
    /// Only what can be decoded and is still there.
    public var isUsable = true
    /// Only recordings that somebody listened to.
    public var isAnnotated = false
    /// Only this part of the split.
    public var part: SplitPart?
    /// Everything but this fold (part `train`), or only this fold (part `valid`); the part is then the fold's alone.
    public var fold: Int?

    /// Only recordings of the set of this name, see `Catalogue.recordingSets`. The catalogue looks at it; `includes` cannot.
    public var set: String?

    /// All that can be used, unless conditions are set.
    public init(
        isUsable: Bool = true, isAnnotated: Bool = false, part: SplitPart? = nil, fold: Int? = nil, set: String? = nil
    ) {
        (self.isUsable, self.isAnnotated, self.part, self.fold) = (isUsable, isAnnotated, part, fold)
        self.set = set
    }

    /// Whether a recording is meant, as far as it knows itself.
    public func includes(_ recording: Recording) -> Bool {
        if isUsable, !recording.isUsable { return false }
        if isAnnotated, !recording.isAnnotated { return false }
        guard let fold else { return part == nil || recording.part == part }
        guard let own = recording.fold else { return false }
        switch part {
        case .train: return own != fold
        case .valid, nil: return own == fold
        case .test: return recording.part == .test
        }
    }
}
