// Labels, with a history that can be undone. A change is one transaction: when a call returns, the change is on the disk;
// when the process is killed before, nothing of it is there.
import Foundation
import GRDB
import Labels

/// One change of labels.
public struct LabelChange: Sendable, Hashable, Codable, Identifiable {
    /// Its number; later changes have larger ones.
    public var id: Int64
    /// When it was made, ISO 8601.
    public var time: String
    /// What was done, in words.
    public var summary: String
    /// Whether it is undone now.
    public var isUndone: Bool
    /// Annotations that were made, changed or removed.
    public var count: Int
}

extension Atlas {
    // MARK: Reading

    /// Annotations of sounds, or of recordings; all of them when both are nil.
    public func annotations(
        ofSounds soundIDs: [Int]? = nil, ofRecording recordingID: Int64? = nil, source: Annotation.Source? = nil
    ) throws -> [Annotation] {
        try read { database in
            var conditions: [String] = []
            if let soundIDs { conditions.append("soundID IN (\(soundIDs.map(String.init).joined(separator: ",")))") }
            if let recordingID { conditions.append("recordingID = \(recordingID)") }
            if let source { conditions.append("source = '\(source.rawValue)'") }
            let condition = conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ")
            return try Row.fetchAll(database, sql: "SELECT * FROM annotations \(condition) ORDER BY id")
                .map(Annotation.init(row:))
        }
    }

    /// Positive labels as events of their recordings, by recording and time: what label files are written from.
    ///
    /// - Parameter sources: whose labels.
    public func events(sources: [Annotation.Source] = [.person]) throws -> [Event] {
        let list = sources.map { "'\($0.rawValue)'" }.joined(separator: ",")
        return try read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT annotations.*, name FROM annotations JOIN recordings ON recordings.id = recordingID
                    WHERE source IN (\(list)) AND meaning = 'positive' ORDER BY name, startSeconds, endSeconds, label
                    """
            ).map { row in
                let annotation = Annotation(row: row)
                return Event(
                    recording: row["name"], startSeconds: annotation.startSeconds, endSeconds: annotation.endSeconds,
                    label: annotation.label, score: annotation.score, lowHz: annotation.lowHz,
                    highHz: annotation.highHz, channel: annotation.channel, annotator: annotation.annotator)
            }
        }
    }

    /// How many sounds have each label, as `Sound.labels` tells them.
    public func labelCounts() throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for labels in try labelsOfSounds().values { for label in labels { counts[label, default: 0] += 1 } }
        return counts
    }

    // MARK: Changing

    /// Gives sounds a person's label. What the person said about the same label of the same sound before is replaced.
    ///
    /// - Parameters:
    ///   - meaning: that it is this, is not this, or may be this.
    ///   - exclusive: whether other positive labels that people gave these sounds go away.
    @discardableResult
    public func label(
        _ soundIDs: [Int], as label: String, meaning: Annotation.Meaning = .positive, exclusive: Bool = true,
        annotator: String? = nil
    ) throws -> LabelChange {
        let verb = ["positive": "", "negative": "not ", "uncertain": "perhaps "][meaning.rawValue]!
        let summary = "\(soundIDs.count == 1 ? "1 sound" : "\(soundIDs.count) sounds"): \(verb)\(label)"
        return try change(summary) { edit in
            for id in soundIDs {
                guard let place = try edit.place(ofSound: id) else {
                    throw AtlasError(
                        folder.path, "there is no sound \(id)", remedy: "give a number from 0 to \(count - 1)")
                }
                for old in try edit.annotations(ofSound: id)
                where old.source == .person
                    && (old.label == label || exclusive && meaning == .positive && old.meaning == .positive)
                {
                    try edit.remove(old.id)
                }
                var new = place
                (new.label, new.meaning, new.annotator) = (label, meaning, annotator)
                try edit.save(new)
            }
        }
    }

    /// Takes people's labels away from sounds: one of them, or all.
    @discardableResult
    public func removeLabels(_ soundIDs: [Int], label: String? = nil) throws -> LabelChange {
        let count = soundIDs.count == 1 ? "1 sound" : "\(soundIDs.count) sounds"
        return try change("\(count): no longer \(label ?? "labelled")") { edit in
            for id in soundIDs {
                for old in try edit.annotations(ofSound: id)
                where old.source == .person && (label == nil || old.label == label) {
                    try edit.remove(old.id)
                }
            }
        }
    }

    /// Saves annotations that were made or changed (`id` > 0) by hand, and removes others, as one change. Returns the
    /// annotations with their numbers.
    @discardableResult
    public func saveAnnotations(
        _ annotations: [Annotation], removing removed: [Int64] = [], summary: String
    ) throws -> (change: LabelChange, annotations: [Annotation]) {
        var saved: [Annotation] = []
        let change = try change(summary) { edit in
            for id in removed { try edit.remove(id) }
            for annotation in annotations { saved.append(try edit.save(annotation)) }
        }
        return (change, saved)
    }

    // MARK: History

    /// The last changes, newest first.
    public func changes(limit: Int = 100) throws -> [LabelChange] {
        try read { database in
            try Row.fetchAll(
                database, sql: "\(LabelChange.selection) ORDER BY id DESC LIMIT ?", arguments: [limit]
            ).map(LabelChange.init(row:))
        }
    }

    /// Takes the last change back; nil when there is none.
    @discardableResult
    public func undo() throws -> LabelChange? {
        try move(undoing: true)
    }

    /// Makes the change again that was taken back last; nil when there is none.
    @discardableResult
    public func redo() throws -> LabelChange? {
        try move(undoing: false)
    }

    private func move(undoing: Bool) throws -> LabelChange? {
        try write { database in
            let condition = undoing ? "WHERE NOT isUndone ORDER BY id DESC" : "WHERE isUndone ORDER BY id"
            guard
                let row = try Row.fetchOne(database, sql: "\(LabelChange.selection) \(condition) LIMIT 1")
            else { return nil }
            var change = LabelChange(row: row)
            let items = try Row.fetchAll(
                database,
                sql: """
                    SELECT annotationID, before, after FROM changeItems WHERE changeID = ?
                    ORDER BY rowid \(undoing ? "DESC" : "")
                    """, arguments: [change.id])
            for item in items {
                let text: String? = undoing ? item["before"] : item["after"]
                guard let text else {
                    try database.execute(
                        sql: "DELETE FROM annotations WHERE id = ?", arguments: [item["annotationID"]])
                    continue
                }
                try JSONDecoder().decode(Annotation.self, from: Data(text.utf8)).write(database)
            }
            try database.execute(
                sql: "UPDATE changes SET isUndone = ? WHERE id = ?", arguments: [undoing, change.id])
            change.isUndone = undoing
            return change
        }
    }

    private func change(_ summary: String, _ body: (LabelEdit) throws -> Void) throws -> LabelChange {
        try write { database in
            // What was undone cannot come back once something else has happened.
            try database.execute(sql: "DELETE FROM changes WHERE isUndone")
            let time = Date().formatted(.iso8601)
            try database.execute(
                sql: "INSERT INTO changes (time, summary) VALUES (?, ?)", arguments: [time, summary])
            let edit = LabelEdit(database, changeID: database.lastInsertedRowID)
            try body(edit)
            return LabelChange(
                id: edit.changeID, time: time, summary: summary, isUndone: false, count: edit.count)
        }
    }

    // MARK: Listening

    /// Remembers that a person has listened to sounds.
    public func markListened(_ soundIDs: [Int]) throws {
        let time = Date().formatted(.iso8601)
        try write { database in
            for id in soundIDs {
                try database.execute(
                    sql: "INSERT OR IGNORE INTO listened (soundID, time) VALUES (?, ?)", arguments: [id, time])
            }
        }
    }

    /// The sounds that people have listened to.
    public func listenedIDs() throws -> Set<Int> {
        try read { try Int.fetchSet($0, sql: "SELECT soundID FROM listened") }
    }
}

/// One change under way inside a transaction.
private final class LabelEdit {
    let changeID: Int64
    private(set) var count = 0
    private let database: Database

    init(_ database: Database, changeID: Int64) { (self.database, self.changeID) = (database, changeID) }

    /// An annotation of a sound's whole length, still without label.
    func place(ofSound id: Int) throws -> Annotation? {
        try Row.fetchOne(
            database.cachedStatement(
                sql: "SELECT recordingID, channel, startSeconds, endSeconds FROM sounds WHERE id = ?"),
            arguments: [id]
        ).map {
            Annotation(
                soundID: id, recordingID: $0[0], channel: $0[1], startSeconds: $0[2], endSeconds: $0[3], label: "")
        }
    }

    func annotations(ofSound id: Int) throws -> [Annotation] {
        try Row.fetchAll(
            database.cachedStatement(sql: "SELECT * FROM annotations WHERE soundID = ?"), arguments: [id]
        ).map(Annotation.init(row:))
    }

    func remove(_ id: Int64) throws {
        guard let old = try existing(id) else { return }
        try database.cachedStatement(sql: "DELETE FROM annotations WHERE id = ?").execute(arguments: [id])
        try remember(id, before: old, after: nil)
    }

    @discardableResult
    func save(_ annotation: Annotation) throws -> Annotation {
        let old = annotation.id > 0 ? try existing(annotation.id) : nil
        let new = try annotation.write(database)
        try remember(new.id, before: old, after: new)
        return new
    }

    private func existing(_ id: Int64) throws -> Annotation? {
        try Row.fetchOne(
            database.cachedStatement(sql: "SELECT * FROM annotations WHERE id = ?"), arguments: [id]
        ).map(Annotation.init(row:))
    }

    private func remember(_ id: Int64, before: Annotation?, after: Annotation?) throws {
        try database.cachedStatement(
            sql: "INSERT INTO changeItems (changeID, annotationID, before, after) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [changeID, id, try before.map(Atlas.json), try after.map(Atlas.json)])
        count += 1
    }
}

extension LabelChange {
    fileprivate static let selection =
        "SELECT *, (SELECT COUNT(*) FROM changeItems WHERE changeID = changes.id) AS itemCount FROM changes"

    fileprivate init(row: Row) {
        self.init(
            id: row["id"], time: row["time"], summary: row["summary"], isUndone: row["isUndone"],
            count: row["itemCount"])
    }
}

extension Annotation {
    init(row: Row) {
        self.init(
            soundID: row["soundID"], recordingID: row["recordingID"], channel: row["channel"],
            startSeconds: row["startSeconds"], endSeconds: row["endSeconds"], lowHz: row["lowHz"],
            highHz: row["highHz"], label: row["label"], meaning: Meaning(rawValue: row["meaning"]) ?? .uncertain,
            source: Source(rawValue: row["source"]) ?? .corpus, annotator: row["annotator"], score: row["score"])
        id = row["id"]
    }

    /// Inserts it (`id` 0 chooses a number), or replaces the one of its number.
    @discardableResult
    func write(_ database: Database) throws -> Annotation {
        try database.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO annotations (id, soundID, recordingID, channel, startSeconds, endSeconds, lowHz,
                highHz, label, meaning, source, annotator, score) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [
            id > 0 ? id : nil, soundID, recordingID, channel, startSeconds, endSeconds, lowHz, highHz, label,
            meaning.rawValue, source.rawValue, annotator, score,
        ])
        var written = self
        written.id = id > 0 ? id : database.lastInsertedRowID
        return written
    }
}
