import Foundation
import Labels
import Storage
import Testing

/// What the published animal2vec code makes of frame probabilities.
@Suite("Published fusion") struct PublishedFusionTests {
    private struct Expected: Decodable {
        let start_s, end_s: Double
        let start_idx, end_idx: Int
        let likelihood: Double?
    }

    private static let golden = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ModelsTests/Golden")

    private struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var input: String
        var chunkSeconds: Double
        var method = PublishedFusion.Method.average
        var batch = 0
        var batchSize: Int?
        var testDescription: String { name }
    }

    private static let cases = [
        Case(name: "avg", input: "probs", chunkSeconds: 10),
        Case(name: "max", input: "probs", chunkSeconds: 10, method: .maximum),
        Case(name: "avg_batch_multiplier0", input: "probs_batch", chunkSeconds: 2),
        Case(name: "max_batch_multiplier0", input: "probs_batch", chunkSeconds: 2, method: .maximum),
        Case(name: "avg_batch_multiplier1_bs4", input: "probs_batch", chunkSeconds: 2, batch: 1, batchSize: 4),
        Case(
            name: "max_batch_multiplier1_bs4", input: "probs_batch", chunkSeconds: 2, method: .maximum, batch: 1,
            batchSize: 4),
        Case(name: "avg_pulses", input: "probs_pulses", chunkSeconds: 1),
        Case(name: "max_pulses", input: "probs_pulses", chunkSeconds: 1, method: .maximum),
        Case(name: "avg_narrow", input: "probs_narrow", chunkSeconds: 1),
    ]

    @Test("Every event has the published frames, times and likelihood", arguments: cases)
    private func reproduces(_ test: Case) throws {
        struct Wanted: Decodable {
            let events: [String: [[[Expected]]]]
            init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Key.self)
                events = container.allKeys.reduce(into: [:]) {
                    $0[$1.stringValue] = try? container.decode([[[Expected]]].self, forKey: $1)
                }
            }
            struct Key: CodingKey {
                var stringValue: String
                var intValue: Int? { nil }
                init?(stringValue: String) { self.stringValue = stringValue }
                init?(intValue: Int) { nil }
            }
        }
        let data = try Data(contentsOf: Self.golden.appending(path: "fusion.json"))
        let expected = try #require(try JSONDecoder().decode(Wanted.self, from: data).events[test.name])
        let file = try SafetensorsFile.open(Self.golden.appending(path: "fusion.safetensors"))
        let shape = try #require(file[test.input]?.shape)

        let found = PublishedFusion.events(
            try file.values(test.input, as: Float.self), chunks: shape[0], classes: shape[2],
            chunkSeconds: test.chunkSeconds, method: test.method, batch: test.batch, batchSize: test.batchSize)

        #expect(found.map { $0.map(\.count) } == expected.map { $0.map(\.count) })
        for (ours, theirs) in zip(found.joined().joined(), expected.joined().joined()) {
            #expect(ours.startFrame == theirs.start_idx)
            #expect(ours.endFrame == theirs.end_idx)
            #expect(abs(ours.startSeconds - theirs.start_s) < 2e-6)
            #expect(abs(ours.endSeconds - theirs.end_s) < 2e-6)
            #expect((ours.likelihood == nil) == (theirs.likelihood == nil))
            #expect(abs((ours.likelihood ?? 0) - (theirs.likelihood ?? 0)) < 1e-6)
        }
    }
}
