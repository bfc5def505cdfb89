import Foundation

/// Runs the `ffmpeg` command line program quietly; a failure is thrown with what it said.
public func runFFmpeg(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y"] + arguments
    let pipe = Pipe()
    process.standardError = pipe
    try process.run()
    let said = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        throw FFmpegFailure(description: "ffmpeg \(arguments): \(String(decoding: said, as: UTF8.self))")
    }
}

/// What the `ffmpeg` program said when it failed.
public struct FFmpegFailure: Error, CustomStringConvertible {
    /// The arguments and the message.
    public let description: String
}

/// A signal with energy at many frequencies that never repeats: a sweep, a beating pair of tones and soft noise.
public func syntheticSong(frames: Int, rateHz: Double, seed: UInt64 = 1) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<frames).map { frame in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        let noise = Double(Int64(bitPattern: state) >> 11) * 0x1p-53
        let second = Double(frame) / rateHz
        let sweep = sin(2 * .pi * (0.02 + 0.01 * second) * rateHz * second)
        let tones = sin(2 * .pi * 0.05 * rateHz * second) + sin(2 * .pi * 0.0531 * rateHz * second + Double(seed))
        return Float(0.3 * sweep + 0.15 * tones + 0.05 * noise)
    }
}

/// 32-bit little-endian floats of a file, as `ffmpeg -f f32le` writes them.
public func rawFloats(_ url: URL) throws -> [Float] {
    let data = try Data(contentsOf: url)
    return [Float](unsafeUninitializedCapacity: data.count / 4) { buffer, count in
        count = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
    }
}
