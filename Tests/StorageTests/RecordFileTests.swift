import Foundation
import Storage
import TestSupport
import Testing

@Suite struct RecordFileTests {
    private struct Note: Codable, Equatable {
        var text: String
    }

    private let format = RecordFile<Note>(magic: "TESTNOTE")

    private func append(_ texts: [String], to url: URL) throws {
        let writer = try format.open(url)
        for text in texts { try writer.write(format.bytes(of: Note(text: text))) }
        try writer.finish()
    }

    private func texts(_ url: URL) throws -> [String] {
        var found: [String] = []
        _ = try format.open(url) { found.append($0.text) }
        return found
    }

    @Test func `Records come back in their order, each also by its place`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "journal")
            try append(["one", "two"], to: url)
            try append(["three"], to: url)
            #expect(try texts(url) == ["one", "two", "three"])
            var places: [Range<Int>] = []
            let file = try MappedFile(url)
            #expect(try format.read(file) { range, _ in places.append(range) } == file.byteCount)
            #expect(format.record(file, places[1]) == Note(text: "two"))
            #expect(format.record(file, places[1].lowerBound + 1..<places[1].upperBound) == nil)
        }
    }

    @Test func `A cut at any byte costs the record it goes through, and the next append follows whole ones`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "journal")
            try append(["one", "two"], to: url)
            let whole = try Data(contentsOf: url)
            let first = 8 + (try format.bytes(of: Note(text: "one"))).count
            for length in 0..<whole.count {
                try whole.prefix(length).write(to: url)
                #expect(try texts(url) == (length < first ? [] : ["one"]), "cut after \(length) bytes")
                try append(["new"], to: url)
                #expect(try texts(url) == (length < first ? ["new"] : ["one", "new"]), "cut after \(length) bytes")
            }
        }
    }

    @Test func `A changed byte costs what lies behind it; a file of something else is refused by name`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "journal")
            try append(["one", "two"], to: url)
            var bytes = try Data(contentsOf: url)
            bytes[bytes.count - 2] ^= 1
            try bytes.write(to: url)
            #expect(try texts(url) == ["one"])
            try Data("something else".utf8).write(to: url)
            let error = #expect(throws: StorageError.self) { try texts(url) }
            #expect(error?.code == .invalid && error?.description.contains(url.path) == true)
            #expect(try Data(contentsOf: url) == Data("something else".utf8), "left as it was")
        }
    }
}
