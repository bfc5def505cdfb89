import Foundation
import Labels
import Testing

@Suite struct AuditionMarkersTests {
    @Test func `markers in every spelling of time are read`() throws {
        let text =
            "\u{FEFF}Name\tStart\tDuration\tTime Format\tType\tDescription\r\n"
            + "cc\t0:00:01.235000\t0:00:00.120000\tdecimal\tCue\t0.912\r\n"
            + "sn nf\t1:02.5\t0:00.100\tdecimal\tCue\tnote\r\n"
            + "x\t12.5\t0\tdecimal\tSubclip\r\n"
        let table = try readLabels(text, named: "meerkat.csv")
        #expect(table.recordings == ["meerkat"])
        #expect(table.events.map(\.startSeconds) == [1.235, 62.5, 12.5])
        #expect(table.events.map(\.label) == ["cc", "sn nf", "x"])
        #expect(table.events[0].score == 0.912)
        #expect(table.events[1].extra["Description"] == "note")
        #expect(table.events[2].extra["Type"] == "Subclip")
    }

    @Test func `other time formats and impossible times are refused`() throws {
        let header = "Name\tStart\tDuration\tTime Format\tType\tDescription\n"
        for row in ["a\t44100\t10\tsamples\tCue\t", "a\t0:75.0\t0\tdecimal\tCue\t", "a\t1:2:3:4\t0\tdecimal\tCue\t"] {
            let error = labelError { _ = try readLabels(header + row + "\n", named: "m.csv") }
            #expect(error?.line == 2, "\(row)")
        }
    }

    @Test func `written markers read back the same`() throws {
        let events = awkwardLabels.filter { !$0.contains("\t") }.enumerated().map { index, label in
            Event(
                recording: "r", startSeconds: Double(index) * 59.9995, endSeconds: Double(index) * 59.9995 + 0.25,
                label: label, score: 0.125, extra: ["Type": "Cue"])
        }
        let (text, table) = try writtenAndRead(events, .audition)
        #expect(text.contains("1:59.999\t0:00.250\tdecimal\tCue\t0.125"))
        #expect(table.events.map(\.label) == events.map(\.label))
        for (a, b) in zip(table.events, events) {
            #expect(abs(a.startSeconds - b.startSeconds) < 1e-6 && abs(a.endSeconds - b.endSeconds) < 2e-6)
        }
    }
}
