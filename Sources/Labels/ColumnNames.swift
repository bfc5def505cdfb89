// Columns are found by name, never by position.

/// The header of a table.
struct ColumnNames {
    /// The names as they stand in the file.
    let names: [String]
    private let relaxed: [String]

    init(_ names: [String]) {
        self.names = names
        relaxed = names.map(ColumnNames.relax)
    }

    /// The column of exactly this name, else of this name without regard to case and surrounding blanks.
    func index(_ name: String) -> Int? {
        names.firstIndex(of: name) ?? relaxed.firstIndex(of: ColumnNames.relax(name))
    }

    /// The column of the first of these names that is present.
    func index(anyOf candidates: [String]) -> Int? {
        for candidate in candidates {
            if let index = index(candidate) { return index }
        }
        return nil
    }

    /// The cells of columns outside `used`, by name; empty cells are left out. A repeated name gets a number.
    func extra(_ cells: [String], without used: Set<Int>) -> [String: String] {
        var extra: [String: String] = [:]
        for (index, cell) in cells.enumerated() where index < names.count && !cell.isEmpty && !used.contains(index) {
            var name = names[index]
            var copy = 2
            while extra[name] != nil {
                name = "\(names[index]) (\(copy))"
                copy += 1
            }
            extra[name] = cell
        }
        return extra
    }

    private static func relax(_ name: String) -> String {
        String(name.lowercased().drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
    }
}
