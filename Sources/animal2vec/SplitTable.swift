import Corpus
import Foundation

/// The sizes of the parts of a split as a table: for each class its events and their seconds, part by part.
struct SplitTable {
    let rows: [(name: String, summary: Split.Summary)]

    init(_ rows: [(String, Split.Summary)]) { self.rows = rows }

    /// The table for people; classes that a part lacks show as 0.
    var text: String {
        let labels = Set(rows.flatMap { $0.summary.labels.keys }).sorted(by: NaturalOrder.isBefore)
        var cells = [["", "recordings", "labelled", "hours"] + labels.map { $0.isEmpty ? "(empty)" : $0 }]
        for (name, summary) in rows {
            cells.append(
                [name, "\(summary.recordings)", "\(summary.annotated)", String(format: "%.2f", summary.seconds / 3600)]
                    + labels.map { label in
                        let seconds = summary.labelSeconds[label] ?? 0
                        return "\(summary.labels[label] ?? 0) (\(Self.short(seconds)) s)"
                    })
        }
        // Few parts and many classes: classes go down the page.
        if labels.count > 6 { cells = Self.transposed(cells) }
        let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        return cells.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 ? cell + blanks : "  " + blanks + cell
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    private static func short(_ seconds: Double) -> String { String(format: seconds < 100 ? "%.1f" : "%.0f", seconds) }

    private static func transposed(_ cells: [[String]]) -> [[String]] {
        cells[0].indices.map { column in cells.map { $0[column] } }
    }
}
