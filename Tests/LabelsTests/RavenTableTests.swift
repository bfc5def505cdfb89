import Foundation
import Labels
import Testing

@Suite struct RavenTableTests {
    @Test func `a table of Raven Pro is read whole`() throws {
        let text =
            "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies\tNote\r\n"
            + "1\tSpectrogram 1\t2\t0.500000\t0.750000\t1000.5\t2000.0\tEATO\tfaint\r\n"
            + "2\tSpectrogram 1\t1\t1.5\t2.25\t1000\t2000\t?\t\r\n"
        let table = try readLabels(text, named: "forest.Table.1.selections.txt")
        #expect(table.recordings == ["forest"])
        #expect(table.labelColumn == "Species")
        #expect(table.events.count == 2)
        #expect(
            table.events[0]
                == Event(
                    recording: "forest", startSeconds: 0.5, endSeconds: 0.75, label: "EATO", lowHz: 1000.5,
                    highHz: 2000,
                    channel: 1, extra: ["View": "Spectrogram 1", "Note": "faint"]))
        #expect(table.events[1].label == "?")
    }

    @Test func `the two views of a selection are one event, and equal numbers at other times are two`() throws {
        let text = """
            Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tAnnotation
            1\tWaveform 1\t1\t0.5\t0.75\ta
            1\tSpectrogram 1\t1\t0.5\t0.75\ta
            1\tSpectrogram 1\t1\t3.5\t3.75\ta
            1\tSpectrogram 1\t1\t3.5\t3.75\ta
            2\tSpectrogram 1\t1\t0.5\t0.75\ta
            """
        let table = try readLabels(text, named: "x.txt")
        #expect(table.events.map(\.startSeconds) == [0.5, 3.5, 0.5])
        #expect(table.events[0].extra["View"] == "Spectrogram 1")
        #expect(table.rowCount == 3)
    }

    @Test func `a minimal table, lower-case headers and any order of columns are accepted`() throws {
        let text = "End time (s)\tSound type\tBegin time (s)\n2\tblow\t1\n"
        let table = try readLabels(text, named: "x.txt")
        #expect(table.events == [Event(recording: "x", startSeconds: 1, endSeconds: 2, label: "blow", extra: [:])])
        let bare = try readLabels("Selection\tBegin Time (s)\tEnd Time (s)\n1\t1\t2", named: "x.txt")
        #expect(bare.events.map(\.label) == [""])
        #expect(bare.labelColumn == nil)
    }

    @Test func `the label column is the one asked for, exact name first, else the last text column`() throws {
        let text = """
            Begin Time (s)\tEnd Time (s)\tClassification\tclassification\tSize\tOnset Quality
            1\t2\tA\ta\t3\tsharp
            """
        for (wanted, label) in [("Classification", "A"), ("classification", "a"), ("CLASSIFICATION", "A")] {
            let table = try readLabels(text, named: "x.txt", LabelReadingOptions(labelColumn: wanted))
            #expect(table.events[0].label == label)
        }
        let guessed = try readLabels(
            "Begin Time (s)\tEnd Time (s)\tBird\tDelta Time (s)\tSize\n1\t2\twren\t1\t3\n", named: "x.txt")
        #expect(guessed.labelColumn == "Bird")
        let error = labelError { _ = try readLabels(text, named: "x.txt", LabelReadingOptions(labelColumn: "Sex")) }
        #expect(error?.column == "Sex")
        #expect(error?.remedy.contains("Classification") == true)
    }

    @Test func `times of a table through several files are those within each file`() throws {
        let text = """
            Selection\tBegin Time (s)\tEnd Time (s)\tBegin File\tFile Offset (s)\tAnnotation
            1\t10\t11.5\ta.wav\t10\tx
            2\t70\t70.25\tb.wav\t10\ty
            """
        let table = try readLabels(text, named: "all.txt")
        #expect(table.recordings == ["a.wav", "b.wav"])
        #expect(table.events[1].startSeconds == 10)
        #expect(table.events[1].endSeconds == 10.25)
        let without = text.replacing("File Offset (s)", with: "Something")
        #expect(labelError { _ = try readLabels(without, named: "all.txt") }?.column == "File Offset (s)")
    }

    @Test func `one file with a column of zero offsets keeps its times`() throws {
        let text = """
            Begin Time (s)\tEnd Time (s)\tBegin Path\tFile Offset (s)\tAnnotation
            10\t11\tC:\\field\\a.WAV\t0\tx
            12\t13\tC:\\field\\a.WAV\t0\tx
            """
        let table = try readLabels(text, named: "t.txt")
        #expect(table.events.map(\.startSeconds) == [10, 12])
        #expect(table.recordings == ["a.WAV"])
    }

    @Test func `a table of BirdNET gives species and confidence, and nocall means nothing was found`() throws {
        let header =
            "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tCommon Name\t"
            + "Species Code\tConfidence\tBegin Path\tFile Offset (s)\n"
        let rows =
            "1\tSpectrogram 1\t1\t0\t3.0\t0\t15000\tnocall\tnocall\t1.0\t/data/silent.wav\t0\n"
            + "2\tSpectrogram 1\t1\t3.0\t6.0\t0\t15000\tEurasian Wren\twinwre4\t0.8123\t/data/b.wav\t3.0\n"
        let table = try readLabels(header + rows, named: "BirdNET_SelectionTable.txt")
        #expect(table.recordings == ["silent.wav", "b.wav"])
        #expect(table.events.count == 1)
        #expect(table.events[0].label == "Eurasian Wren")
        #expect(table.events[0].score == 0.8123)
        #expect(table.events[0].extra["Species Code"] == "winwre4")
    }

    @Test func `an empty table says that nothing was found`() throws {
        let table = try readLabels(
            "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tSpecies\n", named: "quiet.selections.txt")
        #expect(table.recordings == ["quiet"])
        #expect(table.events.isEmpty)
        #expect(!table.everyRowWasBad)
    }

    @Test func `what is written is what Raven opens, and reads back the same`() throws {
        let events = [
            Event(
                recording: "s", startSeconds: 2, endSeconds: 2.003, label: "sq1", score: 0.5, lowHz: 10, highHz: 99_000),
            Event(recording: "s", startSeconds: 1, endSeconds: 1.5, label: "", channel: 1, extra: ["Note": "x"]),
        ]
        let (text, table) = try writtenAndRead(
            events, .raven, writing: .init(facts: { _ in RecordingFacts(rateHz: 48_000) }))
        let expected = """
            Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tAnnotation\tConfidence\tNote
            1\tSpectrogram 1\t2\t1.000000\t1.500000\t0.0\t24000.0\t\t\tx
            2\tSpectrogram 1\t1\t2.000000\t2.003000\t10.0\t24000.0\tsq1\t0.5000\t

            """
        #expect(text == expected)
        #expect(table.events.map(\.label) == ["", "sq1"])
        #expect(table.events.map(\.channel) == [1, 0])
        #expect(table.events[0].extra["Note"] == "x")
    }

    @Test func `several recordings go into one table when their lengths are known`() throws {
        let events = [
            Event(recording: "a.wav", startSeconds: 1, endSeconds: 2, label: "x"),
            Event(recording: "b.wav", startSeconds: 3, endSeconds: 4, label: "y"),
        ]
        let (text, table) = try writtenAndRead(
            events, .raven, writing: .init(facts: { _ in RecordingFacts(durationSeconds: 60) }))
        #expect(text.contains("63.000000\t64.000000"))
        #expect(table.events.map(\.recording) == ["a.wav", "b.wav"])
        #expect(table.events.map(\.startSeconds) == [1, 3])
        let error = labelError { _ = try writtenAndRead(events, .raven) }
        #expect(error?.reason.contains("lengths") == true)
    }
}
