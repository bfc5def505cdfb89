// The recordings, as many as fit into the page.
import Audio
import Foundation

/// Draws the section of recordings.
struct RecordingsMarkup {
    let content: ReportContent
    let outcomes: [EventOutcomes]
    let maximumBytes: Int

    init(_ content: ReportContent, outcomes: [EventOutcomes], maximumBytes: Int) {
        self.content = content
        self.outcomes = outcomes
        self.maximumBytes = maximumBytes
    }

    func markup() throws(AudioError) -> String {
        guard !content.recordings.isEmpty else { return "" }
        var figures: [String] = []
        var isDrawn = [Bool](repeating: false, count: content.recordings.count)
        var left = maximumBytes
        for index in content.recordings.indices where left > 0 {
            // The picture alone still says much; sound goes first.
            var figure = try self.figure(index, hasSound: true)
            if figure.utf8.count > left { figure = try self.figure(index, hasSound: false) }
            guard figure.utf8.count <= left else { break }
            left -= figure.utf8.count
            isDrawn[index] = true
            figures.append(figure)
        }
        var parts = [legend] + figures
        let drawn = isDrawn.count { $0 }
        if content.recordings.count > 3 || drawn < content.recordings.count { parts.append(table(isDrawn)) }
        return ReportPage.section("recordings", "Held-out recordings", parts.joined(separator: "\n"))
    }

    private let legend = """
        <svg width="0" height="0" class="patterns" aria-hidden="true"><defs>
        <pattern id="hatch-true" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
        <path class="hatch-true" d="M0 0V6"/></pattern>
        <pattern id="hatch-found" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">\
        <path class="hatch-found" d="M0 0V6"/></pattern></defs></svg>
        <p>True events stand above each spectrogram, found events below; their borders meet in the middle of the picture.\
        <span class="js"> Click the spectrogram to play from there, an event to hear only that.</span></p>
        <ul class="legend">
        <li><svg width="48" height="18" aria-hidden="true"><g class="event true matched"><rect x="1" y="1" width="22" height="16" \
        rx="2"/></g><g class="event found matched"><rect x="25" y="1" width="22" height="16" rx="2"/></g></svg>\
        found, right name</li>
        <li><svg width="48" height="18" aria-hidden="true"><g class="event true renamed"><rect x="1" y="1" width="22" height="16" \
        rx="2"/></g><g class="event found renamed"><rect x="25" y="1" width="22" height="16" rx="2"/></g></svg>\
        found, other name</li>
        <li><svg width="24" height="18" aria-hidden="true"><g class="event true alone"><rect x="1" y="1" width="22" height="16" \
        rx="2"/></g></svg>missed</li>
        <li><svg width="24" height="18" aria-hidden="true"><g class="event found alone"><rect x="1" y="1" width="22" height="16" \
        rx="2"/></g></svg>false alarm</li></ul>
        """

    private func figure(_ index: Int, hasSound: Bool) throws(AudioError) -> String {
        let panel = content.recordings[index]
        let identifier = "recording-\(index + 1)"
        let markup = StripMarkup(panel, outcomes: outcomes[index], identifier: identifier)
        let sound = hasSound ? try PlayableSound(samples: panel.samples, rateHz: panel.rateHz) : nil
        let name = Markup.escaped(panel.name)
        let hasMistakes = outcomes[index].truth.count != outcomes[index].matchedCount || outcomes[index].falseCount > 0
        let explanation = sound?.explanation.map { " <span class=\"soft\">\($0)</span>" } ?? ""
        let player =
            sound.map {
                """
                <audio controls preload="metadata" aria-label="Sound of \(name)" src="\(Markup.dataURI("audio/flac", $0.flac))"></audio>
                <label class="js">Speed <select class="speed"><option value="1">1 ×</option><option value="0.5">½ ×</option>\
                <option value="0.25">¼ ×</option></select></label>
                """
            } ?? "<span class=\"soft\">The sound is left out to keep this page small.</span>"
        let mistakes =
            hasMistakes
            ? """
            <span class="js"><button type="button" class="back">◂ Mistake</button> \
            <button type="button" class="forth">Mistake ▸</button></span>
            """ : ""
        return """
            <figure class="panel" id="\(identifier)" data-duration="\(NumberText.fixed(panel.durationSeconds, digits: 5))" \
            data-speed="\(sound?.speed ?? 1)">
            <figcaption><h3>\(name)</h3><p>\(caption(index))\(explanation)</p></figcaption>
            <div class="view">\(markup.gutter())<div class="scroll">\(try markup.strip())</div></div>
            <div class="printed" aria-hidden="true">\(markup.printedLines())</div>
            <div class="controls">\(player)\(mistakes)
            <label class="js"><input type="checkbox" class="borders" checked> Borders</label></div>
            <output class="status" aria-live="polite"></output>
            </figure>
            """
    }

    private func caption(_ index: Int) -> String {
        let (panel, outcomes) = (content.recordings[index], outcomes[index])
        func count(_ number: Int, _ one: String, _ many: String) -> String { "\(number) \(number == 1 ? one : many)" }
        var parts = [
            NumberText.duration(panel.durationSeconds),
            "\(NumberText.short(panel.rateHz / 1000)) kHz",
            count(panel.truth.count, "true event", "true events"),
            "\(outcomes.matchedCount) found with the right name",
        ]
        if outcomes.renamedCount > 0 { parts.append("\(outcomes.renamedCount) under another name") }
        parts.append("\(outcomes.missedCount) missed")
        parts.append(count(outcomes.falseCount, "false alarm", "false alarms"))
        return parts.joined(separator: ", ") + "."
    }

    private func table(_ isDrawn: [Bool]) -> String {
        let drawn = isDrawn.count { $0 }
        let rows = content.recordings.indices.map { index in
            let (panel, outcomes) = (content.recordings[index], outcomes[index])
            let name = Markup.escaped(panel.name)
            let linked = isDrawn[index] ? "<a href=\"#recording-\(index + 1)\">\(name)</a>" : name
            let numbers = [
                panel.truth.count, outcomes.matchedCount, outcomes.renamedCount, outcomes.missedCount,
                outcomes.falseCount,
            ]
            return
                "<tr><th scope=\"row\">\(linked)</th><td class=\"n\">\(NumberText.duration(panel.durationSeconds))</td>"
                + numbers.map { "<td class=\"n\">\($0)</td>" }.joined() + "</tr>"
        }
        let heads = ["length", "true", "found", "other name", "missed", "false alarms"]
        let summary = "All \(content.recordings.count) recordings"
        let missing =
            drawn < content.recordings.count ? " (the first \(drawn) are drawn above, to keep this page small)" : ""
        return """
            <details class="all"><summary>\(summary)\(missing)</summary><div class="wide"><table><thead><tr>\
            <th scope="col">Recording</th>\(heads.map { "<th scope=\"col\" class=\"n\">\($0)</th>" }.joined())</tr></thead><tbody>\(rows.joined())</tbody></table></div></details>
            """
    }
}
