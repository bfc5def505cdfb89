import Corpus
import Foundation

/// The sizes of the parts of a split: a line for each, then a table of the events of each class and their seconds.
struct SplitTable {
    let rows: [(name: String, summary: Split.Summary)]

    init(_ rows: [(String, Split.Summary)]) { self.rows = rows }

    /// The table for people; classes that a part lacks show as 0.
    var text: String {
        let sizes = rows.map { name, summary in
            "\(name): \(summary.recordings) recordings, \(Int(summary.seconds)) s"
                + (summary.annotated > 0 ? ", \(summary.annotated) of them labelled" : "")
        }
        let labels = Set(rows.flatMap { $0.summary.labels.keys }).sorted(by: NaturalOrder.isBefore)
        guard !labels.isEmpty else { return sizes.joined(separator: "\n") }
        var cells = [["events"] + labels.map { $0.isEmpty ? "(empty)" : $0 }]
        for (name, summary) in rows {
            cells.append(
                [name]
                    + labels.map { "\(summary.labels[$0] ?? 0) (\(Self.short(summary.labelSeconds[$0] ?? 0)) s)" })
        }
        // What there is less of goes across the page.
        if rows.count < labels.count { cells = Self.transposed(cells) }
        let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        let table = cells.map { row in
            row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + blanks : blanks + cell
            }.joined(separator: "  ")
        }
        return (sizes + table).joined(separator: "\n")
    }

    private static func short(_ seconds: Double) -> String { String(format: seconds < 100 ? "%.1f" : "%.0f", seconds) }

    private static func transposed(_ cells: [[String]]) -> [[String]] {
        cells[0].indices.map { column in cells.map { $0[column] } }
    }
}
