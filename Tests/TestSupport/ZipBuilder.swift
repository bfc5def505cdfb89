/// Builds zip files byte by byte, sound ones and, after a change, others. Entries are stored; checksums are left out.
public struct ZipBuilder {
    /// One entry as it will stand in the file. What a test changes stands there as a lie.
    public struct Entry {
        /// The name.
        public var name: String
        /// The bytes that follow the header.
        public var content: [UInt8]
        /// The size that the directory states.
        public var size: Int
        /// The size of the packed content that the directory states.
        public var packedSize: Int
        /// The way of compression.
        public var method = 0
        /// Flags.
        public var flags = 0
        /// The checksum; 0 for none.
        public var checksum: UInt32 = 0
        /// The name in the header before the content; nil for the same.
        public var innerName: String?
        /// Where the directory says that it begins; nil for the truth.
        public var offset: Int?

        /// A sound entry.
        public init(_ name: String, _ content: [UInt8]) {
            (self.name, self.content, size, packedSize) = (name, content, content.count, content.count)
        }
    }

    /// The entries in their order.
    public var entries: [Entry] = []
    /// Bytes between the last entry and the directory.
    public var gap: [UInt8] = []
    /// How many more entries the end of the file speaks of.
    public var surplusCount = 0

    /// A file with these entries.
    public init(_ entries: [(name: String, content: [UInt8])] = []) {
        self.entries = entries.map { Entry($0.name, $0.content) }
    }

    /// The file.
    public var bytes: [UInt8] {
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for entry in entries {
            let offset = entry.offset ?? file.count
            let inner = Array((entry.innerName ?? entry.name).utf8)
            file += Self.little(0x0403_4B50, 4) + Self.little(20, 2) + Self.little(entry.flags, 2)
            file += Self.little(entry.method, 2) + Self.little(0, 4) + Self.little(Int(entry.checksum), 4)
            file += Self.little(entry.packedSize, 4) + Self.little(entry.size, 4)
            file += Self.little(inner.count, 2) + Self.little(0, 2) + inner + entry.content
            let name = Array(entry.name.utf8)
            directory += Self.little(0x0201_4B50, 4) + Self.little(20, 2) + Self.little(20, 2)
            directory += Self.little(entry.flags, 2) + Self.little(entry.method, 2) + Self.little(0, 4)
            directory += Self.little(Int(entry.checksum), 4) + Self.little(entry.packedSize, 4)
            directory += Self.little(entry.size, 4) + Self.little(name.count, 2) + Self.little(0, 12)
            directory += Self.little(offset, 4) + name
        }
        file += gap
        let start = file.count
        let count = entries.count + surplusCount
        file += directory + Self.little(0x0605_4B50, 4) + Self.little(0, 4)
        file += Self.little(count, 2) + Self.little(count, 2) + Self.little(directory.count, 4)
        return file + Self.little(start, 4) + Self.little(0, 2)
    }

    /// The `count` lowest bytes of a number, lowest first.
    public static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { $0 < 8 ? UInt8(truncatingIfNeeded: value >> (8 * $0)) : 0 }
    }

    /// CRC-32 as zip files have it, bit by bit.
    public static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var crc = UInt32.max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}
