import Foundation
import Labels
import Storage
import Testing

/// Events by their edges.
@Suite struct EdgeFusionTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ModelsTests/Golden")

    /// Where the published function finds events, as `Scripts/edge_fusion_fixture.py` computes it with SciPy.
    private struct Reference: Decodable {
        let chunkSeconds: Double
        /// B × T × C
        let shape: [Int]
        /// By chunk and class: first and last frame.
        let intervals: [[[[Int]]]]
        /// Probabilities, where they are not among the golden values.
        let thousandths: [Int]?
    }

    @Test(arguments: [
        "probs", "probs_batch", "probs_narrow", "probs_pulses", "crowded_1", "crowded_2", "crowded_3", "crowded_4",
    ])
    func `Every edge is where the published function finds it`(_ name: String) throws {
        let references = try JSONDecoder().decode(
            [String: Reference].self, from: Data(contentsOf: Self.golden.appending(path: "edge_fusion.json")))
        let expected = try #require(references[name])
        let file = try SafetensorsFile.open(Self.golden.appending(path: "fusion.safetensors"))
        let probabilities =
            try expected.thousandths.map { $0.map { Float(Double($0) / 1000) } } ?? file.values(name, as: Float.self)
        let found = PublishedFusion.events(
            probabilities, chunks: expected.shape[0], classes: expected.shape[2], chunkSeconds: expected.chunkSeconds,
            method: .edges)
        let frames = found.enumerated().map { chunk, classes in
            classes.map { events in
                events.map { [$0.startFrame - chunk * expected.shape[1], $0.endFrame - chunk * expected.shape[1]] }
            }
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
