import Foundation
import Labels
import Testing

@Suite struct AudacityLabelsTests {
    @Test func `labels, frequency lines and scores are read`() throws {
        let text = "0.1\t0.2\tJunco, song \"A\"\r\n\\\t1000.5\t-1.000000\r\n0.3\t0.3\t\r\n0.4\t0.5\tx\t0.87\r\n0.6\t0.7"
        let table = try readLabels(text, named: "bird.txt")
        #expect(table.recordings == ["bird"])
        #expect(table.events.map(\.label) == ["Junco, song \"A\"", "", "x", ""])
        #expect(table.events[0].lowHz == 1000.5)
        #expect(table.events[0].highHz == nil)
        #expect(table.events[1].durationSeconds == 0)
        #expect(table.events[2].score == 0.87)
    }

    @Test func `an empty track says that nothing was found`() throws {
        for text in ["", "\n\n", "\u{FEFF}"] {
            let table = try readLabels(text, named: "quiet.txt")
            #expect(table.recordings == ["quiet"])
            #expect(table.events.isEmpty)
        }
    }

    @Test func `a written track reads back the same, awkward labels included`() throws {
        let events = awkwardLabels.enumerated().map { index, label in
            Event(
                recording: "r", startSeconds: Double(index), endSeconds: Double(index) + 0.003125, label: label,
                lowHz: index % 3 == 0 ? 100 : nil, highHz: index % 2 == 0 ? 5000 : nil)
        }
        let (_, table) = try writtenAndRead(events, .audacity)
        #expect(table.events == events)
    }

    @Test func `a tab in a label becomes a blank`() throws {
        let (text, table) = try writtenAndRead(
            [Event(recording: "r", startSeconds: 0, endSeconds: 1, label: "a\tb\nc")], .audacity)
        #expect(text == "0.000000\t1.000000\ta b c\n")
        #expect(table.events[0].label == "a b c")
    }

    @Test func `a bad line is named and can be skipped`() throws {
        let text = "0.1\t0.2\ta\nnonsense\n0.5\tx\tb\n1\t2\tc\n"
        let options = LabelReadingOptions(format: .audacity)
        #expect(labelError { _ = try readLabels(text, named: "t.txt", options) }?.line == 2)
        let table = try readLabels(text, named: "t.txt", LabelReadingOptions(format: .audacity, skipBadRows: true))
        #expect(table.events.map(\.label) == ["a", "c"])
        #expect(table.problems.map(\.line) == [2, 3])
        #expect(table.rowCount == 4)
    }
}
