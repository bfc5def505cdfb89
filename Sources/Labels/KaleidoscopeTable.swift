// Kaleidoscope tables as BirdNET and others write them: onset and length in seconds, the path in three columns.

/// Kaleidoscope result tables.
enum KaleidoscopeTable {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        try builder.readTable(text) { (builder, row) throws(LabelError) in
            let columns = row.columns
            let file = try builder.column(columns, "IN FILE")
            let start = try builder.column(columns, "OFFSET")
            let duration = try builder.column(columns, "DURATION")
            let folder = columns.index("FOLDER")
            let label = try builder.labelColumn(
                columns, ["TOP1MATCH", "AUTO ID", "common_name", "MANUAL ID", "scientific_name"])
            let score = columns.index(anyOf: ["confidence", "TOP1DIST"])
            builder.table.labelColumn = label.map { columns.names[$0] }
            let name = row[file].isEmpty ? builder.recording : row[file]
            let recording = row[folder].isEmpty ? name : RecordingName.normalPath("\(row[folder])/\(name)")
            if row[label] == "nocall" {
                builder.mention(recording)
                return
            }
            let begin = try row.number(start, builder)
            try builder.append(
                Event(
                    recording: recording, startSeconds: begin,
                    endSeconds: begin + (try row.number(duration, builder)), label: row[label],
                    score: try row.optionalNumber(score, builder),
                    extra: row.extra(without: [file, start, duration, folder, label, score])), line: row.line)
        }
    }

    static func write(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        writer.append(["INDIR", "FOLDER", "IN FILE", "OFFSET", "DURATION", "TOP1MATCH", "TOP1DIST"])
        for event in events.sorted(by: Event.isOrderedBefore) {
            let parts = event.recording.split(separator: "/").map(String.init)
            writer.append([
                event.extra["INDIR"] ?? parts.dropLast(2).joined(separator: "/"), parts.dropLast().last ?? "",
                parts.last ?? event.recording, NumberText.write(event.startSeconds),
                NumberText.write(event.durationSeconds), event.label,
                event.score.map { NumberText.write($0, least: 4) } ?? "",
            ])
        }
        return writer.bytes
    }
}
