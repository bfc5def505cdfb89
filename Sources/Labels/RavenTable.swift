// Raven Pro and Raven Lite selection tables, and the tables other programs write for Raven (BirdNET among them).

/// Raven selection tables: tab-separated, one header row.
enum RavenTable {
    /// Where labels are looked for when the user names no column.
    static let labelColumns = [
        "Annotation", "Species", "Label", "Call Type", "Sound type", "Common Name", "Class", "Classification", "Tags",
    ]

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        var rows = DelimitedText(text, delimiter: UInt8(ascii: "\t"))
        guard let header = try rows.nextRow() else { return }
        let all = try collect(&rows, &builder)
        let layout = try Layout(ColumnNames(header), rows: all.map(\.cells), builder: builder)
        builder.table.labelColumn = layout.label.map { header[$0] }
        let files = Set(all.map { layout.recordingCell($0.cells) ?? "" })
        if files.count > 1, layout.fileOffset == nil {
            throw builder.error(
                line: nil, column: "File Offset (s)", "is missing, and the table speaks of \(files.count) recordings",
                remedy: "add the measurement File Offset in Raven, or save one table per recording")
        }
        // A single-file table whose offsets are all zero was written by a program that leaves the column empty.
        let offsetsAreZero = all.allSatisfy { row in
            layout.cell(layout.fileOffset, row.cells).flatMap { NumberText.read($0) } ?? 0 == 0
        }
        if all.isEmpty { builder.mention(builder.recording) }
        for row in unique(all, layout) {
            do {
                guard
                    let event = try layout.event(
                        row.cells, line: row.line, usesOffset: !(offsetsAreZero && files.count <= 1), builder: builder)
                else {
                    builder.mention(layout.recording(row.cells, builder))
                    continue
                }
                try builder.append(event, line: row.line)
            } catch {
                try builder.reject(error)
            }
        }
    }

    private struct Row {
        var cells: [String]
        var line: Int
    }

    private static func collect(
        _ rows: inout DelimitedText, _ builder: inout TableBuilder
    ) throws(LabelError) -> [Row] {
        var all: [Row] = []
        try builder.forEachRow(of: &rows) { (_, cells, line) throws(LabelError) in
            all.append(Row(cells: cells, line: line))
        }
        return all
    }

    /// Raven writes a selection once per view, other programs repeat whole rows: one row of each is kept, that of the
    /// spectrogram if there is a choice. The same number with other times is another event.
    private static func unique(_ rows: [Row], _ layout: Layout) -> [Row] {
        var kept: [Row] = []
        var seen: [[String]: Int] = [:]
        for row in rows {
            let key = layout.identity(row.cells)
            if let earlier = seen[key] {
                let isBetter =
                    layout.cell(layout.view, row.cells)?.hasPrefix("Spectrogram") == true
                    && layout.cell(layout.view, kept[earlier].cells)?.hasPrefix("Spectrogram") != true
                if isBetter { kept[earlier] = row }
            } else {
                seen[key] = kept.count
                kept.append(row)
            }
        }
        return kept
    }
}

extension RavenTable {
    /// Which column holds what.
    struct Layout {
        let columns: ColumnNames
        let selection, view, channel, low, high, beginFile, beginPath, fileOffset, label, score: Int?
        let begin, end: Int
        private let used: Set<Int>

        init(_ columns: ColumnNames, rows: [[String]], builder: TableBuilder) throws(LabelError) {
            self.columns = columns
            guard let begin = columns.index("Begin Time (s)"), let end = columns.index("End Time (s)") else {
                throw builder.error(
                    line: 1, value: columns.names.joined(separator: ", "),
                    "the columns “Begin Time (s)” and “End Time (s)” are missing",
                    remedy: "export the table from Raven with these columns")
            }
            self.begin = begin
            self.end = end
            selection = columns.index("Selection")
            view = columns.index("View")
            channel = columns.index("Channel")
            low = columns.index("Low Freq (Hz)")
            high = columns.index("High Freq (Hz)")
            beginFile = columns.index("Begin File")
            beginPath = columns.index("Begin Path")
            fileOffset = columns.index("File Offset (s)")
            score = columns.index(anyOf: ["Confidence", "Score"])
            let known = [selection, view, channel, low, high, beginFile, beginPath, fileOffset, score, begin, end]
            if let wanted = builder.options.labelColumn {
                guard let index = columns.index(wanted) else {
                    throw builder.error(
                        line: 1, column: wanted, "is not a column of the table",
                        remedy: "choose one of: \(columns.names.joined(separator: ", "))")
                }
                label = index
            } else {
                label =
                    columns.index(anyOf: RavenTable.labelColumns)
                    ?? Layout.lastTextColumn(columns, rows, known: Set(known.compactMap(\.self)))
            }
            used = Set([selection, channel, low, high, fileOffset, label, score, begin, end].compactMap(\.self))
        }

        func cell(_ index: Int?, _ cells: [String]) -> String? {
            guard let index, index < cells.count else { return nil }
            return cells[index]
        }

        func recordingCell(_ cells: [String]) -> String? {
            for index in [beginFile, beginPath] {
                if let name = cell(index, cells), !name.isEmpty { return name }
            }
            return nil
        }

        func recording(_ cells: [String], _ builder: TableBuilder) -> String {
            recordingCell(cells).map { RecordingName.lastComponent($0) } ?? builder.recording
        }

        /// Two rows with the same identity are one event.
        func identity(_ cells: [String]) -> [String] {
            guard selection != nil else { return cells }
            return [selection, channel, begin, end, label, beginFile, beginPath, fileOffset].map {
                cell($0, cells) ?? ""
            }
        }

        /// The event of a row, or nil for a row that says that nothing was found.
        func event(
            _ cells: [String], line: Int, usesOffset: Bool, builder: TableBuilder
        ) throws(LabelError) -> Event? {
            try builder.checkWidth(cells, columns, line: line)
            func number(_ index: Int) throws(LabelError) -> Double {
                try builder.number(cell(index, cells) ?? "", line: line, column: columns.names[index])
            }
            func optional(_ index: Int?) throws(LabelError) -> Double? {
                guard let index, let text = cell(index, cells) else { return nil }
                return try builder.optionalNumber(text, line: line, column: columns.names[index])
            }
            // Older BirdNET versions mark a recording without detections by such a row.
            if let code = cell(columns.index("Species Code"), cells), code == "nocall" { return nil }
            var (start, end) = (try number(begin), try number(end))
            // Begin Time counts through all files of a table, File Offset within the one file.
            if usesOffset, let offset = try optional(fileOffset) { (start, end) = (offset, offset + (end - start)) }
            var channel = try optional(self.channel).map { Int(max(0, min($0, 1e6))) - 1 }
            if let number = channel, number < 0 { channel = nil }
            return Event(
                recording: recording(cells, builder), startSeconds: start, endSeconds: end,
                label: cell(label, cells) ?? "", score: try optional(score), lowHz: try optional(low),
                highHz: try optional(high), channel: channel, extra: columns.extra(cells, without: used))
        }

        /// The last column that no other purpose claims and that holds something other than numbers.
        private static func lastTextColumn(_ columns: ColumnNames, _ rows: [[String]], known: Set<Int>) -> Int? {
            columns.names.indices.last { index in
                if known.contains(index) || measurementSuffixes.contains(where: columns.names[index].hasSuffix) {
                    return false
                }
                return rows.contains { cells in
                    index < cells.count && !cells[index].isEmpty && NumberText.read(cells[index]) == nil
                }
            }
        }

        private static let measurementSuffixes = [
            "(s)", "(Hz)", "(dB)", "Hz)", "Clock Time", "Date", "End File", "End Path",
        ]
    }
}
