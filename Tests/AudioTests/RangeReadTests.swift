import Audio
import Foundation
import TestSupport
import Testing

/// A coding of the same song, made by the ffmpeg program.
struct Coding: Sendable, CustomTestStringConvertible {
    var file: String
    var arguments: [String] = []
    var rateHz = 44_100
    var channelCount = 2
    var tolerance: Float = 0
    var testDescription: String { file }

    static let all: [Coding] = [
        Coding(file: "s16.wav"), Coding(file: "s24.wav", arguments: ["-c:a", "pcm_s24le"]),
        Coding(file: "s32.wav", arguments: ["-c:a", "pcm_s32le"]),
        Coding(file: "u8.wav", arguments: ["-c:a", "pcm_u8"]),
        Coding(file: "float.wav", arguments: ["-c:a", "pcm_f32le"]),
        Coding(file: "double.wav", arguments: ["-c:a", "pcm_f64le"]),
        Coding(file: "mulaw.wav", arguments: ["-c:a", "pcm_mulaw"], rateHz: 8_000, channelCount: 1),
        Coding(file: "adpcm.wav", arguments: ["-c:a", "adpcm_ima_wav"]),
        Coding(file: "rf64.wav", arguments: ["-rf64", "always"]), Coding(file: "wave64.w64"), Coding(file: "big.aiff"),
        Coding(file: "sun.au"), Coding(file: "core.caf"),
        Coding(file: "ultrasound.wav", rateHz: 384_000, channelCount: 1),
        Coding(file: "hydrophone.wav", rateHz: 2_000, channelCount: 3),
        Coding(file: "a.flac"), Coding(file: "hydrophone.flac", rateHz: 2_000, channelCount: 1),
        Coding(file: "ogg.ogg", arguments: ["-c:a", "flac"]),
        Coding(file: "constant.mp3", arguments: ["-b:a", "128k"]),
        Coding(file: "variable.mp3", arguments: ["-q:a", "4"]),
        Coding(file: "unnamed.mp3", arguments: ["-q:a", "2", "-write_xing", "0"]),
        Coding(file: "low.mp3", arguments: ["-b:a", "32k"], rateHz: 16_000, channelCount: 1),
        Coding(file: "vorbis.ogg", arguments: ["-c:a", "libvorbis"]),
        Coding(file: "opus.opus", arguments: ["-c:a", "libopus", "-b:a", "64k"], rateHz: 48_000, tolerance: 1e-4),
        Coding(file: "aac.m4a", arguments: ["-c:a", "aac"]), Coding(file: "alac.m4a", arguments: ["-c:a", "alac"]),
        Coding(file: "bare.aac", arguments: ["-c:a", "aac"]),
        Coding(file: "windows.wma", arguments: ["-c:a", "wmav2"]),
        Coding(file: "pack.wv", arguments: ["-c:a", "wavpack"]),
    ]

    /// Writes the song in this coding, `seconds` long, and gives its path.
    func make(in folder: URL, seconds: Double) throws -> String {
        let frames = Int(seconds * Double(rateHz))
        let channels = (0..<channelCount).map {
            syntheticSong(frames: frames, rateHz: Double(rateHz), seed: UInt64($0 + 1))
        }
        let plain = folder.appending(path: "source.wav").path
        try AudioWriter.write(channels, rateHz: Double(rateHz), to: plain, as: .wavFloat)
        let path = folder.appending(path: file).path
        let coding = file.hasSuffix("wav") && !arguments.contains("-c:a") ? ["-c:a", "pcm_s16le"] : []
        try runFFmpeg(["-i", plain] + coding + arguments + [path])
        return path
    }
}

@Suite struct RangeReadTests {
    @Test("A range read equals the same slice of the whole decode", arguments: Coding.all)
    func rangesEqualSlices(coding: Coding) throws {
        try withTemporaryFolder { folder in
            let path = try coding.make(in: folder, seconds: 9)
            let whole = try AudioReader(path: path).read(seconds: 0..<1e9)
            #expect(whole.channels.count == coding.channelCount)
            #expect(abs(Double(whole.frameCount) / Double(coding.rateHz) - 9) < 0.1)

            let reader = try AudioReader(path: path)
            #expect(reader.file.rateHz == Double(coding.rateHz))
            let end = Double(whole.frameCount) / reader.file.rateHz
            // Forwards, backwards, near, far, at the borders.
            for (start, length) in [
                (6.1, 0.5), (0.0, 0.3), (7.7, 1.0), (7.71, 0.2), (3.333, 2.0), (0.011, 0.1), (end - 0.3, 5.0),
                (8.1, 0.05),
            ] {
                let block = try reader.read(seconds: start..<start + length)
                let first = Int((start * reader.file.rateHz).rounded())
                let last = min(whole.frameCount, Int(((start + length) * reader.file.rateHz).rounded()))
                #expect(block.startFrame == first)
                #expect(block.frameCount == last - first, "\(start) s")
                for channel in 0..<coding.channelCount where block.frameCount == last - first {
                    let slice = Array(whole.channels[channel][first..<last])
                    let difference = greatestDifference(block.channels[channel], slice)
                    #expect(difference <= coding.tolerance, "channel \(channel) at \(start) s")
                }
            }
            #expect(try reader.read(seconds: 100..<101).frameCount == 0)
        }
    }

    @Test("The whole decode equals that of the ffmpeg program", arguments: Coding.all)
    func wholeEqualsCommandLine(coding: Coding) throws {
        try withTemporaryFolder { folder in
            let path = try coding.make(in: folder, seconds: 3)
            let raw = folder.appending(path: "raw.f32")
            try runFFmpeg(["-i", path, "-f", "f32le", "-c:a", "pcm_f32le", raw.path])
            let expected = try rawFloats(raw)
            let whole = try AudioReader(path: path).read(seconds: 0..<1e9)
            #expect(whole.frameCount == expected.count / coding.channelCount)
            for channel in 0..<coding.channelCount {
                let reference = stride(from: channel, to: expected.count, by: coding.channelCount).map { expected[$0] }
                #expect(whole.channels[channel] == reference)
            }
            let inspection = AudioInspection.inspect(path: path)
            #expect(inspection.verdict == .whole)
            #expect(inspection.frames == whole.frameCount)
            if path.hasSuffix("ogg") || path.hasSuffix("opus") {
                #expect(inspection.promisedSeconds == inspection.seconds)
            }
        }
    }

    @Test func `Channels can be chosen by number, as their mean, or as the loudest`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "three.wav").path
            let channels: [[Float]] = [[0.1, 0.2, -0.3], [0.5, -0.5, 0.25], [0, 0, 0.125]]
            try AudioWriter.write(channels, rateHz: 1_000, to: path, as: .wavFloat)
            func read(_ selection: ChannelSelection) throws -> [[Float]] {
                try AudioReader(path: path, channel: selection).read(seconds: 0..<1).channels
            }
            #expect(try read(.all) == channels)
            #expect(try read(.index(2)) == [channels[2]])
            #expect(try read(.loudest) == [channels[1]])
            let mean = try read(.mean)[0]
            for frame in 0..<3 { #expect(abs(mean[frame] - channels.map { $0[frame] }.reduce(0, +) / 3) < 1e-7) }
            #expect(throws: AudioError.noSuchChannel(path: path, channel: 3, channelCount: 3)) { try read(.index(3)) }
        }
    }

    @Test func `A cbin recording is read through its rec sidecar`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "bird.cbin").path
            var bytes = Data()
            for frame in 0..<500 {
                for value in [Int16(frame * 7), Int16(-frame)] {
                    bytes.append(UInt8(truncatingIfNeeded: value >> 8))
                    bytes.append(UInt8(truncatingIfNeeded: value))
                }
            }
            try bytes.write(to: URL(fileURLWithPath: path))
            #expect(throws: AudioError.self) { try AudioFile(path: path) }
            let sidecar = Data("File created: \u{FC}\nADFREQ =  32000\nSamples =  500\nChans =  2\n".utf8)
            try sidecar.write(to: folder.appending(path: "bird.rec"))
            let reader = try AudioReader(path: path)
            #expect(reader.file.rateHz == 32_000)
            let block = try reader.read(seconds: 0..<1)
            #expect(block.channels[0] == (0..<500).map { Float($0 * 7) / 32_768 })
            #expect(block.channels[1] == (0..<500).map { -Float($0) / 32_768 })
            #expect(AudioInspection.inspect(path: path).verdict == .whole)
            let part = try reader.read(frames: 123..<130)
            #expect(part.channels[0] == (123..<130).map { Float($0 * 7) / 32_768 })
        }
    }

    @Test func `The last minute of a day is read as fast as the first, in the memory of a minute`() throws {
        try withTemporaryFolder { folder in
            // A file of 24 hours that takes no room on the disk: silence, with a song in its last minute.
            let url = folder.appending(path: "day.wav")
            let song = syntheticSong(frames: 16_000, rateHz: 8_000)
            var header = try AudioWriter.encodedWAV([song], rateHz: 8_000)
            let frames = 24 * 3_600 * 8_000
            let songFrame = frames - 30 * 8_000
            withUnsafeBytes(of: UInt32(frames * 2).littleEndian) { header.replaceSubrange(40..<44, with: $0) }
            try header.prefix(44).write(to: url)
            let handle = try FileHandle(forWritingTo: url)
            try handle.truncate(atOffset: UInt64(44 + frames * 2))
            try handle.seek(toOffset: UInt64(44 + songFrame * 2))
            try handle.write(contentsOf: header.dropFirst(44))
            try handle.close()
            let begun = ContinuousClock.now
            let before = peakMemory()
            let start = Double(songFrame) / 8_000
            let block = try AudioReader(path: url.path).read(seconds: start..<start + 2)
            #expect(greatestDifference(block.channels[0], song) <= 0.5 / 32_768 + 1e-9)
            let stream = try AudioStream(path: url.path, rateHz: 24_000, startSeconds: start)
            #expect(try stream.next(frames: 30 * 24_000)?.frameCount == 30 * 24_000)
            #expect(try stream.next(frames: 1) == nil)
            #expect(begun.duration(to: .now) < .seconds(10))
            // All of it as floats would take 2.8 GB; tests beside this one take some hundred megabytes.
            #expect(peakMemory() - before < 1 << 30)
        }
    }

    @Test func `Eight threads read the same file side by side and agree`() throws {
        try withTemporaryFolder { folder in
            let path = try Coding(file: "a.flac").make(in: folder, seconds: 10)
            let whole = try AudioReader(path: path).read(seconds: 0..<1e9)
            let agreements = Mutexed(0)
            DispatchQueue.concurrentPerform(iterations: 8) { index in
                let start = 0.7 * Double(index)
                let block = try? AudioReader(path: path).read(seconds: start..<start + 3)
                let first = Int((start * 44_100).rounded())
                if let block, block.channels[1] == Array(whole.channels[1][first..<first + block.frameCount]),
                    block.frameCount == 132_300
                {
                    agreements.add(1)
                }
            }
            #expect(agreements.value == 8)
        }
    }
}

/// The most memory this process has held, in bytes.
func peakMemory() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
    return (Int(line.filter(\.isNumber)) ?? 0) << 10
}

/// A counter that threads share.
final class Mutexed: @unchecked Sendable {
    private let lock = NSLock()
    private var count: Int
    init(_ count: Int) { self.count = count }
    func add(_ amount: Int) { lock.withLock { count += amount } }
    var value: Int { lock.withLock { count } }
}
