import Audio
import Evaluation
import Foundation
import Labels
import Report
import TestSupport
import Testing

@Suite struct ReportPageTests {
    private static let hostile = #"<script>alert("1")</script>' onload='x" <b>&amp;"#

    private static func tone(seconds: Double, rateHz: Double) -> [Float] {
        (0..<Int(seconds * rateHz)).map { Float(0.4 * sin(Double($0) * 0.6)) }
    }

    private static func event(_ start: Double, _ end: Double, _ label: String) -> Event {
        Event(recording: "a.wav", startSeconds: start, endSeconds: end, label: label)
    }

    private static func content(label: String = "a", rateHz: Double = 8000, copies: Int = 1) -> ReportContent {
        let panel = ReportContent.RecordingPanel(
            name: "\(label).wav", samples: tone(seconds: 1, rateHz: rateHz), rateHz: rateHz,
            truth: [event(0.1, 0.2, label), event(0.3, 0.4, label), event(0.5, 0.6, label)],
            found: [event(0.11, 0.2, label), event(0.3, 0.41, "other"), event(0.8, 0.9, label)])
        let score = ScoreInterval(value: 0.9371, low: 0.9, high: 0.96)
        return ReportContent(
            title: "Title \(label)", summary: "Summary \(label)", facts: [.init("Fact \(label)", label)],
            recordings: Array(repeating: panel, count: copies),
            scores: [.init(name: label, group: label, precision: score, recall: score, f1: score, frameMacro: score)],
            classes: [
                .init(
                    label: label, trainingCount: 3,
                    counts: EventCounts(truePositives: 1, falsePositives: 2, falseNegatives: 2))
            ],
            charts: [
                Chart(
                    title: label, xLabel: label, yLabel: label,
                    lines: [.init(label, [.init(x: 0, y: 1), .init(x: 1, y: .nan), .init(x: 2, y: 0.25)])])
            ],
            stages: [.init(label, seconds: 75)], files: [.init(label, path: "out/\(label).csv")], notes: [label])
    }

    private static func matches(_ pattern: String, in text: String) throws -> [String] {
        let expression = try NSRegularExpression(pattern: pattern)
        return expression.matches(in: text, range: NSRange(text.startIndex..., in: text)).map {
            String(text[Range($0.range(at: $0.numberOfRanges - 1), in: text)!])
        }
    }

    @Test func `the page asks nothing of any network`() throws {
        let html = try ReportPage.html(Self.content())
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("@import"))
        #expect(html.contains("default-src 'none'"))
        let sources = try Self.matches(#"(?:src|href)="([^"]{1,12})"#, in: html)
        #expect(sources.count >= 4)
        #expect(sources.allSatisfy { $0.hasPrefix("data:") || $0.hasPrefix("#") || $0.hasPrefix("./") })
        #expect(try Self.matches(#"url\(([^)]+)\)"#, in: html).allSatisfy { $0.hasPrefix("#") })
    }

    @Test func `labels, names and paths never become markup`() throws {
        let html = try ReportPage.html(Self.content(label: Self.hostile))
        let harmless = try ReportPage.html(Self.content())
        #expect(!html.contains("alert(\""))
        #expect(!html.contains("<b>&amp;"))
        #expect(html.contains("&lt;script&gt;"))
        #expect(html.components(separatedBy: "<script").count == 2)
        #expect(!html.contains("' onload"))
        // Elements are the same whatever the labels are; a narrow box may show less text.
        func elements(_ text: String) throws -> [String] {
            try Self.matches("<(/?[a-z][a-z0-9]*)", in: text).filter { !$0.hasSuffix("text") }
        }
        let (hostileElements, plainElements) = try (elements(html), elements(harmless))
        for element in ["b", "script", "li"] {
            #expect(hostileElements.count { $0 == element } == plainElements.count { $0 == element }, "\(element)")
        }
    }

    @Test func `links stay beside the page`() throws {
        for (path, link) in [
            ("javascript:alert(1)", "./javascript%3Aalert%281%29"), ("//host/x.csv", "./host/x.csv"),
            ("raven/my song.txt", "./raven/my%20song.txt"), ("/etc/passwd", "./etc/passwd"),
        ] {
            let html = try ReportPage.html(ReportContent(title: "t", files: [.init("f", path: path)]))
            #expect(html.contains("href=\"\(link)\""), "\(path)")
        }
    }

    @Test func `events tell whether they were found, missed, renamed or false`() throws {
        let html = try ReportPage.html(Self.content())
        #expect(
            html.contains("3 true events, 1 found with the right name, 1 under another name, 1 missed, 1 false alarm."))
        #expect(html.contains("True a, 0.100 to 0.200 s: found, overlap 0.90"))
        #expect(html.contains("True a, 0.300 to 0.400 s: found under another name: other"))
        #expect(html.contains("Found other, 0.300 to 0.410 s: wrong name, it is a"))
        #expect(html.contains("True a, 0.500 to 0.600 s: missed"))
        #expect(html.contains("Found a, 0.800 to 0.900 s: false alarm"))
        #expect(try Self.matches(#"class="event (true alone)" role"#, in: html).count == 1)
        #expect(try Self.matches(#"class="event (found renamed)" role"#, in: html).count == 1)
    }

    @Test func `events of an excerpt stand where they sound`() throws {
        var content = Self.content()
        content.recordings = [
            ReportContent.RecordingPanel(
                name: "excerpt", samples: Self.tone(seconds: 10, rateHz: 1000), rateHz: 1000, startSeconds: 100,
                truth: [Self.event(105, 106, "a"), Self.event(5, 6, "outside")], found: [])
        ]
        let html = try ReportPage.html(content)
        #expect(html.contains(#"data-start="5.0000" data-end="6.0000""#))
        #expect(html.contains("True a, 105.000 to 106.000 s: missed"))
        #expect(try Self.matches(#"(aria-label="True outside)"#, in: html).isEmpty)
        // 900 pixels for 10 seconds.
        #expect(html.contains(#"<rect x="450.5""#))
    }

    @Test(arguments: [2000.0, 8000, 44_100, 250_000, 500_000])
    func `picture and sound of the page can be decoded`(rateHz: Double) throws {
        let html = try ReportPage.html(Self.content(rateHz: rateHz))
        let picture = try #require(try Self.matches(#"data:image/png;base64,([A-Za-z0-9+/=]+)"#, in: html).first)
        let png = try #require(Data(base64Encoded: picture))
        let sound = try #require(try Self.matches(#"data:audio/flac;base64,([A-Za-z0-9+/=]+)"#, in: html).first)
        let flac = try #require(Data(base64Encoded: sound))
        let width = try #require(try Self.matches(#"class="strip" width="([0-9]+)""#, in: html).first.flatMap(Int.init))
        try withTemporaryFolder { folder in
            try png.write(to: folder.appending(path: "a.png"))
            try flac.write(to: folder.appending(path: "a.flac"))
            let pixels = try Self.decoded(folder.appending(path: "a.png"), ["-pix_fmt", "rgb24", "-f", "rawvideo"])
            #expect(pixels.count == width * 200 * 3)
            let block = try AudioReader(path: folder.appending(path: "a.flac").path).next(maximumFrames: 1_000_000)
            #expect(block?.frameCount == Int(rateHz))
            #expect(abs((block?.channels.first?[1] ?? 0) - Float(0.4 * sin(0.6))) < 1e-4)
        }
        // Browsers play from 3 kHz on; people do not hear ultrasound.
        let speed = try #require(try Self.matches(#"data-speed="([0-9.]+)""#, in: html).first.flatMap(Double.init))
        #expect((4000...96_000).contains(speed * rateHz))
        #expect((speed == 1) == (4000...96_000).contains(rateHz))
    }

    @Test func `a page stays below its limit and lists what it leaves out`() throws {
        let content = Self.content(copies: 12)
        let whole = try ReportPage.html(content)
        let limit = whole.utf8.count / 2
        let html = try ReportPage.html(content, maximumBytes: limit)
        #expect(html.utf8.count <= limit)
        let drawn = try Self.matches(#"(class="panel")"#, in: html).count
        #expect(drawn >= 2 && drawn < 12)
        #expect(html.contains("All 12 recordings (the first \(drawn) are drawn above"))
        #expect(html.components(separatedBy: "<th scope=\"row\">").count >= 12)
    }

    @Test func `a report of nothing is still a page`() throws {
        let html = try ReportPage.html(ReportContent(title: "Empty"))
        #expect(html.contains("<h1>Empty</h1>") && !html.contains("<section"))
        let silent = ReportContent.RecordingPanel(name: "none", samples: [], rateHz: 8000, truth: [], found: [])
        #expect(try ReportPage.html(ReportContent(title: "t", recordings: [silent])).contains("0 true events"))
    }

    @Test func `the page is written whole`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "report.html")
            try ReportPage.write(Self.content(), to: url)
            let text = try String(contentsOf: url, encoding: .utf8)
            #expect(text.hasPrefix("<!DOCTYPE html>") && text.hasSuffix("</html>\n"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["report.html"])
        }
    }

    private static func decoded(_ file: URL, _ options: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["ffmpeg", "-v", "error", "-i", file.path] + options + ["-"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return data
    }
}
