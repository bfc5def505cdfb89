// DCASE few-shot tables: a column per class with POS, NEG or UNK (training), one column Q (validation), or none
// (predictions). What the annotators could not decide becomes the label UNK, so that it is neither a call nor silence.

/// DCASE few-shot (task 5) tables.
enum DCASETable {
    /// The label of sounds the annotators could not decide on; the class stands in `extra`.
    static let unknownLabel = "UNK"
    /// The key in `extra` that keeps the class of an undecided sound.
    static let classKey = "Class"

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        try builder.readTable(text) { (builder, row) throws(LabelError) in
            let columns = row.columns
            let file = try builder.column(columns, "Audiofilename")
            let start = try builder.column(columns, "Starttime")
            let end = try builder.column(columns, "Endtime")
            let recording = row[file].isEmpty ? builder.recording : row[file]
            let classes = columns.names.indices.filter { ![file, start, end].contains($0) }
            var event = Event(
                recording: recording, startSeconds: try row.number(start, builder),
                endSeconds: try row.number(end, builder), label: "Q")
            // A prediction names no class: it is the one that was asked for.
            if classes.isEmpty { return try builder.append(event, line: row.line) }
            builder.mention(recording)
            for column in classes {
                event.extra = [:]
                switch row[column].uppercased() {
                case "POS": event.label = columns.names[column]
                case unknownLabel:
                    event.label = unknownLabel
                    event.extra = [classKey: columns.names[column]]
                case "NEG", "": continue
                default:
                    throw builder.error(
                        line: row.line, column: columns.names[column], value: row[column], "is not POS, NEG or UNK",
                        remedy: "correct the row, or leave it out with --skip-bad-rows")
                }
                try builder.append(event, line: row.line)
            }
        }
        if builder.table.recordings.isEmpty { builder.mention(builder.recording) }
    }

    static func write(_ events: [Event]) -> [UInt8] {
        func className(_ event: Event) -> String {
            event.label == unknownLabel ? event.extra[classKey] ?? "Q" : event.label
        }
        let classes = Set(events.map(className)).sorted()
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        writer.append(["Audiofilename", "Starttime", "Endtime"] + (classes.isEmpty ? ["Q"] : classes))
        var rows: [(time: [String], cells: [String: String])] = []
        for event in events.sorted(by: Event.isOrderedBefore) {
            let time = [event.recording, NumberText.write(event.startSeconds), NumberText.write(event.endSeconds)]
            if rows.last?.time != time { rows.append((time, [:])) }
            rows[rows.count - 1].cells[className(event)] = event.label == unknownLabel ? unknownLabel : "POS"
        }
        for row in rows { writer.append(row.time + classes.map { row.cells[$0] ?? "NEG" }) }
        return writer.bytes
    }

    /// The file the challenge takes in: times only, all recordings in one.
    static func writePredictions(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        writer.append(["Audiofilename", "Starttime", "Endtime"])
        for event in events.sorted(by: Event.isOrderedBefore) {
            writer.append([
                event.recording, NumberText.write(event.startSeconds), NumberText.write(event.endSeconds),
            ])
        }
        return writer.bytes
    }
}
