import Atlas
import Audio
import Foundation
import Inference
import Labels
import Models
import TestSupport
import Testing
import Torch

@Suite struct EmbeddingTests {
    /// What was embedded is what was cut out: the mean, the largest number, and the length of every clip.
    private func embedder(clipSeconds: Double? = nil) -> ClipEmbedder {
        ClipEmbedder(name: "simple", fingerprint: "1", dimension: 3, sampleRateHz: 8000, clipSeconds: clipSeconds) {
            waves_BN in
            let length = try Tensor.full([waves_BN.size(0)], Double(waves_BN.size(1)))
            return try Tensor.stacked([waves_BN.mean([1]), waves_BN.maximum([1]), length], 1)
        }
    }

    /// A staircase: sample n of second s is s / 100.
    private func write(_ url: URL, seconds: Double, channels: Int = 1, rateHz: Double = 8000) throws {
        let samples = (0..<Int(seconds * rateHz)).map { Float($0 / Int(rateHz)) / 100 }
        try AudioWriter.write(
            (0..<channels).map { channel in samples.map { $0 + Float(channel) / 2 } }, rateHz: rateHz, to: url.path,
            as: .wavFloat)
    }

    @Test func `Windows lie where they should, the last one ends with the recording`() throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
            try write(recordings.appending(path: "a.wav"), seconds: 7.5)
            try write(recordings.appending(path: "b.wav"), seconds: 0.5)
            try write(recordings.appending(path: "c.wav"), seconds: 4.1)
            try Data("no sound".utf8).write(to: recordings.appending(path: "d.wav"))
            let embedder = embedder()
            let atlas = try Atlas.open(
                folder.appending(path: "atlas"),
                makingFor: Embedding.description(embedder, unit: .windows, windowSeconds: 2, hopSeconds: 2))
            let sources = try NamedRecording.list([recordings]).map { EmbeddingSource($0) }
            let summary = try Embedding(atlas, embedder).run(sources)
            #expect(summary.failed.map(\.recording) == ["d.wav"] && summary.isComplete)
            let sounds = try atlas.sounds(Array(0..<atlas.count))
            #expect(
                sounds.map { "\($0.recording) \($0.startSeconds)-\($0.endSeconds)" } == [
                    "a.wav 0.0-2.0", "a.wav 2.0-4.0", "a.wav 4.0-6.0", "a.wav 5.5-7.5", "b.wav 0.0-0.5",
                    "c.wav 0.0-2.0", "c.wav 2.0-4.0",
                ])
            let rows = atlas.vectors.rows(0..<atlas.count)
            #expect(rows[2 * 3 + 1] > 0.0499 && rows[2 * 3 + 1] < 0.0501)
            #expect(abs(rows[3 * 3] - 0.06) < 1e-3 && rows[4 * 3 + 2] == 16_000)
            // Nothing is done twice, and what failed is tried again.
            let again = try Embedding(atlas, embedder).run(sources)
            #expect(again.keptCount == 3 && again.soundCount == 0 && again.failed.count == 1)
        }
    }

    @Test func `Events are heard with their surroundings, and those behind the end are left out in words`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.wav")
            try write(file, seconds: 5, channels: 2)
            let embedder = embedder(clipSeconds: 0.5)
            let atlas = try Atlas.open(
                folder.appending(path: "atlas"), makingFor: Embedding.description(embedder, unit: .events))
            let events = [(3.2, 3.4, "x"), (1.05, 1.1, "y"), (6, 7, "z"), (4.9, 5.0, "x")].map {
                Event(recording: "a.wav", startSeconds: $0.0, endSeconds: $0.1, label: $0.2)
            }
            let source = EmbeddingSource(NamedRecording(path: file.path, name: "a.wav"), events: events)
            var configuration = Embedding.Configuration()
            configuration.channels = .all
            let summary = try Embedding(atlas, embedder, configuration: configuration).run([source])
            #expect(summary.remarks.map(\.note) == ["1 events lie behind its end"])
            let sounds = try atlas.sounds(Array(0..<atlas.count))
            #expect(sounds.map(\.startSeconds) == [1.05, 1.05, 3.2, 3.2, 4.9, 4.9])
            #expect(sounds.map(\.channel) == [0, 1, 0, 1, 0, 1] && sounds[2].labels == ["x"])
            let rows = atlas.vectors.rows(0..<6)
            // Half a second around 1.075 begins in second 0; the second channel is half louder.
            #expect(abs(rows[0] - 0.0065) < 2e-4 && abs(rows[3] - 0.5065) < 2e-3)
            #expect(abs(rows[6] - 0.03) < 1e-4)
        }
    }

    @Test func `Sounds that lie far apart are cut where they are`() throws {
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "a.wav")
            try write(file, seconds: 60)
            let embedder = embedder()
            let starts = [0.25, 1.25, 15.25, 16.25, 40.25, 59.25]
            let atlas = try Atlas.open(
                folder.appending(path: "events"), makingFor: Embedding.description(embedder, unit: .events))
            let events = starts.map {
                Event(recording: "a.wav", startSeconds: $0, endSeconds: $0 + 0.5, label: "\(Int($0))")
            }
            let recording = NamedRecording(path: file.path, name: "a.wav")
            _ = try Embedding(atlas, embedder).run([EmbeddingSource(recording, events: events)])
            #expect(atlas.count == 6)
            for (row, start) in starts.enumerated() {
                #expect(abs(atlas.vectors.rows([row])[0] - Float(Int(start)) / 100) < 5e-4)
            }
            // Windows with gaps between them.
            let windows = try Atlas.open(
                folder.appending(path: "windows"),
                makingFor: Embedding.description(embedder, unit: .windows, windowSeconds: 1, hopSeconds: 20))
            _ = try Embedding(windows, embedder).run([EmbeddingSource(recording)])
            let means = windows.vectors.rows(0..<windows.count)
            #expect(windows.count == 3 && abs(means[3] - 0.2) < 1e-3 && abs(means[6] - 0.4) < 1e-3)
        }
    }

    @Test func `A stopped embedding goes on, within a recording too, to the same vectors`() throws {
        try withTemporaryFolder { folder in
            var sources: [EmbeddingSource] = []
            for name in ["a", "b", "c"] {
                let url = folder.appending(path: "\(name).wav")
                try AudioWriter.write(
                    [syntheticSong(frames: 160_000, rateHz: 8000, seed: UInt64(name.utf8.first!))], rateHz: 8000,
                    to: url.path)
                sources.append(EmbeddingSource(NamedRecording(path: url.path, name: url.lastPathComponent)))
            }
            let embedder = try LogMelEmbedder(sampleRateHz: 8000, bands: 16)
            func run(_ name: String, stops: Int) throws -> Atlas {
                let atlas = try Atlas.open(
                    folder.appending(path: name),
                    makingFor: Embedding.description(embedder, unit: .windows, windowSeconds: 1, hopSeconds: 0.75))
                var configuration = Embedding.Configuration()
                configuration.batchSeconds = 4
                for stop in 0..<stops {
                    var looks = 0
                    let summary = try Embedding(atlas, embedder, configuration: configuration).run(
                        sources,
                        shouldStop: {
                            looks += 1
                            return looks > 1 + stop % 2
                        })
                    if summary.isComplete { break }
                }
                _ = try Embedding(atlas, embedder, configuration: configuration).run(sources)
                return atlas
            }
            let whole = try run("whole", stops: 0)
            let pieces = try run("pieces", stops: 4)
            #expect(whole.count == pieces.count && whole.count > 75)
            #expect(
                try whole.sounds(Array(0..<whole.count)).map(\.startSeconds)
                    == pieces.sounds(Array(0..<whole.count)).map(\.startSeconds))
            let difference = greatestDifference(
                whole.vectors.rows(0..<whole.count), pieces.vectors.rows(0..<whole.count))
            #expect(difference < 0.02)
            // The vector of a part of a file is that of the same sound in the atlas.
            let vector = try Embedding(whole, embedder).vector(of: sources[1].recording.path, seconds: 1.5..<2.5)
            var query = SoundQuery()
            (query.likeVectors, query.count) = ([vector], 1)
            let hit = try #require(try whole.search(query).first)
            #expect(try whole.sound(hit.id).recording == "b.wav" && whole.sound(hit.id).startSeconds == 1.5)
            #expect(hit.score > 0.95)
        }
    }

    @Test func `Tones of two heights fall into two groups by log-mel`() throws {
        try withTemporaryFolder { folder in
            let rate = 16_000.0
            var samples = [Float](repeating: 0, count: 160_000)
            var events: [Event] = []
            for index in 0..<40 {
                let start = 0.05 + 0.24 * Double(index)
                let hz = index % 3 == 0 ? 2000.0 : 4500.0
                for n in Int(start * rate)..<Int((start + 0.1) * rate) {
                    samples[n] = Float(0.3 * sin(2 * .pi * hz * Double(n) / rate))
                }
                events.append(
                    Event(
                        recording: "a", startSeconds: start, endSeconds: start + 0.1,
                        label: index % 3 == 0 ? "low" : "high"))
            }
            let file = folder.appending(path: "a.wav")
            try AudioWriter.write([samples], rateHz: rate, to: file.path)
            let embedder = try LogMelEmbedder(sampleRateHz: rate)
            let atlas = try Atlas.open(
                folder.appending(path: "atlas"), makingFor: Embedding.description(embedder, unit: .events))
            let source = EmbeddingSource(NamedRecording(path: file.path, name: "a.wav"), events: events)
            _ = try Embedding(atlas, embedder).run([source])
            var configuration = SoundGrouping.Configuration()
            configuration.k = [2]
            let result = try SoundGrouping(atlas, configuration: configuration).run()[0]
            #expect(result.clusters.map(\.size) == [26, 14] && result.clusters.allSatisfy { $0.purity == 1 })
        }
    }
}
