import Audio
import Corpus
import Foundation
import Labels
import TestSupport
import Testing

@Suite struct ScannerTests {
    @Test func `Bad files are named with the reason, and everything else is used`() throws {
        try withFixture { fixture in
            for index in 1...5 { try fixture.writeSong("good\(index).wav", seconds: 1) }
            try fixture.writeSong("SITE7_20240903_202615.flac", seconds: 2)
            func put(_ name: String, _ data: Data) throws { try data.write(to: fixture.sound.appending(path: name)) }
            let whole = try AudioWriter.encodedWAV([syntheticSong(frames: 8_000, rateHz: 8_000)], rateHz: 8_000)
            try put("truncated.WAV", whole.prefix(6_000))
            try put("empty.wav", Data())
            var lying = whole
            lying.replaceSubrange(40..<44, with: [0, 0, 0, 0])
            try put("lying.wav", lying)
            try fixture.write("nan.wav", [[Float](repeating: .nan, count: 100) + [0.5, 0.25]], rateHz: 8_000)
            try put("page.mp3", Data("<html><body>not sound</body></html>".utf8))
            try put(".hidden.wav", whole)
            try put("notes.txt", Data("no sound\n".utf8))
            let catalogue = try fixture.catalogue()
            let report = try fixture.scan(catalogue)
            #expect(report.recordings == 11)
            #expect(report.verdicts == ["whole": 6, "repaired": 2, "partial": 1, "unreadable": 2])
            let bad = Dictionary(
                uniqueKeysWithValues: report.bad.map { (URL(fileURLWithPath: $0.path).lastPathComponent, $0) })
            #expect(bad["truncated.WAV"]?.kind == "partial")
            #expect(bad["empty.wav"]?.reason.contains("empty (0 bytes)") == true)
            #expect(bad["lying.wav"]?.reason.contains("data size of 0") == true)
            #expect(bad["nan.wav"]?.reason.contains("100 samples") == true)
            #expect(bad["page.mp3"]?.reason.contains("HTML") == true)
            #expect(bad.count == 5)
            #expect(report.isComplete)
            let usable = try catalogue.recordings()
            #expect(usable.count == 9)
            let dated = usable.first { $0.relativePath.hasSuffix("flac") }
            #expect(dated?.startTime == "2024-09-03T20:26:15")
            #expect(dated?.site == "SITE7")
            #expect(dated?.seconds == 2)
            #expect(try catalogue.lastReport() == report)
        }
    }

    @Test func `A second scan decodes only what is new or changed and marks what vanished`() throws {
        try withFixture { fixture in
            for index in 1...4 { try fixture.writeSong("\(index).wav", seconds: 0.5) }
            let catalogue = try fixture.catalogue()
            #expect(try fixture.scan(catalogue).decoded == 4)
            let identities = try catalogue.recordings().map(\.id)
            let again = try fixture.scan(catalogue)
            #expect(again.decoded == 0 && again.unchanged == 4 && again.missing == 0)
            try fixture.writeSong("2.wav", seconds: 0.75)
            try fixture.writeSong("10.wav", seconds: 0.5)
            try FileManager.default.removeItem(at: fixture.sound.appending(path: "4.wav"))
            let third = try fixture.scan(catalogue)
            #expect(third.decoded == 2 && third.unchanged == 2 && third.missing == 1)
            let recordings = try catalogue.recordings()
            #expect(recordings.map(\.relativePath) == ["1.wav", "2.wav", "3.wav", "10.wav"])
            #expect(Array(recordings.map(\.id).prefix(3)) == Array(identities.prefix(3)))
            #expect(recordings[1].seconds == 0.75)
            try fixture.writeSong("4.wav", seconds: 0.5)
            #expect(try fixture.scan(catalogue).missing == 0)
            #expect(try catalogue.recordings().count == 5)
        }
    }

    @Test func `A scan that was stopped goes on, and the number of threads changes nothing`() throws {
        try withFixture { fixture in
            for index in 1...12 {
                try fixture.writeSong("sub\(index % 3)/\(index).wav", seconds: 0.3, seed: UInt64(index))
            }
            let catalogue = try fixture.catalogue()
            var configuration = Scanner.Configuration()
            configuration.threads = 3
            let stopped = try Scanner(catalogue, configuration: configuration).scan([fixture.sound.path]) {
                $0.done < 4
            }
            #expect(!stopped.isComplete)
            let done = try catalogue.recordings().count
            #expect(done >= 4 && done < 12)
            let rest = try fixture.scan(catalogue)
            #expect(rest.isComplete && rest.decoded == 12 - done)
            let single = try Catalogue(folder: fixture.folder.appending(path: "other"), makeIfMissing: true)
            try fixture.scan(single, threads: 1)
            #expect(try single.recordings() == catalogue.recordings())
        }
    }

    @Test func `Labels find their recordings by path, name and stem, and lost rows are counted`() throws {
        try withFixture { fixture in
            for name in ["a/night.WAV", "b/night.WAV", "song.flac", "quiet.wav", "unknown.wav"] {
                try fixture.writeSong(name, seconds: 2)
            }
            try fixture.writeLabels(
                [
                    event("a/night.wav", 0.1, 0.2, "x"), event("C:\\data\\b\\night.WAV", 0.3, 0.4, "y"),
                    event("song", 1, 1.5, "007"), event("night.wav", 0.5, 0.6, "?"), event("gone.wav", 0, 1, "z"),
                    event("gone.wav", 1, 2, "z"),
                ])
            try Data("0.500000\t0.750000\tcall\n".utf8).write(to: fixture.labels.appending(path: "song.txt"))
            try Data().write(to: fixture.labels.appending(path: "quiet.txt"))
            try Data("file,start_seconds,end_seconds,label\nsong.flac,x,1,a\n".utf8)
                .write(to: fixture.labels.appending(path: "broken.csv"))
            let catalogue = try fixture.catalogue()
            let report = try fixture.scan(catalogue)
            #expect(report.events == 4)
            #expect(report.labelFiles == 3)
            #expect(report.unmatchedRows == 3)
            #expect(report.unmatched.map(\.recording).sorted() == ["gone.wav", "night.wav"])
            #expect(report.labelProblems.count == 1 && report.labelProblems[0].contains("broken.csv"))
            let events = try catalogue.events()
            let byPath = Dictionary(
                uniqueKeysWithValues: try catalogue.recordings().map { ($0.relativePath, events[$0.id] ?? []) })
            #expect(byPath["a/night.WAV"]?.map(\.label) == ["x"])
            #expect(byPath["b/night.WAV"]?.map(\.label) == ["y"])
            #expect(byPath["song.flac"]?.map(\.label) == ["call", "007"])
            let annotated = try catalogue.recordings(.init(isAnnotated: true)).map(\.relativePath)
            #expect(annotated == ["a/night.WAV", "b/night.WAV", "quiet.wav", "song.flac"])
            #expect(try catalogue.labelCounts().map(\.label) == ["007", "call", "x", "y"])

            // The lost recording comes: its rows find it although the table did not change.
            try fixture.writeSong("gone.wav", seconds: 3)
            #expect(try fixture.scan(catalogue).events == 6)
            // A label file that vanished takes its events along.
            try FileManager.default.removeItem(at: fixture.labels.appending(path: "song.txt"))
            #expect(try fixture.scan(catalogue).events == 5)
        }
    }

    @Test func `Tables beside their recordings, cbin with notes, and times that do not fit`() throws {
        try withFixture { fixture in
            for place in ["one", "two"] {
                try fixture.writeSong("\(place)/rec.wav", seconds: 2)
                let table = "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t0.5\t0.75\t\(place)\n"
                try Data(table.utf8).write(to: fixture.sound.appending(path: "\(place)/rec.Table.1.selections.txt"))
            }
            let late = "Selection\tBegin Time (s)\tEnd Time (s)\tAnnotation\n1\t500\t750\tmilliseconds\n"
            try fixture.writeSong("late.wav", seconds: 2)
            try Data(late.utf8).write(to: fixture.sound.appending(path: "late.Table.1.selections.txt"))
            let catalogue = try fixture.catalogue()
            let report = try Scanner(catalogue).scan([fixture.sound.path], labels: [fixture.sound.path])
            let events = try catalogue.events()
            for recording in try catalogue.recordings() where recording.relativePath.hasSuffix("rec.wav") {
                #expect(events[recording.id]?.map(\.label) == [String(recording.relativePath.prefix(3))])
            }
            #expect(report.events == 2)
            #expect(report.labelProblems.count == 1 && report.labelProblems[0].contains("late"))
        }
    }

    @Test func `A path that does not exist and a folder without a corpus are errors`() throws {
        try withFixture { fixture in
            let catalogue = try fixture.catalogue()
            #expect(throws: CorpusError.self) { try Scanner(catalogue).scan([fixture.folder.path + "/nowhere"]) }
            #expect(throws: CorpusError.notACorpus(folder: fixture.sound.path)) {
                _ = try Catalogue(folder: fixture.sound)
            }
        }
    }
}
