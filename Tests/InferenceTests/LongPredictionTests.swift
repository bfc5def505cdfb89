import Audio
import Foundation
import Inference
import Labels
import Storage
import TestSupport
import Testing

/// Prediction in the middle of a recording, and what it leaves beside the tables.
@Suite struct LongPredictionTests {
    private struct Kill: Error {}

    private func contents(_ folder: URL) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where !name.hasPrefix(".prediction") {
            let url = folder.appending(path: name)
            if try url.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == false {
                contents[name] = try Data(contentsOf: url)
            }
        }
        return contents
    }

    private func prediction(_ folder: URL, _ change: (inout EventDecoder.Configuration) -> Void = { _ in }) throws
        -> Prediction
    {
        let model = try TinyModel.write(to: folder.appending(path: "model"))
        var configuration = Prediction.Configuration()
        var decoding = model.description.decoding
        decoding.oneClassAtATime = true
        change(&decoding)
        configuration.decoding = decoding
        configuration.windows.batchWindows = 2
        var prediction = try Prediction(model, configuration: configuration)
        prediction.saveSeconds = 0
        return prediction
    }

    @Test(arguments: [EmbeddingUnit.frame, .window(seconds: 0.75), .event])
    func `Killed in the middle of a recording, a prediction goes on there and ends with the same bytes`(
        _ unit: EmbeddingUnit
    ) throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "long.wav")
            // Another rate than the model's: the resampler must not notice the break either.
            try TinyModel.record(file, seconds: 12, rateHz: 11_025, channels: 2, seed: 3)
            let recordings = try NamedRecording.list([file])
            let prediction = try prediction(folder)
            var outputs = Prediction.Outputs()
            (outputs.probabilities, outputs.secondary, outputs.embeddings) = (true, true, unit)
            func run(_ out: URL, _ progress: (PredictionProgress) throws -> Void = { _ in }) throws -> PredictionSummary
            {
                try prediction.run(recordings, to: out, formats: [.csv], outputs: outputs, progress: progress)
            }
            var calls = 0
            let undisturbed = folder.appending(path: "undisturbed")
            _ = try run(undisturbed) { _ in calls += 1 }
            let expected = try contents(undisturbed)
            #expect(expected.count == 6 && calls > 12)

            let out = folder.appending(path: "out")
            var (done, all) = (0.0, 0)
            for limit in [4, 3, 5] {
                var count = 0
                #expect(throws: Kill.self) {
                    _ = try run(out) { progress in
                        count += 1
                        all += 1
                        if count == 2 { #expect(progress.predictedSeconds >= done) }
                        done = progress.predictedSeconds
                        if count == limit { throw Kill() }
                    }
                }
                // A kill may come between the numbers and the state: what is too much is written again.
                let partial = out.appending(path: ".prediction/partial")
                for name in try FileManager.default.contentsOfDirectory(atPath: partial.path)
                where name.contains("probabilities") {
                    let handle = try FileHandle(forWritingTo: partial.appending(path: name))
                    try handle.seekToEnd()
                    try handle.write(contentsOf: Data([1, 2, 3]))
                    try handle.close()
                }
            }
            #expect(done > 2)
            let last = try run(out) { _ in all += 1 }
            #expect(last.isComplete && last.predictedCount == 1)
            #expect(try contents(out) == expected)
            // Each start opens the recording again; one batch at most is computed twice.
            #expect(all <= calls + 3 * 2, "\(all) steps, \(calls) without a break")
            #expect(try FileManager.default.contentsOfDirectory(atPath: out.path + "/.prediction/partial").isEmpty)
        }
    }

    @Test func `Probabilities are those of the frames, and vectors of events the means of theirs`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.wav")
            try TinyModel.record(file, seconds: 5.3)
            let recordings = try NamedRecording.list([file])
            let prediction = try prediction(folder)
            let out = folder.appending(path: "out")
            var outputs = Prediction.Outputs()
            outputs.probabilities = true
            for unit in [EmbeddingUnit.frame, .event, .window(seconds: 1)] {
                outputs.embeddings = unit
                _ = try prediction.run(
                    recordings, to: out.appending(path: unit.name), formats: [.csv], outputs: outputs)
            }
            let probabilities = try #require(try ProbabilityFile.all(in: out.appending(path: "frame")).first)
            #expect(probabilities.recording == "a.wav" && probabilities.classes == prediction.description.classes)
            #expect(abs(probabilities.seconds - 5.3) < 1e-9)
            #expect(probabilities.grid == prediction.description.grid(frames: probabilities.grid.count))
            let values = try probabilities.values()
            let found = try LabelFile.read(out.appending(path: "frame/events.csv")).events
            #expect(found.count > 3)
            let decoded = EventDecoder.events(
                values, try #require(probabilities.decoding), classes: probabilities.classes, recording: "a.wav",
                framesPerSecond: probabilities.grid.framesPerSecond,
                firstCentreSeconds: probabilities.grid.firstCentreSeconds, recordingSeconds: probabilities.seconds)
            #expect(decoded.map(\.label) == found.map(\.label))
            #expect(zip(decoded, found).allSatisfy { abs($0.startSeconds - $1.startSeconds) < 1e-6 })

            func vectors(_ unit: String) throws -> (file: SafetensorsFile, width: Int, values: [Float]) {
                let file = try SafetensorsFile.open(
                    out.appending(path: "\(unit)/embeddings/\(unit)/a.wav.safetensors"))
                let width = try #require(file["embeddings"]?.shape.last)
                return (file, width, try file.values("embeddings", as: Float.self))
            }
            let (frames, events, windows) = (try vectors("frame"), try vectors("event"), try vectors("window-1.0s"))
            #expect(frames.values.count == probabilities.grid.count * frames.width)
            #expect(events.values.count == found.count * events.width)
            let starts = try events.file.values("start_seconds", as: Double.self)
            let ends = try events.file.values("end_seconds", as: Double.self)
            for (row, event) in decoded.enumerated() {
                #expect(starts[row] == event.startSeconds && ends[row] == event.endSeconds)
                let range = probabilities.grid.frames(from: event.startSeconds, to: event.endSeconds)
                for column in 0..<events.width {
                    let mean =
                        range.reduce(0.0) { $0 + Double(frames.values[$1 * frames.width + column]) }
                        / Double(range.count)
                    #expect(abs(Double(events.values[row * events.width + column]) - mean) < 1e-5)
                }
            }
            #expect(try windows.file.values("end_seconds", as: Double.self).count == 6)
        }
    }

    @Test func `What an earlier model wrote beside the tables does not outlive it`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.wav")
            try TinyModel.record(file, seconds: 2)
            let recordings = try NamedRecording.list([file])
            let out = folder.appending(path: "out")
            var outputs = Prediction.Outputs()
            outputs.probabilities = true
            _ = try prediction(folder).run(recordings, to: out, formats: [.csv], outputs: outputs)
            #expect(try ProbabilityFile.all(in: out).count == 1)
            let other = try prediction(folder) { $0.threshold = 0.4 }
            _ = try other.run(recordings, to: out, formats: [.csv])
            #expect(try ProbabilityFile.all(in: out).isEmpty)
            // Asked for once more they are computed, and the tables stay.
            let again = try other.run(recordings, to: out, formats: [.csv], outputs: outputs)
            #expect(again.predictedCount == 1)
            #expect(try ProbabilityFile.all(in: out).first?.decoding?.threshold == 0.4)
        }
    }
}
