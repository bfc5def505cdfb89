// The chunks of a RIFF, RF64 or BW64 file, walked without trusting any size in it.

import Foundation

/// The chunk list of a WAV file.
struct RIFFChunks {
    /// One chunk: its four-character name, where its content starts, and how long the header says it is.
    struct Chunk {
        var name: String
        var bodyOffset: Int
        var declaredBytes: Int
    }

    /// The chunks in file order, up to the first place that is no chunk.
    private(set) var chunks: [Chunk] = []
    /// The size of the whole file in bytes.
    let fileBytes: Int
    /// Whether the sizes are 64-bit ones from a `ds64` chunk.
    let isRF64: Bool
    private let descriptor: Int32

    /// Walks the chunks behind an open descriptor; nil when the file does not start like a WAV file.
    init?(descriptor: Int32, fileBytes: Int) {
        self.descriptor = descriptor
        self.fileBytes = fileBytes
        let head = Self.bytes(descriptor, 0, 12)
        guard head.count == 12, Self.name(head, 8) == "WAVE" else { return nil }
        switch Self.name(head, 0) {
        case "RIFF": isRF64 = false
        case "RF64", "BW64": isRF64 = true
        default: return nil
        }
        chunks = walk(from: 12).chunks
    }

    /// The content of the first chunk of that name, at most `limit` bytes of what is really there.
    func body(_ name: String, limit: Int = 1 << 20) -> [UInt8]? {
        guard let chunk = chunks.first(where: { $0.name == name }) else { return nil }
        return Self.bytes(descriptor, chunk.bodyOffset, min(limit, chunk.declaredBytes))
    }

    /// Whether a list of chunks starts at `offset` and ends exactly with the file.
    func isChunkList(at offset: Int) -> Bool {
        let (found, end) = walk(from: offset)
        return !found.isEmpty && (end == fileBytes || end == fileBytes + 1)
    }

    /// Where the metadata chunks at the end of the file start, for a file whose data size is wrong.
    func trailingChunksStart(after offset: Int) -> Int? {
        let windowStart = max(offset, fileBytes - 65_536)
        let tail = Self.bytes(descriptor, windowStart, fileBytes - windowStart)
        guard tail.count >= 8 else { return nil }
        var code = UInt32(tail[0]) << 16 | UInt32(tail[1]) << 8 | UInt32(tail[2])
        return tail.withUnsafeBufferPointer { tail in
            for start in 0...(tail.count - 8) {
                code = code << 8 | UInt32(tail[start + 3])
                if Self.isTrailingCode(code), isChunkList(at: windowStart + start) { return windowStart + start }
            }
            return nil
        }
    }

    private static func isTrailingCode(_ code: UInt32) -> Bool {
        switch code {
        // guan, wamd, LIST, bext, iXML, cue, id3, ID3, fact, _PMX, smpl, afsp
        case 0x6775_616E, 0x7761_6D64, 0x4C49_5354, 0x6265_7874, 0x6958_4D4C, 0x6375_6520, 0x6964_3320, 0x4944_3320,
            0x6661_6374, 0x5F50_4D58, 0x736D_706C, 0x6166_7370:
            true
        default: false
        }
    }

    private func walk(from start: Int) -> (chunks: [Chunk], end: Int) {
        var found: [Chunk] = []
        var offset = start
        var dataBytes64: Int?
        while offset + 8 <= fileBytes, found.count < 1_000 {
            let header = Self.bytes(descriptor, offset, 8)
            guard header.count == 8, Self.isPlausibleName(header) else { break }
            let name = Self.name(header, 0)
            var size = Self.littleEndian(header, 4, 4)
            if name == "ds64" {
                let body = Self.bytes(descriptor, offset + 8, 16)
                if body.count == 16 { dataBytes64 = Self.littleEndian(body, 8, 8) }
            }
            if name == "data", isRF64, size == 0xFFFF_FFFF, let dataBytes64, dataBytes64 >= 0 { size = dataBytes64 }
            found.append(Chunk(name: name, bodyOffset: offset + 8, declaredBytes: size))
            guard size <= fileBytes - offset - 8 else { return (found, offset + 8 + min(size, 1 << 62)) }
            offset += 8 + size
            if size % 2 == 1, offset < fileBytes {
                // Some recorders leave out the pad byte: believe the place where a chunk name stands.
                let next = Self.bytes(descriptor, offset, 8)
                if !(next.count == 8 && next[0] != 0 && Self.isPlausibleName(next)) { offset += 1 }
            }
        }
        return (found, offset)
    }

    private static func isPlausibleName(_ bytes: [UInt8]) -> Bool {
        bytes.prefix(4).allSatisfy { $0 >= 0x20 && $0 < 0x7F }
    }

    static func name(_ bytes: [UInt8], _ offset: Int) -> String {
        String(decoding: bytes[offset..<offset + 4], as: UTF8.self)
    }

    static func littleEndian(_ bytes: [UInt8], _ offset: Int, _ count: Int) -> Int {
        Int(truncatingIfNeeded: (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << (8 * UInt64($1)) })
    }

    static func bytes(_ descriptor: Int32, _ offset: Int, _ count: Int) -> [UInt8] {
        guard count > 0, offset >= 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                let got = pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                guard got > 0 else { break }
                filled += got
            }
        }
    }
}
