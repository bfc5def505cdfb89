import Foundation
import Labels
import TestSupport
import Testing

/// `evaluate` and `tune`, and predictions that several processes share.
@Suite struct EvaluateTests {
    private func predict(_ place: Workplace, _ recordings: URL, _ out: URL, _ more: String...) -> [String] {
        ["predict", place.finetuned.path, recordings.path, "--out", out.path, "--threads", "1"] + more
    }

    /// All files but what belongs to the work itself.
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

    @Test func `Tables, a corpus and saved probabilities give one report; other predictions are compared`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let (first, second) = (folder.appending(path: "first"), folder.appending(path: "second"))
            let options = [
                "--probabilities", "--plates", "all", "--embeddings", "window", "--embedding-format", "hdf5",
            ]
            for (out, threshold) in [(first, "0.35"), (second, "0.6")] {
                let answer = try Program.run(
                    predict(place, place.recordings, out, "--threshold", threshold) + options)
                #expect(answer.ending == .status(0), "\(answer.errors)")
            }
            #expect(try Data(contentsOf: first.appending(path: "plates/song0.wav.pdf")).starts(with: Data("%PDF".utf8)))
            let vectors = try FileManager.default.subpathsOfDirectory(atPath: first.appending(path: "embeddings").path)
            #expect(vectors.count { $0.hasSuffix(".h5") } == 5)

            struct Row: Decodable { let name: String, first, second: Double? }
            struct Report: Decodable {
                struct Interval: Decodable { let value: Double? }
                struct Segments: Decodable { let macroAveragePrecision: Interval }
                struct Published: Decodable { let frameMicro, frameMicroWithoutSilence: Double }
                let recordingCount, truthCount: Int
                let segments: Segments?
                let published: Published?
                let comparison: [Row]?
            }
            for truth in [place.labels, place.corpus] {
                let answer = try Program.run([
                    "evaluate", "--truth", truth.path, "--predictions", first.path, "--against", second.path,
                    "--published", "--few-shot", "2", "--resamples", "20", "--json",
                ])
                #expect(answer.ending == .status(0), "\(answer.errors)")
                let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
                #expect(report.recordingCount == 5 && report.truthCount > 20)
                #expect(report.segments?.macroAveragePrecision.value != nil)
                let published = try #require(report.published)
                // Without the silence false alarms are missing, and the figure is higher.
                #expect(published.frameMicroWithoutSilence > published.frameMicro)
                let rows = try #require(report.comparison)
                #expect(rows.contains { $0.name.hasPrefix("frame average precision, micro") && $0.first == $0.second })
            }
            let table = try Program.run([
                "evaluate", "--truth", place.labels.path, "--predictions", first.path, "--resamples", "20",
            ])
            #expect(table.output.contains("segments") && table.output.contains("PSDS"), "\(table.output)")
            for (arguments, word) in [
                (["--part", "test"], "--part"), (["--iou", "2"], "--iou"), (["--channel", "-1"], "--channel"),
            ] {
                let refused = try Program.run(
                    ["evaluate", "--truth", place.labels.path, "--predictions", first.path] + arguments)
                #expect(refused.ending == .status(64) && refused.errors.contains(word), "\(refused.errors)")
            }
        }
    }

    @Test func `Tuning tells an honest gain and keeps the settings in the model`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            try FileManager.default.copyItem(at: place.finetuned.appending(path: "model/best"), to: model)
            func tune(_ more: String...) throws -> Answer {
                try Program.run(
                    [
                        "tune", model.path, "--corpus", place.corpus.path, "--part", "train", "--threads", "1",
                        "--folds", "2",
                    ]
                        + ["--same-for-all-classes"] + more)
            }
            let description = model.appending(path: "model.yaml")
            let before = try Data(contentsOf: description)
            let dry = try tune("--dry-run")
            #expect(dry.ending == .status(0), "\(dry.errors)")
            #expect(dry.output.contains("On recordings left out") && dry.output.contains("the model is as it was"))
            #expect(try Data(contentsOf: description) == before)
            let forced = try tune("--force", "--metric", "segment_f1")
            #expect(forced.ending == .status(0), "\(forced.errors)")
            let after = try Data(contentsOf: description)
            #expect((after != before) == forced.output.contains("kept in"), "\(forced.output)")
            // The model can still be used.
            let use = try Program.run([
                "predict", model.path, place.recordings.path, "--out", folder.appending(path: "out").path,
            ])
            #expect(use.ending == .status(0), "\(use.errors)")
            let refused = try Program.run(["tune", model.path])
            #expect(refused.ending == .status(64) && refused.errors.contains("--corpus"))
        }
    }

    @Test func `Processes share a folder, the work of one that was killed is taken over, and the files are the same`()
        throws
    {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try Workplace.record(into: recordings, count: 30, seconds: 6)
            let alone = folder.appending(path: "alone")
            #expect(try Program.run(predict(place, recordings, alone)).ending == .status(0))
            let out = folder.appending(path: "shared")
            let workers = try (0..<3).map { _ in try RunningProgram(predict(place, recordings, out, "--json")) }
            let journals = out.appending(path: ".prediction").path
            _ = try workers[0].wait {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: journals)) ?? []
                return names.count { $0.hasPrefix("journal") && !$0.hasSuffix(".lock") } >= 2
            }
            workers[2].send(SIGKILL)
            // Another threshold would mix two predictions.
            let refused = try Program.run(predict(place, recordings, out, "--threshold", "0.9"))
            let isStillRunning = !FileManager.default.fileExists(atPath: out.appending(path: "events.csv").path)
            if isStillRunning { #expect(refused.ending == .status(1) && refused.errors.contains("predicts into it")) }
            for worker in workers.prefix(2) { #expect(try worker.wait() == .status(0), "\(worker.errors)") }
            if !isStillRunning { return }
            #expect(try results(out) == results(alone))
            struct Summary: Decodable { let keptCount, predictedCount, failedCount: Int }
            let again = try Program.run(predict(place, recordings, out, "--json"))
            let summary = try JSONDecoder().decode(Summary.self, from: Data(again.output.utf8))
            #expect(summary.keptCount == 30 && summary.predictedCount == 0)
        }
    }
}
