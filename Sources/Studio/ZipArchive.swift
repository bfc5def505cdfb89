// Several label files in one download. Label files are small: nothing is compressed (PKWARE APPNOTE 6.3, method 0).
import Foundation

/// A ZIP file that grows in memory.
struct ZipArchive {
    private var content = Data()
    private var directory = Data()
    private var count = 0

    /// Adds a file under a name with forward slashes.
    mutating func add(_ name: String, _ data: Data) {
        let (bytes, checksum, start) = (Data(name.utf8), ZipArchive.crc32(data), content.count)
        var shared = Data()
        // Version 2.0, names in UTF-8, stored; 1 January 1980, so that equal labels give equal archives.
        for value: UInt16 in [20, 0x0800, 0, 0, 0x21] { ZipArchive.append(value, to: &shared) }
        for value in [checksum, UInt32(data.count), UInt32(data.count)] { ZipArchive.append(value, to: &shared) }
        ZipArchive.append(UInt16(bytes.count), to: &shared)
        ZipArchive.append(UInt16(0), to: &shared)
        ZipArchive.append(UInt32(0x0403_4b50), to: &content)
        content += shared + bytes + data
        ZipArchive.append(UInt32(0x0201_4b50), to: &directory)
        ZipArchive.append(UInt16(20), to: &directory)
        directory += shared
        for _ in 0..<3 { ZipArchive.append(UInt16(0), to: &directory) }
        ZipArchive.append(UInt32(0), to: &directory)
        ZipArchive.append(UInt32(start), to: &directory)
        directory += bytes
        count += 1
    }

    /// The whole file.
    var data: Data {
        var end = Data()
        ZipArchive.append(UInt32(0x0605_4b50), to: &end)
        for value in [0, 0, UInt16(count), UInt16(count)] { ZipArchive.append(value, to: &end) }
        ZipArchive.append(UInt32(directory.count), to: &end)
        ZipArchive.append(UInt32(content.count), to: &end)
        ZipArchive.append(UInt16(0), to: &end)
        return content + directory + end
    }

    private static func append(_ value: some FixedWidthInteger, to data: inout Data) {
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }

    private static let table: [UInt32] = (0..<256).map { (index: UInt32) in
        (0..<8).reduce(index) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
    }

    /// The checksum of IEEE 802.3.
    static func crc32(_ data: Data) -> UInt32 {
        ~data.reduce(~UInt32(0)) { table[Int(($0 ^ UInt32($1)) & 0xFF)] ^ $0 >> 8 }
    }
}
