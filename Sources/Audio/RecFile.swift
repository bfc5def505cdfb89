// The `.rec` text beside an evsonganaly or EvTAF `.cbin` recording, which has no header of its own.

import Foundation

/// Rate, channels and length of a `.cbin` recording: big-endian 16-bit samples, channels interleaved.
struct RecFile {
    /// Samples per second and channel.
    var rateHz: Int
    /// Interleaved channels; the song is on the first.
    var channelCount: Int
    /// Promised samples per channel, if written down.
    var frameCount: Int?

    /// Reads the sidecar of a `.cbin` file.
    init(cbinPath: String) throws(AudioError) {
        let stem = String(cbinPath.dropLast(5))
        var found: Data?
        for path in [stem + ".rec", stem + ".REC", cbinPath + ".rec"] where found == nil {
            found = FileManager.default.contents(atPath: path)
        }
        guard let data = found else {
            throw .unreadable(path: cbinPath, reason: "its sidecar \(stem).rec, which holds the rate, is missing")
        }
        // The text may hold bytes of any encoding.
        let text = String(decoding: data, as: UTF8.self)
        func number(_ key: String) -> Double? {
            for line in text.split(whereSeparator: \.isNewline) {
                let parts = line.split(separator: "=", maxSplits: 1)
                guard parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces).lowercased() == key else {
                    continue
                }
                let value = parts[1].trimmingCharacters(in: .whitespaces).prefix { "0123456789.eE+-".contains($0) }
                return Double(value)
            }
            return nil
        }
        guard let rate = number("adfreq"), rate >= 1, rate < 1e9 else {
            throw .unreadable(path: cbinPath, reason: "its sidecar \(stem).rec has no usable line `ADFREQ = rate`")
        }
        guard let channels = number("chans"), channels >= 1, channels < 1_000 else {
            throw .unreadable(path: cbinPath, reason: "its sidecar \(stem).rec has no usable line `Chans = count`")
        }
        rateHz = Int(rate.rounded())
        channelCount = Int(channels)
        frameCount = number("samples").flatMap { $0 >= 0 && $0 < 1e15 ? Int($0) : nil }
    }
}
