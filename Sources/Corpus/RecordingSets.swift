// Sets of recordings by name: the manifests of a corpus, and shares of its training part.

import GRDB

extension Catalogue {
    /// How many recordings each set holds, by its name.
    public func recordingSets() throws(CorpusError) -> [String: Int] {
        let rows = try read { database in
            try Row.fetchAll(database, sql: "SELECT name, COUNT(*) AS count FROM recordingSets GROUP BY name")
        }
        return Dictionary(uniqueKeysWithValues: rows.map { ($0["name"] as String, $0["count"] as Int) })
    }

    /// Keeps sets of recordings under their names. Sets of these names are replaced, those in `removing` are forgotten.
    public func setRecordingSets(_ sets: [String: [Int64]], removing: [String] = []) throws(CorpusError) {
        try write { database in
            for name in removing + sets.keys {
                try database.execute(sql: "DELETE FROM recordingSets WHERE name = ?", arguments: [name])
            }
            let insert = try database.cachedStatement(
                sql: "INSERT OR IGNORE INTO recordingSets (name, recordingID) VALUES (?, ?)")
            for (name, recordings) in sets.sorted(by: { $0.key < $1.key }) {
                for recording in recordings { try insert.execute(arguments: [name, recording]) }
            }
        }
    }
}
