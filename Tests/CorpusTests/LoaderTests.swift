import Audio
import Corpus
import Foundation
import Labels
import TestSupport
import Testing

@Suite struct WindowSamplerTests {
    private func recordings(_ seconds: [Double], annotated: Set<Int> = []) -> [LabelledRecording] {
        seconds.enumerated().map { index, length in
            let recording = Recording(
                id: Int64(index + 1), path: "/\(index).wav", relativePath: "\(index).wav", rateHz: 8_000,
                channelCount: 1,
                frames: Int(length * 8_000))
            return LabelledRecording(recording: recording, known: annotated.contains(index) ? [0..<length] : [])
        }
    }

    @Test func `An epoch covers every recording in proportion, each epoch in another order, and repeats exactly`()
        throws
    {
        let sampler = try WindowSampler(recordings([100, 30, 3, 0.5]), .init(windowSeconds: 5, seed: 9))
        #expect(sampler.windowsPerEpoch == 20 + 6 + 1 + 1)
        let epochs = (0..<3).map { epoch in (0..<28).map { sampler.window(epoch: epoch, position: $0) } }
        for epoch in epochs {
            let counts = Dictionary(grouping: epoch, by: \.recordingID).mapValues(\.count)
            #expect(counts == [1: 20, 2: 6, 3: 1, 4: 1])
            for window in epoch {
                let seconds = sampler.recordings[Int(window.recordingID) - 1].recording.seconds
                #expect(window.startSeconds >= 0 && window.startSeconds <= max(0, seconds - 5))
            }
            // Every second of the long recording is near a window.
            let starts = epoch.filter { $0.recordingID == 1 }.map(\.startSeconds).sorted()
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $1 - $0 <= 10 })
        }
        #expect(epochs[0] != epochs[1] && epochs[1] != epochs[2])
        #expect((0..<28).map { sampler.window(at: 28 + $0) } == epochs[1])
        let other = try WindowSampler(recordings([100, 30, 3, 0.5]), .init(windowSeconds: 5, seed: 10))
        #expect((0..<28).map { other.window(at: $0) } != epochs[0])
    }

    @Test func `Labelled windows come from annotated recordings, balanced ones show rare labels`() throws {
        var entries = recordings([50, 50, 50], annotated: [0, 2])
        entries[0].events = (0..<45).map { event("0.wav", Double($0), Double($0) + 0.1, "common") }
        entries[2].events = [event("2.wav", 20, 20.1, "rare")]
        var configuration = WindowSampler.Configuration(windowSeconds: 1, seed: 1, isLabelled: true)
        let plain = try WindowSampler(entries, configuration)
        #expect(plain.windowsPerEpoch == 100)
        #expect((0..<100).allSatisfy { plain.window(at: $0).recordingID != 2 })
        configuration.balancedShare = 1
        let balanced = try WindowSampler(entries, configuration)
        let rare = (0..<400).map { balanced.window(at: $0) }.filter { $0.recordingID == 3 }
        #expect(rare.count > 140 && rare.count < 260)
        #expect(rare.allSatisfy { $0.startSeconds <= 20.05 && $0.startSeconds + 1 >= 20.05 })
        #expect(throws: CorpusError.self) {
            try WindowSampler(self.recordings([5]), .init(windowSeconds: 1, isLabelled: true))
        }
    }

    @Test func `Channels can be drawn one by one`() throws {
        var entries = recordings([10])
        entries[0].recording.channelCount = 3
        entries[0].recording.loudestChannel = 2
        func channels(_ selection: ChannelSelection) throws -> Set<ChannelSelection> {
            var configuration = WindowSampler.Configuration(windowSeconds: 5)
            configuration.channel = selection
            let sampler = try WindowSampler(entries, configuration)
            return Set((0..<sampler.windowsPerEpoch).map { sampler.window(at: $0).channel })
        }
        #expect(try channels(.all) == [.index(0), .index(1), .index(2)])
        #expect(try channels(.loudest) == [.index(2)])
        #expect(try channels(.mean) == [.mean])
        #expect(try channels(.index(1)) == [.index(1)])
    }
}

@Suite struct LoaderTests {
    private func configuration(threads: Int, cacheBytes: Int = 1 << 28) -> Loader.Configuration {
        var configuration = Loader.Configuration()
        (configuration.threads, configuration.cacheBytes, configuration.prefetch) = (threads, cacheBytes, 8)
        return configuration
    }

    @Test func `Windows hold the samples of their place, with padding and with their events`() throws {
        try withFixture { fixture in
            try fixture.writeRamp("long.wav", seconds: 6)
            try fixture.writeRamp("short.wav", seconds: 0.5)
            try fixture.writeLabels(
                [event("long.wav", 1, 1.5, "a"), event("long.wav", 4, 4.25, "b")], recordings: ["short.wav"])
            let catalogue = try fixture.catalogue()
            try fixture.scan(catalogue)
            let sampler = try WindowSampler(
                catalogue.labelledRecordings(), .init(windowSeconds: 2, seed: 3, isLabelled: true))
            for cacheBytes in [0, 1 << 28] {
                let loader = try Loader(
                    sampler, rateHz: 8_000, configuration: configuration(threads: 2, cacheBytes: cacheBytes))
                let batch = try loader.batch(at: 0, count: sampler.windowsPerEpoch * 2)
                #expect(batch.windowFrames == 16_000 && batch.samples_BS.count == batch.count * 16_000)
                for row in 0..<batch.count {
                    let window = batch.windows[row]
                    let first = Int((window.startSeconds * 8_000).rounded())
                    let isShort = batch.validFrames[row] < 16_000
                    #expect(batch.validFrames[row] == (isShort ? 4_000 : 16_000))
                    let samples = Array(batch.row(row))
                    #expect(samples[0] == Float(first + 1) / 1_000_000)
                    #expect(samples[batch.validFrames[row] - 1] == Float(first + batch.validFrames[row]) / 1_000_000)
                    if isShort {
                        #expect(samples[4_000...].allSatisfy { $0 == 0 })
                        #expect(batch.known[row] == [0..<0.5])
                    } else {
                        for event in batch.events[row] {
                            let start = event.startSeconds + window.startSeconds
                            #expect(abs(start - (event.label == "a" ? 1 : 4)) < 1e-9)
                        }
                        let touches = window.startSeconds <= 1.5
                        #expect(batch.events[row].contains { $0.label == "a" } == touches)
                    }
                }
            }
        }
    }

    @Test func `Any number of threads and any order of asking gives the same batches`() throws {
        try withFixture { fixture in
            for index in 1...5 {
                try fixture.writeSong(
                    "\(index).\(index % 2 == 0 ? "flac" : "wav")", seconds: 3, rateHz: 16_000, seed: UInt64(index))
            }
            let catalogue = try fixture.catalogue()
            try fixture.scan(catalogue)
            let sampler = try WindowSampler(catalogue.labelledRecordings(), .init(windowSeconds: 0.7, seed: 3))
            for cacheBytes in [0, 1 << 28] {
                let single = try Loader(
                    sampler, rateHz: 8_000, configuration: configuration(threads: 1, cacheBytes: cacheBytes))
                let many = try Loader(
                    sampler, rateHz: 8_000, configuration: configuration(threads: 5, cacheBytes: cacheBytes))
                let expected = try (0..<6).map { try single.batch(at: 4 * $0, count: 4).samples_BS }
                for index in [0, 1, 2, 5, 3, 4, 0, 0, 5] {
                    #expect(try many.batch(at: 4 * index, count: 4).samples_BS == expected[index])
                }
                #expect(many.statistics.windows >= 36 && many.statistics.failures.isEmpty)
            }
        }
    }

    @Test func `A file that breaks after the scan costs only itself, and is named`() throws {
        try withFixture { fixture in
            for index in 1...4 { try fixture.writeRamp("\(index).wav", seconds: 3) }
            let catalogue = try fixture.catalogue()
            try fixture.scan(catalogue)
            try Data("gone".utf8).write(to: fixture.sound.appending(path: "3.wav"))
            let sampler = try WindowSampler(catalogue.labelledRecordings(), .init(windowSeconds: 1))
            let broken = try catalogue.recordings()[2].id
            let one = try Loader(sampler, rateHz: 8_000, configuration: configuration(threads: 1))
            let two = try Loader(sampler, rateHz: 8_000, configuration: configuration(threads: 3))
            let batch = try one.batch(at: 0, count: 12)
            #expect(batch.windows.allSatisfy { $0.recordingID != broken })
            #expect(batch.replacements.count >= 3)
            #expect(batch.replacements.allSatisfy { $0.path.hasSuffix("3.wav") && !$0.reason.isEmpty })
            for row in 0..<12 {
                var position = row
                while sampler.window(at: position).recordingID == broken { position += 1 }
                #expect(batch.positions[row] == position)
            }
            #expect(try two.batch(at: 0, count: 12).samples_BS == batch.samples_BS)
            #expect(one.statistics.failures.keys.allSatisfy { $0.hasSuffix("3.wav") })

            for index in [1, 2, 4] {
                try FileManager.default.removeItem(at: fixture.sound.appending(path: "\(index).wav"))
            }
            let none = try Loader(sampler, rateHz: 8_000, configuration: configuration(threads: 2))
            #expect(throws: CorpusError.self) { try none.batch(at: 0, count: 2) }
        }
    }
}
