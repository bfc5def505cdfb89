import Foundation
import Labels
import TestSupport
import Testing

/// `convert`, `evaluate` and `split`.
@Suite struct LabelCommandTests {
    /// What `evaluate --json` says of events.
    private struct Scores: Decodable {
        struct Events: Decodable {
            struct Estimate: Decodable { let value: Double? }
            let f1, precision, recall: Estimate
        }
        let events: [Events]
        let truthCount: Int
        let predictionCount: Int
    }

    private func evaluate(_ truth: URL, _ predictions: URL) throws -> Scores {
        let answer = try Program.run(
            ["evaluate", "--truth", truth.path, "--predictions", predictions.path, "--json"])
        #expect(answer.ending == .status(0), "\(answer.errors)")
        return try JSONDecoder().decode(Scores.self, from: Data(answer.output.utf8))
    }

    @Test("Labels go to another format and back", arguments: [LabelFormat.raven, .audacity, .csv, .textGrid, .aoef])
    func convert(_ format: LabelFormat) throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let names = [LabelFormat.csv: "labels.csv", .aoef: "labels.json"]
            let out = folder.appending(path: names[format] ?? "labels")
            let there = try Program.run([
                "convert", place.labels.path, "--to", format.rawValue, "--out", out.path, "--recordings",
                place.recordings.path,
            ])
            #expect(there.ending == .status(0), "\(there.errors)")
            let table = folder.appending(path: "again.csv")
            let back = try Program.run(["convert", out.path, "--to", "csv", "--out", table.path])
            #expect(back.ending == .status(0), "\(back.errors)")
            func rows(_ url: URL) throws -> [String] {
                try LabelFile.read(url).events.map {
                    "\(RecordingName.stem($0.recording)) \(Int(($0.startSeconds * 1e3).rounded())) "
                        + "\(Int(($0.endSeconds * 1e3).rounded())) \($0.label)"
                }.sorted()
            }
            #expect(try rows(table) == rows(place.labels))
        }
    }

    @Test func `A format that needs the recordings says so, and takes their length and rate from them`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "phones")
            let command = ["convert", place.labels.path, "--to", "timit", "--out", out.path]
            let refused = try Program.run(command)
            #expect(refused.ending == .status(1))
            #expect(refused.errorLines.count == 1 && refused.errors.contains("--recordings"), "\(refused.errors)")
            let answer = try Program.run(command + ["--recordings", place.recordings.path])
            #expect(answer.ending == .status(0), "\(answer.errors)")
            // The first call of each is from 0.2 s to 0.35 s at 8 kHz.
            let text = try String(contentsOf: out.appending(path: "song0.phn"), encoding: .utf8)
            #expect(text.hasPrefix("1600 2800 "), "\(text)")
        }
    }

    @Test func `Bad rows are an error, or are left out, named, and told by the exit status`() throws {
        try withTemporaryFolder { folder in
            let table = folder.appending(path: "labels.csv")
            try Data("file,start_seconds,end_seconds,label\na.wav,1,2,x\na.wav,three,4,x\n".utf8).write(to: table)
            let out = folder.appending(path: "out.csv")
            let command = ["convert", table.path, "--to", "csv", "--out", out.path]
            let refused = try Program.run(command)
            #expect(refused.ending == .status(1))
            #expect(refused.errorLines.count == 1 && refused.errors.contains("labels.csv"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: out.path))
            let partial = try Program.run(command + ["--skip-bad-rows"])
            #expect(partial.ending == .status(3))
            #expect(partial.errors.contains("skipped: ") && partial.errors.contains("three"))
            #expect(try LabelFile.read(out).events.count == 1)
        }
    }

    @Test func `Labels score 1 against themselves, and against themselves shifted by a second nothing`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let perfect = try evaluate(place.labels, place.labels)
            #expect(perfect.events[0].f1.value == 1)
            #expect(perfect.truthCount == perfect.predictionCount)
            var events = try LabelFile.read(place.labels).events
            for index in events.indices {
                events[index].startSeconds += 100
                events[index].endSeconds += 100
            }
            let shifted = folder.appending(path: "shifted.csv")
            try LabelFile.write(events, format: .csv, to: shifted)
            #expect(try evaluate(place.labels, shifted).events[0].f1.value == 0)
        }
    }

    @Test func `The folder that predict has made counts every event once`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "found")
            let predicted = try Program.run(
                ["predict", place.finetuned.path, place.recordings.path, "--out", out.path, "--threshold", "0.35"])
            #expect(predicted.ending == .status(0), "\(predicted.errors)")
            let count = try LabelFile.read(out.appending(path: "events.csv")).events.count
            #expect(count > 0)
            #expect(try evaluate(place.labels, out).predictionCount == count)
            // A copy without what is hidden is the same.
            try FileManager.default.removeItem(at: out.appending(path: ".prediction"))
            #expect(try evaluate(place.labels, out).predictionCount == count)
            #expect(try evaluate(place.labels, out.appending(path: "raven")).predictionCount == count)
        }
    }

    @Test func `Scores of recordings that do not belong together are refused`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let other = folder.appending(path: "other.csv")
            try Data("file,start_seconds,end_seconds,label\nelsewhere.wav,1,2,high\n".utf8).write(to: other)
            let answer = try Program.run(["evaluate", "--truth", place.labels.path, "--predictions", other.path])
            #expect(answer.ending == .status(1))
            #expect(answer.errors.contains("check that the file names agree"))
            let missing = try Program.run(
                ["evaluate", "--truth", place.labels.path, "--predictions", folder.appending(path: "none").path])
            #expect(missing.ending == .status(64))
            #expect(
                missing.errorLines.count == 1 && missing.errors.contains("there is no such file"), "\(missing.errors)")
        }
    }

    @Test func `A split is drawn from its seed, can be named, and stays when recordings are added`() throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try Workplace.record(into: recordings, count: 10, seconds: 1)
            func corpus(_ name: String) throws -> String {
                let path = folder.appending(path: name).path
                #expect(try Program.run(["scan", recordings.path, "--corpus", path]).ending == .status(0))
                return path
            }
            func split(_ corpus: String, _ options: [String]) throws -> String {
                let answer = try Program.run(["split", "--corpus", corpus] + options)
                #expect(answer.ending == .status(0), "\(answer.errors)")
                return answer.output
            }
            let first = try corpus("first")
            let drawn = try split(first, ["--valid-share", "0.2", "--test-share", "0.3", "--seed", "5"])
            #expect(drawn.contains("train: 5 recordings"), "\(drawn)")
            #expect(drawn.contains("valid: 2 recordings") && drawn.contains("test: 3 recordings"), "\(drawn)")
            #expect(
                try split(corpus("second"), ["--valid-share", "0.2", "--test-share", "0.3", "--seed", "5"]) == drawn)
            let named = try split(
                first,
                ["--anew", "--train", "song0..song5", "--test", "song6.wav", "--valid", "song7", "song8.wav", "song9*"])
            for part in ["train: 6 recordings", "valid: 3 recordings", "test: 1 recordings"] {
                #expect(named.contains(part), "\(named)")
            }
            let wrong = try Program.run(["split", "--corpus", first, "--train", "nightingale*"])
            #expect(wrong.ending == .status(1))
            #expect(wrong.errorLines.count == 1 && wrong.errors.contains("nightingale*"), "\(wrong.errors)")
        }
    }
}
