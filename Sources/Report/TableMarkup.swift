// The tables of the page.
import Evaluation
import Foundation

/// Draws tables.
enum TableMarkup {
    /// The score table, rows of one group together.
    static func scores(_ rows: [ReportContent.ScoreRow], minimumIoU: Double) -> String {
        var groups: [String] = []
        for row in rows where !groups.contains(row.group) { groups.append(row.group) }
        let hasFrames = rows.contains { $0.frameMacro.value != nil || $0.frameMicro.value != nil }
        let iou = NumberText.short(minimumIoU)
        var lines = [
            """
            <div class="wide"><table class="scores"><thead><tr><th scope="col" rowspan="2">Network</th>\
            <th scope="colgroup" colspan="3">Events (overlap at least \(iou), name must agree)</th>\
            \(hasFrames ? "<th scope=\"colgroup\" colspan=\"2\">Frame average precision</th>" : "")</tr>\
            <tr><th scope="col">F1</th><th scope="col">precision</th><th scope="col">recall</th>\
            \(hasFrames ? "<th scope=\"col\">mean of classes</th><th scope=\"col\">all together</th>" : "")</tr></thead>
            """
        ]
        for group in groups {
            lines.append("<tbody>")
            if !group.isEmpty {
                lines.append(
                    "<tr class=\"group\"><th scope=\"rowgroup\" colspan=\"\(hasFrames ? 6 : 4)\">\(Markup.escaped(group))</th></tr>"
                )
            }
            for row in rows where row.group == group {
                lines.append(
                    """
                    <tr\(row.isMain ? " class=\"main\"" : "")><th scope="row">\(Markup.escaped(row.name))</th>\
                    <td>\(whisker(row.f1))\(cell(row.f1))</td><td>\(cell(row.precision))</td><td>\(cell(row.recall))</td>\
                    \(hasFrames ? "<td>\(cell(row.frameMacro))</td><td>\(cell(row.frameMicro))</td>" : "")</tr>
                    """)
            }
            lines.append("</tbody>")
        }
        lines.append(
            """
            </table></div><p class="soft">Small numbers and bars: where the score would lie with other recordings of the \
            same kind (95&#160;% of bootstrap draws of recordings). Precision: the share of found events that are right. \
            Recall: the share of true events that were found. F1: the harmonic mean of both. 1 is perfect.</p>
            """)
        return lines.joined(separator: "\n")
    }

    /// What vectors are worth, with the way to the page of groups.
    static func vectors(_ rows: [ReportContent.VectorRow], page: String?) -> String {
        let head = ["Agreement", "Purity", "20 nearest", "1 label per class", "5 labels per class"]
        let columns = head.map { "<th scope=\"col\">\($0)</th>" }.joined()
        let lines = rows.map { row in
            let cells = [row.agreement, row.purity, row.nearest, row.oneLabel, row.fiveLabels]
            return """
                <tr\(row.isMain ? " class=\"main\"" : "")><th scope="row">\(Markup.escaped(row.name))</th>\
                \(cells.map { "<td>\(cell($0))</td>" }.joined())</tr>
                """
        }
        let link =
            page.map { "<p><a href=\"\(Markup.escaped(Markup.link($0)))\">See and hear the groups</a></p>" } ?? ""
        return """
            \(link)<div class="wide"><table class="scores"><thead><tr><th scope="col">Vectors</th>\(columns)</tr></thead>
            <tbody>\(lines.joined(separator: "\n"))</tbody></table></div>
            <p class="soft">Every labelled sound became a vector, without use of its label. Agreement: adjusted mutual \
            information of as many groups as there are labels, 0 by chance. Purity: the share of sounds that bear the \
            commonest label of their group. 20 nearest: the share of sounds in held-out recordings that their nearest \
            neighbours name rightly. Labels per class: macro-F1 in the held-out recordings of a classifier that has learned \
            from so many sounds of each class.</p>
            """
    }

    /// The table of classes; `otherNames` says by label under which other names its events were found.
    static func classes(_ rows: [ReportContent.ClassRow], otherNames: [String: [String: Int]]) -> String {
        let hasTraining = rows.contains { $0.trainingCount != nil }
        let hasFrames = rows.contains { $0.averagePrecision != nil }
        let hasOthers = rows.contains { otherNames[$0.label]?.isEmpty == false }
        func column(_ name: String) -> String { "<th scope=\"col\" class=\"n\">\(name)</th>" }
        var lines = [
            "<div class=\"wide\"><table><thead><tr><th scope=\"col\">Class</th>"
                + (hasTraining ? column("learned from") : "") + column("true events") + column("found")
                + column("missed")
                + column("false alarms") + column("F1") + column("precision") + column("recall")
                + (hasFrames ? column("frame AP") : "")
                + (hasOthers ? "<th scope=\"col\">found under another name</th>" : "")
                + "</tr></thead><tbody>"
        ]
        func number(_ text: String) -> String { "<td class=\"n\">\(text)</td>" }
        for row in rows {
            let counts = row.counts
            let others = (otherNames[row.label] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(4)
                .map { "\(name($0.key)) (\($0.value)×)" }.joined(separator: ", ")
            lines.append(
                "<tr><th scope=\"row\">\(name(row.label))</th>"
                    + (hasTraining ? number(row.trainingCount.map(String.init) ?? "–") : "")
                    + number("\(counts.truePositives + counts.falseNegatives)") + number("\(counts.truePositives)")
                    + number("\(counts.falseNegatives)") + number("\(counts.falsePositives)")
                    + number(NumberText.score(counts.f1)) + number(NumberText.score(counts.precision))
                    + number(NumberText.score(counts.recall))
                    + (hasFrames ? number(NumberText.score(row.averagePrecision)) : "")
                    + (hasOthers ? "<td>\(others)</td>" : "") + "</tr>")
        }
        return lines.joined(separator: "\n")
            + """
            </tbody></table></div><p class="soft">An event that is found under another name counts as missed in its own \
            class and as a false alarm in the other.</p>
            """
    }

    /// What took how long, with bars.
    static func stages(_ stages: [ReportContent.Stage]) -> String {
        let total = stages.reduce(0) { $0 + $1.seconds }
        let longest = max(stages.map(\.seconds).max() ?? 0, 1e-9)
        let rows = stages.map { stage in
            let share = NumberText.fixed(max(0, stage.seconds) / longest * 100, digits: 1)
            return """
                <tr><th scope="row">\(Markup.escaped(stage.name))</th><td class="n">\(NumberText.duration(stage.seconds))</td>\
                <td class="bar"><span style="width:\(share)%"></span></td></tr>
                """
        }
        return """
            <div class="wide"><table class="stages"><thead><tr><th scope="col">Stage</th><th scope="col">time</th>\
            <th scope="col"><span class="hidden">share</span></th></tr></thead><tbody>\(rows.joined())
            <tr class="main"><th scope="row">together</th><td class="n">\(NumberText.duration(total))</td><td></td></tr>
            </tbody></table></div>
            """
    }

    private static func name(_ label: String) -> String {
        label.isEmpty ? "<em>(no label)</em>" : Markup.escaped(label)
    }

    private static func cell(_ score: ScoreInterval) -> String {
        guard let low = score.low, let high = score.high else { return "<b>\(NumberText.score(score.value))</b>" }
        return
            "<b>\(NumberText.score(score.value))</b> <small>\(NumberText.score(low))–\(NumberText.score(high))</small>"
    }

    /// A score on a line from 0 to 1 with its range.
    private static func whisker(_ score: ScoreInterval) -> String {
        guard let value = score.value else { return "" }
        func x(_ share: Double) -> String { Markup.coordinate(4 + 112 * min(max(share, 0), 1)) }
        let range =
            score.low.flatMap { low in
                score.high.map { "<path class=\"range\" d=\"M\(x(low)) 4v8M\(x(low)) 8H\(x($0))M\(x($0)) 4v8\"/>" }
            }
        return """
            <svg class="whisker" width="120" height="16" aria-hidden="true"><path class="base" d="M4 8H116"/>\(range ?? "")\
            <circle cx="\(x(value))" cy="8" r="2.5"/></svg>
            """
    }
}
