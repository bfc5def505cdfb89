import Foundation
import Labels
import TestSupport
import Testing

@Suite struct LabelFileTests {
    @Test func `the name of a label file leads to its recording`() {
        for (file, recording) in [
            ("a.b/forest_01.Table.1.selections.txt", "forest_01"), ("forest.selections.txt", "forest"),
            ("S.BirdNET.selection.table.txt", "S"), ("S.BirdNET.results.csv", "S"), ("x.cbin.not.mat", "x.cbin"),
            ("call.wav.json", "call.wav"), ("C:\\data\\20190101.120000.txt", "20190101.120000"), ("plain", "plain"),
        ] {
            #expect(RecordingName.ofLabelFile(file) == recording)
        }
    }

    @Test func `recordings are found by path, by file name and by stem`() {
        let paths = ["site1/a.WAV", "site2/a.WAV", "site1/b.flac", "20190101.1200.wav"]
        let index = RecordingIndex(paths)
        #expect(index.find("site1/a.wav") == .one(0))
        #expect(index.find("a.wav") == .several([0, 1]))
        #expect(index.find("E:\\all\\site2\\a.wav", paths: paths) == .one(1))
        #expect(index.find("/home/me/b.FLAC") == .one(2))
        #expect(index.find("b") == .one(2))
        #expect(index.find("b.wav") == .one(2))
        #expect(index.find("20190101.1200") == .one(3))
        #expect(index.find("c.wav") == .none)
    }

    @Test func `a folder gets one file per recording, and equal names do not overwrite each other`() throws {
        try withTemporaryFolder { folder in
            let events = [
                Event(recording: "x/a.wav", startSeconds: 0, endSeconds: 1, label: "s"),
                Event(recording: "b.wav", startSeconds: 0, endSeconds: 1, label: "s"),
            ]
            let urls = try LabelFile.write(
                events, format: .audacity, toFolder: folder.appending(path: "out"), recordings: ["c.wav"])
            #expect(urls.map(\.lastPathComponent) == ["b.txt", "c.txt", "a.txt"])
            #expect(try LabelFile.read(urls[1]).events.isEmpty)
            let twice = events + [Event(recording: "y/a.wav", startSeconds: 0, endSeconds: 1, label: "s")]
            #expect(
                labelError {
                    try LabelFile.write(twice, format: .audacity, toFolder: folder.appending(path: "out"))
                }?.reason.contains("both") == true)
        }
    }

    @Test func `a format for one recording refuses several`() throws {
        let events = ["a", "b"].map { Event(recording: $0, startSeconds: 0, endSeconds: 1, label: "s") }
        for format in LabelFormat.allCases where !format.holdsManyRecordings {
            #expect(labelError { _ = try writtenAndRead(events, format) } != nil, "\(format)")
        }
    }

    @Test func `what is no label file is refused by name`() throws {
        for (name, text) in [("notes.txt", "dear diary"), ("x.csv", "a,b\n1,2\n"), ("x.csv", ""), ("song.wav", "RIFF")]
        {
            let error = labelError { _ = try readLabels(text, named: name) }
            #expect(error?.reason.contains("known format") == true, "\(name)")
        }
        #expect(labelError { _ = try LabelFile.read(URL(filePath: "/nowhere/x.txt")) }?.file == "/nowhere/x.txt")
    }

    @Test func `an error is one line with file, line, column, value and remedy`() {
        let error = LabelError(
            file: "a.txt", line: 3, column: "End", value: "x", reason: "is not a number", remedy: "correct it")
        #expect(error.description == "a.txt:3, column “End”, value “x”: is not a number; correct it")
    }
}
