import Atlas
import Audio
import Foundation
import Glibc
import TestSupport
import Testing

@Suite struct `The command studio` {
    private func atlas(in folder: URL, count: Int) throws -> URL {
        let path = folder.appending(path: "noise.wav").path
        try AudioWriter.write([syntheticSong(frames: 16_000, rateHz: 16_000)], rateHz: 16_000, to: path)
        let atlas = folder.appending(path: "atlas")
        let writer = try AtlasWriter(
            .open(atlas, makingFor: .init(model: "m", fingerprint: "1", dimension: 2, unit: .events)))
        let begun = try writer.begin(RecordingVersion(name: "noise.wav", path: path))!
        let places = (0..<count).map { _ in SoundPlace(startSeconds: 0, endSeconds: 0.5) }
        try writer.add(places, vectors: [Float](repeating: 1, count: 2 * count), recording: begun.id)
        try writer.finish(begun.id, seconds: 1, rateHz: 16_000)
        try writer.commit()
        return atlas
    }

    /// Starts the program; its address and key.
    private func start(_ atlas: URL) throws -> (program: RunningProgram, port: UInt16, token: String) {
        let program = try RunningProgram(["studio", "--atlas", atlas.path, "--threads", "1"])
        var address: URLComponents?
        _ = try program.wait {
            guard let line = program.output.split(separator: "\n").first, program.output.contains("Ctrl-C") else {
                return false
            }
            address = URLComponents(string: String(line.dropFirst("Studio: ".count)))
            return true
        }
        let token = address?.queryItems?.first { $0.name == "token" }?.value
        return (program, UInt16(try #require(address?.port, "\(program.errors)")), try #require(token))
    }

    /// Sends a label and returns whether it was confirmed before the connection broke. `meanwhile` happens when the label is
    /// sent and nothing is read yet.
    private static func label(
        _ id: Int, as name: String, port: UInt16, token: String, meanwhile: () -> Void = {}
    ) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        (address.sin_family, address.sin_port) = (sa_family_t(AF_INET), port.bigEndian)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return false }
        let body = "{\"ids\":[\(id)],\"label\":\"\(name)\"}"
        let request =
            "POST /api/label HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nAuthorization: Bearer \(token)\r\n"
            + "Connection: close\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) == request.utf8.count else {
            return false
        }
        meanwhile()
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 && String(decoding: buffer[..<count], as: UTF8.self).hasPrefix("HTTP/1.1 200")
    }

    @Test func `No label that was confirmed is lost when the studio is killed while labelling`() throws {
        try withTemporaryFolder { folder in
            let atlas = try atlas(in: folder, count: 100)
            var confirmed: [Int: String] = [:]
            var next = 0
            for round in 0..<6 {
                let (program, port, token) = try start(atlas)
                for place in 0...4 + round {
                    // The last one is killed while it is at work, each time a little later.
                    let isConfirmed = Self.label(next, as: "round \(round)", port: port, token: token) {
                        guard place == 4 + round else { return }
                        usleep(useconds_t(400 * round))
                        program.send(SIGKILL)
                    }
                    if isConfirmed { confirmed[next] = "round \(round)" }
                    next += 1
                }
                #expect(try program.wait() == .signal(SIGKILL))
                // The last request was broken off: it may be there or not, but what was confirmed is.
                let labels = try Atlas.open(atlas).labelsOfSounds()
                for (id, name) in confirmed { #expect(labels[id] == [name]) }
                #expect(labels.count - confirmed.count <= round + 1)
            }
            // Five to ten in a round, of which the last may not have been confirmed.
            #expect(confirmed.count >= 45 - 6)
        }
    }

    @Test func `A gentle end is an end, and mistakes are told in a line`() throws {
        try withTemporaryFolder { folder in
            let atlas = try atlas(in: folder, count: 3)
            let (program, port, _) = try start(atlas)
            let same = try Program.run(["studio", "--atlas", atlas.path])
            #expect(
                same.ending == .status(1) && same.errorLines.count == 1 && same.errors.contains("in use by process"))
            let other = folder.appending(path: "other")
            try FileManager.default.copyItem(at: atlas, to: other)
            let second = try Program.run(["studio", "--atlas", other.path, "--port", "\(port)"])
            #expect(second.ending == .status(1) && second.errors.contains("Port \(port) is taken"))
            program.send(SIGINT)
            #expect(try program.wait() == .status(0))
            #expect(program.output.contains("all labels are in"))
            let missing = try Program.run(["studio", "--atlas", folder.appending(path: "nothing").path])
            #expect(missing.ending == .status(1) && missing.errorLines.count == 1 && missing.errors.contains("embed"))
            let wrong = try Program.run(["studio", "--atlas", atlas.path, "--corpus", folder.path])
            #expect(wrong.ending != .status(0) && wrong.errors.contains("there is no corpus"))
        }
    }
}
