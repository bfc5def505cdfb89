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
        lines += taskLines(percent)
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
        lines += publishedLines()
        lines += comparisonLines(percent)
        if !notes.isEmpty { lines += [""] + notes.map { "note: \($0)" } }
        return lines.joined(separator: "\n") + "\n"
    }

    private func taskLines(_ percent: Int) -> [String] {
        var lines: [String] = []
        if let segments {
            lines +=
                [""]
                + columns([
                    ["segments", "average precision", "\(percent)%", "splits", "mergers"],
                    [
                        "macro", short(segments.macroAveragePrecision.value), range(segments.macroAveragePrecision),
                        "\(segments.splits)", "\(segments.mergers)",
                    ],
                    [
                        "micro", short(segments.microAveragePrecision.value), range(segments.microAveragePrecision), "",
                        "",
                    ],
                ])
        }
        if let fewShot {
            lines +=
                [""]
                + columns([
                    ["few-shot, \(fewShot.shots) given", "precision", "recall", "F", "F \(percent)%"],
                    [
                        "IoU > \(short(fewShot.minimumIoU, 2))", short(fewShot.precision.value),
                        short(fewShot.recall.value),
                        short(fewShot.f1.value), range(fewShot.f1),
                    ],
                ])
        }
        if let polyphonic {
            lines +=
                [""]
                + columns([
                    ["PSDS", "times matter", "classes matter", "thresholds"],
                    ["", short(polyphonic.timing), short(polyphonic.classes), "\(polyphonic.thresholds)"],
                ])
        }
        if let focal {
            lines +=
                [""]
                + columns([
                    ["focal frames", "average precision", "best F1", "at", "held-out F1"],
                    [
                        focal.label, short(focal.averagePrecision), short(focal.bestF1), short(focal.bestThreshold),
                        short(focal.heldOutF1),
                    ],
                ])
        }
        return lines
    }

    private func publishedLines() -> [String] {
        guard let published else { return [] }
        return [""]
            + columns([
                ["as animal2vec 1.0", "macro", "micro", "micro without silence", "precision", "recall", "F1"],
                [
                    "frames", short(published.frameMacro), short(published.frameMicro),
                    short(published.frameMicroWithoutSilence), short(published.precision), short(published.recall),
                    short(published.f1),
                ],
                ["segments", short(published.segmentMacro), short(published.segmentMicro), "", "", "", ""],
            ])
    }

    private func comparisonLines(_ percent: Int) -> [String] {
        guard let comparison else { return [] }
        return [""]
            + columns(
                [["comparison", "these", "those", "difference", "\(percent)%", "p (swapped)", "p (drawn)"]]
                    + comparison.map { row in
                        [
                            row.name, short(row.first), short(row.second), short(row.difference.value),
                            range(row.difference), short(row.permutationPValue), short(row.bootstrapPValue),
                        ]
                    })
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
