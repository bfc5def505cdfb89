import Audio
import Foundation
import TestSupport
import Testing

@Suite struct WriterTests {
    @Test("What is written is read back", arguments: [AudioWriter.Coding.wav16, .wavFloat, .flac], [8_000.0, 250_000])
    func roundTrip(coding: AudioWriter.Coding, rateHz: Double) throws {
        try withTemporaryFolder { folder in
            let channels = [1, 2].map { syntheticSong(frames: 10_001, rateHz: rateHz, seed: $0) }
            let path = folder.appending(path: "out.sound").path
            try AudioWriter.write(channels, rateHz: rateHz, to: path, as: coding)
            let reader = try AudioReader(path: path)
            #expect(reader.file.rateHz == rateHz)
            let read = try reader.read(seconds: 0..<10)
            #expect(read.frameCount == 10_001)
            for channel in 0..<2 {
                let difference = greatestDifference(read.channels[channel], channels[channel])
                #expect(difference <= (coding == .wavFloat ? 0 : 0.5 / 32_768 + 1e-9))
            }
            #expect(AudioInspection.inspect(path: path).verdict == .whole)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["out.sound"])
        }
    }

    @Test func `Samples beyond full scale are clipped and NaN becomes 0`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "clipped.wav").path
            try AudioWriter.write([[2, -2, .nan, 0.5]], rateHz: 1_000, to: path)
            let read = try AudioReader(path: path).read(seconds: 0..<1).channels[0]
            #expect(read == [32_767.0 / 32_768, -1, 0, 0.5])
        }
    }

    @Test func `A file that cannot be written is an error and leaves nothing behind`() throws {
        try withTemporaryFolder { folder in
            let path = folder.appending(path: "no/such/folder.wav").path
            #expect(throws: AudioError.self) { try AudioWriter.write([[0]], rateHz: 8_000, to: path) }
            #expect(throws: AudioError.self) { try AudioWriter.write([[0], [0, 1]], rateHz: 8_000, to: path) }
            #expect(throws: AudioError.self) { try AudioWriter.encodedFLAC([[0]], rateHz: 1_000_001) }
            let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(left.isEmpty)
        }
    }

    @Test func `A picture decodes to the same pixels`() throws {
        try withTemporaryFolder { folder in
            let pixels = (0..<37 * 23 * 3).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            let url = folder.appending(path: "picture.png")
            try PNGImage.encode(width: 37, height: 23, rgb: pixels).write(to: url)
            let raw = folder.appending(path: "pixels.rgb")
            try runFFmpeg(["-i", url.path, "-f", "rawvideo", "-pix_fmt", "rgb24", raw.path])
            let decoded = try [UInt8](Data(contentsOf: raw))
            #expect(decoded == pixels)
            #expect(throws: AudioError.self) { _ = try PNGImage.encode(width: 2, height: 2, rgb: [0]) }
        }
    }
}
