import Foundation
import Storage
import TestSupport
import Testing
import Training

@Suite struct MetricsLogTests {
    @Test func `Lines are JSON objects with the step first`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "metrics.jsonl")
            let log = try MetricsLog(url, resumingAfter: -1)
            try log.write(step: 0, ["loss": 0.25, "a/b": .nan], texts: ["phase": "train \"x\""])
            try log.write(step: 1, ["loss": 1e-7])
            let expected = """
                {"step":0,"a/b":null,"loss":0.25,"phase":"train \\"x\\""}
                {"step":1,"loss":1e-07}

                """
            #expect(try String(contentsOf: url, encoding: .utf8) == expected)
        }
    }

    @Test func `On resume later lines and a broken last one go, the rest stays byte for byte`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "metrics.jsonl")
            let first = "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n"
            try Data((first + "{\"step\":3,\"loss\":1}\n{\"step\":2,\"lo").utf8).write(to: url)
            let log = try MetricsLog(url, resumingAfter: 2)
            try log.write(step: 3, ["loss": 0.5])
            #expect(try String(contentsOf: url, encoding: .utf8) == first + "{\"step\":3,\"loss\":0.5}\n")
            _ = try MetricsLog(url, resumingAfter: -1)
            #expect(try Data(contentsOf: url).isEmpty)
        }
    }
}

@Suite struct EventFileTests {
    @Test func `The bytes are those that TensorBoard's own writer makes`() throws {
        try withTemporaryFolder { folder in
            let time = Date(timeIntervalSince1970: 1_700_000_000.5)
            let file = try EventFile(in: folder, time: time)
            try file.write(step: 300, scalars: ["train/loss": 0.5], time: time)
            try file.flush()
            // Made by TensorBoard 2.21: tensorboard.summary.writer.record_writer of the two Event messages.
            let expected =
                "1800000000000000a37f4b220900002040fc54d9411a0d627261696e2e4576656e743a322b3531102100000000000000017becf60900002040fc54d94110ac022a130a110a0a747261696e2f6c6f7373150000003f3d90db3a"
            #expect(try Data(contentsOf: file.url).map { String(format: "%02x", $0) }.joined() == expected)
        }
    }

    @Test func `Every record carries its length and both masked checksums`() throws {
        try withTemporaryFolder { folder in
            let file = try EventFile(in: folder, firstStep: 7)
            for step in 7..<10 { try file.write(step: step, scalars: ["loss": 1 / Double(step), "rate": 0.1]) }
            try file.write(step: 9, name: "mask", png: Data([1, 2, 3]), width: 2, height: 1)
            try file.flush()
            var rest = try [UInt8](Data(contentsOf: file.url))[...]
            var count = 0
            while !rest.isEmpty {
                let length = Array(rest.prefix(8))
                let size = length.reversed().reduce(0) { $0 << 8 | Int($1) }
                let data = Array(rest.dropFirst(12).prefix(size))
                #expect(
                    rest.dropFirst(8).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
                        == CRC32C.of(length).masked)
                #expect(
                    rest.dropFirst(12 + size).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
                        == CRC32C.of(data).masked)
                rest = rest.dropFirst(16 + size)
                count += 1
            }
            // Version, start of the session, three steps, one picture.
            #expect(count == 6)
        }
    }

    @Test func `A file of a resumed run sorts after the older ones even within a second`() throws {
        try withTemporaryFolder { folder in
            let urls = try (0..<3).map { _ in try EventFile(in: folder).url.lastPathComponent }
            #expect(urls == urls.sorted())
            #expect(Set(urls).count == 3)
        }
    }
}
