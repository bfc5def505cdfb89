import Foundation
import Storage
import TestSupport
import Testing

@Suite struct SafetensorsTests {
    @Test func `What is written is read back, by name, type, shape and bytes`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            let summary = try SafetensorsWriter.write(
                sample, metadata: ["format": "1", "text": "a\nb\"\\\u{1}é"], to: url)
            let file = try SafetensorsFile.open(url)
            #expect(Set(file.names) == ["a", "b.weight", "flag", "empty", "half", "é\"x\n"])
            #expect(file.metadata == ["format": "1", "text": "a\nb\"\\\u{1}é"])
            #expect(try file.values("b.weight", as: Float.self) == [0, 1, 2, 3, 4, 5])
            #expect(try file.values("half", as: Float16.self) == [1.5, -2])
            #expect(try file.values("a", as: Int64.self) == [7])
            #expect(try file.values("empty", as: Float.self) == [])
            #expect(file["empty"]?.shape == [0, 4])
            #expect(file["a"]?.shape == [])
            #expect(file["flag"]?.elementType == .bool)
            #expect(file["nothing"] == nil)
            #expect(try summary.checksum == MappedFile(url).checksum)
            #expect(try summary.byteCount == MappedFile(url).byteCount)
        }
    }

    @Test func `The bytes are those of the original implementation`() throws {
        // safetensors 0.8.0 for Python, numpy.save of the same tensors and metadata.
        let header =
            #"{"__metadata__":{"format":"1"},"a":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"#
            + #""b.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},"#
            + #""empty":{"dtype":"F32","shape":[0,4],"data_offsets":[32,32]},"#
            + #""half":{"dtype":"F16","shape":[2],"data_offsets":[32,36]},"#
            + #""é\"x\n":{"dtype":"U8","shape":[2],"data_offsets":[36,38]},"#
            + #""flag":{"dtype":"BOOL","shape":[3],"data_offsets":[38,41]}}"#
        let data: [UInt8] = [
            7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40, 0, 0, 0x80, 0x40, 0,
            0,
            0xA0, 0x40, 0, 0x3E, 0, 0xC0, 1, 2, 1, 0, 1,
        ]
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            try SafetensorsWriter.write(sample.reversed(), metadata: ["format": "1"], to: url)
            #expect(try Data(contentsOf: url) == file(header: header, data: data))
        }
    }

    @Test(
        "Headers that break a rule are refused, naming file and reason",
        arguments: [
            (#"[]"#, 0, "does not start with {"),
            (#" {}"#, 0, "does not start with {"),
            (#"{}"#, 1, "the tensors need 0 bytes, 1 are there"),
            (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 3, "the tensors need 4 bytes, 3 are there"),
            (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "needs 8 bytes"),
            (#"{"a":{"dtype":"F31","shape":[1],"data_offsets":[0,4]}}"#, 4, "F31 is none of BOOL"),
            (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[1,5]}}"#, 5, "a lost piece"),
            (
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
                3,
                "a shared piece"
            ),
            (
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
                3,
                "\"a\" stands there twice"
            ),
            (
                #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"\u0061":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
                3, "\"a\" stands there twice"
            ),
            (#"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1, "dtype stands there twice"),
            (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, 1, "are no range"),
            (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}}"#, 1, "more than 2 numbers"),
            (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1, "are no range"),
            (#"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1, "a whole number"),
            (#"{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}"#, 1, "] is expected"),
            (#"{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}"#, 1, "starts with 0"),
            (
                #"{"a":{"dtype":"F64","shape":[9223372036854775807],"data_offsets":[0,1]}}"#, 1,
                "more elements than can be counted"
            ),
            (#"{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}"#, 1, "above 2^63"),
            (
                #"{"a":{"dtype":"U8","shape":[4294967296,4294967297],"data_offsets":[0,1]}}"#, 1,
                "more elements than can be"
            ),
            (#"{"a":{"dtype":"U8","shape":[1]}}"#, 1, "lacks dtype, shape or data_offsets"),
            (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}"#, 1, "unknown field \"x\""),
            (#"{"__metadata__":{"a":1}}"#, 0, "\" is expected"),
            (#"{"__metadata__":{"a":"1","a":"2"}}"#, 0, "metadata \"a\" stands there twice"),
            (#"{"__metadata__":{},"__metadata__":{}}"#, 0, "__metadata__ stands there twice"),
            (#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},}"#, 1, "\" is expected"),
            (#"{"a\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, 1, "half a surrogate pair"),
            (#"{} x"#, 0, "text after the closing brace"),
            (#"{"#, 0, "\" is expected"),
            (#"{"a"#, 0, "a string does not end"),
        ])
    func refused(header: String, byteCount: Int, reason: String) throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "bad.safetensors")
            try file(header: header, data: [UInt8](repeating: 0, count: byteCount)).write(to: url)
            let error = #expect(throws: StorageError.self) { try SafetensorsFile.open(url) }
            #expect(error?.code == .corrupt)
            let text = try #require(error?.description)
            #expect(text.contains("bad.safetensors") && text.contains(reason), "\(text)")
        }
    }

    @Test func `Too deep a shape and a header of bad UTF-8 are refused`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "bad.safetensors")
            let ones = Array(repeating: "1", count: 65).joined(separator: ",")
            try file(header: #"{"a":{"dtype":"U8","shape":[\#(ones)],"data_offsets":[0,1]}}"#, data: [0]).write(to: url)
            #expect(throws: StorageError.self) { try SafetensorsFile.open(url) }
            var bytes = file(header: #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: [0])
            bytes[10] = 0xFF
            try bytes.write(to: url)
            let error = #expect(throws: StorageError.self) { try SafetensorsFile.open(url) }
            #expect(error?.description.contains("not UTF-8") == true)
        }
    }

    @Test(
        "A lying or missing length of the header is refused",
        arguments: [
            [], [0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D],
            [1, 0xE1, 0xF5, 5, 0, 0, 0, 0, 0x7B, 0x7D], [255, 255, 255, 255, 255, 255, 255, 255, 0x7B, 0x7D],
        ] as [[UInt8]])
    func lyingLength(bytes: [UInt8]) throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "bad.safetensors")
            try Data(bytes).write(to: url)
            let error = #expect(throws: StorageError.self) { try SafetensorsFile.open(url) }
            #expect(error?.code == .corrupt)
        }
    }

    @Test func `An unpadded header and blanks after it are read`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            for blanks in ["", " ", "  \n"] {
                let header = #"{ "a" : { "shape" : [ 2 , 1 ] , "data_offsets":[0,8], "dtype":"F32" } }"# + blanks
                try file(header: header, data: [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]).write(to: url)
                #expect(try SafetensorsFile.open(url).values("a", as: Float.self) == [1, 2])
            }
        }
    }

    @Test func `A file cut anywhere is refused, and one with any bit of its header changed never reaches outside`()
        throws
    {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            try SafetensorsWriter.write(sample, to: url)
            let good = try Data(contentsOf: url)
            for length in 0..<good.count {
                try good.prefix(length).write(to: url)
                #expect(throws: StorageError.self) { try SafetensorsFile.open(url) }
            }
            for bit in 0..<8 * (good.count - 41) {
                var bytes = good
                bytes[bit / 8] ^= 1 << UInt8(bit % 8)
                try bytes.write(to: url)
                guard let file = try? SafetensorsFile.open(url) else { continue }
                for name in file.names {
                    let entry = try #require(file[name])
                    let count = try file.withUnsafeBytes(name) { $0.reduce(0) { count, _ in count + 1 } }
                    #expect(count == entry.byteRange.count)
                }
            }
        }
    }

    @Test func `Asking for a missing tensor or another type names both`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            try SafetensorsWriter.write(sample, to: url)
            let file = try SafetensorsFile.open(url)
            let missing = #expect(throws: StorageError.self) { try file.values("c", as: Float.self) }
            #expect(missing?.description.contains("\"c\"") == true)
            let wrong = #expect(throws: StorageError.self) { try file.values("a", as: Float.self) }
            #expect(wrong?.description.contains("is I64, asked for as F32") == true)
        }
    }

    @Test func `Wrong sizes and doubled names are refused in writing, and the old file stands`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "a.safetensors")
            try SafetensorsWriter.write(sample, to: url)
            let old = try Data(contentsOf: url)
            let one = SafetensorsWriter.Entry("a", [Float(1)], shape: [1])
            for entries in [[SafetensorsWriter.Entry("a", [Float(1)], shape: [2])], [one, one]] {
                let error = #expect(throws: StorageError.self) { try SafetensorsWriter.write(entries, to: url) }
                #expect(error?.description.contains("\"a\"") == true)
            }
            #expect(try Data(contentsOf: url) == old)
        }
    }

    private let sample: [SafetensorsWriter.Entry] = [
        SafetensorsWriter.Entry("flag", .bool, shape: [3]) { take in
            try [UInt8]([1, 0, 1]).withUnsafeBytes { try take($0) }
        },
        SafetensorsWriter.Entry("b.weight", (0..<6).map(Float.init), shape: [2, 3]),
        SafetensorsWriter.Entry("a", [Int64(7)], shape: []),
        SafetensorsWriter.Entry("empty", [Float](), shape: [0, 4]),
        SafetensorsWriter.Entry("half", [Float16(1.5), -2], shape: [2]),
        SafetensorsWriter.Entry("é\"x\n", [UInt8(1), 2], shape: [2]),
    ]

    private func file(header: String, data: [UInt8]) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + data
    }
}
