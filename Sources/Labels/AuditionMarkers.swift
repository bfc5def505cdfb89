// Adobe Audition marker files: `.csv` by name, tab-separated by content. animal2vec 1.0 writes its predictions so.

/// Adobe Audition markers.
enum AuditionMarkers {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        builder.mention(builder.recording)
        var rows = DelimitedText(text, delimiter: UInt8(ascii: "\t"))
        guard let header = try rows.nextRow() else { return }
        let columns = ColumnNames(header)
        guard let name = columns.index("Name"), let start = columns.index("Start"),
            let duration = columns.index("Duration")
        else {
            throw builder.error(
                line: 1, value: header.joined(separator: ", "),
                "the columns “Name”, “Start” and “Duration” are missing",
                remedy: "export the markers again from Audition")
        }
        let format = columns.index("Time Format")
        let description = columns.index("Description")
        builder.table.labelColumn = header[name]
        try builder.forEachRow(of: &rows) { (builder, cells, line) throws(LabelError) in
            func cell(_ index: Int?) -> String {
                guard let index, index < cells.count else { return "" }
                return cells[index]
            }
            try builder.checkWidth(cells, columns, line: line)
            if let format, !cell(format).isEmpty, cell(format).lowercased() != "decimal" {
                throw builder.error(
                    line: line, column: header[format], value: cell(format), "is a time format that cannot be read",
                    remedy: "set the time display of Audition to Decimal and export again")
            }
            var used: Set<Int> = [name, start, duration]
            let score = NumberText.read(cell(description))
            if score != nil, let description { used.insert(description) }
            if let format { used.insert(format) }
            let begin = try seconds(cell(start), line, "Start", builder)
            try builder.append(
                Event(
                    recording: builder.recording, startSeconds: begin,
                    endSeconds: begin + (try seconds(cell(duration), line, "Duration", builder)), label: cell(name),
                    score: score, extra: columns.extra(cells, without: used)), line: line)
        }
    }

    static func write(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: "\t"))
        writer.append(["Name", "Start", "Duration", "Time Format", "Type", "Description"])
        for event in events.sorted(by: Event.isOrderedBefore) {
            let description = event.score.map { NumberText.write(($0 * 1000).rounded() / 1000, least: 3) }
            writer.append([
                event.label, clock(event.startSeconds), clock(event.durationSeconds), "decimal",
                event.extra["Type"] ?? "Cue", description ?? event.extra["Description"] ?? "",
            ])
        }
        return writer.bytes
    }

    /// `H:MM:SS.mmm`, `M:SS.mmm` or `S.mmm` with any number of decimals.
    private static func seconds(
        _ text: String, _ line: Int, _ column: String, _ builder: TableBuilder
    ) throws(LabelError) -> Double {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var total = 0.0
        for (index, part) in parts.enumerated() {
            let value = NumberText.read(part)
            let isWhole = index == parts.count - 1 || value.map { $0 == $0.rounded() } == true
            guard parts.count <= 3, let value, isWhole, value >= 0, parts.count == 1 || index == 0 || value < 60 else {
                throw builder.error(
                    line: line, column: column, value: text, "is not a time of the form M:SS.mmm",
                    remedy: "set the time display of Audition to Decimal and export again")
            }
            total = total * 60 + value
        }
        return total
    }

    /// `M:SS.mmm`, with up to six decimals where milliseconds do not suffice.
    private static func clock(_ seconds: Double) -> String {
        let microseconds = Int64((max(0, seconds) * 1e6).rounded())
        let (minutes, rest) = microseconds.quotientAndRemainder(dividingBy: 60_000_000)
        let text = NumberText.write(Double(rest) / 1e6, least: 3)
        return rest < 10_000_000 ? "\(minutes):0\(text)" : "\(minutes):\(text)"
    }
}
