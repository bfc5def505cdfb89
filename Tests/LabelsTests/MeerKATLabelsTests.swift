import Foundation
import Labels
import Storage
import TestSupport
import Testing

/// Label files of animal2vec 1.0. The files in the folder HDF5 were written by h5py: with its defaults, with those of the
/// newest format, and packed in chunks.
@Suite struct MeerKATLabelsTests {
    private static func fixture(_ name: String) throws -> URL {
        try #require(Bundle.module.url(forResource: "HDF5/\(name)", withExtension: "h5"))
    }

    @Test(arguments: ["events", "latest", "packed"])
    func `Files of h5py are read, however it wrote them`(name: String) throws {
        let url = try Self.fixture(name)
        #expect(try LabelFormat.detect(url) == .meerkat)
        let table = try LabelFile.read(url)
        #expect(table.recordings == [name])
        #expect(table.events.map(\.label) == ["cc", "sn", "Ürsön, long call name here"])
        #expect(table.events.map(\.startSeconds) == [0.125, 1.5, 3.000125])
        #expect(table.events.map(\.endSeconds) == [0.25, 1.75, 9.9999])
        #expect(table.events.map(\.isFocal) == [true, false, true])
        #expect(table.properties["rateHz"] == "8000")
    }

    @Test
    func `A file without events, where even the labels are an empty list of numbers, says that nothing was heard`()
        throws
    {
        let table = try LabelFile.read(try Self.fixture("empty"))
        #expect(table.recordings == ["empty"] && table.events.isEmpty)
    }

    @Test func `What is written has the columns, types and samples of the published files`() throws {
        var events = [
            Event(recording: "clip.wav", startSeconds: 9.35, endSeconds: 9.99991, label: "sn"),
            Event(recording: "clip.wav", startSeconds: 0.10006, endSeconds: 0.35, label: "cc"),
        ]
        events[1].isFocal = true
        let options = LabelWritingOptions(
            facts: { _ in RecordingFacts(durationSeconds: 10, rateHz: 8_000) },
            properties: ["classes": "beep\nsn\ncc"])
        let bytes = try LabelFile.bytes(events, format: .meerkat, file: "clip.h5", options: options)
        let file = try HDF5File(path: "clip.h5", bytes: bytes)
        #expect(try file.values("start_time_lbl") == .numbers([0.10006, 9.35]))
        #expect(try file.values("start_frame_lbl") == .numbers([800, 74_800]))
        #expect(try file.values("end_frame_lbl") == .numbers([2_800, 80_000]))
        #expect(try file.values("lbl") == .texts(["cc", "sn"]))
        #expect(try file.values("lbl_cat") == .numbers([2, 1]))
        #expect(try file.values("foc") == .numbers([1, 0]))
        // animal2vec 1.0 takes a file of 3,032 bytes and less for one without labels.
        #expect(bytes.count > 3_208)
        let empty = try LabelFile.bytes([], format: .meerkat, file: "clip.h5", recordings: ["clip.wav"])
        #expect(try HDF5File(path: "", bytes: empty).values("lbl") == .numbers([]))
    }

    @Test func `The focal animal survives the way through tables, whatever they call the column`() throws {
        let text =
            "AudioFile,StartRelative,EndRelative,Name,Focal\nday.wav,0 days 00:01:02.5,0:01:03,cc,focal\n"
            + "day.wav,70,71.5,sn,nonfocal\n"
        let table = try readLabels(text, named: "day.csv")
        #expect(table.events.map(\.startSeconds) == [62.5, 70] && table.events.map(\.endSeconds) == [63, 71.5])
        #expect(table.events.map(\.isFocal) == [true, false])
        try withTemporaryFolder { folder in
            let labels = folder.appending(path: "day.h5")
            try LabelFile.write(
                table.events, format: .meerkat, to: labels,
                options: LabelWritingOptions(facts: { _ in RecordingFacts(rateHz: 8_000) }))
            for format in [LabelFormat.csv, .raven] {
                let between = folder.appending(path: format.fileName(forRecording: "day.wav"))
                try LabelFile.convert(labels, to: format, at: between)
                let back = folder.appending(path: "back/day.h5")
                try FileManager.default.createDirectory(
                    at: back.deletingLastPathComponent(), withIntermediateDirectories: true)
                try LabelFile.convert(
                    between, to: .meerkat, at: back,
                    reading: LabelReadingOptions(facts: { _ in RecordingFacts(rateHz: 8_000) }))
                #expect(try Data(contentsOf: back) == Data(contentsOf: labels), "\(format)")
            }
        }
    }

    @Test func `Calls of the focal animal are frames of a class of their own, the last one`() throws {
        let events = try LabelFile.read(try Self.fixture("events")).events
        let plain = Vocabulary(events: events)
        let vocabulary = Vocabulary(events: events, includesFocal: true)
        #expect(vocabulary.labels == plain.labels + ["focal"])
        let grid = FrameGrid(framesPerSecond: 20, count: 200)
        let targets = FrameTargets(events: events, vocabulary: vocabulary, grid: grid)
        let expected = grid.frames(from: 0.125, to: 0.25).count + grid.frames(from: 3.000125, to: 9.9999).count
        #expect((0..<200).count { targets[$0, 3] == 1 } == expected)
        #expect(targets[grid.frames(from: 1.5, to: 1.75).lowerBound, 3] == 0)
        let without = FrameTargets(events: events, vocabulary: plain, grid: grid)
        #expect((0..<200).allSatisfy { frame in (0..<3).allSatisfy { without[frame, $0] == targets[frame, $0] } })
        #expect(Vocabulary(events: [events[1]], includesFocal: true).labels == ["sn"])
    }

    @Test func `The rate comes from the folder's name, and without any rate nothing is written`() throws {
        try withTemporaryFolder { folder in
            let events = [Event(recording: "a.wav", startSeconds: 1, endSeconds: 2, label: "cc")]
            let rates = folder.appending(path: "lbl/24000Hz")
            try FileManager.default.createDirectory(at: rates, withIntermediateDirectories: true)
            try LabelFile.write(events, format: .meerkat, to: rates.appending(path: "a.h5"))
            #expect(try LabelFile.read(rates.appending(path: "a.h5")).properties["rateHz"] == "24000")
            let error = labelError {
                try LabelFile.write(events, format: .meerkat, to: folder.appending(path: "a.h5"))
            }
            #expect(error?.remedy.contains("--recordings") == true)
        }
    }

    @Test func `Files that lack a column or mix lengths are refused by name`() throws {
        func refusal(_ columns: [(String, Int)]) throws -> String {
            let writer = try HDF5Writer(path: "x.h5")
            for (name, count) in columns { try writer.add(name, [Double](repeating: 1, count: count)) }
            let bytes = try writer.finish()
            return labelError { _ = try readLabels(bytes, named: "x.h5", .init(format: .meerkat)) }?.reason ?? ""
        }
        #expect(try refusal([("lbl", 1), ("start_time_lbl", 1)]).contains("not all there"))
        #expect(
            try refusal([("lbl", 1), ("start_time_lbl", 1), ("end_time_lbl", 2)]).contains("differ in length"))
    }

    @Test(arguments: ["events", "empty", "latest", "packed"])
    func `Cut files and files with wrong bytes end in an error or in events`(name: String) throws {
        let whole = [UInt8](try Data(contentsOf: try Self.fixture(name)))
        var state: UInt64 = 99
        func below(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(count))
        }
        // Most of a file is unused: half of the changes go where there is something.
        let used = whole.indices.filter { whole[$0] != 0 }
        var (refused, read) = (0, 0)
        for round in 0..<1_500 {
            var bytes = whole
            if round % 5 == 0 { bytes.removeLast(below(bytes.count)) }
            for _ in 0...below(3) where !bytes.isEmpty {
                let place = round % 2 == 0 ? below(bytes.count) : min(used[below(used.count)], bytes.count - 1)
                bytes[place] = below(3) == 0 ? 0xFF : below(2) == 0 ? UInt8(below(256)) : bytes[below(bytes.count)]
            }
            do {
                let file = try HDF5File(path: "fuzz.h5", bytes: bytes)
                for name in file.names { _ = try file.values(name) }
                read += 1
            } catch {
                refused += 1
            }
        }
        #expect(refused > 50 && read > 50)
    }
}
