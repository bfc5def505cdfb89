import Atlas
import Audio
import Foundation
import Inference
import Labels
import TestSupport
import Testing

/// The mean of the sound itself.
private struct MeanEmbedder: SoundEmbedder {
    let name = "mean"
    let fingerprint = "mean"
    let dimension = 1
    let sampleRateHz = 16_000.0
    var scaling: VectorScaling.Method { .none }

    func embed(_ clips: SoundClips) throws -> [Float] {
        clips.spans.enumerated().map { row, span in
            let start = row * clips.clipSamples
            let sound = clips.samples[start + span.lowerBound..<start + span.upperBound]
            return sound.reduce(0, +) / Float(span.count)
        }
    }
}

@Suite struct `Events far apart` {
    @Test func `Every event is cut where it lies, whatever silence is between`() throws {
        try withTemporaryFolder { folder in
            // A staircase: every sample tells its tenth of a second.
            let path = folder.appending(path: "stairs.wav").path
            let samples = (0..<30 * 16_000).map { Float($0 / 1600) / 400 }
            try AudioWriter.write([samples], rateHz: 16_000, to: path, as: .wavFloat)
            let starts = [0.3, 5.2, 5.5, 5.8, 11.1, 24.9, 29.5]
            let events = starts.map {
                Event(recording: "stairs.wav", startSeconds: $0, endSeconds: $0 + 0.1, label: "s")
            }
            let embedder = MeanEmbedder()
            let atlas = try Atlas.open(
                folder.appending(path: "atlas"), makingFor: Embedding.description(embedder, unit: .events))
            let source = EmbeddingSource(NamedRecording(path: path, name: "stairs.wav"), events: events)
            _ = try Embedding(atlas, embedder).run([source])
            let found = atlas.vectors.rows(0..<starts.count)
            for (value, start) in zip(found, starts) {
                #expect(abs(Double(value) * 400 - (start * 10).rounded()) < 0.3, "\(start)")
            }
        }
    }
}
