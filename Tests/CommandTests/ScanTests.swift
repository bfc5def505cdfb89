import Foundation
import TestSupport
import Testing

/// `scan` among bad files and through kills.
@Suite struct ScanTests {
    /// The parts of `scan --json` that are looked at.
    private struct Report: Decodable, Equatable {
        struct Remark: Decodable, Equatable { let path, kind, reason: String }
        var decoded: Int
        var unchanged: Int
        let recordings: Int
        let verdicts: [String: Int]
        let seconds: Double
        let bad: [Remark]
        let events: Int
    }

    private func scan(_ folder: URL, corpus: URL, labels: URL? = nil) throws -> (ending: Ending, report: Report) {
        var arguments = ["scan", folder.path, "--corpus", corpus.path, "--json"]
        if let labels { arguments += ["--labels", labels.path] }
        let answer = try Program.run(arguments)
        return (answer.ending, try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8)))
    }

    @Test func `Bad files among good ones are named with their reasons, and everything else is used`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try FileManager.default.copyItem(at: place.recordings, to: recordings)
            try BadRecordings.write(into: recordings, good: place.recordings.appending(path: "song0.wav"))
            let corpus = folder.appending(path: "corpus")
            let (ending, report) = try scan(recordings, corpus: corpus, labels: place.labels)
            #expect(ending == .status(3))
            #expect(report.decoded == 10)
            #expect(report.verdicts == ["whole": 5, "partial": 1, "repaired": 2, "unreadable": 2])
            #expect(report.bad.count == BadRecordings.remarks.count)
            for remark in report.bad {
                let name = URL(fileURLWithPath: remark.path).lastPathComponent
                let (kind, reason) = try #require(BadRecordings.remarks[name])
                #expect(remark.kind == kind)
                #expect(remark.reason.contains(reason), "\(remark)")
            }
            // Seven of 3 s, and what is left of the truncated one.
            #expect(abs(report.seconds - 22.247) < 0.01)
            #expect(report.events > 20)

            // For people the same: each on a line of its own.
            let text = try Program.run(["scan", recordings.path, "--corpus", corpus.path])
            #expect(text.ending == .status(3))
            for (name, (kind, reason)) in BadRecordings.remarks {
                #expect(
                    text.output.split(separator: "\n").contains {
                        $0.contains("\(kind): ") && $0.contains("/\(name): ") && $0.contains(reason)
                    }, "\(name): \(text.output)")
            }

            // And training takes what can be used.
            let training = try Program.run(
                Workplace.pretraining(corpus: corpus, run: folder.appending(path: "run"))
                    + ["schedule.totalUpdates=5"])
            #expect(training.ending == .status(0), "\(training.errors)")
        }
    }

    @Test func `Only bad files are an error`() throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
            try Data().write(to: recordings.appending(path: "empty.wav"))
            let answer = try Program.run(
                ["scan", recordings.path, "--corpus", folder.appending(path: "corpus").path])
            #expect(answer.ending == .status(1))
            #expect(answer.errors.contains("no recording of"))
            let missing = try Program.run(
                ["scan", folder.appending(path: "nowhere").path, "--corpus", folder.appending(path: "corpus").path])
            #expect(missing.ending == .status(1))
            #expect(missing.errorLines.count == 1 && missing.errors.contains("/nowhere"))
        }
    }

    @Test func `A scan that is killed at any moment is completed by the next, and a further one decodes nothing`()
        throws
    {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try Workplace.record(into: recordings, count: 30, seconds: 10, rateHz: 16_000)
            try BadRecordings.write(into: recordings, good: place.recordings.appending(path: "song0.wav"))
            let measured = RunningClock()
            let expected = try scan(recordings, corpus: folder.appending(path: "undisturbed"))
            let seconds = measured.seconds
            #expect(expected.report.decoded == 35)

            var random = SeededRandom(seed: 21)
            let corpus = folder.appending(path: "corpus")
            for _ in 0..<12 {
                let process = try RunningProgram(["scan", recordings.path, "--corpus", corpus.path])
                usleep(UInt32(.random(in: 0.02...max(0.03, seconds), using: &random) * 1e6))
                process.send(SIGKILL)
                let ending = try process.wait()
                #expect([.signal(SIGKILL), .status(3)].contains(ending), "\(process.errors)")
            }
            var (ending, report) = try scan(recordings, corpus: corpus)
            #expect(ending == .status(3))
            #expect(report.decoded + report.unchanged == 35)
            (report.decoded, report.unchanged) = (35, 0)
            #expect(report == expected.report)

            (ending, report) = try scan(recordings, corpus: corpus)
            #expect(ending == .status(3))
            #expect(report.decoded == 0 && report.unchanged == 35)
        }
    }
}

/// Seconds since it was made.
struct RunningClock {
    private let start = ContinuousClock.now
    var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }
}
