import Audio
import Foundation
import Inference
import Models
import Neural
import TestSupport
import Testing
import Torch

/// Recordings to frame probabilities.
@Suite("Frame predictor") struct FramePredictorTests {
    /// Probabilities by channel, seconds and failures of one recording.
    private struct Predicted {
        var channels: [[Float]] = []
        var seconds: Double?
        var failure: String?
    }

    private func predict(_ predictor: FramePredictor, _ paths: [String], channel: ChannelSelection? = nil) throws
        -> [Predicted]
    {
        var all = [Predicted](repeating: Predicted(), count: paths.count)
        try predictor.predict(paths, channel: channel) { index, output in
            switch output {
            case .opened(_, let count): all[index].channels = Array(repeating: [], count: count)
            case .frames(let channel, let probabilities): all[index].channels[channel] += probabilities
            case .ended(let seconds, _): all[index].seconds = seconds
            case .failed(let reason): all[index].failure = reason
            }
        }
        return all
    }

    /// What the model says to samples as they are.
    private func probabilities(_ classifier: FrameClassifier, _ samples: [Float]) throws -> [Float] {
        var samples = samples
        ClipNormalization.unitVariance.apply(&samples, count: samples.count)
        return try withoutGradients {
            try classifier(Tensor(samples, shape: [1, samples.count])).sigmoid().array(Float.self)
        }
    }

    @Test func `A recording of one window is what the model says to it`() throws {
        try withTemporaryFolder { folder in
            let description = TinyModel.description()
            let classifier = try TinyModel.classifier(description)
            let url = folder.appending(path: "a.wav")
            let samples = syntheticSong(frames: 6000, rateHz: 8000)
            try AudioWriter.write([samples], rateHz: 8000, to: url.path, as: .wavFloat)
            let predicted = try predict(FramePredictor(classifier, description), [url.path])
            #expect(predicted[0].channels == [try probabilities(classifier, samples)])
            #expect(predicted[0].channels[0].count == 150 * 3)
            #expect(predicted[0].seconds == 0.75)
        }
    }

    @Test(arguments: [1, 2, 5])
    func `A long recording is its windows, gone over from one to the next`(batchWindows: Int) throws {
        try withTemporaryFolder { folder in
            let description = TinyModel.description()
            let classifier = try TinyModel.classifier(description)
            let url = folder.appending(path: "a.wav")
            let samples = syntheticSong(frames: 8000 * 5 + 1234, rateHz: 8000)
            try AudioWriter.write([samples], rateHz: 8000, to: url.path, as: .wavFloat)
            var configuration = FramePredictor.Configuration()
            configuration.batchWindows = batchWindows
            let predictor = FramePredictor(classifier, description, configuration: configuration)
            let found = try predict(predictor, [url.path])[0].channels[0]

            // The simple version: every frame is the weighted mean of the windows that hold it.
            let frames = (samples.count + 39) / 40
            #expect(found.count == frames * 3)
            var sums = [Float](repeating: 0, count: frames * 3)
            var weights = [Float](repeating: 0, count: frames)
            let (length, overlap, hop) = (200, 40, 160)
            let count = (frames - length + hop - 1) / hop + 1
            for number in 0..<count {
                let isLast = number == count - 1
                let first = isLast ? frames - length : number * hop
                let padding = [Float](repeating: 0, count: max(0, (first + length) * 40 - samples.count))
                var window = Array(samples[first * 40..<min(samples.count, (first + length) * 40)])
                ClipNormalization.unitVariance.apply(&window, count: window.count)
                window += padding
                let values = try withoutGradients {
                    try classifier(Tensor(window, shape: [1, window.count])).sigmoid().array(Float.self)
                }
                for frame in number * hop..<first + length {
                    let place = frame - number * hop
                    let rise = number == 0 ? 1 : min(1, (Float(place) + 0.5) / Float(overlap))
                    let fall = isLast ? 1 : min(1, (Float(length - place) - 0.5) / Float(overlap))
                    let weight = min(rise, fall)
                    weights[frame] += weight
                    for column in 0..<3 { sums[frame * 3 + column] += weight * values[(frame - first) * 3 + column] }
                }
            }
            #expect(weights.allSatisfy { abs($0 - 1) < 1e-6 })
            #expect(greatestDifference(found, sums) < 1e-5)
        }
    }

    @Test(arguments: [(2000.0, 2000.0), (44_100, 44_100), (250_000, 250_000), (44_100, 8000), (2000, 8000)])
    func `Any rate gives about 200 frames a second`(recordedHz: Double, modelHz: Double) throws {
        try withTemporaryFolder { folder in
            let description = TinyModel.description(rateHz: modelHz, windowSeconds: 0.4)
            let predictor = FramePredictor(try TinyModel.classifier(description), description)
            let url = folder.appending(path: "a.wav")
            try TinyModel.record(url, seconds: 1.1, rateHz: recordedHz)
            let predicted = try predict(predictor, [url.path])[0]
            #expect(abs(try #require(predicted.seconds) - 1.1) < 0.001)
            let frames = predicted.channels[0].count / 3
            #expect(abs(Double(frames) - 1.1 * description.framesPerSecond) <= 2)
            #expect((180...220).contains(description.framesPerSecond))
            #expect(predicted.channels[0].allSatisfy { $0 > 0 && $0 < 1 })
        }
    }

    @Test func `Channels are heard one by one, and bad recordings cost only themselves`() throws {
        try withTemporaryFolder { folder in
            let description = TinyModel.description()
            let predictor = FramePredictor(try TinyModel.classifier(description), description)
            let names = ["stereo.wav", "text.wav", "empty.wav", "nothing.wav", "left.wav", "right.wav", "short.wav"]
            let paths = names.map { folder.appending(path: $0).path }
            try TinyModel.record(URL(filePath: paths[0]), seconds: 2.3, channels: 2, seed: 4)
            try Data("no sound at all".utf8).write(to: URL(filePath: paths[1]))
            try Data().write(to: URL(filePath: paths[2]))
            try AudioWriter.write([[]], rateHz: 8000, to: paths[3])
            try TinyModel.record(URL(filePath: paths[4]), seconds: 2.3, seed: 4)
            try TinyModel.record(URL(filePath: paths[5]), seconds: 2.3, seed: 5)
            try TinyModel.record(URL(filePath: paths[6]), seconds: 3.0 / 8000)
            let predicted = try predict(predictor, paths)
            #expect(predicted.map { $0.failure != nil } == [false, true, true, true, false, false, false])
            #expect(predicted[0].channels.count == 2)
            // Batches of one and of two channels fall differently, which may change the last bits.
            #expect(greatestDifference(predicted[0].channels[0], predicted[4].channels[0]) < 1e-5)
            #expect(greatestDifference(predicted[0].channels[1], predicted[5].channels[0]) < 1e-5)
            #expect(greatestDifference(predicted[0].channels[0], predicted[0].channels[1]) > 0.01)
            #expect(predicted[6].channels[0].count == 3)
            let one = try predict(predictor, [paths[0]], channel: .index(1))
            #expect(one[0].channels == predicted[5].channels)
        }
    }

    @Test func `What the caller throws ends the work at once`() throws {
        struct Enough: Error {}
        try withTemporaryFolder { folder in
            let description = TinyModel.description()
            let predictor = FramePredictor(try TinyModel.classifier(description), description)
            let url = folder.appending(path: "a.wav")
            try TinyModel.record(url, seconds: 20)
            for limit in 0..<4 {
                var calls = 0
                #expect(throws: Enough.self) {
                    try predictor.predict([url.path, url.path]) { _, _ in
                        calls += 1
                        if calls > limit { throw Enough() }
                    }
                }
                #expect(calls == limit + 1)
            }
        }
    }
}
