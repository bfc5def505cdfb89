import Foundation
import Labels
import TestSupport
import Testing

/// `predict` and what it leaves on the disk.
@Suite struct PredictTests {
    /// A threshold that a barely trained model passes now and then.
    private static let threshold = "0.35"

    private func command(_ model: URL, _ recordings: URL, out: URL) -> [String] {
        ["predict", model.path, recordings.path, "--out", out.path, "--threads", "1", "--threshold", Self.threshold]
    }

    /// All files but the journal and the lock.
    private func results(_ folder: URL) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where !path.hasPrefix(".prediction") {
            let file = folder.appending(path: path)
            if try file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == false {
                files[path] = try Data(contentsOf: file)
            }
        }
        return files
    }

    @Test func `Killed at any moment, a prediction ends with the same files`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try Workplace.record(into: recordings, count: 40, seconds: 6)
            let undisturbed = folder.appending(path: "undisturbed")
            let clock = RunningClock()
            #expect(try Program.run(command(place.finetuned, recordings, out: undisturbed)).ending == .status(0))
            let seconds = clock.seconds
            let expected = try results(undisturbed)
            #expect(expected.count == 3 * 40 + 1)

            let out = folder.appending(path: "found")
            let working = out.appending(path: ".prediction").path
            func journalBytes() -> Int {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: working)) ?? []
                return names.filter { $0.hasPrefix("journal") && !$0.hasSuffix(".lock") }.reduce(0) { sum, name in
                    sum
                        + (((try? FileManager.default.attributesOfItem(atPath: "\(working)/\(name)")[.size]) as? Int)
                            ?? 0)
                }
            }
            var random = SeededRandom(seed: 31)
            var kills = 0
            for number in 0..<12 {
                let process = try RunningProgram(command(place.finetuned, recordings, out: out))
                if number % 3 == 0 {
                    usleep(UInt32(.random(in: 0.02...max(0.03, seconds / 2), using: &random) * 1e6))
                } else {
                    // Two recordings further, then somewhere in the next ones.
                    let before = journalBytes()
                    if try process.wait(until: { journalBytes() > before + 300 }) {
                        usleep(.random(in: 0...8_000, using: &random))
                    }
                }
                process.send(SIGKILL)
                if try process.wait() == .signal(SIGKILL) { kills += 1 }
            }
            #expect(kills >= 5)
            let last = try Program.run(command(place.finetuned, recordings, out: out) + ["--json"])
            #expect(last.ending == .status(0), "\(last.errors)")
            #expect(try results(out) == expected)

            struct Summary: Decodable { let keptCount, predictedCount, failedCount: Int }
            let again = try Program.run(command(place.finetuned, recordings, out: out) + ["--json"])
            let summary = try JSONDecoder().decode(Summary.self, from: Data(again.output.utf8))
            #expect(summary.keptCount == 40 && summary.predictedCount == 0 && summary.failedCount == 0)
            #expect(try results(out) == expected)
        }
    }

    @Test func `A request to stop ends in good order and the same command goes on`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try Workplace.record(into: recordings, count: 40, seconds: 6)
            let out = folder.appending(path: "found")
            let process = try RunningProgram(command(place.finetuned, recordings, out: out))
            let table = out.appending(path: "raven/song0.Table.1.selections.txt").path
            #expect(try process.wait { FileManager.default.fileExists(atPath: table) })
            process.send(SIGINT)
            #expect(try process.wait() == .status(130), "\(process.errors)")
            #expect(process.errors.contains("the same command goes on"))

            // Scores of half a prediction would be taken for those of the whole.
            let early = try Program.run(["evaluate", "--truth", place.labels.path, "--predictions", out.path])
            #expect(early.ending == .status(64))
            #expect(early.errors.contains("was stopped before its end"))

            #expect(try Program.run(command(place.finetuned, recordings, out: out)).ending == .status(0))
            let undisturbed = folder.appending(path: "undisturbed")
            #expect(try Program.run(command(place.finetuned, recordings, out: undisturbed)).ending == .status(0))
            #expect(try results(out) == results(undisturbed))
        }
    }

    @Test func `A bad file costs itself and is named; tables of all formats can be read again`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try FileManager.default.copyItem(at: place.recordings, to: recordings)
            try BadRecordings.write(into: recordings, good: place.recordings.appending(path: "song0.wav"))
            let out = folder.appending(path: "found")
            let answer = try Program.run(command(place.finetuned, recordings, out: out))
            #expect(answer.ending == .status(3), "\(answer.errors)")
            for name in BadRecordings.unreadable {
                #expect(answer.output.contains("failed: \(name): "), "\(answer.output)")
            }

            for (name, (kind, reason)) in BadRecordings.remarks where kind == "repaired" {
                #expect(answer.output.contains("predicted: \(name): \(reason)"), "\(answer.output)")
            }

            let all = try LabelFile.read(out.appending(path: "events.csv"))
            #expect(!all.events.isEmpty)
            #expect(Set(all.events.map(\.label)).isSubset(of: ["high", "low"]))
            let predicted = ["lying", "nan", "truncated"] + (0..<5).map { "song\($0)" }
            for format in [LabelFormat.raven, .audacity, .csv] {
                let tables = out.appending(path: format.rawValue)
                let names = try FileManager.default.contentsOfDirectory(atPath: tables.path)
                #expect(Set(names) == Set(predicted.map { format.fileName(forRecording: "\($0).wav") }))
                var count = 0
                for name in names {
                    let table = tables.appending(path: name)
                    let detected = try LabelFormat.detect(table)
                    #expect(detected == format, "\(format) is taken for \(String(describing: detected)): \(name)")
                    count += try LabelFile.read(table).events.count
                }
                #expect(count == all.events.count, "\(format)")
            }

            // Without a single good file nothing was done.
            let bad = folder.appending(path: "bad")
            try FileManager.default.createDirectory(at: bad, withIntermediateDirectories: true)
            try Data().write(to: bad.appending(path: "empty.wav"))
            let failed = try Program.run(command(place.finetuned, bad, out: folder.appending(path: "nothing")))
            #expect(failed.ending == .status(1))
            #expect(failed.output.contains("failed: empty.wav: "))
        }
    }

    @Test func `Any format can be asked for, and an unknown one is refused before anything is done`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "found")
            let refused = try Program.run(
                command(place.finetuned, place.recordings, out: out) + ["--format", "raven,ravn"])
            #expect(refused.ending == .status(64))
            #expect(refused.errorLines.count == 1 && refused.errors.contains("--format ravn"), "\(refused.errors)")
            #expect(!FileManager.default.fileExists(atPath: out.path))

            let answer = try Program.run(
                command(place.finetuned, place.recordings, out: out) + ["--format", "audition,textgrid"])
            #expect(answer.ending == .status(0), "\(answer.errors)")
            #expect(FileManager.default.fileExists(atPath: out.appending(path: "audition/song0.csv").path))
            #expect(FileManager.default.fileExists(atPath: out.appending(path: "textgrid/song0.TextGrid").path))
            #expect(!FileManager.default.fileExists(atPath: out.appending(path: "raven").path))
        }
    }
}
