import CMatio
import Foundation
import Labels
import TestSupport
import Testing

@Suite struct EvsonganalyNotesTests {
    /// Writes a note file the way MATLAB does: numbers in the smallest type that holds them.
    static func makeNotes(
        at url: URL, labels: String, onsets: [UInt16], offsets: [Double], compression: matio_compression
    ) throws {
        let mat = try #require(Mat_CreateVer(url.path, "MATLAB 5.0 MAT-file, test", MAT_FT_MAT5))
        defer { Mat_Close(mat) }
        func add<Value: BitwiseCopyable>(
            _ name: String, _ type: matio_classes, _ data: matio_types, _ values: [Value], row: Bool = false
        ) {
            var values = values
            var dimensions = row ? [1, values.count] : [values.count, 1]
            let variable = Mat_VarCreate(name, type, data, 2, &dimensions, &values, 0)
            Mat_VarWrite(mat, variable, compression)
            Mat_VarFree(variable)
        }
        add("Fs", MAT_C_UINT16, MAT_T_UINT16, [UInt16(32_000)])
        add("fname", MAT_C_CHAR, MAT_T_UINT8, Array("C:\\songs\\bird.cbin".utf8), row: true)
        add("labels", MAT_C_CHAR, MAT_T_UINT8, Array(labels.utf8), row: true)
        add("onsets", MAT_C_UINT16, MAT_T_UINT16, onsets)
        add("offsets", MAT_C_DOUBLE, MAT_T_DOUBLE, offsets)
        add("min_int", MAT_C_UINT8, MAT_T_UINT8, [UInt8(2)])
        add("threshold", MAT_C_DOUBLE, MAT_T_DOUBLE, [1234.5])
    }

    @Test(arguments: [MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB])
    func `labels are characters, times milliseconds, and small integer types are numbers`(
        compression: matio_compression
    ) throws {
        let table = try withTemporaryFolder { folder in
            let url = folder.appending(path: "bird.cbin.not.mat")
            try Self.makeNotes(
                at: url, labels: "ia-1", onsets: [10, 300, 500, 65_000], offsets: [50.25, 400, 600, 65_100.5],
                compression: compression)
            return try LabelFile.read(url)
        }
        #expect(table.recordings == ["bird.cbin"])
        #expect(table.events.map(\.label) == ["i", "a", "-", "1"])
        #expect(table.events.map(\.startSeconds) == [0.01, 0.3, 0.5, 65])
        #expect(table.events.map(\.endSeconds) == [0.05025, 0.4, 0.6, 65.1005])
        #expect(table.properties["Fs"] == "32000")
        #expect(table.properties["threshold"] == "1234.5")
    }

    @Test func `a count that does not fit is refused`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "bird.cbin.not.mat")
            try Self.makeNotes(
                at: url, labels: "abc", onsets: [10, 300], offsets: [50, 400], compression: MAT_COMPRESSION_NONE)
            let error = labelError { _ = try LabelFile.read(url) }
            #expect(error?.value == "3 labels, 2 onsets, 2 offsets")
        }
    }

    @Test func `written notes read back the same, settings included`() throws {
        let events = ["i", "é", "-"].enumerated().map { index, label in
            Event(
                recording: "b.cbin", startSeconds: Double(index) + 0.123, endSeconds: Double(index) + 0.5, label: label)
        }
        let (_, table) = try writtenAndRead(
            events, .evsonganaly, writing: .init(properties: ["Fs": "32000", "min_dur": "17"]))
        #expect(table.events.map(\.label) == events.map(\.label))
        #expect(zip(table.events, events).allSatisfy { abs($0.startSeconds - $1.startSeconds) < 1e-12 })
        #expect(table.properties["min_dur"] == "17")
        let (_, empty) = try writtenAndRead(
            [], .evsonganaly, recordings: ["q.cbin"], writing: .init(properties: ["Fs": "32000"]))
        #expect(empty.recordings == ["q.cbin"])
        #expect(empty.events.isEmpty)
    }

    @Test func `matio reads what was written`() throws {
        let events = ["i", "é"].enumerated().map { index, label in
            Event(recording: "b.cbin", startSeconds: Double(index), endSeconds: Double(index) + 0.5, label: label)
        }
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "b.cbin.not.mat")
            try LabelFile.write(events, format: .evsonganaly, to: url, options: .init(properties: ["Fs": "32000"]))
            let mat = try #require(Mat_Open(url.path, Int32(MAT_ACC_RDONLY.rawValue)))
            defer { Mat_Close(mat) }
            let offsets = try #require(Mat_VarRead(mat, "offsets"))
            defer { Mat_VarFree(offsets) }
            #expect(offsets.pointee.class_type == MAT_C_DOUBLE)
            #expect(offsets.pointee.dims[0] == 2 && offsets.pointee.dims[1] == 1)
            let values = offsets.pointee.data.assumingMemoryBound(to: Double.self)
            #expect([values[0], values[1]] == [500, 1500])
            let labels = try #require(Mat_VarRead(mat, "labels"))
            defer { Mat_VarFree(labels) }
            #expect(labels.pointee.class_type == MAT_C_CHAR)
            #expect(labels.pointee.dims[0] == 1 && labels.pointee.dims[1] == 2)
        }
    }

    @Test func `labels of several characters cannot be written`() throws {
        let event = Event(recording: "b.cbin", startSeconds: 0, endSeconds: 1, label: "ab")
        #expect(labelError { _ = try writtenAndRead([event], .evsonganaly) }?.value == "ab")
    }

    @Test func `a damaged note file is an error, never a crash`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "bird.cbin.not.mat")
            for compression in [MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB] {
                try Self.makeNotes(
                    at: url, labels: "iab", onsets: [10, 300, 500], offsets: [50, 400, 600], compression: compression)
                let whole = try Data(contentsOf: url)
                let events = try LabelFile.read(url).events
                for length in stride(from: 0, to: whole.count, by: 7) {
                    try whole.prefix(length).write(to: url)
                    // The settings at the end may be missing; labels and times are there whole or the file is refused.
                    let table = try? LabelFile.read(url)
                    #expect(table == nil || table?.events == events, "cut to \(length) of \(whole.count)")
                }
                for position in stride(from: 0, to: whole.count, by: 3) {
                    for flip: UInt8 in [0x01, 0x80, 0xFF] {
                        var damaged = whole
                        damaged[position] ^= flip
                        try damaged.write(to: url)
                        _ = labelError { _ = try LabelFile.read(url) }
                    }
                }
            }
        }
    }
}
