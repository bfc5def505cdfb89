// Audacity label tracks: start, end, label; a line that begins with a backslash holds the frequency band of the label
// above it; a fourth column is a score (BirdNET).

/// Audacity label tracks.
enum AudacityLabels {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        builder.mention(builder.recording)
        var rows = DelimitedText(text, delimiter: UInt8(ascii: "\t"), unquotes: false)
        var pending: (event: Event, line: Int)?
        try builder.forEachRow(of: &rows) { (builder, cells, line) throws(LabelError) in
            if cells[0] == "\\" {
                guard pending != nil else {
                    throw builder.error(
                        line: line, value: cells.joined(separator: " "), "a frequency line without a label above it",
                        remedy: "remove the line")
                }
                pending?.event.lowHz = try frequency(cells, 1, line, builder)
                pending?.event.highHz = try frequency(cells, 2, line, builder)
                return
            }
            if let (event, line) = pending {
                pending = nil
                try builder.append(event, line: line)
            }
            guard cells.count >= 2 else {
                throw builder.error(
                    line: line, value: cells[0], "is not a label line (start, end and label, separated by tabs)",
                    remedy: "export the label track again from Audacity")
            }
            let event = Event(
                recording: builder.recording, startSeconds: try builder.number(cells[0], line: line, column: "start"),
                endSeconds: try builder.number(cells[1], line: line, column: "end"),
                label: cells.count > 2 ? cells[2] : "",
                score: cells.count > 3 ? NumberText.read(cells[3]) : nil,
                extra: cells.count > 3 && NumberText.read(cells[3]) == nil && !cells[3].isEmpty ? ["3": cells[3]] : [:])
            pending = (event, line)
        }
        if let (event, line) = pending { try builder.append(event, line: line) }
    }

    /// True if a line looks like a label line: two numbers, separated by a tab.
    static func isLabelLine(_ line: String) -> Bool {
        let cells = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
        return cells.count >= 2 && NumberText.read(cells[0]) != nil && NumberText.read(cells[1]) != nil
    }

    static func write(_ events: [Event]) -> [UInt8] {
        var writer = DelimitedWriter(delimiter: UInt8(ascii: "\t"), quotes: false)
        let hasScore = events.contains { $0.score != nil }
        for event in events.sorted(by: Event.isOrderedBefore) {
            var cells = [NumberText.write(event.startSeconds), NumberText.write(event.endSeconds), event.label]
            if hasScore { cells.append(event.score.map { NumberText.write($0, least: 4) } ?? "") }
            writer.append(cells)
            if event.lowHz != nil || event.highHz != nil {
                // Audacity's own mark for an edge that is not set is -1.
                writer.append(["\\", NumberText.write(event.lowHz ?? -1), NumberText.write(event.highHz ?? -1)])
            }
        }
        return writer.bytes
    }

    private static func frequency(
        _ cells: [String], _ index: Int, _ line: Int, _ builder: TableBuilder
    ) throws(LabelError) -> Double? {
        guard index < cells.count else { return nil }
        let value = try builder.number(cells[index], line: line, column: index == 1 ? "low" : "high")
        return value < 0 ? nil : value
    }
}
