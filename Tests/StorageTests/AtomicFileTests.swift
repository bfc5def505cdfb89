import Foundation
import Storage
import TestSupport
import Testing

@Suite struct AtomicFileTests {
    @Test func `The content is replaced and nothing else is left in the folder`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.txt")
            try AtomicFile.write("old", to: url)
            try AtomicFile.write("new", to: url)
            #expect(try String(contentsOf: url, encoding: .utf8) == "new")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.txt"])
        }
    }

    @Test("Stopped at any system call, the file holds the old or the new content", arguments: [false, true])
    func stopEverywhere(tear: Bool) throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.bin")
            let (old, new) = (Data(repeating: 1, count: 3_000), Data(repeating: 2, count: 700_001))
            let counting = FaultPlan(at: .max)
            try AtomicFile.write(new, to: url, fileSystem: FileSystem(faults: counting))
            #expect(counting.steps >= 6)
            var seen: Set<Data> = []
            for step in 0..<counting.steps {
                try AtomicFile.write(old, to: url)
                let fileSystem = FileSystem(faults: FaultPlan(at: step, tear ? .tear : .stop))
                #expect(throws: StorageError.self) { try AtomicFile.write(new, to: url, fileSystem: fileSystem) }
                let found = try Data(contentsOf: url)
                #expect(found == old || found == new, "stopped at step \(step)")
                seen.insert(found)
                try AtomicFile.removeUnfinished(in: folder)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.bin"])
            }
            #expect(seen == [old, new])
        }
    }

    @Test func `A full disk at any system call leaves the old content and no litter, and says so`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.bin")
            for step in 0..<3 {
                try AtomicFile.write("old", to: url)
                let fileSystem = FileSystem(faults: FaultPlan(at: step, .fail(ENOSPC)))
                let error = #expect(throws: StorageError.self) {
                    try AtomicFile.write(Data(count: 100), to: url, fileSystem: fileSystem)
                }
                #expect(error?.code == .diskFull)
                #expect(error?.description.contains("free some space") == true)
                #expect(try String(contentsOf: url, encoding: .utf8) == "old")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a.bin"])
            }
        }
    }

    @Test func `A disk that is really full is reported as such`() throws {
        let writer = try FileWriter(appendingTo: URL(filePath: "/dev/full"))
        try writer.write("x")
        let error = #expect(throws: StorageError.self) { try writer.flush() }
        #expect(error?.code == .diskFull)
    }

    @Test func `An error of the body leaves the old content`() throws {
        struct Broken: Error {}
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.txt")
            try AtomicFile.write("old", to: url)
            #expect(throws: Broken.self) {
                try AtomicFile.write(to: url) { writer in
                    try writer.write("half")
                    throw Broken()
                }
            }
            #expect(try String(contentsOf: url, encoding: .utf8) == "old")
        }
    }

    @Test func `A missing folder is named`() throws {
        let url = URL(filePath: "/nonexistent/folder/a.txt")
        let error = #expect(throws: StorageError.self) { try AtomicFile.write("x", to: url) }
        #expect(error?.code == .notFound)
        #expect(error?.description.contains("/nonexistent/folder") == true)
    }

    @Test func `Pieces of any size arrive in order, counted and summed`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.bin")
            var expected: [UInt8] = []
            let checksum = try AtomicFile.write(to: url) { writer in
                for (index, size) in [1, 0, 262_143, 2, 262_144, 700_000, 5].enumerated() {
                    let piece = [UInt8](repeating: UInt8(index), count: size)
                    expected += piece
                    try writer.write(piece)
                }
                #expect(writer.byteCount == expected.count)
                return writer.checksum
            }
            #expect(try [UInt8](Data(contentsOf: url)) == expected)
            #expect(checksum == CRC32C.of(expected).value)
            #expect(try MappedFile(url).checksum == checksum)
        }
    }

    @Test func `Appending continues a file`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "log")
            for line in ["a\n", "b\n"] {
                let writer = try FileWriter(appendingTo: url)
                try writer.write(line)
                try writer.finish()
            }
            #expect(try String(contentsOf: url, encoding: .utf8) == "a\nb\n")
        }
    }
}
