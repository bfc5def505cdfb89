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

/// 32-bit little-endian floats of a file, as `ffmpeg -f f32le` writes them.
public func rawFloats(_ url: URL) throws -> [Float] {
    let data = try Data(contentsOf: url)
    return [Float](unsafeUninitializedCapacity: data.count / 4) { buffer, count in
        count = data.copyBytes(to: UnsafeMutableRawBufferPointer(buffer)) / 4
    }
}
