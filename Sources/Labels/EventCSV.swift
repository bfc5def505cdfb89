// The project's own table, `file,start_seconds,end_seconds,label[,score,low_hz,high_hz,channel]`, and every simple table
// that can be recognised by its column names: comma, semicolon or tab.

/// Simple event tables with a header.
enum EventCSV {
    /// The names under which each field is known. Those of the project stand first.
    private static let names: [Field: [String]] = [
        .file: [
            "file", "filename", "file_name", "audio_file", "audiofilename", "recording", "filepath", "file_path",
            "path",
            "audiofile", "notated_path", "source_file", "wav", "wavfile", "soundfile", "begin file",
        ],
        .start: [
            "start_seconds", "start_s", "start (s)", "start_time", "starttime", "start", "onset_s", "onset_seconds",
            "onset", "begin_time", "begin time (s)", "begin_s", "tmin",
            "startrelative",
        ],
        .end: [
            "end_seconds", "stop_seconds", "end_s", "stop_s", "end (s)", "end_time", "endtime", "stop_time", "end",
            "stop", "offset_s", "offset_seconds", "offset", "end time (s)", "tmax", "endrelative",
        ],
        .startMilliseconds: ["start_ms", "onset_ms", "start_milliseconds", "onset_milliseconds"],
        .endMilliseconds: [
            "end_ms", "stop_ms", "offset_ms", "end_milliseconds", "stop_milliseconds", "offset_milliseconds",
        ],
        .duration: ["duration_seconds", "duration_s", "duration (s)", "duration"],
        .label: [
            "label", "labels", "annotation", "species", "class", "class_name", "common name", "common_name",
            "ebird_code", "call_type", "sound_type", "event_label", "scientific name", "scientific_name", "tag", "name",
        ],
        .score: ["score", "confidence", "probability", "prob", "likelihood", "det_prob", "class_prob"],
        .low: ["low_hz", "low_freq", "low_f", "low freq (hz)", "low_frequency", "min_freq", "freq_low"],
        .high: ["high_hz", "high_freq", "high_f", "high freq (hz)", "high_frequency", "max_freq", "freq_high"],
        .channel: ["channel"],
        .annotator: ["annotator"],
    ]

    private enum Field: Hashable {
        case file, start, end, startMilliseconds, endMilliseconds, duration, label, score, low, high, channel, annotator
    }

    /// True if a first line names a beginning and an end.
    static func isHeader(_ line: String) -> Bool {
        var text = DelimitedText(
            LabelText(file: "", bytes: Array(line.utf8)), delimiter: DelimitedText.delimiter(ofHeader: line))
        guard let header = try? text.nextRow() else { return false }
        let columns = ColumnNames(header)
        let hasStart = columns.index(anyOf: names[.start]! + names[.startMilliseconds]!) != nil
        return hasStart && columns.index(anyOf: names[.end]! + names[.endMilliseconds]! + names[.duration]!) != nil
    }

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        let firstLine = text.firstLines(1).first ?? ""
        let delimiter = DelimitedText.delimiter(ofHeader: firstLine)
        var rows = DelimitedText(text, delimiter: delimiter)
        guard let header = try rows.nextRow() else {
            throw builder.error(
                line: 1, "the table has no header row",
                remedy: "begin it with: file,start_seconds,end_seconds,label")
        }
        let layout = try Layout(ColumnNames(header), decimalComma: delimiter == UInt8(ascii: ";"), builder: builder)
        builder.table.labelColumn = layout.label.map { header[$0] }
        if layout.file == nil { builder.mention(builder.recording) }
        try builder.forEachRow(of: &rows) { (builder, cells, line) throws(LabelError) in
            guard let event = try layout.event(cells, line: line, builder: builder) else {
                builder.mention(layout.recording(cells, builder))
                return
            }
            try builder.append(event, line: line)
        }
    }

    /// Writes the project's own table. A recording without events gets a row with empty cells: it was listened to.
    static func write(_ events: [Event], recordings: [String]) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        var header = ["file", "start_seconds", "end_seconds", "label"]
        let hasScore = events.contains { $0.score != nil }
        let hasBand = events.contains { $0.lowHz != nil || $0.highHz != nil }
        let hasChannel = events.contains { $0.channel != nil }
        let hasAnnotator = events.contains { $0.annotator != nil }
        if hasScore { header.append("score") }
        if hasBand { header += ["low_hz", "high_hz"] }
        if hasChannel { header.append("channel") }
        if hasAnnotator { header.append("annotator") }
        let ownNames = Set(names.values.joined())
        let extras = Set(events.flatMap(\.extra.keys)).filter { !ownNames.contains($0.lowercased()) }.sorted()
        var writer = DelimitedWriter(delimiter: UInt8(ascii: ","))
        writer.append(header + extras)
        for event in events {
            var cells = [
                event.recording, NumberText.write(event.startSeconds), NumberText.write(event.endSeconds), event.label,
            ]
            if hasScore { cells.append(event.score.map { NumberText.write($0, least: 4) } ?? "") }
            if hasBand {
                cells.append(event.lowHz.map { NumberText.write($0, least: 1) } ?? "")
                cells.append(event.highHz.map { NumberText.write($0, least: 1) } ?? "")
            }
            if hasChannel { cells.append(event.channel.map(String.init) ?? "") }
            if hasAnnotator { cells.append(event.annotator ?? "") }
            writer.append(cells + extras.map { event.extra[$0] ?? "" })
        }
        let heard = Set(events.map(\.recording))
        for recording in recordings where !heard.contains(recording) {
            writer.append([recording] + Array(repeating: "", count: header.count + extras.count - 1))
        }
        return writer.bytes
    }

    /// Which column holds what.
    private struct Layout {
        let columns: ColumnNames
        let decimalComma: Bool
        let file, end, duration, label, score, low, high, channel, annotator: Int?
        let start: Int
        let startScale, endScale: Double
        private let used: Set<Int>

        init(_ columns: ColumnNames, decimalComma: Bool, builder: TableBuilder) throws(LabelError) {
            self.columns = columns
            self.decimalComma = decimalComma
            func find(_ field: Field) -> Int? { columns.index(anyOf: names[field]!) }
            guard let start = find(.start) ?? find(.startMilliseconds),
                find(.end) ?? find(.endMilliseconds) ?? find(.duration) != nil
            else {
                throw builder.error(
                    line: 1, value: columns.names.joined(separator: ", "),
                    "no columns for beginning and end of the events were found",
                    remedy: "name them start_seconds and end_seconds")
            }
            self.start = start
            startScale = find(.start) == nil ? 1000 : 1
            end = find(.end) ?? find(.endMilliseconds)
            endScale = find(.end) == nil ? 1000 : 1
            duration = end == nil ? find(.duration) : nil
            file = find(.file)
            if let wanted = builder.options.labelColumn {
                guard let index = columns.index(wanted) else {
                    throw builder.error(
                        line: 1, column: wanted, "is not a column of the table",
                        remedy: "choose one of: \(columns.names.joined(separator: ", "))")
                }
                label = index
            } else {
                label = find(.label)
            }
            score = find(.score)
            low = find(.low)
            high = find(.high)
            channel = find(.channel)
            annotator = find(.annotator)
            used = Set(
                [file, start, end, duration, label, score, low, high, channel, annotator].compactMap(\.self))
        }

        func recording(_ cells: [String], _ builder: TableBuilder) -> String {
            let name = text(file, cells)
            return name.isEmpty ? builder.recording : name
        }

        /// The event of a row, or nil for a row that names a recording and nothing else.
        func event(_ cells: [String], line: Int, builder: TableBuilder) throws(LabelError) -> Event? {
            try builder.checkWidth(cells, columns, line: line)
            let times = [start, end ?? duration ?? start].map { text($0, cells) }
            if file != nil, !text(file, cells).isEmpty, times.allSatisfy(\.isEmpty), text(label, cells).isEmpty {
                return nil
            }
            func number(_ index: Int) throws(LabelError) -> Double {
                if let seconds = NumberText.readClock(text(index, cells)) { return seconds }
                return try builder.number(
                    text(index, cells), line: line, column: columns.names[index], decimalComma: decimalComma)
            }
            func optional(_ index: Int?) throws(LabelError) -> Double? {
                guard let index else { return nil }
                return try builder.optionalNumber(
                    text(index, cells), line: line, column: columns.names[index], decimalComma: decimalComma)
            }
            let startSeconds = try number(start) / startScale
            let endSeconds = try end.map { (index) throws(LabelError) in try number(index) / endScale }
            let length = try duration.map { (index) throws(LabelError) in try number(index) }
            var channel: Int?
            var extra = columns.extra(cells, without: used)
            if let index = self.channel, !text(index, cells).isEmpty {
                channel = NumberText.readInteger(text(index, cells))
                if channel == nil { extra[columns.names[index]] = text(index, cells) }
            }
            let annotatorName = text(annotator, cells)
            return Event(
                recording: recording(cells, builder), startSeconds: startSeconds,
                endSeconds: endSeconds ?? startSeconds + (length ?? 0), label: text(label, cells),
                score: try optional(score), lowHz: try optional(low), highHz: try optional(high), channel: channel,
                annotator: annotatorName.isEmpty ? nil : annotatorName, extra: extra)
        }

        private func text(_ index: Int?, _ cells: [String]) -> String {
            guard let index, index < cells.count else { return "" }
            return cells[index]
        }
    }
}
