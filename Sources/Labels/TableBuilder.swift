// What every reader does with what it finds: check it, collect it, and stop at or step over what is wrong.

/// Collects the events of one label file.
struct TableBuilder {
    let file: String
    let options: LabelReadingOptions
    /// The recording rows belong to that name none.
    let recording: String
    var table = LabelTable()
    private var known: Set<String> = []
    private var unitProblems = 0
    private var firstUnitProblem: LabelError?

    init(file: String, options: LabelReadingOptions) {
        self.file = file
        self.options = options
        recording = options.recording ?? RecordingName.ofLabelFile(file)
    }

    /// Notes that the table speaks of a recording.
    mutating func mention(_ recording: String) {
        if known.insert(recording).inserted { table.recordings.append(recording) }
    }

    /// Checks an event and takes it in, or throws (or notes) what is wrong with it.
    mutating func append(_ event: Event, line: Int?) throws(LabelError) {
        var event = event
        mention(event.recording)
        if options.stripTrailingDigits { event.label = LabelText.strippingTrailingDigits(event.label) }
        if let problem = Plausibility.problem(
            with: event, facts: options.facts?(event.recording), file: file, line: line)
        {
            if problem.suspectsUnit {
                unitProblems += 1
                firstUnitProblem = firstUnitProblem ?? problem.error
            }
            try reject(problem.error)
            return
        }
        // Times a hair before the start are rounding errors of the program that wrote them.
        event.startSeconds = max(0, event.startSeconds)
        event.endSeconds = max(event.startSeconds, event.endSeconds)
        table.rowCount += 1
        table.events.append(event)
    }

    /// Notes a bad row, or throws it unless bad rows are to be skipped.
    mutating func reject(_ error: LabelError) throws(LabelError) {
        guard options.skipBadRows else { throw error }
        table.rowCount += 1
        table.problems.append(error)
    }

    /// Calls `body` for each row behind the header; what it throws is a bad row.
    mutating func forEachRow(
        of text: inout DelimitedText, _ body: (inout TableBuilder, [String], Int) throws(LabelError) -> Void
    ) throws(LabelError) {
        while true {
            do {
                guard let cells = try text.nextRow() else { return }
                try body(&self, cells, text.line)
            } catch {
                try reject(error)
            }
        }
    }

    /// The finished table. A wrong unit is an error even when bad rows are skipped: the rows that happen to fit are
    /// wrong too.
    func finished() throws(LabelError) -> LabelTable {
        if let firstUnitProblem, unitProblems * 2 > table.problems.count { throw firstUnitProblem }
        return table
    }
}

extension TableBuilder {
    /// An error at a cell of this file.
    func error(
        line: Int?, column: String? = nil, value: String? = nil, _ reason: String, remedy: String
    ) -> LabelError {
        LabelError(file: file, line: line, column: column, value: value, reason: reason, remedy: remedy)
    }

    /// The number in a cell that must hold one.
    func number(_ text: String, line: Int, column: String, decimalComma: Bool = false) throws(LabelError) -> Double {
        if let value = NumberText.read(text, decimalComma: decimalComma) { return value }
        let remedy =
            text.contains(",")
            ? "write numbers with a decimal point" : "correct the row, or leave it out with --skip-bad-rows"
        throw error(line: line, column: column, value: text, "is not a number", remedy: remedy)
    }

    /// The number in a cell that may be empty or hold a mark for "not known".
    func optionalNumber(
        _ text: String, line: Int, column: String, decimalComma: Bool = false
    ) throws(LabelError) -> Double? {
        switch text.lowercased() {
        case "", "na", "nan", "n/a", "null", "none", "-": nil
        default: try number(text, line: line, column: column, decimalComma: decimalComma)
        }
    }

    /// Refuses a row with more cells than the header names, unless the rest is empty.
    func checkWidth(_ cells: [String], _ columns: ColumnNames, line: Int) throws(LabelError) {
        guard cells.count > columns.names.count, cells[columns.names.count...].contains(where: { !$0.isEmpty }) else {
            return
        }
        throw error(
            line: line, value: cells[columns.names.count...].joined(separator: " "),
            "has \(cells.count) cells where the header names \(columns.names.count)",
            remedy: "quote cells that hold the separator")
    }

    /// Facts about a recording, if the caller knows any.
    func facts(_ recording: String) -> RecordingFacts? { options.facts?(recording) }
}

extension LabelText {
    /// `sq12` → `sq`; a label of digits only stays.
    static func strippingTrailingDigits(_ label: String) -> String {
        let kept = label.utf8.reversed().drop { $0 >= 0x30 && $0 <= 0x39 }.reversed()
        return kept.isEmpty ? label : String(decoding: Array(kept), as: UTF8.self)
    }
}
