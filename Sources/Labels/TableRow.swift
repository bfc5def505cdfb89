/// One row of a table with a header, seen by column names.
struct TableRow {
    let columns: ColumnNames
    let cells: [String]
    let line: Int

    /// The cell of a column; empty if the column or the cell is missing.
    subscript(_ index: Int?) -> String {
        guard let index, index < cells.count else { return "" }
        return cells[index]
    }

    /// The number in a column that must hold one.
    func number(_ index: Int, _ builder: TableBuilder) throws(LabelError) -> Double {
        try builder.number(self[index], line: line, column: columns.names[index])
    }

    /// The number in a column that may be missing or empty.
    func optionalNumber(_ index: Int?, _ builder: TableBuilder) throws(LabelError) -> Double? {
        guard let index else { return nil }
        return try builder.optionalNumber(self[index], line: line, column: columns.names[index])
    }

    /// The cells of the columns that are not in `used`.
    func extra(without used: [Int?]) -> [String: String] {
        columns.extra(cells, without: Set(used.compactMap(\.self)))
    }
}

extension TableBuilder {
    /// Reads the header of a comma-separated text (or what its first line uses) and hands every row to `body`.
    mutating func readTable(
        _ text: LabelText,
        _ body: (inout TableBuilder, TableRow) throws(LabelError) -> Void
    ) throws(LabelError) {
        var rows = DelimitedText(text, delimiter: DelimitedText.delimiter(ofHeader: text.firstLines(1).first ?? ""))
        guard let header = try rows.nextRow() else {
            throw error(line: 1, "the table has no header row", remedy: "export the table again")
        }
        let columns = ColumnNames(header)
        try forEachRow(of: &rows) { (builder, cells, line) throws(LabelError) in
            try builder.checkWidth(cells, columns, line: line)
            try body(&builder, TableRow(columns: columns, cells: cells, line: line))
        }
    }

    /// The column of this name, which must be there.
    func column(_ columns: ColumnNames, _ candidates: String...) throws(LabelError) -> Int {
        if let index = columns.index(anyOf: candidates) { return index }
        throw error(
            line: 1, column: candidates[0], value: columns.names.joined(separator: ", "),
            "the column is missing", remedy: "check that the table has the format it is read as")
    }

    /// The column the user named for the labels, else the first of the candidates that is there.
    func labelColumn(_ columns: ColumnNames, _ candidates: [String]) throws(LabelError) -> Int? {
        guard let wanted = options.labelColumn else { return columns.index(anyOf: candidates) }
        if let index = columns.index(wanted) { return index }
        throw error(
            line: 1, column: wanted, "is not a column of the table",
            remedy: "choose one of: \(columns.names.joined(separator: ", "))")
    }
}
