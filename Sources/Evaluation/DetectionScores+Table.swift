extension DetectionScores {
    /// The report as plain text for a terminal.
    public func table() -> String {
        var lines = ["\(recordingCount) recordings, \(truthCount) events, \(predictionCount) predicted", ""]
        let percent = Int((level * 100).rounded())
        lines += columns(
            [["events", "precision", "recall", "F1", "F1 \(percent)%", "macro F1", "F1 any label"]]
                + events.map { row in
                    [
                        "IoU ≥ \(short(row.minimumIoU, 2))", short(row.precision.value), short(row.recall.value),
                        short(row.f1.value), range(row.f1), short(row.macroF1.value), short(row.f1IgnoringClass),
                    ]
                })
        if let frames {
            lines.append("")
            lines += columns([
                ["frames", "average precision", "\(percent)%"],
                ["macro", short(frames.macroAveragePrecision.value), range(frames.macroAveragePrecision)],
                ["micro", short(frames.microAveragePrecision.value), range(frames.microAveragePrecision)],
            ])
        }
        if let first = events.first {
            let averagePrecision = Dictionary(
                (frames?.classes ?? []).map { ($0.label, $0.averagePrecision) }, uniquingKeysWith: { first, _ in first }
            )
            lines.append("")
            lines += columns(
                [
                    ["class", "events", "found", "false", "precision", "recall", "F1"]
                        + (frames == nil ? [] : ["frame AP"])
                ]
                    + first.classes.map { row in
                        [
                            row.label.isEmpty ? "(no label)" : row.label,
                            "\(row.counts.truePositives + row.counts.falseNegatives)", "\(row.counts.truePositives)",
                            "\(row.counts.falsePositives)", short(row.precision), short(row.recall), short(row.f1),
                        ] + (frames == nil ? [] : [short(averagePrecision[row.label] ?? nil)])
                    })
        }
        if !notes.isEmpty { lines += [""] + notes.map { "note: \($0)" } }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Left-aligned first column, right-aligned others.
    private func columns(_ rows: [[String]]) -> [String] {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let space = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + space : space + cell
            }.joined(separator: "  ")
        }
    }

    private func short(_ value: Double?, _ digits: Int = 3) -> String {
        guard let value else { return "–" }
        let scale = digits == 3 ? 1000.0 : 100.0
        let rounded = Int((abs(value) * scale).rounded())
        let fraction = String(rounded % Int(scale))
        return "\(value < 0 && rounded > 0 ? "-" : "")\(rounded / Int(scale))."
            + String(repeating: "0", count: digits - fraction.count) + fraction
    }

    private func range(_ interval: ScoreInterval) -> String {
        guard let low = interval.low, let high = interval.high else { return "–" }
        return "\(short(low))–\(short(high))"
    }
}
