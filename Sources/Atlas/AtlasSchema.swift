// The tables of `atlas.sqlite`. Changes are new migrations; old ones stay as they are.
import GRDB

enum AtlasSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 sounds and labels") { database in
            try database.create(table: "properties") { table in
                table.primaryKey("name", .text)
                table.column("value", .text).notNull()
            }
            try database.create(table: "recordings") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("name", .text).notNull().indexed()
                table.column("path", .text).notNull()
                table.column("size", .integer).notNull()
                table.column("modified", .integer).notNull()
                // Changes of what is cut out of it, such as its events.
                table.column("cuts", .text).notNull()
                table.column("rateHz", .double).notNull().defaults(to: 0)
                table.column("seconds", .double).notNull().defaults(to: 0)
                table.column("startTime", .text)
                table.column("site", .text)
                table.column("note", .text).notNull().defaults(to: "")
                // Sounds that are in the atlas; the next embedding goes on behind them.
                table.column("soundsDone", .integer).notNull().defaults(to: 0)
                table.column("isComplete", .boolean).notNull().defaults(to: false)
                // Another version of the file took its place.
                table.column("isReplaced", .boolean).notNull().defaults(to: false)
            }
            // A segment exists for the atlas when its row does.
            try database.create(table: "segments") { table in
                table.primaryKey("firstRow", .integer)
                table.column("rowCount", .integer).notNull()
            }
            try database.create(table: "sounds") { table in
                table.primaryKey("id", .integer)
                table.column("recordingID", .integer).notNull().indexed().references("recordings")
                table.column("channel", .integer)
                table.column("startSeconds", .double).notNull()
                table.column("endSeconds", .double).notNull()
                table.column("note", .text).notNull().defaults(to: "")
            }
            try database.create(table: "annotations") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("soundID", .integer).indexed().references("sounds")
                table.column("recordingID", .integer).notNull().indexed().references("recordings")
                table.column("channel", .integer)
                table.column("startSeconds", .double).notNull()
                table.column("endSeconds", .double).notNull()
                table.column("lowHz", .double)
                table.column("highHz", .double)
                table.column("label", .text).notNull().indexed()
                table.column("meaning", .text).notNull()
                table.column("source", .text).notNull()
                table.column("annotator", .text)
                table.column("score", .double)
            }
            try database.create(table: "changes") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("time", .text).notNull()
                table.column("summary", .text).notNull()
                table.column("isUndone", .boolean).notNull().defaults(to: false)
            }
            // What an annotation was before and after a change, as JSON; null where it did not exist.
            try database.create(table: "changeItems") { table in
                table.column("changeID", .integer).notNull().indexed().references("changes", onDelete: .cascade)
                table.column("annotationID", .integer).notNull()
                table.column("before", .text)
                table.column("after", .text)
            }
            try database.create(table: "listened") { table in
                table.primaryKey("soundID", .integer).references("sounds")
                table.column("time", .text).notNull()
            }
            try database.create(table: "clusterings") { table in
                table.autoIncrementedPrimaryKey("id")
                table.column("k", .integer).notNull()
                table.column("time", .text).notNull()
                table.column("isCurrent", .boolean).notNull().defaults(to: false)
                table.column("summary", .text).notNull()
            }
            try database.create(table: "clusters") { table in
                table.column("clusteringID", .integer).notNull().references("clusterings", onDelete: .cascade)
                table.column("number", .integer).notNull()
                table.column("size", .integer).notNull()
                table.column("summary", .text).notNull()
                table.column("centre", .blob).notNull()
                table.column("note", .text).notNull().defaults(to: "")
                table.primaryKey(["clusteringID", "number"])
            }
        }
        return migrator
    }
}
