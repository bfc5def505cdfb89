import Foundation
import Storage
import TestSupport
import Testing

@Suite struct MappedFileTests {
    /// How much of a mapped file is in the memory of this process.
    private func residentBytes(of url: URL) throws -> Int {
        // Read to its end: a file of the kernel's does not tell its size.
        let data = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/smaps")).readToEnd() ?? Data()
        let maps = String(decoding: data, as: UTF8.self).split(separator: "\n")
        let start = try #require(maps.firstIndex { $0.hasSuffix(url.lastPathComponent) })
        let line = try #require(maps[start...].first { $0.hasPrefix("Rss:") })
        return try #require(Int(line.filter(\.isNumber))) << 10
    }

    @Test func `Memory that is let go of is given back, and its bytes are read again`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "mapped-\(UUID().uuidString)")
            try Data(repeating: 7, count: 4_000_000).write(to: url)
            let file = try MappedFile(url)
            let checksum = file.checksum
            #expect(try residentBytes(of: url) >= file.byteCount)
            file.release(5_000..<file.byteCount)
            #expect(try residentBytes(of: url) <= 8_192)
            #expect(file.checksum == checksum)
            // Ranges that are not there are left alone.
            file.release(0..<file.byteCount + 1)
            file.release(100..<200)
            #expect(file.checksum == checksum)
        }
    }
}
