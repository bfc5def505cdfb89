import Audio
import Foundation
import TestSupport
import Testing

@Suite struct ResamplerTests {
    private func sine(_ frequency: Double, rateHz: Double, frames: Int) -> [Float] {
        (0..<frames).map { Float(0.5 * sin(2 * .pi * frequency * Double($0) / rateHz)) }
    }

    @Test(
        "A sine keeps its phase and level, with errors 90 dB below",
        arguments: [
            (48_000.0, 32_000.0), (44_100, 16_000), (44_100, 32_000), (8_000, 48_000), (384_000, 8_000),
            (2_000, 24_000),
            (44_101, 32_000), (250_000, 312_500),
        ])
    func sineKeepsPhase(from: Double, to: Double) throws {
        let frequency = 0.1 * min(from, to)
        let frames = Int(from)
        let output = try Resampler.resample(sine(frequency, rateHz: from, frames: frames), fromHz: from, toHz: to)
        #expect(output.count == Int((Double(frames) * to / from).rounded()))
        let expected = sine(frequency, rateHz: to, frames: output.count)
        // The filters ring where the sine starts and stops.
        let inner = output.count / 10..<output.count * 9 / 10
        var error = 0.0
        var signal = 0.0
        for index in inner {
            error += pow(Double(output[index] - expected[index]), 2)
            signal += pow(Double(expected[index]), 2)
        }
        #expect(10 * log10(signal / error) > 90)
    }

    @Test func `What lies above the new Nyquist frequency is gone`() throws {
        let tone = sine(11_000, rateHz: 48_000, frames: 48_000)
        let output = try Resampler.resample(tone, fromHz: 48_000, toHz: 16_000)
        #expect(output[2_000..<14_000].map { abs($0) }.max()! < 0.5 * 1e-5)
    }

    @Test func `Block by block gives the same as in one call, and the count is rounded`() throws {
        let song = syntheticSong(frames: 30_011, rateHz: 44_100)
        let whole = try Resampler.resample(song, fromHz: 44_100, toHz: 32_000)
        #expect(whole.count == Resampler.frameCount(30_011, fromHz: 44_100, toHz: 32_000))
        for block in [1_000, 4_096, 7_777] {
            let resampler = try Resampler(fromHz: 44_100, toHz: 32_000)
            var output: [Float] = []
            for start in stride(from: 0, to: song.count, by: block) {
                output += try resampler.process(Array(song[start..<min(song.count, start + block)]))
            }
            try resampler.finish(appendingTo: &output)
            #expect(output == whole)
        }
        for count in [0, 1, 2, 3, 17, 100] {
            let output = try Resampler.resample(Array(song[0..<count]), fromHz: 44_100, toHz: 8_000)
            #expect(output.count == Int((Double(count) * 8_000 / 44_100).rounded()))
        }
    }

    @Test func `It agrees with the soxr resampler of the ffmpeg program`() throws {
        try withTemporaryFolder { folder in
            let song = syntheticSong(frames: 96_000, rateHz: 48_000)
            let path = folder.appending(path: "song.wav").path
            try AudioWriter.write([song], rateHz: 48_000, to: path, as: .wavFloat)
            let raw = folder.appending(path: "raw.f32")
            try runFFmpeg([
                "-i", path, "-af", "aresample=32000:resampler=soxr:precision=20", "-f", "f32le", "-c:a", "pcm_f32le",
                raw.path,
            ])
            let expected = try rawFloats(raw)
            #expect(try Resampler(fromHz: 48_000, toHz: 32_000).engine == .soxr)
            let output = try Resampler.resample(song, fromHz: 48_000, toHz: 32_000)
            #expect(abs(output.count - expected.count) <= 1)
            #expect(zip(output, expected).map { abs($0 - $1) }.max()! < 1e-6)
        }
    }

    @Test(
        "A stream has the same values wherever reading starts",
        arguments: [
            ("s16.wav", 32_000.0), ("a.flac", 16_000), ("variable.mp3", 24_000), ("vorbis.ogg", 48_000),
            ("hydrophone.wav", 24_000), ("ultrasound.wav", 8_000), ("a.flac", 44_100), ("hydrophone.flac", 1_999),
        ])
    func streamIsReproducible(file: String, rateHz: Double) throws {
        try withTemporaryFolder { folder in
            let path = try Coding.all.first { $0.file == file }!.make(in: folder, seconds: 8)
            let stream = try AudioStream(path: path, rateHz: rateHz)
            var whole: [Float] = []
            while let block = try stream.next(frames: 5_000) {
                #expect(block.startFrame == whole.count)
                whole += block.channels[0]
            }
            #expect(abs(Double(whole.count) - 8 * rateHz) < 0.1 * rateHz)
            for start in [0, 1, whole.count / 3, whole.count / 2 + 17, whole.count - 1_000] {
                let block = try stream.read(startFrame: start, frameCount: 900)
                #expect(block.channels[0].count == 900)
                let difference = greatestDifference(block.channels[0], Array(whole[start..<start + 900]))
                #expect(difference < 1e-5, "frame \(start)")
                // The same read again is the same to the bit, also in another reader.
                let again = try AudioStream(path: path, rateHz: rateHz).read(startFrame: start, frameCount: 900)
                #expect(again == block)
            }
            let atSecond = try AudioStream(path: path, rateHz: rateHz, startSeconds: 2)
            #expect(try atSecond.next(frames: 10)?.startFrame == Int(2 * rateHz))
            #expect(try stream.read(startFrame: whole.count + 5, frameCount: 10).frameCount == 0)
            #expect(try stream.read(startFrame: whole.count - 5, frameCount: 10).frameCount == 5, "at the end")
        }
    }

    @Test func `Rates that are no whole hertz are refused in words`() {
        #expect(throws: AudioError.self) { try Resampler(fromHz: 44_100.5, toHz: 16_000) }
        #expect(throws: AudioError.self) { try Resampler(fromHz: 44_100, toHz: 0) }
    }
}
