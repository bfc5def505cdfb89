// The drawing of one recording: SVG over a PNG, so that names stay sharp, can be focused and be read aloud.
import Audio
import Foundation
import Labels

/// Draws the strip of one recording.
struct StripMarkup {
    let panel: ReportContent.RecordingPanel
    let outcomes: EventOutcomes
    let layout: StripLayout
    let identifier: String
    private let spectrogram: Spectrogram

    init(_ panel: ReportContent.RecordingPanel, outcomes: EventOutcomes, identifier: String) {
        self.panel = panel
        self.outcomes = outcomes
        self.identifier = identifier
        layout = StripLayout(panel)
        var configuration = Spectrogram.Configuration()
        configuration.width = layout.width
        configuration.height = Int(StripLayout.imageHeight)
        configuration.windowSeconds = layout.windowSeconds
        spectrogram = Spectrogram(samples: panel.samples, rateHz: panel.rateHz, configuration)
    }

    /// The axis of frequency and the names of the rows, which stay in place while the strip scrolls.
    func gutter() -> String {
        let width = StripLayout.gutterWidth
        var parts = [
            "<svg class=\"gutter\" width=\"\(number(width))\" height=\"\(number(layout.height))\" aria-hidden=\"true\">"
        ]
        func label(_ text: String, _ y: Double, _ style: String) {
            parts.append(
                "<text class=\"\(style)\" x=\"\(number(width - 7))\" y=\"\(number(y))\">\(Markup.escaped(text))</text>")
        }
        label("true", layout.truthHeight / 2 + 4, "name-true")
        label("found", layout.foundTop + layout.foundHeight / 2 + 4, "name-found")
        let isKilohertz = spectrogram.highHz >= 2000
        let unit = isKilohertz ? 1000.0 : 1
        let ticks = AxisTicks(spectrogram.lowHz / unit...spectrogram.highHz / unit, atMost: 6)
        for value in ticks.values {
            let y = layout.imageTop + spectrogram.verticalShare(ofHz: value * unit) * StripLayout.imageHeight
            parts.append(
                "<line class=\"tick\" x1=\"\(number(width - 5))\" x2=\"\(number(width))\" y1=\"\(number(y))\" y2=\"\(number(y))\"/>"
            )
            let isLast = value == ticks.values.last
            let text = ticks.text(value) + (isLast ? (isKilohertz ? " kHz" : " Hz") : "")
            label(text, min(max(y + 4, layout.imageTop + 11), layout.imageBottom - 1), "mark")
        }
        return parts.joined() + "</svg>"
    }

    /// The scrolling part.
    func strip() throws(AudioError) -> String {
        let png = try PNGImage.encode(
            width: spectrogram.width, height: spectrogram.height, rgb: spectrogram.rgb())
        let (width, height) = (layout.width, number(layout.height))
        var parts = [
            """
            <svg class="strip" width="\(width)" height="\(height)" viewBox="0 0 \(width) \(height)"><g id="\(identifier)-drawing">
            """
        ]
        let description = "Spectrogram of \(panel.name). Arrow keys move the playhead, space plays."
        parts.append(
            """
            <g class="picture" role="slider" tabindex="0" aria-label="\(Markup.escaped(description))" aria-valuemin="0" \
            aria-valuemax="\(NumberText.fixed(layout.durationSeconds, digits: 3))" aria-valuenow="0">\
            <image href="\(Markup.dataURI("image/png", png))" x="0" y="\(number(layout.imageTop))" width="\(width)" \
            height="\(number(StripLayout.imageHeight))" preserveAspectRatio="none"/>\
            <rect class="ring" x="1" y="\(number(layout.imageTop + 1))" width="\(width - 2)" \
            height="\(number(StripLayout.imageHeight - 2))"/></g>
            """)
        parts.append("<g class=\"edges\">\(edges())</g>")
        parts.append(lane(isTruth: true))
        parts.append(lane(isTruth: false))
        parts.append(timeAxis())
        parts.append("</g>")
        parts.append(
            "<rect class=\"chosen\" y=\"\(number(layout.imageTop))\" height=\"\(number(StripLayout.imageHeight))\" x=\"-9\" width=\"0\"/>"
        )
        parts.append("<line class=\"playhead\" x1=\"0\" x2=\"0\" y1=\"0\" y2=\"\(number(layout.axisTop))\"/></svg>")
        return parts.joined(separator: "\n")
    }

    /// The same drawing cut into lines, because paper does not scroll.
    func printedLines() -> String {
        let lineWidth = 1000
        return stride(from: 0, to: layout.width, by: lineWidth).map { x in
            "<svg viewBox=\"\(x) 0 \(lineWidth) \(number(layout.height))\"><use href=\"#\(identifier)-drawing\"/></svg>"
        }.joined()
    }

    /// Borders of true events from above, of found events from below: they meet in the middle of the picture.
    private func edges() -> String {
        let middle = (layout.imageTop + layout.imageBottom) / 2
        func path(_ events: [Event], _ from: Double, _ style: String) -> String {
            let lines = events.filter(layout.shows).flatMap { [$0.startSeconds, $0.endSeconds] }.map {
                "M\(number(layout.x($0))) \(number(from))V\(number(middle))"
            }
            return "<path class=\"\(style)\" d=\"\(lines.joined())\"/>"
        }
        func boxes(_ events: [Event], _ style: String) -> String {
            events.filter { layout.shows($0) && $0.lowHz != nil && $0.highHz != nil }.map { event in
                let top = layout.imageTop + share(event.highHz!) * StripLayout.imageHeight
                let bottom = layout.imageTop + share(event.lowHz!) * StripLayout.imageHeight
                let (left, right) = (layout.x(event.startSeconds), layout.x(event.endSeconds))
                return """
                    <rect class="\(style)" x="\(number(left))" y="\(number(top))" width="\(number(right - left))" \
                    height="\(number(max(0, bottom - top)))"/>
                    """
            }.joined()
        }
        func share(_ hz: Double) -> Double { min(max(0, spectrogram.verticalShare(ofHz: hz)), 1) }
        return path(panel.truth, layout.imageTop, "edge-true") + path(panel.found, layout.imageBottom, "edge-found")
            + boxes(panel.truth, "edge-true") + boxes(panel.found, "edge-found")
    }

    private func lane(isTruth: Bool) -> String {
        let events = isTruth ? panel.truth : panel.found
        let rows = isTruth ? layout.truthRows : layout.foundRows
        let top = isTruth ? 0 : layout.foundTop
        let name = isTruth ? "True events" : "Found events"
        var parts = ["<g class=\"lane\" role=\"group\" aria-label=\"\(name): arrow keys move, enter plays\">"]
        let height = isTruth ? layout.truthHeight : layout.foundHeight
        parts.append(
            "<rect class=\"ground\" x=\"0\" y=\"\(number(top))\" width=\"\(layout.width)\" height=\"\(number(height))\"/>"
        )
        var isFirst = true
        for index in events.indices.sorted(by: { Event.isOrderedBefore(events[$0], events[$1]) })
        where layout.shows(events[index]) {
            let y = top + Double(rows[index]) * StripLayout.rowHeight
            parts.append(box(index, isTruth: isTruth, top: y, isFirst: isFirst))
            isFirst = false
        }
        return parts.joined(separator: "\n") + "</g>"
    }

    private func box(_ index: Int, isTruth: Bool, top: Double, isFirst: Bool) -> String {
        let event = (isTruth ? panel.truth : panel.found)[index]
        let outcome = (isTruth ? outcomes.truth : outcomes.found)[index]
        let style =
            switch outcome {
            case .matched: "matched"
            case .renamed: "renamed"
            case .alone: "alone"
            }
        let (left, right) = (layout.x(event.startSeconds), layout.x(event.endSeconds))
        let width = max(3, right - left - 1)
        let text = StripMarkup.fitting(event.label, width: width)
        let description = Markup.escaped(describe(event, outcome, isTruth: isTruth))
        let start = max(0, event.startSeconds - layout.startSeconds)
        let end = min(layout.durationSeconds, event.endSeconds - layout.startSeconds)
        let label =
            text.isEmpty
            ? ""
            : "<text x=\"\(number(left + 0.5 + width / 2))\" y=\"\(number(top + 14.5))\">\(Markup.escaped(text))</text>"
        return """
            <g class="event \(isTruth ? "true" : "found") \(style)" role="button" tabindex="\(isFirst ? 0 : -1)" \
            data-start="\(NumberText.fixed(start, digits: 4))" data-end="\(NumberText.fixed(end, digits: 4))" \
            aria-label="\(description)"><title>\(description)</title>\
            <rect x="\(number(left + 0.5))" y="\(number(top + 1.5))" width="\(number(width))" \
            height="\(number(StripLayout.rowHeight - 3))" rx="2"/>\(label)</g>
            """
    }

    private func describe(_ event: Event, _ outcome: EventOutcomes.Outcome, isTruth: Bool) -> String {
        func name(_ event: Event) -> String { event.label.isEmpty ? "(no label)" : event.label }
        let digits = layout.durationSeconds < 1 ? 4 : 3
        let times =
            NumberText.fixed(event.startSeconds, digits: digits) + " to "
            + NumberText.fixed(event.endSeconds, digits: digits) + " s"
        let score = event.score.map { ", score \(NumberText.fixed($0, digits: 2))" } ?? ""
        let verdict: String
        switch (outcome, isTruth) {
        case (.matched(_, let overlap), true):
            verdict = "found, overlap \(NumberText.fixed(overlap, digits: 2))"
        case (.matched(_, let overlap), false):
            verdict = "right, overlap \(NumberText.fixed(overlap, digits: 2))"
        case (.renamed(let partner, _), true): verdict = "found under another name: \(name(panel.found[partner]))"
        case (.renamed(let partner, _), false): verdict = "wrong name, it is \(name(panel.truth[partner]))"
        case (.alone, true): verdict = "missed"
        case (.alone, false): verdict = "false alarm"
        }
        return "\(isTruth ? "True" : "Found") \(name(event)), \(times)\(score): \(verdict)"
    }

    private func timeAxis() -> String {
        let range = layout.startSeconds...layout.startSeconds + layout.durationSeconds
        let ticks = AxisTicks(range, atMost: max(3, layout.width / 90))
        let top = layout.axisTop
        var parts = ["<g class=\"axis\" aria-hidden=\"true\">"]
        var fine = ""
        for index in 0..<max(0, ticks.values.count + 1) {
            let base = (ticks.values.first ?? 0) + Double(index - 1) * ticks.step
            for part in 1..<5 {
                let seconds = base + Double(part) * ticks.step / 5
                if range.contains(seconds) { fine += "M\(number(layout.x(seconds))) \(number(top))v3" }
            }
        }
        parts.append("<path class=\"tick\" d=\"\(fine)M0 \(number(top))h\(layout.width)\"/>")
        for value in ticks.values {
            let x = layout.x(value)
            let anchor = x < 20 ? "start" : x > Double(layout.width) - 24 ? "end" : "middle"
            let text = ticks.timeText(value, upTo: range.upperBound)
            parts.append(
                """
                <path class="tick" d="M\(number(x)) \(number(top))v6"/><text class="mark" x="\(number(x))" \
                y="\(number(top + 19))" text-anchor="\(anchor)">\(text)</text>
                """)
        }
        return parts.joined() + "</g>"
    }

    /// As much of a label as fits into a box; nothing rather than a single letter of a longer name.
    static func fitting(_ label: String, width: Double) -> String {
        let room = Int((width - 1) / 7.2)
        if label.count <= room || (label.count == 1 && width >= 7) { return label }
        return room >= 3 ? label.prefix(room - 1) + "…" : ""
    }

    private func number(_ value: Double) -> String { Markup.coordinate(value) }
}
