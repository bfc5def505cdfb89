// Reading sounds and recordings.
import Foundation
import GRDB
import Synchronization

extension Atlas {
    /// The recordings, by name; those that another version replaced are left out.
    public func recordings() throws -> [AtlasRecording] {
        try read {
            try Row.fetchAll($0, sql: "SELECT * FROM recordings WHERE NOT isReplaced ORDER BY name, id")
                .map(AtlasRecording.init(row:))
        }
    }

    /// Sounds by their numbers, in the order given. Throws for a number that is not there.
    public func sounds(_ ids: [Int]) throws -> [Sound] {
        var found: [Int: Sound] = [:]
        try read { database in
            // One statement has room for some thousand numbers.
            for start in stride(from: 0, to: ids.count, by: 1000) {
                let part = ids[start..<min(start + 1000, ids.count)]
                let list = part.map(String.init).joined(separator: ",")
                let rows = try Row.fetchAll(
                    database,
                    sql: """
                        SELECT sounds.*, name, path FROM sounds JOIN recordings ON recordings.id = recordingID
                        WHERE sounds.id IN (\(list))
                        """)
                for row in rows {
                    let sound = Sound(row: row)
                    found[sound.id] = sound
                }
                for (id, labels) in try Self.labels("WHERE soundID IN (\(list))", database) {
                    found[id]?.labels = labels
                }
            }
        }
        let places = try column("map")
        let clustering = try currentClustering()
        let clusters = try clustering.flatMap { try column("clusters-\($0.id)") }
        return try ids.map { id in
            guard var sound = found[id] else {
                throw AtlasError(
                    folder.path, "there is no sound \(id)", remedy: "give a number from 0 to \(count - 1)")
            }
            if let clusters, id < clusters.count {
                let number = Int(clusters.withValues { $0[id] })
                sound.cluster = number < 0 ? nil : number
            }
            if let places, id < places.count {
                (sound.x, sound.y) = places.withValues { ($0[2 * id], $0[2 * id + 1]) }
            }
            return sound
        }
    }

    /// One sound by its number.
    public func sound(_ id: Int) throws -> Sound { try sounds([id])[0] }

    /// The labels of all sounds that have some, as `Sound.labels` tells them. For lists of a hundred thousand sounds this
    /// is quicker than `sounds`.
    public func labelsOfSounds() throws -> [Int: [String]] {
        try read { try Self.labels("WHERE soundID IS NOT NULL", $0) }
    }

    /// The numbers of all sounds that count: those of replaced recordings are left out.
    public func visibleIDs() throws -> [Int] {
        let hidden = try hiddenIDs()
        return hidden.isEmpty ? Array(0..<count) : (0..<count).filter { !hidden.contains($0) }
    }

    /// Sounds of recordings that another version of the file replaced.
    func hiddenIDs() throws -> Set<Int> {
        if let known = cached.withLock(\.hidden) { return known }
        let ids = try read {
            try Int.fetchSet(
                $0,
                sql: """
                    SELECT sounds.id FROM recordings JOIN sounds ON recordingID = recordings.id WHERE isReplaced
                    """)
        }
        cached.withLock { $0.hidden = ids }
        return ids
    }

    /// The recording's row of every sound, in order of their numbers.
    public func recordingOfSounds() throws -> [Int64] {
        try read { try Int64.fetchAll($0, sql: "SELECT recordingID FROM sounds ORDER BY id") }
    }

    /// The beginning of every sound in its recording, in seconds, in order of their numbers.
    public func startOfSounds() throws -> [Double] {
        try read { try Double.fetchAll($0, sql: "SELECT startSeconds FROM sounds ORDER BY id") }
    }

    /// The sounds of a recording, in order of their numbers.
    public func soundIDs(ofRecording id: Int64) throws -> [Int] {
        try read {
            try Int.fetchAll($0, sql: "SELECT id FROM sounds WHERE recordingID = ? ORDER BY id", arguments: [id])
        }
    }

    /// Keeps a person's remark about a sound; it is on the disk when this returns.
    public func setNote(_ note: String, ofSound id: Int) throws {
        try write { try $0.execute(sql: "UPDATE sounds SET note = ? WHERE id = ?", arguments: [note, id]) }
    }

    /// Positive labels by sound: those of people, or where there are none, those of the corpus.
    static func labels(_ condition: String, _ database: Database) throws -> [Int: [String]] {
        var byPeople: [Int: Set<String>] = [:]
        var byCorpus: [Int: Set<String>] = [:]
        // A sound whose label a person has refused does not keep the corpus's word.
        var touched: Set<Int> = []
        let rows = try Row.fetchCursor(
            database,
            sql: "SELECT soundID, label, meaning, source FROM annotations \(condition) AND source <> 'model'")
        while let row = try rows.next() {
            let id: Int = row[0]
            let isPositive = (row[2] as String) == Annotation.Meaning.positive.rawValue
            if (row[3] as String) == Annotation.Source.person.rawValue {
                touched.insert(id)
                if isPositive { byPeople[id, default: []].insert(row[1]) }
            } else if isPositive {
                byCorpus[id, default: []].insert(row[1])
            }
        }
        for (id, labels) in byCorpus where !touched.contains(id) { byPeople[id] = labels }
        return byPeople.mapValues { $0.sorted() }
    }
}

extension AtlasRecording {
    init(row: Row) {
        self.init(
            id: row["id"], name: row["name"], path: row["path"], rateHz: row["rateHz"], seconds: row["seconds"],
            startTime: row["startTime"], site: row["site"], note: row["note"])
    }
}

extension Sound {
    init(row: Row) {
        self.init(
            id: row["id"], recordingID: row["recordingID"], recording: row["name"], path: row["path"],
            channel: row["channel"], startSeconds: row["startSeconds"], endSeconds: row["endSeconds"], labels: [],
            cluster: nil, x: nil, y: nil, note: row["note"])
    }
}
