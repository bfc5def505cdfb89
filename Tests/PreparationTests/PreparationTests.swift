import Audio
import Corpus
import Foundation
import Labels
import Preparation
import TestSupport
import Testing

/// From long recordings and tables to clips and label files.
@Suite struct PreparationTests {
    private struct Place {
        let folder: URL
        var sound: URL { folder.appending(path: "sound") }
        var labels: URL { folder.appending(path: "labels") }
        var out: URL { folder.appending(path: "out") }

        init(_ folder: URL) throws {
            self.folder = folder
            for url in [sound, labels] {
                try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
            }
        }

        func write(_ name: String, _ channels: [[Float]], rateHz: Double) throws {
            let url = sound.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AudioWriter.write(channels, rateHz: rateHz, to: url.path)
        }

        func writeSong(_ name: String, seconds: Double, rateHz: Double = 16_000, seed: UInt64 = 1) throws {
            try write(name, [syntheticSong(frames: Int(seconds * rateHz), rateHz: rateHz, seed: seed)], rateHz: rateHz)
        }

        func prepare(
            _ settings: PreparationSettings = .init(), labels: [String]? = nil,
            _ change: (inout Preparation) -> Void = { _ in }
        ) throws -> PreparationReport {
            var preparation = try Preparation(settings)
            preparation.threads = 2
            change(&preparation)
            return try preparation.prepare([sound.path], labels: labels ?? [self.labels.path], to: out)
        }

        /// All clips with their labels, as the written manifest gives them, by file name.
        func clips() throws -> [String: Manifest.Clip] {
            let clips = try Manifest(contentsOf: out.appending(path: "manifest/pretrain.tsv")).clips(threads: 1)
            return Dictionary(uniqueKeysWithValues: clips.map { (RecordingName.lastComponent($0.path), $0) })
        }

        /// The content of all files that are not hidden.
        func contents() throws -> [String: Data] {
            var contents: [String: Data] = [:]
            for name in try FileManager.default.subpathsOfDirectory(atPath: out.path) where !name.hasPrefix(".") {
                let url = out.appending(path: name)
                if !url.hasDirectoryPath, let data = try? Data(contentsOf: url) { contents[name] = data }
            }
            return contents
        }
    }

    private func withPlace(_ body: (Place) throws -> Void) throws {
        try withTemporaryFolder { try body(Place($0)) }
    }

    private func event(_ recording: String, _ start: Double, _ end: Double, _ label: String, _ channel: Int? = nil)
        -> Event
    {
        Event(recording: recording, startSeconds: start, endSeconds: end, label: label, channel: channel)
    }

    @Test func `Sound is cut and resampled, and events are cut at the edges of the clips`() throws {
        try withPlace { place in
            try place.writeSong("day.wav", seconds: 25)
            var events = [
                event("day.wav", 1, 2, "cc"), event("day.wav", 9.5, 10.5, "sn"), event("day.wav", 10, 10.25, "cc"),
                event("day.wav", 15, 20, "al"), event("day.wav", 24.5, 25, "cc"),
            ]
            events[0].isFocal = true
            try LabelFile.write(events, format: .csv, to: place.labels.appending(path: "all.csv"))
            let report = try place.prepare()
            #expect(report.isComplete && report.isClean && report.recordings == 1 && report.clips == 3)
            #expect(report.events == 6 && report.cutEvents == 2 && report.lostEvents == 0 && report.labelledClips == 3)
            #expect(report.classes == ["al", "cc", "sn"])
            let clips = try place.clips()
            let names = (0..<3).map {
                "day_\(String(format: "%09d_%09d", $0 * 10_000, min(25_000, $0 * 10_000 + 10_000))).wav"
            }
            #expect(clips.keys.sorted() == names)
            #expect(names.map { clips[$0]?.frames } == [80_000, 80_000, 40_000])
            func labels(_ index: Int) -> [String] {
                clips[names[index]]!.events.map { "\($0.label) \($0.startSeconds) \($0.endSeconds)" }
            }
            #expect(labels(0) == ["cc 1.0 2.0", "sn 9.5 10.0"])
            // An event that ends or begins with a clip belongs to it.
            #expect(labels(1) == ["cc 0.0 0.25", "sn 0.0 0.5", "al 5.0 10.0"])
            #expect(labels(2) == ["cc 4.5 5.0"])
            #expect(clips[names[0]]!.events.map(\.isFocal) == [true, false])
            // The clips are the recording at another rate, piece by piece.
            let whole = try AudioStream(path: place.sound.appending(path: "day.wav").path, rateHz: 8_000)
            for name in names {
                let clip = try AudioReader(path: clips[name]!.path).next(maximumFrames: 1 << 20)!.channels[0]
                let same = try whole.next(frames: clip.count)!.channels[0]
                #expect(greatestDifference(clip, same) < 1.0 / 32_000)
            }
        }
    }

    @Test func `A recording of exactly one clip is one clip, and its end is kept, dropped or filled as asked`() throws {
        try withPlace { place in
            try place.writeSong("exact.wav", seconds: 2)
            try place.writeSong("more.wav", seconds: 3.5)
            try place.writeSong("hair.wav", seconds: 2.2)
            func clips(_ rest: PreparationSettings.Rest) throws -> [String: Int] {
                var settings = PreparationSettings()
                (settings.clipSeconds, settings.rest) = (2, rest)
                try? FileManager.default.removeItem(at: place.out)
                _ = try place.prepare(settings)
                return try place.clips().mapValues(\.frames)
            }
            let whole = [
                "exact_000000000_000002000.wav": 16_000, "more_000000000_000002000.wav": 16_000,
                "hair_000000000_000002000.wav": 16_000,
            ]
            #expect(try clips(.drop) == whole)
            #expect(try clips(.keep) == whole.merging(["more_000002000_000003500.wav": 12_000]) { a, _ in a })
            #expect(try clips(.pad) == whole.merging(["more_000002000_000004000.wav": 16_000]) { a, _ in a })
        }
    }

    @Test func `Labels of every kind are found, and recordings without any get no label file`() throws {
        try withPlace { place in
            for name in ["a.wav", "b.wav", "c.wav", "d.wav"] { try place.writeSong(name, seconds: 3) }
            try LabelFile.write(
                [event("a.wav", 1, 1.5, "cc nf")], format: .raven,
                to: place.labels.appending(path: "a.Table.1.selections.txt"),
                options: LabelWritingOptions(facts: { _ in RecordingFacts(durationSeconds: 3, rateHz: 16_000) }))
            try LabelFile.write(
                [event("b.wav", 1, 1.5, "sn")], format: .audition, to: place.labels.appending(path: "b.csv"))
            try LabelFile.write(
                [], format: .audacity, to: place.labels.appending(path: "c.txt"), recordings: ["c.wav"])
            try LabelFile.write(
                [event("gone.wav", 1, 2, "x")], format: .csv, to: place.labels.appending(path: "gone.csv"))
            var settings = PreparationSettings()
            settings.nonFocalMark = "nf"
            let report = try place.prepare(settings) { $0.classes = ["sn", "cc"] }
            #expect(report.unmatched.count == 1 && report.unmatched[0].contains("gone.wav (1 rows): not found"))
            #expect(!report.isClean && report.clips == 4 && report.classes == ["sn", "cc"])
            let clips = try place.clips()
            let a = try #require(clips["a_000000000_000003000.wav"])
            #expect(a.events.map(\.label) == ["cc"] && a.events[0].isFocal == false)
            #expect(clips["b_000000000_000003000.wav"]?.events.map(\.label) == ["sn"])
            #expect(clips["c_000000000_000003000.wav"]?.isAnnotated == true)
            #expect(clips["c_000000000_000003000.wav"]?.events == [])
            #expect(clips["d_000000000_000003000.wav"]?.isAnnotated == false)
        }
    }

    @Test func `The channel table says which channel of a recording is the animal's`() throws {
        try withPlace { place in
            let (left, right) = (
                syntheticSong(frames: 48_000, rateHz: 16_000, seed: 1),
                syntheticSong(frames: 48_000, rateHz: 16_000, seed: 2)
            )
            for name in ["one/x.wav", "two/x.wav", "y.wav"] { try place.write(name, [left, right], rateHz: 16_000) }
            try LabelFile.write(
                [event("y.wav", 0, 1, "left", 0), event("y.wav", 1, 2, "right", 1), event("y.wav", 2, 3, "both")],
                format: .csv, to: place.labels.appending(path: "y.csv"))
            let table = place.folder.appending(path: "channels.csv")
            try Data("wavFile,meerkatChannel\none/x.wav,1\ny.wav,right\n".utf8).write(to: table)
            var settings = PreparationSettings()
            settings.rateHz = nil
            let channels = try ChannelTable(contentsOf: table)
            let report = try place.prepare(settings) { $0.channels = channels }
            #expect(report.channelUnknown == ["two/x.wav"] && report.otherChannelEvents == 1)
            let clips = try place.clips()
            // Equal names are told apart by their folders.
            #expect(
                clips.keys.sorted() == ["one-x", "two-x", "y"].map { "\($0)_000000000_000003000.wav" })
            func sound(_ name: String) throws -> [Float] {
                try AudioReader(path: clips["\(name)_000000000_000003000.wav"]!.path).next(maximumFrames: 1 << 20)!
                    .channels[0]
            }
            #expect(greatestDifference(try sound("one-x"), right) < 1e-4)
            #expect(greatestDifference(try sound("two-x"), left) < 1e-4)
            #expect(clips["y_000000000_000003000.wav"]!.events.map(\.label) == ["right", "both"])
            #expect(clips["y_000000000_000003000.wav"]!.path.contains("/wav/16000Hz/"))

            try Data("wavFile,meerkatChannel\none/x.wav,up\n".utf8).write(to: table)
            #expect(throws: PreparationError.self) { try ChannelTable(contentsOf: table) }
        }
    }

    @Test func `Silence is left out unless it has labels, and bad files cost themselves`() throws {
        try withPlace { place in
            // The resampler rings a little into the silence on both sides.
            var samples = syntheticSong(frames: 112_000, rateHz: 16_000, seed: 3)
            for index in 16_000..<96_000 { samples[index] = 0 }
            try place.write("holes.wav", [samples], rateHz: 16_000)
            try Data("no sound".utf8).write(to: place.sound.appending(path: "text.wav"))
            try LabelFile.write(
                [event("holes.wav", 2.2, 2.4, "faint")], format: .csv, to: place.labels.appending(path: "holes.csv"))
            var settings = PreparationSettings()
            settings.clipSeconds = 1
            let report = try place.prepare(settings)
            #expect(report.clips == 5 && report.silentClips == 2 && report.lostEvents == 0)
            #expect(report.failed.map { RecordingName.lastComponent($0.path) } == ["text.wav"])
            #expect(report.recordings == 2 && report.preparedNow == 1)
        }
    }

    @Test func `Random names are the same for the same seed, and the dictionary leads back`() throws {
        try withPlace { place in
            try place.writeSong("S1_20240101_000000.wav", seconds: 25)
            var settings = PreparationSettings()
            (settings.randomNames, settings.subfolders) = (true, 3)
            _ = try place.prepare(settings)
            let first = try place.contents()
            let names = try NameTable.pairs(of: place.out.appending(path: "names.tsv"), headers: ["randomizedname"])
            #expect(names.count == 3 && names.keys.allSatisfy { $0.count == 32 })
            #expect(names.values.contains("S1_20240101_000000_000010000_000020000"))
            try FileManager.default.removeItem(at: place.out)
            _ = try place.prepare(settings)
            #expect(try place.contents() == first)
            // The corpus knows where the clips come from.
            let catalogue = try Catalogue(folder: place.folder.appending(path: "corpus"), makeIfMissing: true)
            var scanning = Scanner.Configuration()
            scanning.originalNames = names
            _ = try Scanner(catalogue, configuration: scanning).scan([place.out.appending(path: "wav").path])
            #expect(try catalogue.recordings().allSatisfy { $0.source == "S1_20240101_000000" && $0.site == "S1" })
        }
    }

    @Test func `What is there is kept, what has changed is made again, and other settings are refused`() throws {
        try withPlace { place in
            try place.writeSong("a.wav", seconds: 25)
            try place.writeSong("b.wav", seconds: 5)
            #expect(try place.prepare().preparedNow == 2)
            let first = try place.contents()
            let again = try place.prepare()
            #expect(again.preparedNow == 0 && again.kept == 2 && again.clips == 4)
            #expect(try place.contents() == first)
            // A shorter recording leaves no clip behind; new labels reach their clips; a new recording joins.
            try place.writeSong("a.wav", seconds: 12)
            try place.writeSong("c.wav", seconds: 4, seed: 9)
            try LabelFile.write(
                [event("b.wav", 1, 2, "cc")], format: .csv, to: place.labels.appending(path: "b.csv"))
            let changed = try place.prepare()
            #expect(changed.preparedNow == 3 && changed.kept == 0 && changed.clips == 4)
            let clips = try place.clips()
            #expect(clips["b_000000000_000005000.wav"]?.events.count == 1)
            let files = try place.contents().keys.filter { $0.hasSuffix(".wav") }
            #expect(files.count == 4)
            var settings = PreparationSettings()
            settings.clipSeconds = 5
            #expect(throws: PreparationError.self) { try place.prepare(settings) }
        }
    }

    @Test func `A stop costs nothing: the next call goes on, and the folder ends the same`() throws {
        try withPlace { place in
            for index in 0..<6 { try place.writeSong("r\(index).wav", seconds: 12, seed: UInt64(index + 1)) }
            try LabelFile.write(
                (0..<6).map { event("r\($0).wav", 9.9, 10.1, "cc") }, format: .csv,
                to: place.labels.appending(path: "all.csv"))
            let preparation = try Preparation()
            var calls = 0
            let stopped = try preparation.prepare([place.sound.path], labels: [place.labels.path], to: place.out) { _ in
                calls += 1
                return calls < 2
            }
            #expect(!stopped.isComplete)
            #expect(!FileManager.default.fileExists(atPath: place.out.appending(path: "manifest/pretrain.tsv").path))
            // What a kill may leave behind.
            let journal = place.out.appending(path: ".prepare/journal")
            let handle = try FileHandle(forWritingTo: journal)
            try handle.seekToEnd()
            try handle.write(contentsOf: Data("\u{20}\0\0\0half".utf8))
            try handle.close()
            let rest = place.out.appending(path: "wav/08000Hz/.r0.wav.1-1.unfinished")
            try Data("half".utf8).write(to: rest)
            let finished = try place.prepare()
            #expect(finished.isComplete && finished.kept >= 1 && finished.clips == 12)
            let contents = try place.contents()
            #expect(!FileManager.default.fileExists(atPath: rest.path))
            try FileManager.default.removeItem(at: place.out)
            _ = try place.prepare()
            #expect(try place.contents() == contents)
        }
    }

    @Test func `A plan writes nothing and tells what would come`() throws {
        try withPlace { place in
            try place.writeSong("a.wav", seconds: 25)
            try LabelFile.write(
                [event("a.wav", 1, 2, "cc")], format: .csv, to: place.labels.appending(path: "a.csv"))
            let report = try Preparation().plan([place.sound.path], labels: [place.labels.path])
            #expect(report.recordings == 1 && report.clips == 3 && report.events == 1 && report.classes == ["cc"])
            #expect(!FileManager.default.fileExists(atPath: place.out.path))
            var settings = PreparationSettings()
            settings.clipSeconds = 0
            #expect(throws: PreparationError.self) { try Preparation(settings) }
        }
    }
}
