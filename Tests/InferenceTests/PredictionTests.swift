import Audio
import Foundation
import Inference
import Labels
import Models
import Storage
import TestSupport
import Testing

/// From folders of recordings to folders of tables.
@Suite("Prediction") struct PredictionTests {
    private static let formats: [LabelFormat] = [.raven, .audacity, .audition, .csv]

    /// A model and recordings of several rates, one of them in a folder of its own, some of them bad.
    private func prepare(_ folder: URL) throws -> (model: ModelFolder, recordings: URL) {
        let recordings = folder.appending(path: "recordings")
        let model = try TinyModel.write(to: folder.appending(path: "model"))
        for (index, rateHz) in [2000.0, 44_100, 250_000].enumerated() {
            try TinyModel.record(
                recordings.appending(path: "rate \(Int(rateHz)).wav"), seconds: 1.3 + Double(index), rateHz: rateHz)
        }
        try TinyModel.record(recordings.appending(path: "deep/stereo.wav"), seconds: 2.1, channels: 2, seed: 7)
        try AudioWriter.write([[Float](repeating: 0, count: 9000)], rateHz: 8000, to: recordings.path + "/silent.wav")
        try Data("RIFF and nothing more".utf8).write(to: recordings.appending(path: "bad.wav"))
        try Data().write(to: recordings.appending(path: "empty.flac"))
        try Data("notes".utf8).write(to: recordings.appending(path: "notes.txt"))
        return (model, recordings)
    }

    private func run(
        _ model: ModelFolder, _ recordings: URL, _ out: URL, configuration: Prediction.Configuration = .init(),
        formats: [LabelFormat] = Self.formats, progress: (PredictionProgress) throws -> Void = { _ in },
        shouldStop: () -> Bool = { false }
    ) throws -> PredictionSummary {
        try Prediction(model, configuration: configuration).run(
            NamedRecording.list([recordings]), to: out, formats: formats, progress: progress, shouldStop: shouldStop)
    }

    /// The journal of the only process that worked on a folder.
    private func journal(_ out: URL) throws -> URL {
        let working = out.appending(path: ".prediction")
        let names = try FileManager.default.contentsOfDirectory(atPath: working.path)
        return working.appending(path: try #require(names.first { $0.hasPrefix("journal") && !$0.hasSuffix(".lock") }))
    }

    /// All result files by path.
    private func contents(_ folder: URL) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        let all = FileManager.default.enumerator(atPath: folder.path)
        while let name = all?.nextObject() as? String {
            if name.hasPrefix(".prediction") { continue }
            var isFolder: ObjCBool = false
            let url = folder.appending(path: name)
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else {
                continue
            }
            contents[name] = try Data(contentsOf: url)
        }
        return contents
    }

    @Test func `Every recording gets its tables, bad ones are named, and what was found lies within`() throws {
        try withTemporaryFolder { folder in
            let (model, recordings) = try prepare(folder)
            let out = folder.appending(path: "out")
            let summary = try run(model, recordings, out)
            #expect(summary.isComplete && summary.predictedCount == 5 && summary.failedCount == 2)
            #expect(
                summary.recordings.map(\.name) == [
                    "bad.wav", "deep/stereo.wav", "empty.flac", "rate 2000.wav", "rate 250000.wav", "rate 44100.wav",
                    "silent.wav",
                ])
            #expect(summary.recordings.filter { $0.status == .failed }.allSatisfy { !$0.note.isEmpty })
            #expect(abs(summary.predictedSeconds - (1.3 + 2.3 + 3.3 + 2.1 + 1.125)) < 0.01)
            #expect(summary.timesRealTime > 0)
            #expect(summary.recordings[3].note.contains("2000"))

            let files = try contents(out).keys.sorted()
            #expect(files.count == 5 * 4 + 1)
            #expect(files.contains("raven/deep/stereo.Table.1.selections.txt"))
            #expect(files.contains("audition/silent.csv"))
            let all = try LabelFile.read(out.appending(path: "events.csv"))
            #expect(Set(all.recordings).count == 5)
            #expect(all.events.count == summary.eventCount && summary.eventCount > 5)
            let seconds = Dictionary(uniqueKeysWithValues: summary.recordings.map { ($0.name, $0.seconds) })
            for event in all.events {
                #expect(event.startSeconds >= 0 && event.endSeconds > event.startSeconds)
                #expect(event.endSeconds <= seconds[event.recording]! + 1e-6)
                #expect(event.score! > 0 && event.score! < 1)
                #expect((event.channel != nil) == (event.recording == "deep/stereo.wav"))
            }
            #expect(Set(all.events.compactMap(\.channel)) == [0, 1])
            let raven = try LabelFile.read(out.appending(path: "raven/rate 44100.Table.1.selections.txt"))
            let own = all.events.filter { $0.recording == "rate 44100.wav" }
            #expect(raven.events.count == own.count && !own.isEmpty)
            #expect(abs(raven.events[0].startSeconds - own[0].startSeconds) < 1e-5)
            // One recording by itself says the same.
            let path = recordings.appending(path: "rate 44100.wav").path
            let single = try Prediction(model).events(NamedRecording(path: path, name: "rate 44100.wav"))
            #expect(single.count == own.count)
            #expect(
                zip(single, own).allSatisfy { abs($0.startSeconds - $1.startSeconds) < 1e-8 && $0.label == $1.label })
        }
    }

    @Test func `A recording in which nothing was found has tables too`() throws {
        try withTemporaryFolder { folder in
            let (model, recordings) = try prepare(folder)
            var configuration = Prediction.Configuration()
            configuration.decoding = model.description.decoding
            configuration.decoding?.threshold = 1
            let out = folder.appending(path: "out")
            let summary = try run(model, recordings, out, configuration: configuration)
            #expect(summary.eventCount == 0)
            #expect(try contents(out).count == 21)
            let all = try LabelFile.read(out.appending(path: "events.csv"))
            #expect(all.recordings.count == 5 && all.events.isEmpty)
        }
    }

    @Test func `However often it is interrupted, the results are the same to the last byte`() throws {
        try withTemporaryFolder { folder in
            struct Kill: Error {}
            let (model, recordings) = try prepare(folder)
            let undisturbed = folder.appending(path: "undisturbed")
            var calls = 0
            _ = try run(model, recordings, undisturbed) { _ in calls += 1 }
            let expected = try contents(undisturbed)
            #expect(calls > 12)

            // Killed at a later moment each time; the results of recordings that were finished are kept.
            let out = folder.appending(path: "out")
            var kept = 0
            for limit in [1, 2, 4, 3, 5, 4] {
                var calls = 0
                #expect(throws: Kill.self) {
                    _ = try run(model, recordings, out) { _ in
                        calls += 1
                        if calls == limit { throw Kill() }
                    }
                }
                #expect(try contents(out)["events.csv"] == nil)
                // What a kill leaves in the middle of a write.
                let half = out.appending(path: ".events.csv.1-1.unfinished")
                try Data("half".utf8).write(to: half)
                let journal = try journal(out)
                let handle = try FileHandle(forWritingTo: journal)
                try handle.seekToEnd()
                try handle.write(contentsOf: Data([7, 1, 0, 0, 9, 9]))
                try handle.close()
            }
            var asked = 0
            let stopped = try run(
                model, recordings, out,
                shouldStop: {
                    asked += 1
                    return asked > 3
                })
            #expect(!stopped.isComplete && stopped.keptCount >= kept)
            kept = stopped.keptCount + stopped.predictedCount
            let last = try run(model, recordings, out)
            #expect(last.isComplete && last.keptCount == kept && last.keptCount + last.predictedCount == 5)
            #expect(try contents(out) == expected)
            // Once more: nothing is left to do, and nothing changes.
            let again = try run(model, recordings, out)
            #expect(again.keptCount == 5 && again.predictedCount == 0 && again.eventCount == last.eventCount)
            #expect(try contents(out) == expected)
        }
    }

    @Test func `Only what changed is predicted again`() throws {
        try withTemporaryFolder { folder in
            let (model, recordings) = try prepare(folder)
            let out = folder.appending(path: "out")
            _ = try run(model, recordings, out, formats: [.csv])
            // Another format needs no model.
            let more = try run(model, recordings, out, formats: [.csv, .raven])
            #expect(more.predictedCount == 0 && more.keptCount == 5)
            #expect(try contents(out).count == 11)
            // A changed file.
            try TinyModel.record(recordings.appending(path: "silent.wav"), seconds: 1.5, seed: 9)
            let changed = try run(model, recordings, out)
            #expect(changed.predictedCount == 1 && changed.keptCount == 4)
            // A file that became bad loses its results.
            try Data("gone".utf8).write(to: recordings.appending(path: "silent.wav"))
            #expect(try run(model, recordings, out).failedCount == 3)
            #expect(try contents(out)["csv/silent.csv"] == nil)
            // Another setting, another model.
            var configuration = Prediction.Configuration()
            configuration.windows.overlap = 0.4
            #expect(try run(model, recordings, out, configuration: configuration).predictedCount == 4)
            let other = try TinyModel.write(to: folder.appending(path: "model"), seed: 2)
            #expect(try run(other, recordings, out, configuration: configuration).predictedCount == 4)
        }
    }

    @Test func `A journal of something else is refused, a damaged one costs what lies behind the damage`() throws {
        try withTemporaryFolder { folder in
            let (model, recordings) = try prepare(folder)
            let out = folder.appending(path: "out")
            _ = try run(model, recordings, out)
            let expected = try contents(out)
            let journal = try journal(out)
            var bytes = try Data(contentsOf: journal)
            for cut in [bytes.count - 1, bytes.count / 2, 20, 3] {
                try bytes.prefix(cut).write(to: journal)
                let summary = try run(model, recordings, out)
                #expect(summary.predictedCount > 0 && summary.predictedCount + summary.keptCount == 5)
                #expect(try contents(out) == expected)
            }
            bytes = try Data(contentsOf: journal)
            bytes[bytes.count / 2] ^= 0x20
            try bytes.write(to: journal)
            #expect((1...4).contains(try run(model, recordings, out).predictedCount))
            #expect(try contents(out) == expected)
            try Data("something else".utf8).write(to: journal)
            let error = #expect(throws: StorageError.self) { try run(model, recordings, out) }
            #expect(error?.description.contains("journal") == true)
        }
    }

    @Test func `Recordings with the same name do not share their results`() throws {
        try withTemporaryFolder { folder in
            let model = try TinyModel.write(to: folder.appending(path: "model"))
            for name in ["a/x.wav", "b/x.wav", "b/y.wav", "a/x.flac", "c/b/x.wav"] {
                let url = folder.appending(path: name)
                try TinyModel.record(url, seconds: 0.4)
            }
            let list = try NamedRecording.list(
                [
                    folder.appending(path: "a"), folder.appending(path: "b"), folder.appending(path: "b/y.wav"),
                    folder.appending(path: "c/b/x.wav"), folder.appending(path: "gone.wav"),
                ])
            #expect(list.map(\.name) == ["x.flac", "a/x.wav", "b/x.wav", "y.wav", "b-2/x.wav", "gone.wav"])
            let out = folder.appending(path: "out")
            let summary = try Prediction(model).run(list, to: out, formats: [.raven])
            #expect(summary.predictedCount == 5 && summary.failedCount == 1)
            #expect(summary.recordings.last?.note == "there is no such file")
            #expect(try contents(out).count == 6)
            // Only the extension tells them apart.
            let twins = try NamedRecording.list([folder.appending(path: "a")])
            let other = folder.appending(path: "twins")
            _ = try Prediction(model).run(twins, to: other, formats: [.raven, .csv])
            #expect(
                try contents(other).keys.sorted() == [
                    "csv/x.flac.csv", "csv/x.wav.csv", "events.csv", "raven/x.flac.Table.1.selections.txt",
                    "raven/x.wav.Table.1.selections.txt",
                ])
        }
    }

    @Test func `A folder without recordings, and settings that fit no model, are errors`() throws {
        try withTemporaryFolder { folder in
            let model = try TinyModel.write(to: folder.appending(path: "model"))
            let none = #expect(throws: PredictionError.self) {
                try NamedRecording.list([folder.appending(path: "model")])
            }
            #expect(none?.description.contains("holds no recordings") == true)
            var configuration = Prediction.Configuration()
            configuration.windows.overlap = 0.7
            configuration.decoding = EventDecoder.Configuration()
            configuration.decoding?.classes["chrip"] = .init(threshold: 0.1)
            let wrong = #expect(throws: ConfigurationError.self) { try Prediction(model, configuration: configuration) }
            #expect(wrong?.faults.count == 2)
        }
    }
}
