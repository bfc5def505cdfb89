import Foundation
import Labels
import Storage
import Testing

/// Events by their edges.
@Suite struct EdgeFusionTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ModelsTests/Golden")

    /// What the published function gives for the published probabilities, by chunk and class: first and last frame. It was
    /// run with SciPy 1.16, its four settings given as plain numbers; with the one-element lists that the published code
    /// makes of them it stops on current NumPy.
    private static let published: [(input: String, chunkSeconds: Double, intervals: [[[[Int]]]])] = [
        (
            "probs", 10,
            [
                [
                    [
                        [403, 447], [519, 596], [602, 699], [836, 921], [958, 1022], [1172, 1236], [1248, 1335],
                        [1492, 1541], [1704, 1740],
                    ],
                    [
                        [0, 61], [206, 291], [451, 521], [896, 979], [1092, 1189], [1190, 1277], [1399, 1470],
                        [1638, 1728], [1762, 1835],
                    ],
                    [
                        [298, 367], [475, 544], [567, 648], [820, 905], [921, 1008], [1031, 1118], [1256, 1317],
                        [1431, 1529], [1622, 1662], [1898, 1973],
                    ],
                ]
            ]
        ),
        (
            "probs_batch", 2,
            [
                [[[179, 257], [348, 399]], [[284, 368]]], [[[65, 153], [245, 318]], [[16, 85], [239, 270]]],
                [[[63, 135], [179, 242]], [[218, 295]]],
            ]
        ),
        ("probs_narrow", 1, [[[]]]), ("probs_pulses", 1, [[[[40, 59]], [], [[123, 199]], [], []]]),
    ]

    @Test(arguments: published.indices) func `Every edge is where the published function finds it`(_ index: Int) throws
    {
        let expected = Self.published[index]
        let file = try SafetensorsFile.open(Self.golden.appending(path: "fusion.safetensors"))
        let shape = try #require(file[expected.input]?.shape)
        let found = PublishedFusion.events(
            try file.values(expected.input, as: Float.self), chunks: shape[0], classes: shape[2],
            chunkSeconds: expected.chunkSeconds, method: .edges)
        let frames = found.enumerated().map { chunk, classes in
            classes.map { $0.map { [$0.startFrame - chunk * shape[1], $0.endFrame - chunk * shape[1]] } }
        }
        #expect(frames == expected.intervals)
    }

    /// Bells of probability around these times.
    private func bells(_ seconds: Double, at times: [Double], width: Double = 0.12) -> [Float] {
        (0..<Int(seconds * 200)).map { frame in
            let time = (Double(frame) + 0.5) / 200
            return Float(times.map { exp(-0.5 * pow((time - $0) / (width / 2), 2)) }.max() ?? 0)
        }
    }

    private func decode(_ probabilities: [Float], blocks: Int? = nil) -> [Event] {
        var configuration = EventDecoder.Configuration()
        configuration.smoothing = .edges
        configuration.edges = EdgeFusion.Settings()
        configuration.edges?.sigmaSeconds = 0.03
        configuration.edges?.filterSeconds = 0.02
        var decoder = EventDecoder(configuration, classes: ["a"], recording: "r", framesPerSecond: 200)
        var events: [Event] = []
        let block = blocks ?? max(1, probabilities.count)
        for start in stride(from: 0, to: probabilities.count, by: block) {
            events += decoder.push(probabilities[start..<min(start + block, probabilities.count)])
        }
        return events + decoder.finish(recordingSeconds: Double(probabilities.count) / 200)
    }

    @Test func `Every bell is one event around its peak`() {
        let times = stride(from: 0.5, to: 70, by: 0.7).map { $0 }
        let events = decode(bells(71, at: times))
        #expect(events.count == times.count)
        for (event, time) in zip(events, times) {
            #expect(event.startSeconds < time && event.endSeconds > time)
            #expect(event.durationSeconds < 0.4)
            #expect((event.score ?? 0) > 0.3)
        }
    }

    @Test func `Sections and blocks leave no seam`() {
        // Bells on and around the ends of the sections at 20, 40 and 60 s.
        let times = [19.7, 20.0, 20.3, 39.99, 40.4, 59.9, 60.2]
        let signal = bells(65, at: times)
        let whole = decode(signal)
        #expect(whole.count == times.count)
        for block in [1, 7, 4000] { #expect(decode(signal, blocks: block) == whole) }
        #expect(decode(bells(3, at: [])).isEmpty && decode([]).isEmpty)
    }
}
