// Sound files written whole or not at all: beside the target first, then renamed over it.

import Foundation
import Storage

/// Writes short recordings: snippets, playable sound in reports, test signals.
public enum AudioWriter {
    /// How samples are stored.
    public enum Coding: Sendable, Hashable {
        /// WAV, 16-bit integers; samples outside -1...1 are clipped.
        case wav16
        /// WAV, 32-bit floats.
        case wavFloat
        /// FLAC, 16-bit integers.
        case flac
    }

    /// Writes samples by channel (all of the same count, at least one channel) to `path`. The file appears complete or
    /// not at all. Throws `AudioError.notWritten` or `.notEncodable`.
    public static func write(_ channels: [[Float]], rateHz: Double, to path: String, as coding: Coding = .wav16)
        throws(AudioError)
    {
        let bytes: Data
        switch coding {
        case .wav16, .wavFloat: bytes = try encodedWAV(channels, rateHz: rateHz, isFloat: coding == .wavFloat)
        case .flac: bytes = try encodedFLAC(channels, rateHz: rateHz)
        }
        try replaceFile(path, with: bytes)
    }

    /// Samples by channel as a WAV file in memory.
    public static func encodedWAV(_ channels: [[Float]], rateHz: Double, isFloat: Bool = false) throws(AudioError)
        -> Data
    {
        let rate = try checked(channels, rateHz)
        let frames = channels[0].count
        let sampleBytes = isFloat ? 4 : 2
        let dataBytes = frames * channels.count * sampleBytes
        guard dataBytes <= 0xFFFF_FF00 else {
            throw .notEncodable(reason: "\(dataBytes) bytes do not fit into a WAV file; write FLAC or shorter pieces")
        }
        var bytes = Data(capacity: 44 + dataBytes)
        func text(_ value: String) { bytes.append(contentsOf: value.utf8) }
        func number(_ value: Int, _ count: Int) {
            for shift in 0..<count { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
        }
        text("RIFF")
        number(36 + dataBytes, 4)
        text("WAVEfmt ")
        number(16, 4)
        number(isFloat ? 3 : 1, 2)
        number(channels.count, 2)
        number(rate, 4)
        number(rate * channels.count * sampleBytes, 4)
        number(channels.count * sampleBytes, 2)
        number(sampleBytes * 8, 2)
        text("data")
        number(dataBytes, 4)
        let count = channels.count
        if isFloat {
            var samples = [Float](repeating: 0, count: frames * count)
            for (channel, plane) in channels.enumerated() {
                for index in 0..<frames { samples[index * count + channel] = plane[index] }
            }
            samples.withUnsafeBytes { bytes.append(contentsOf: $0) }
        } else {
            interleaved16(channels).withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Samples by channel as a FLAC file in memory, 16 bit: for pages that carry their sound with them.
    public static func encodedFLAC(_ channels: [[Float]], rateHz: Double) throws(AudioError) -> Data {
        let rate = try checked(channels, rateHz)
        return try FLACEncoder.encode(interleaved16(channels), channelCount: channels.count, rateHz: rate)
    }

    /// Interleaved 16-bit integers, rounded and clipped.
    static func interleaved16(_ channels: [[Float]]) -> [Int16] {
        let count = channels.count
        let frames = channels[0].count
        var samples = [Int16](repeating: 0, count: frames * count)
        for (channel, plane) in channels.enumerated() {
            for index in 0..<frames {
                let scaled = (plane[index] * 32_768).rounded()
                samples[index * count + channel] = scaled.isNaN ? 0 : Int16(min(max(scaled, -32_768), 32_767))
            }
        }
        return samples
    }

    private static func checked(_ channels: [[Float]], _ rateHz: Double) throws(AudioError) -> Int {
        guard let first = channels.first, channels.count <= 64, channels.allSatisfy({ $0.count == first.count }) else {
            throw .notEncodable(reason: "1 to 64 channels of equal length are needed, not \(channels.map(\.count))")
        }
        guard rateHz == rateHz.rounded(), rateHz >= 1, rateHz <= 10_000_000 else {
            throw .unusableRate(rateHz: rateHz, reason: "files are written at whole hertz from 1 to 10,000,000")
        }
        return Int(rateHz)
    }

    private static func replaceFile(_ path: String, with bytes: Data) throws(AudioError) {
        do throws(StorageError) {
            try AtomicFile.write(bytes, to: URL(fileURLWithPath: path))
        } catch {
            throw .notWritten(path: path, reason: "\(error)")
        }
    }
}
