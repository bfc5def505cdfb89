// The tables of `corpus.sqlite` and the records in them. Changes are new migrations; old ones stay as they are.

import Audio
import Foundation
import GRDB
import Labels

enum Schema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 recordings and labels") { database in
            try database.create(table: "recordings") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("path", .text).notNull().unique()
                table.column("relativePath", .text).notNull()
                table.column("size", .integer).notNull()
                table.column("modified", .integer).notNull()
                table.column("rateHz", .double).notNull().defaults(to: 0)
                table.column("channelCount", .integer).notNull().defaults(to: 0)
                table.column("frames", .integer).notNull().defaults(to: 0)
                table.column("seconds", .double).notNull().defaults(to: 0)
                table.column("promisedSeconds", .double)
                table.column("container", .text).notNull().defaults(to: "")
                table.column("codec", .text).notNull().defaults(to: "")
                // `pending` until the file was decoded; then the kind of the verdict beside the whole of it.
                table.column("verdictKind", .text).notNull().defaults(to: "pending")
                table.column("verdict", .text).notNull().defaults(to: "")
                table.column("warnings", .text).notNull().defaults(to: "[]")
                table.column("peak", .double).notNull().defaults(to: 0)
                table.column("rms", .double).notNull().defaults(to: 0)
                table.column("loudestChannel", .integer).notNull().defaults(to: 0)
                table.column("startTime", .text)
                table.column("latitude", .double)
                table.column("longitude", .double)
                table.column("timeExpansion", .integer).notNull().defaults(to: 1)
                table.column("site", .text)
                table.column("individual", .text)
                table.column("part", .text)
                table.column("fold", .integer)
                table.column("isMissing", .boolean).notNull().defaults(to: false)
            }
            try database.create(table: "labelFiles") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("path", .text).notNull().unique()
                table.column("size", .integer).notNull()
                table.column("modified", .integer).notNull()
                table.column("eventCount", .integer).notNull()
            }
            try database.create(table: "events") { table in
                table.autoIncrementedPrimaryKey("id")
                table.belongsTo("recording", inTable: "recordings", onDelete: .cascade).notNull()
                table.belongsTo("labelFile", inTable: "labelFiles", onDelete: .cascade).notNull()
                table.column("startSeconds", .double).notNull()
                table.column("endSeconds", .double).notNull()
                table.column("label", .text).notNull()
                table.column("score", .double)
                table.column("lowHz", .double)
                table.column("highHz", .double)
                table.column("channel", .integer)
                table.column("annotator", .text)
            }
            // A recording that a label file speaks of was listened to, with or without events.
            try database.create(table: "annotations") { table in
                table.belongsTo("recording", inTable: "recordings", onDelete: .cascade).notNull()
                table.belongsTo("labelFile", inTable: "labelFiles", onDelete: .cascade).notNull()
                table.primaryKey(["recordingID", "labelFileID"])
            }
            try database.create(table: "subsets") { table in
                table.column("name", .text).notNull()
                table.belongsTo("event", inTable: "events", onDelete: .cascade).notNull()
                table.primaryKey(["name", "eventID"])
            }
            try database.create(table: "properties") { table in
                table.primaryKey("name", .text)
                table.column("value", .text).notNull()
            }
        }
        migrator.registerMigration("2 focal animals, sources and sets of recordings") { database in
            try database.alter(table: "events") { $0.add(column: "focal", .boolean) }
            // The long recording that a clip was cut from.
            try database.alter(table: "recordings") { $0.add(column: "source", .text) }
            try database.create(table: "recordingSets") { table in
                table.column("name", .text).notNull()
                table.belongsTo("recording", inTable: "recordings", onDelete: .cascade).notNull()
                table.primaryKey(["name", "recordingID"])
            }
        }
        return migrator
    }

    static func json(_ value: some Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension Recording {
    init(row: Row) {
        let verdict: String = row["verdict"]
        let decoded = try? JSONDecoder().decode(AudioVerdict.self, from: Data(verdict.utf8))
        self.init(
            id: row["id"], path: row["path"], relativePath: row["relativePath"], size: row["size"],
            modified: row["modified"], rateHz: row["rateHz"], channelCount: row["channelCount"], frames: row["frames"],
            seconds: row["seconds"], verdict: decoded ?? .unreadable(reason: "the catalogue holds no verdict"),
            peak: row["peak"], rms: row["rms"], loudestChannel: row["loudestChannel"], startTime: row["startTime"],
            latitude: row["latitude"], longitude: row["longitude"], timeExpansion: row["timeExpansion"],
            site: row["site"], individual: row["individual"], source: row["source"],
            part: (row["part"] as String?).flatMap(SplitPart.init(rawValue:)), fold: row["fold"],
            isMissing: row["isMissing"], isAnnotated: row["isAnnotated"])
    }
}

extension Event {
    init(row: Row) {
        self.init(
            recording: row["relativePath"], startSeconds: row["startSeconds"], endSeconds: row["endSeconds"],
            label: row["label"], score: row["score"], lowHz: row["lowHz"], highHz: row["highHz"],
            channel: row["channel"],
            annotator: row["annotator"])
        isFocal = row["focal"]
    }
}
