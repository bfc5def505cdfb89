import Foundation
import PyTorchFiles
import TestSupport
import Testing

/// Files made to deceive: each is refused with a reason, quickly and in little memory.
@Suite struct HostileFileTests {
    private static let floats = [UInt8](repeating: 0, count: 48)

    private static func zip(_ pickle: [UInt8] = PickleBuilder.dictionary([.init("x", key: "0", count: 12)]))
        -> ZipBuilder
    {
        ZipBuilder([("a/data.pkl", pickle), ("a/data/0", floats)])
    }

    private func refusal(_ bytes: [UInt8]) throws -> String {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "file.pt")
            try Data(bytes).write(to: url)
            do {
                let file = try PyTorchFile.open(url)
                for (_, value) in file.root.entries ?? [] {
                    if let tensor = value.tensor { try file.read(tensor) { _ in } }
                }
                return ""
            } catch let error as PyTorchFileError {
                #expect(error.file == url.path)
                return error.problem
            }
        }
    }

    private static let lies: [(String, String, @Sendable (inout ZipBuilder) -> Void)] = [
        (
            "a size that ends behind the file", "behind the end",
            {
                $0.entries[1].size = 99_999; $0.entries[1].packedSize = 99_999
            }
        ),
        ("two sizes", "two sizes", { $0.entries[1].size = 47 }),
        ("a storage that is too short", "need 48", { $0.entries[1] = .init("a/data/0", [1, 2, 3, 4]) }),
        ("no storage", "lacks the storage 0", { $0.entries.removeLast() }),
        ("another name in the header", "does not begin", { $0.entries[1].innerName = "a/data/1" }),
        ("an offset behind the end", "does not begin", { $0.entries[1].offset = 1 << 30 }),
        (
            "overlapping entries", "overlap",
            { zip in
                var inner = ZipBuilder([("a/data/0", HostileFileTests.floats)])
                inner.gap = []
                let header = Array(inner.bytes.prefix(30 + 8 + 48))
                zip.entries[1] = .init("a/b", header)
                var copy = ZipBuilder.Entry("a/data/0", HostileFileTests.floats)
                let offset = 30 + 10 + zip.entries[0].content.count + 30 + 3
                copy.offset = offset
                zip.entries.append(copy)
            }
        ),
        ("two entries of one name", "two zip entries", { $0.entries.append($0.entries[1]) }),
        ("an encrypted entry", "encrypted", { $0.entries[1].flags = 1 }),
        ("an unknown compression", "compressed in way 14", { $0.entries[1].method = 14 }),
        (
            "a deflated entry that cannot be so large", "cannot hold",
            {
                $0.entries[0].method = 8
                $0.entries[0].size = 200_000_000
            }
        ),
        (
            "a deflated entry that is too large", "at most",
            {
                $0.entries[0].method = 8
                $0.entries[0].size = 4_000_000_000
            }
        ),
        ("a deflated entry that is none", "damaged", { $0.entries[0].method = 8 }),
        ("a path out of the folder", "leads out", { $0.entries.append(.init("a/../../etc/passwd", [1])) }),
        ("an absolute path", "leads out", { $0.entries.append(.init("/etc/passwd", [1])) }),
        ("a path of Windows", "leads out", { $0.entries.append(.init("C:\\x", [1])) }),
        ("a control character in a name", "leads out", { $0.entries.append(.init("a/\u{1B}[31m", [1])) }),
        ("no name", "sensible name", { $0.entries.append(.init("", [1])) }),
        ("more entries than there are", "does not lie", { $0.surplusCount = 60_000 }),
        ("one entry more than there are", "does not lie", { $0.surplusCount = 1 }),
        ("big-endian numbers", "big-endian", { $0.entries.append(.init("a/byteorder", Array("big".utf8))) }),
        ("two pickles", "2 data.pkl", { $0.entries.append(.init("b/data.pkl", [1])) }),
        ("no pickle", "0 data.pkl", { $0.entries.removeFirst() }),
        ("a checksum that does not fit", "checksum", { $0.entries[0].checksum = 1 }),
    ]

    @Test("A zip file that lies is refused", arguments: lies.indices)
    func refuseLie(_ index: Int) throws {
        let (what, expected, change) = Self.lies[index]
        var zip = Self.zip()
        #expect(try refusal(zip.bytes) == "")
        change(&zip)
        let said = try refusal(zip.bytes)
        #expect(said.contains(expected), "\(what): \(said)")
    }

    private static let views: [(String, @Sendable (inout PickleBuilder.Tensor) -> Void)] = [
        ("in a storage of 12", { $0.shape = [13] }), ("in a storage of 12", { $0.offset = 1 }),
        ("in a storage of 12", { $0.strides = [2] }), ("negative strides", { $0.strides = [-1] }),
        ("impossible shape", { $0.offset = -1 }), ("impossible shape", { $0.shape = [-1] }),
        ("impossible shape", { $0.strides = [1, 1] }),
        ("impossible shape", { ($0.shape, $0.strides) = ([Int.max, Int.max], [1, 1]) }),
        ("impossible shape", { ($0.shape, $0.strides) = ([2, 2], [Int.max, Int.max]) }),
        (
            "64 dimensions",
            { ($0.shape, $0.strides) = (Array(repeating: 1, count: 65), Array(repeating: 1, count: 65)) }
        ),
        ("repeats the elements", { ($0.shape, $0.strides) = ([1 << 40], [0]) }),
        ("impossible size", { $0.count = -1 }), ("impossible size", { $0.count = 1 << 60 }),
        ("need 9216", { $0.count = 2304 }), ("need 96", { $0.type = "DoubleStorage" }),
        ("tensor of torch.ComplexFloatStorage", { ($0.type, $0.count, $0.shape) = ("ComplexFloatStorage", 6, [6]) }),
        ("no storage of PyTorch", { $0.type = "load" }), ("impossible name", { $0.key = "../data.pkl" }),
        ("impossible name", { $0.key = "" }), ("lacks the storage", { $0.key = "7" }),
    ]

    @Test("A tensor that reaches out of its storage is refused", arguments: views.indices)
    func refuseView(_ index: Int) throws {
        let (expected, change) = Self.views[index]
        var tensor = PickleBuilder.Tensor("x", key: "0", count: 12)
        change(&tensor)
        let said = try refusal(Self.zip(PickleBuilder.dictionary([tensor])).bytes)
        #expect(said.contains(expected), "\(said)")
    }

    @Test func `A storage that is described in two ways is refused`() throws {
        var other = PickleBuilder.Tensor("y", key: "0", count: 24)
        other.type = "HalfStorage"
        let pickle = PickleBuilder.dictionary([.init("x", key: "0", count: 12), other])
        #expect(try refusal(Self.zip(pickle).bytes).contains("two ways"))
    }

    /// A pickle that would run a command when Python loads it.
    @Test func `A call of any function is noted down, and not made`() throws {
        try withTemporaryFolder { folder in
            let witness = folder.appending(path: "witness")
            var pickle = PickleBuilder()
            pickle.step("}")
            pickle.text("model")
            pickle.global("os", "system")
            pickle.text("touch \(witness.path)")
            pickle.bytes.append(0x85)
            pickle.step("R")
            pickle.step("s")
            pickle.step(".")
            let url = folder.appending(path: "file.pt")
            try Data(Self.zip(pickle.bytes).bytes).write(to: url)
            let model = try #require(try PyTorchFile.open(url).root["model"])
            #expect(model.name == "os.system")
            #expect(model.arguments.first?.text?.hasPrefix("touch") == true)
            #expect(!FileManager.default.fileExists(atPath: witness.path))
        }
    }

    private static func pickle(_ build: (inout PickleBuilder) -> Void) -> [UInt8] {
        var pickle = PickleBuilder()
        build(&pickle)
        pickle.step(".")
        return pickle.bytes
    }

    private static let bombs: [(String, String, [UInt8])] = [
        ("four million steps", "steps", pickle { $0.bytes += [UInt8](repeating: UInt8(ascii: "N"), count: 4_000_000) }),
        (
            "a list copied over and over", "steps",
            pickle { pickle in
                pickle.step("]")
                pickle.step("(")
                pickle.bytes += [UInt8](repeating: UInt8(ascii: "N"), count: 100_000)
                pickle.step("e")
                pickle.bytes += [0x85, UInt8(ascii: "q"), 0, UInt8(ascii: "0")]
                pickle.global("builtins", "set")
                pickle.bytes += [UInt8(ascii: "q"), 1]
                for _ in 0..<1_000 { pickle.bytes += Array("h\u{1}h\u{0}R".utf8) }
            }
        ),
        (
            "a text longer than the file", "behind the end",
            pickle { $0.bytes += [0x8D] + ZipBuilder.little(Int.max, 8) }
        ),
        (
            "a text of a negative length", "behind the end",
            pickle { $0.bytes += [UInt8(ascii: "T")] + ZipBuilder.little(-1, 4) }
        ),
        ("a text of an impossible length", "impossible size", pickle { $0.bytes += [0x8D] + ZipBuilder.little(-1, 8) }),
        ("a reference to nothing", "not kept", pickle { $0.bytes += [UInt8(ascii: "j")] + ZipBuilder.little(-1, 4) }),
        ("an empty stack", "more than it has put", pickle { $0.step("R") }),
        ("a mark that is not there", "more than it has put", pickle { $0.step("t") }),
        (
            "a reach below the mark", "more than it has put",
            pickle { $0.bytes += Array("N(0".utf8) + Array("N(a".utf8) }
        ),
        ("a list that is a number", "holds nothing", pickle { $0.bytes += Array("K\u{1}Na".utf8) }),
        ("a key without a value", "without a value", pickle { $0.bytes += Array("}(Nu".utf8) }),
        ("a call of a number", "no class", pickle { $0.bytes += Array("K\u{1})R".utf8) }),
        ("an extension", "which no PyTorch file has", pickle { $0.bytes += [0x82, 1] }),
        ("a buffer outside", "which no PyTorch file has", pickle { $0.bytes += [0x97] }),
        ("a name outside", "outside", pickle { $0.bytes += Array(")Q".utf8) }),
        ("a senseless name", "senseless name", pickle { $0.global("a\u{7}", "b c") }),
        ("a newer protocol", "newer protocol", pickle { $0.bytes += [0x80, 9] }),
        ("a pickle in the middle", "in the middle", pickle { $0.bytes += Array("NN".utf8) }),
        ("something behind the pickle", "more behind", pickle { $0.bytes += Array("N.N".utf8) }),
        ("a file without pickle", "in the middle", []),
    ]

    @Test("A pickle that would break its reader is refused", arguments: bombs.indices)
    func refuseBomb(_ index: Int) throws {
        let (what, expected, pickle) = Self.bombs[index]
        let said = try refusal(Self.zip(pickle).bytes)
        #expect(said.contains(expected), "\(what): \(said)")
    }

    @Test func `A million nested lists and a list that holds itself do no harm`() throws {
        let nested = Self.pickle {
            $0.bytes += [UInt8](repeating: UInt8(ascii: "]"), count: 1_000_000)
            $0.bytes += [UInt8](repeating: UInt8(ascii: "a"), count: 999_999)
        }
        #expect(try refusal(Self.zip(nested).bytes) == "")
        let circle = Self.pickle { $0.bytes += Array("]q\u{0}h\u{0}a".utf8) }
        #expect(try refusal(Self.zip(circle).bytes) == "")
        // Lists of the list before, twice each: 2^60 elements if they were unfolded.
        let laughs = Self.pickle { pickle in
            pickle.step("]")
            for _ in 0..<60 { pickle.bytes += Array("2\u{86}".utf8.filter { $0 != 0xC2 }) }
        }
        #expect(try refusal(Self.zip(laughs).bytes) == "")
    }

    @Test func `A legacy file that lies is refused`() throws {
        let pickle = PickleBuilder.dictionary([.init("x", key: "0", count: 12)])
        func file(_ storages: [(String, Int, [UInt8])], little: Bool = true) -> [UInt8] {
            PickleBuilder.legacyFile(
                pickle, storages: storages.map { (key: $0.0, count: $0.1, content: $0.2) }, isLittleEndian: little)
        }
        let sound = file([("0", 12, Self.floats)])
        #expect(try refusal(sound) == "")
        #expect(try refusal(file([("0", 12, Self.floats)], little: false)).contains("big-endian"))
        #expect(try refusal(file([("0", 11, Self.floats)])).contains("another size"))
        #expect(try refusal(file([("0", 12, Array(Self.floats.dropLast()))])).contains("another size"))
        #expect(try refusal(file([("0", 12, Self.floats + [0])])).contains("more behind"))
        #expect(try refusal(file([("1", 12, Self.floats)])).contains("does not speak of"))
        #expect(try refusal(file([("0", 12, Self.floats), ("0", 12, Self.floats)])).contains("speaks of"))
        for count in 0..<sound.count { #expect(try refusal(Array(sound.prefix(count))) != "", "\(count) bytes") }
        for count in 0..<Self.zip().bytes.count {
            #expect(try refusal(Array(Self.zip().bytes.prefix(count))) != "", "\(count) bytes of a zip file")
        }
        #expect(try refusal(Array("]. this is a text".utf8)).contains("neither"))
        #expect(try refusal(PickleBuilder.dictionary([])).contains("not one that torch.save has written"))
        #expect(try refusal([]).contains("neither"))
    }
}
