import Audio
import Foundation
import TestSupport
import Testing

@Suite struct DamagedFileTests {
    private let song = syntheticSong(frames: 32_000, rateHz: 8_000)

    /// A 16-bit mono WAV of four seconds at 8 kHz whose data size is overwritten.
    private func wave(dataBytes: UInt32? = nil, cutTo: Int? = nil, appending tail: [UInt8] = []) throws -> Data {
        var data = try AudioWriter.encodedWAV([song], rateHz: 8_000)
        if let dataBytes { withUnsafeBytes(of: dataBytes.littleEndian) { data.replaceSubrange(40..<44, with: $0) } }
        data.append(contentsOf: tail)
        if let cutTo { data = data.prefix(cutTo) }
        return data
    }

    private func chunk(_ name: String, _ text: String) -> [UInt8] {
        let count = UInt8(text.utf8.count)
        return Array(name.utf8) + [count, 0, 0, 0] + Array(text.utf8) + (count % 2 == 1 ? [0] : [])
    }

    private func inspect(_ data: Data, _ name: String = "test.wav") throws -> AudioInspection {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: name)
            try data.write(to: url)
            return AudioInspection.inspect(path: url.path)
        }
    }

    private func isRepaired(_ verdict: AudioVerdict) -> Bool {
        if case .repaired = verdict { true } else { false }
    }

    @Test func `A right file is whole, with its levels`() throws {
        let found = try inspect(wave())
        #expect(found.verdict == .whole)
        #expect(found.frames == 32_000)
        #expect(found.seconds == 4)
        #expect(found.promisedSeconds == 4)
        let expected = (song.reduce(0.0) { $0 + Double($1 * $1) } / 32_000).squareRoot()
        #expect(abs(found.rms - expected) < 1e-4)
        #expect(abs(found.peak - song.map { abs($0) }.max()!) < 1e-4)
        #expect(found.warnings.isEmpty)
    }

    @Test("Sizes of 0, 0xFFFFFFFF and too few bytes give the length of the file", arguments: [0, 0xFFFF_FFFF, 1_000])
    func lyingSizes(size: UInt32) throws {
        for tail in [[], chunk("guan", "GUANO|Version: 1.0\nTE: 1\n"), chunk("LIST", "INFOICMT")] {
            let found = try inspect(wave(dataBytes: size, appending: tail))
            #expect(isRepaired(found.verdict), "\(found.verdict)")
            #expect(found.frames == 32_000)
        }
    }

    @Test func `Chunks after the samples are no samples, padded or not`() throws {
        for tail in [chunk("guan", "GUANO|Version: 1.0"), chunk("LIST", "INFO") + chunk("guan", "odd")] {
            let found = try inspect(wave(appending: tail))
            #expect(found.verdict == .whole)
            #expect(found.frames == 32_000)
        }
    }

    @Test func `A cut file is partial, with the seconds that are lost`() throws {
        let found = try inspect(wave(cutTo: 44 + 24_001))
        #expect(found.frames == 12_000)
        guard case .partial(let lostSeconds, let reason) = found.verdict else {
            Issue.record("\(found.verdict)")
            return
        }
        #expect(lostSeconds == 2.5)
        #expect(reason.contains("promises 4.0 s"))
    }

    @Test func `Empty files, headers alone, text and missing files are unreadable, in words`() throws {
        func reason(_ data: Data, _ name: String) throws -> String {
            guard case .unreadable(let reason) = try inspect(data, name).verdict else { return "readable" }
            return reason
        }
        #expect(try reason(Data(), "empty.wav").contains("empty (0 bytes)"))
        #expect(try reason(Data(wave().prefix(44)), "header.wav") != "readable")
        let html = Data("<!DOCTYPE html><html><body>404 Not Found</body></html>\n".utf8)
        for name in ["page.wav", "page.mp3", "page.flac", "page.ogg", "page.m4a", "page.aac"] {
            #expect(try reason(html, name).contains("HTML"), "\(name)")
        }
        let list = Data("#EXTM3U\nhttp://127.0.0.1:1/secret.mp3\n/etc/passwd\n".utf8)
        #expect(try reason(list, "list.mp3").contains("text"))
        #expect(try reason(Data("ffconcat version 1.0\nfile /tmp/a.wav\n".utf8), "concat.wav").contains("text"))
        var noise = Data(count: 40_000)
        for index in 0..<40_000 { noise[index] = UInt8(truncatingIfNeeded: (index &* 2_654_435_761) >> 13) }
        #expect(try reason(noise, "noise.wav") != "readable")
        var zeroChannels = try wave()
        zeroChannels.replaceSubrange(22..<24, with: [0, 0])
        #expect(try reason(zeroChannels, "channels.wav") != "readable")
        var zeroRate = try wave()
        zeroRate.replaceSubrange(24..<28, with: [0, 0, 0, 0])
        #expect(try reason(zeroRate, "rate.wav") != "readable")
        #expect(AudioInspection.inspect(path: "/nonexistent/a.wav").verdict.detail.contains("No such file"))
        #expect(AudioInspection.inspect(path: "/tmp").verdict.detail.contains("not a regular file"))
    }

    @Test func `Samples that are no numbers become 0 and are counted`() throws {
        try withTemporaryFolder { folder in
            var broken = song
            broken[100] = .nan
            broken[200] = .infinity
            broken[31_999] = -.infinity
            let path = folder.appending(path: "nan.wav").path
            try AudioWriter.write([broken], rateHz: 8_000, to: path, as: .wavFloat)
            let found = AudioInspection.inspect(path: path)
            #expect(isRepaired(found.verdict))
            #expect(found.warnings == [.nonFinite(count: 3)])
            #expect(found.rms.isFinite)
            let samples = try AudioReader(path: path).read(seconds: 0..<4).channels[0]
            #expect(samples[100] == 0 && samples[200] == 0 && samples[31_999] == 0)
            #expect(samples[101] == song[101])
        }
    }

    @Test func `Silence, a constant and clipping are warned of`() throws {
        func warnings(_ samples: [Float]) throws -> [AudioInspection.Warning] {
            try inspect(AudioWriter.encodedWAV([samples], rateHz: 8_000)).warnings
        }
        #expect(try warnings([Float](repeating: 0, count: 800)) == [.silent])
        #expect(try warnings([Float](repeating: 0.25, count: 800)) == [.constant(channel: 0)])
        #expect(try warnings(song.map { $0 * 100 }).contains { if case .clipped = $0 { true } else { false } })
    }

    @Test func `A damaged FLAC frame becomes silence and everything after it keeps its time`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "song.flac").path
            let long = syntheticSong(frames: 441_000, rateHz: 44_100)
            try AudioWriter.write([long], rateHz: 44_100, to: path, as: .flac)
            let right = try AudioReader(path: path).read(seconds: 0..<10).channels[0]
            var data = try Data(contentsOf: URL(fileURLWithPath: path))
            for offset in 0..<4 { data[data.count / 2 + offset] ^= 0x5A }
            try data.write(to: URL(fileURLWithPath: path))
            let found = AudioInspection.inspect(path: path)
            guard case .partial(let lostSeconds, _) = found.verdict else {
                Issue.record("\(found.verdict)")
                return
            }
            #expect(lostSeconds > 0.05 && lostSeconds < 0.25)
            #expect(found.frames == 441_000)
            let damaged = try AudioReader(path: path).read(seconds: 0..<10).channels[0]
            var silent = 0
            for index in damaged.indices where damaged[index] != right[index] {
                #expect(damaged[index] == 0)
                silent += 1
            }
            #expect(silent > 2_000 && silent < 10_000)
            let late = try AudioReader(path: path).read(seconds: 8..<9).channels[0]
            #expect(late == Array(right[352_800..<396_900]))
        }
    }

    @Test(
        "Cut files of every coding are partial or say what is missing",
        arguments: ["a.flac", "constant.mp3", "vorbis.ogg", "big.aiff"])
    func cutFiles(file: String) throws {
        try withTemporaryFolder { folder in
            let path = try Coding.all.first { $0.file == file }!.make(in: folder, seconds: 6)
            let data = try Data(contentsOf: URL(fileURLWithPath: path))
            try data.prefix(data.count / 2).write(to: URL(fileURLWithPath: path))
            let found = AudioInspection.inspect(path: path)
            guard case .partial(let lostSeconds, _) = found.verdict else {
                Issue.record("\(found.verdict)")
                return
            }
            #expect(found.seconds > 1 && found.seconds < 5)
            if file != "vorbis.ogg" { #expect(abs(lostSeconds + found.seconds - 6) < 0.25) }
        }
    }

    @Test("Cut, flipped and spliced files never crash", arguments: Coding.all)
    func fuzz(coding: Coding) throws {
        try withTemporaryFolder { folder in
            let path = try coding.make(in: folder, seconds: 0.5)
            let seed = try Data(contentsOf: URL(fileURLWithPath: path))
            var state: UInt64 = 88_172_645_463_325_252
            func random(_ bound: Int) -> Int {
                state ^= state << 13
                state ^= state >> 7
                state ^= state << 17
                return Int(state % UInt64(max(1, bound)))
            }
            for round in 0..<20 {
                var data = [UInt8](seed)
                switch round % 4 {
                case 0: data.removeLast(random(data.count))
                case 1: for _ in 0..<(1 + random(20)) { data[random(data.count)] = UInt8(random(256)) }
                case 2: for _ in 0..<(1 + random(4)) { data[random(min(128, data.count))] ^= UInt8(1 << random(8)) }
                default:
                    let start = random(data.count)
                    let piece = Array(data[start..<min(data.count, start + random(4_000))])
                    data.insert(contentsOf: piece, at: random(data.count))
                }
                try Data(data).write(to: URL(fileURLWithPath: path))
                let begun = ContinuousClock.now
                let found = AudioInspection.inspect(path: path)
                // Silence may fill gaps, but not without bound.
                #expect(found.seconds < 400 || !coding.file.hasSuffix("wav"), "round \(round)")
                if found.verdict.isUsable, let stream = try? AudioStream(path: path, rateHz: 16_000, startSeconds: 0.2)
                {
                    _ = try? stream.next(frames: 4_000)
                    let reader = try AudioReader(path: path)
                    _ = try? reader.read(seconds: 0.3..<0.4)
                    _ = try? reader.read(seconds: 0.1..<0.15)
                }
                #expect(begun.duration(to: .now) < .seconds(20), "round \(round)")
            }
        }
    }
}
