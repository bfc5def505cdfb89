// One HTML file that needs nothing else: styles, script, pictures and sound are inside, and its content policy forbids
// the browser to ask any network for more.
import Audio
import Foundation
import Labels
import Storage

/// Draws reports.
public enum ReportPage {
    /// How large a page may become, in bytes. Recordings that do not fit are listed without picture and sound.
    public static let defaultMaximumBytes = 15_000_000

    /// Writes the page of a report to `url`, whole or not at all.
    ///
    /// Throws `AudioError` if a picture or sound cannot be made, `StorageError` if the file cannot be written.
    public static func write(
        _ content: ReportContent, to url: URL, maximumBytes: Int = defaultMaximumBytes
    ) throws {
        try AtomicFile.write(html(content, maximumBytes: maximumBytes), to: url)
    }

    /// The page of a report. Throws `AudioError` if a picture or sound cannot be made.
    public static func html(
        _ content: ReportContent, maximumBytes: Int = defaultMaximumBytes
    ) throws(AudioError) -> String {
        let outcomes = content.recordings.map {
            EventOutcomes(truth: $0.truth, found: $0.found, minimumIoU: content.minimumIoU)
        }
        var after: [String] = []
        if !content.scores.isEmpty {
            after.append(
                section("scores", "Scores", TableMarkup.scores(content.scores, minimumIoU: content.minimumIoU)))
        }
        if !content.classes.isEmpty {
            let names = otherNames(content.recordings, outcomes)
            after.append(section("classes", "Classes", TableMarkup.classes(content.classes, otherNames: names)))
        }
        if !content.vectors.isEmpty {
            after.append(
                section(
                    "groups", "Grouped without labels", TableMarkup.vectors(content.vectors, page: content.clusterPage))
            )
        }
        let charts = content.charts.compactMap { ChartMarkup($0)?.markup() }
        if !charts.isEmpty {
            after.append(
                section("learning", "Learning", "<div class=\"charts\">\(charts.joined(separator: "\n"))</div>"))
        }
        if !content.stages.isEmpty {
            after.append(section("time", "Time", TableMarkup.stages(content.stages)))
        }
        if !content.files.isEmpty { after.append(section("files", "Files", files(content.files))) }
        if !content.notes.isEmpty {
            let items = content.notes.map { "<li>\(Markup.escaped($0))</li>" }
            after.append(section("notes", "Notes", "<ul>\(items.joined())</ul>"))
        }
        let head = self.head(title: content.title, summary: content.summary, facts: content.facts)
        let used = head.utf8.count + after.reduce(0) { $0 + $1.utf8.count } + ReportStyle.text.utf8.count * 2
        let recordings = try RecordingsMarkup(content, outcomes: outcomes, maximumBytes: maximumBytes - used).markup()
        return ([head, recordings] + after + [foot]).joined(separator: "\n")
    }

    /// The beginning of a page, up to its main part. It needs no network: sound and pictures lie inside.
    ///
    /// - Parameter media: where sound may come from.
    static func head(
        title: String, summary: String, facts: [ReportContent.Fact], style: String = "", media: String = "data: blob:"
    ) -> String {
        let title = Markup.escaped(title)
        let facts = facts.map {
            "<div><dt>\(Markup.escaped($0.label))</dt><dd>\(Markup.escaped($0.value))</dd></div>"
        }
        let policy =
            "default-src 'none'; img-src data:; media-src \(media); style-src 'unsafe-inline'; script-src 'unsafe-inline'"
        return """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="\(policy)">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <style>\(ReportStyle.text)\(style)</style></head><body>
            <header><h1>\(title)</h1>
            \(summary.isEmpty ? "" : "<p class=\"summary\">\(Markup.escaped(summary))</p>")
            \(facts.isEmpty ? "" : "<dl class=\"facts\">\(facts.joined())</dl>")
            </header><main>
            """
    }

    private static let foot = "</main><script>\(ReportScript.text)</script></body></html>\n"

    static func section(_ identifier: String, _ title: String, _ body: String) -> String {
        """
        <section aria-labelledby="\(identifier)-title"><h2 id="\(identifier)-title">\(Markup.escaped(title))</h2>
        \(body)
        </section>
        """
    }

    private static func files(_ files: [ReportContent.OutputFile]) -> String {
        let items = files.map {
            """
            <li><a href="\(Markup.escaped(Markup.link($0.path)))">\(Markup.escaped($0.label))</a> \
            <code>\(Markup.escaped($0.path))</code></li>
            """
        }
        return "<ul class=\"files\">\(items.joined())</ul>"
    }

    /// For every label, under which other names its events were found and how often.
    private static func otherNames(
        _ panels: [ReportContent.RecordingPanel], _ outcomes: [EventOutcomes]
    ) -> [String: [String: Int]] {
        var names: [String: [String: Int]] = [:]
        for (panel, outcomes) in zip(panels, outcomes) {
            for (event, outcome) in zip(panel.truth, outcomes.truth) {
                guard case .renamed(let partner, _) = outcome else { continue }
                names[event.label, default: [:]][panel.found[partner].label, default: 0] += 1
            }
        }
        return names
    }
}
