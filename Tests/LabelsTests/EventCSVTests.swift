import Foundation
import Labels
import Testing

@Suite struct EventCSVTests {
    @Test func `the project's own table is read and written without loss`() throws {
        let events = awkwardLabels.enumerated().map { index, label in
            Event(
                recording: "folder/a, b.wav", startSeconds: Double(index), endSeconds: Double(index) + 0.1,
                label: label, score: Double(index) / 16, lowHz: 100, highHz: 5000.25, channel: index % 2,
                annotator: "Ann \"A\"", extra: ["weather": "rain\nwind", "Über": "ü"])
        }
        let (text, table) = try writtenAndRead(events, .csv, recordings: ["folder/a, b.wav", "silent.wav"])
        #expect(
            text.hasPrefix("file,start_seconds,end_seconds,label,score,low_hz,high_hz,channel,annotator,weather,Über\n")
        )
        #expect(table.events == events)
        #expect(table.recordings == ["folder/a, b.wav", "silent.wav"])
    }

    @Test(arguments: [
        "file,start_seconds,end_seconds,label\na.wav,1.5,2,x\n",
        "\u{FEFF}label;file;start_seconds;end_seconds\r\nx;a.wav;1,5;2\r\n",
        "Label\tEnd (s)\tStart (s)\tFile\nx\t2\t1.5\tC:\\audio\\a.wav",
        "audio_file,annotation_file,annotation,start_time,end_time,low_f,high_f\na.wav,t.txt,x,1.5,2.0,1,2\n",
        "label,onset_s,offset_s,notated_path\n\"x\",1.5,2,a.wav\n",
        "file,label,start_ms,end_ms\na.wav,x,1500,2000\n",
        "file,label,start,duration\na.wav,x,1.5,0.5\n",
        "\n\nfile,start,end,label\n\na.wav,1.5,2,x\n\n,,,\n",
    ])
    func `simple tables are recognised by their column names`(text: String) throws {
        let table = try readLabels(text, named: "t.csv")
        #expect(table.events.count == 1)
        #expect(table.events[0].recording.hasSuffix("a.wav"))
        #expect(table.events[0].startSeconds == 1.5)
        #expect(table.events[0].endSeconds == 2)
        #expect(table.events[0].label == "x")
    }

    @Test func `a name column is a label and the file name stands for the recording`() throws {
        let table = try readLabels("name,start_seconds,stop_seconds\nSIL,0.0,0.5\n", named: "song1.csv")
        #expect(table.events == [Event(recording: "song1", startSeconds: 0, endSeconds: 0.5, label: "SIL")])
    }

    @Test func `milliseconds and samples in a column of seconds are refused with the unit named`() throws {
        let milliseconds = "name,start_seconds,stop_seconds\na,12,90\nb,5400,5600\nc,5700,5900\n"
        var options = facts(durationSeconds: 7)
        options.skipBadRows = true
        let error = labelError { _ = try readLabels(milliseconds, named: "s.csv", options) }
        #expect(error?.reason.contains("milliseconds") == true)
        let samples = "name,start_seconds,stop_seconds\na,32000,64000\n"
        let sampleError = labelError {
            _ = try readLabels(samples, named: "s.csv", facts(durationSeconds: 7, rateHz: 32_000))
        }
        #expect(sampleError?.reason.contains("samples at 32000 Hz") == true)
    }

    @Test func `implausible rows are named with line and reason`() throws {
        for (row, word) in [
            ("a.wav,2,1,x,,", "before the beginning"), ("a.wav,-1,1,x,,", "before the start"),
            ("a.wav,9,10.2,x,,", "behind the end"), ("a.wav,1,2,x,100,50", "below the low"),
            ("a.wav,1,2,x,100,50000", "above half"), ("a.wav,abc,2,x,,", "not a number"),
            ("a.wav,nan,2,x,,", "not a number"), ("a.wav,0x10,20,x,,", "not a number"),
            ("a.wav,1,2,x,1,2,surplus", "7 cells"),
        ] {
            let text = "file,start_seconds,end_seconds,label,low_hz,high_hz\na.wav,0,10.1,ok,,\n\(row)\n"
            let error = labelError {
                _ = try readLabels(text, named: "t.csv", facts(durationSeconds: 10, rateHz: 48_000))
            }
            #expect(error?.line == 3)
            #expect(error?.reason.contains(word) == true, "\(row): \(error?.description ?? "no error")")
        }
    }

    @Test func `a file whose rows are all bad says so`() throws {
        let text = "file,start_seconds,end_seconds,label\na.wav,x,y,z\na.wav,2,1,z\n"
        let table = try readLabels(text, named: "t.csv", LabelReadingOptions(skipBadRows: true))
        #expect(table.everyRowWasBad)
        #expect(table.problems.count == 2)
    }

    @Test func `bytes that are not UTF-8 cost one row`() throws {
        var bytes = Array("file,start,end,label\na.wav,1,2,M".utf8)
        bytes += [0xFC] + Array("ller\na.wav,3,4,ok\n".utf8)
        #expect(labelError { _ = try readLabels(bytes, named: "t.csv") }?.reason.contains("UTF-8") == true)
        let table = try readLabels(bytes, named: "t.csv", LabelReadingOptions(skipBadRows: true))
        #expect(table.events.map(\.label) == ["ok"])
        #expect(table.problems[0].line == 2)
    }

    @Test func `UTF-16 with a byte order mark is read`() throws {
        let text = "file,start,end,label\na.wav,1,2,Müller\n"
        let bytes: [UInt8] = [0xFF, 0xFE] + text.utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(try readLabels(bytes, named: "t.csv").events[0].label == "Müller")
    }

    @Test func `an unclosed quote is an error at the line where it opens`() throws {
        let error = labelError {
            _ = try readLabels("file,start,end,label\na.wav,1,2,\"x\nb.wav,1,2,y\n", named: "t.csv")
        }
        #expect(error?.line == 2)
    }

    @Test func `numbered calls lose their numbers on request`() throws {
        let text = "file,start,end,label\na,1,2,sq12\na,1,2,7\na,1,2,a1b\n"
        let table = try readLabels(text, named: "t.csv", LabelReadingOptions(stripTrailingDigits: true))
        #expect(table.events.map(\.label) == ["sq", "7", "a1b"])
    }

    @Test func `a hundred thousand rows are read within seconds`() throws {
        var text = "file,start_seconds,end_seconds,label,score\n"
        for index in 0..<100_000 { text += "rec\(index % 100).wav,\(index).125,\(index).5,song,0.5\n" }
        let clock = ContinuousClock()
        let start = clock.now
        let table = try readLabels(text, named: "t.csv")
        #expect(table.events.count == 100_000)
        #expect(clock.now - start < .seconds(20))
    }
}
