import Foundation
import Storage
import TestSupport
import Testing

/// What the library writes and what is read here, held against each other.
@Suite struct HDF5FileTests {
    static func written() throws -> [UInt8] {
        let writer = try HDF5Writer(path: "test.h5")
        try writer.add("reals", [0.1, -2, .infinity, 1e300])
        try writer.add("integers", [Int64.min / 4, -1, 0, 1 << 40])
        try writer.add("texts", ["cc", "", "Müller 雀", String(repeating: "long ", count: 200)])
        try writer.add("none", [Double]())
        try writer.add("single", [1.5, -0.25] as [Float], shape: [2])
        return try writer.finish()
    }

    @Test func `Numbers and texts come back as they were written`() throws {
        let file = try HDF5File(path: "test.h5", bytes: try Self.written())
        #expect(file.names == ["integers", "none", "reals", "single", "texts"])
        #expect(try file.values("reals") == .numbers([0.1, -2, .infinity, 1e300]))
        #expect(try file.values("integers") == .numbers([Double(Int64.min / 4), -1, 0, Double(1 << 40)]))
        #expect(try file.values("texts") == .texts(["cc", "", "Müller 雀", String(repeating: "long ", count: 200)]))
        #expect(try file.values("none") == .numbers([]))
        #expect(try file.values("single") == .numbers([1.5, -0.25]))
        #expect(try file.values("missing") == nil)
    }

    @Test func `The same content gives the same bytes, from several threads at once`() throws {
        let first = try Self.written()
        let all = Mutexed<[[UInt8]]>([])
        DispatchQueue.concurrentPerform(iterations: 16) { _ in
            if let bytes = try? Self.written() { all.append(bytes) }
        }
        #expect(all.value.count == 16)
        #expect(all.value.allSatisfy { $0 == first })
    }

    @Test func `Rows that come in pieces lie on the disk as one data set, and a writer that stops leaves nothing`()
        throws
    {
        try withTemporaryFolder { folder in
            let values = (0..<600).map { Float($0) * 0.25 - 7 }
            struct Stopped: Error {}
            func write(_ name: String, pieces: [Int], stops: Bool = false) throws -> [UInt8] {
                let url = folder.appending(path: name)
                try AtomicFile.create(at: url) { temporary in
                    let writer = try HDF5Writer(creating: temporary)
                    try writer.add("rows", rows: 200, width: 3) { take in
                        try values.withUnsafeBytes { bytes in
                            var first = 0
                            for count in pieces {
                                try take(UnsafeRawBufferPointer(rebasing: bytes[first * 12..<(first + count) * 12]))
                                first += count
                                if stops { throw Stopped() }
                            }
                        }
                    }
                    try writer.add("none", rows: 0, width: 3) { _ in }
                    try writer.add("names", ["a", "b"])
                    try writer.close()
                }
                return Array(try Data(contentsOf: url))
            }
            let bytes = try write("a.h5", pieces: [200])
            let file = try HDF5File(path: "a.h5", bytes: bytes)
            #expect(file.names == ["names", "none", "rows"])
            #expect(Data(bytes).range(of: values.withUnsafeBytes { Data($0) }) != nil)
            #expect(try file.values("names") == .texts(["a", "b"]))
            #expect(try write("b.h5", pieces: [1, 150, 0, 49]) == bytes)
            #expect(throws: Stopped.self) { try write("a.h5", pieces: [1, 199], stops: true) }
            #expect(throws: Stopped.self) { try write("c.h5", pieces: [1, 199], stops: true) }
            #expect(Array(try Data(contentsOf: folder.appending(path: "a.h5"))) == bytes)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == ["a.h5", "b.h5"])
            #expect(throws: StorageError.self) {
                try HDF5Writer(creating: folder.appending(path: "nowhere/a.h5"))
            }
        }
    }

    @Test func `A name that is used twice is refused`() throws {
        let writer = try HDF5Writer(path: "twice.h5")
        try writer.add("a/b", [1.0])
        #expect(throws: StorageError.self) { try writer.add("a/b", [2.0]) }
    }

    @Test func `Anything but HDF5 is refused with a reason`() throws {
        for bytes in [[], [0x89], HDF5File.signature, Array("RIFF".utf8), [UInt8](repeating: 0xFF, count: 5_000)] {
            #expect(throws: StorageError.self) { try HDF5File(path: "x.h5", bytes: bytes) }
        }
    }
}

private final class Mutexed<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private var content: Value
    init(_ value: Value) { content = value }
    var value: Value { lock.withLock { content } }
}

extension Mutexed where Value == [[UInt8]] {
    fileprivate func append(_ bytes: [UInt8]) { lock.withLock { content.append(bytes) } }
}
