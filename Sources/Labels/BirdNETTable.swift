// BirdNET's own CSV, `Start (s),End (s),Scientific name,Common name,Confidence,File`, and its older table for R. Its
// tables for Raven and Audacity are read as what they are.

/// BirdNET result tables.
enum BirdNETTable {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        try builder.readTable(text) { (builder, row) throws(LabelError) in
            let columns = row.columns
            let start = try builder.column(columns, "Start (s)", "start")
            let end = try builder.column(columns, "End (s)", "end")
            let label = try builder.labelColumn(columns, ["Common name", "common_name", "Scientific name"])
            let file = columns.index(anyOf: ["File", "filepath"])
            let score = columns.index("Confidence")
            builder.table.labelColumn = label.map { columns.names[$0] }
            let recording = row[file].isEmpty ? builder.recording : RecordingName.normalPath(row[file])
            // A recording without detections is marked so by older versions.
            if row[label] == "nocall" {
                builder.mention(recording)
                return
            }
            try builder.append(
                Event(
                    recording: recording, startSeconds: try row.number(start, builder),
                    endSeconds: try row.number(end, builder), label: row[label],
                    score: try row.optionalNumber(score, builder),
                    extra: row.extra(without: [start, end, label, file, score])), line: row.line)
        }
        if builder.table.recordings.isEmpty { builder.mention(builder.recording) }
    }

    static func write(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        writer.append(["Start (s)", "End (s)", "Scientific name", "Common name", "Confidence", "File"])
        for event in events.sorted(by: Event.isOrderedBefore) {
            let (scientific, common) = names(event)
            writer.append([
                NumberText.write(event.startSeconds), NumberText.write(event.endSeconds), scientific, common,
                event.score.map { NumberText.write($0, least: 4) } ?? "", event.recording,
            ])
        }
        return writer.bytes
    }

    /// BirdNET joins both names with `_`; other labels may hold one, so the first part must look like a Latin name.
    private static func names(_ event: Event) -> (scientific: String, common: String) {
        for key in ["Scientific name", "Scientific Name", "scientific_name"] {
            if let scientific = event.extra[key] { return (scientific, event.label) }
        }
        let parts = event.label.split(separator: "_", maxSplits: 1)
        if parts.count == 2, parts[0].contains(" ") { return (String(parts[0]), String(parts[1])) }
        return ("", event.label)
    }
}
