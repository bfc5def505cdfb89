// The checksum of FLAC frames, sixteen bytes a step. FFmpeg's own takes four, which is a ninth of the time that decoding
// FLAC takes; its decoder is asked to check only what this one doubts.

/// The 16-bit cyclic redundancy check at the end of a FLAC frame: polynomial x^16 + x^15 + x^2 + 1, high bit first, from 0.
package enum FLACChecksum {
    private static let step = 16

    // Row n: what a byte has become after n further bytes of zero.
    private static let rows: [UInt16] = {
        var rows = [UInt16](repeating: 0, count: step * 256)
        for byte in 0..<256 {
            var remainder = UInt16(byte) << 8
            for _ in 0..<8 { remainder = remainder & 0x8000 != 0 ? remainder << 1 ^ 0x8005 : remainder << 1 }
            rows[byte] = remainder
        }
        for index in 256..<step * 256 {
            let before = rows[index - 256]
            rows[index] = before << 8 ^ rows[Int(before >> 8)]
        }
        return rows
    }()

    /// The remainder of `bytes`; 0 for a whole frame with its checksum behind it.
    package static func remainder(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt16 {
        rows.withUnsafeBufferPointer { remainder(bytes, rows: $0.baseAddress!) }
    }

    private static func remainder(_ bytes: UnsafeBufferPointer<UInt8>, rows: UnsafePointer<UInt16>) -> UInt16 {
        guard var next = bytes.baseAddress else { return 0 }
        var left = bytes.count
        var remainder: UInt16 = 0
        @inline(__always) func row(_ ahead: Int, _ word: UInt64, _ shift: UInt64) -> UInt16 {
            rows[ahead * 256 + Int(word >> shift & 0xFF)]
        }
        @inline(__always) func folded(_ ahead: Int, _ word: UInt64) -> UInt16 {
            // Byte by byte from memory order; two sums, so that no lookup waits for the one before.
            let first =
                row(ahead, word, 0) ^ row(ahead - 1, word, 8) ^ row(ahead - 2, word, 16) ^ row(ahead - 3, word, 24)
            let second =
                row(ahead - 4, word, 32) ^ row(ahead - 5, word, 40) ^ row(ahead - 6, word, 48)
                ^ row(ahead - 7, word, 56)
            return first ^ second
        }
        while left >= step {
            let words = UnsafeRawPointer(next)
            let first = UInt64(littleEndian: words.loadUnaligned(as: UInt64.self))
            let second = UInt64(littleEndian: words.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            remainder = folded(15, first ^ UInt64(remainder.byteSwapped)) ^ folded(7, second)
            next += step
            left -= step
        }
        for place in 0..<left { remainder = remainder << 8 ^ rows[Int(UInt8(remainder >> 8) ^ next[place])] }
        return remainder
    }
}
