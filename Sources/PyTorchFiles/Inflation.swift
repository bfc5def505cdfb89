import CZlib

/// Deflated bytes made large again, never larger than announced.
enum Inflation {
    /// What deflate can make of a byte at most.
    static let largestRatio = 1_032

    /// The bytes that `deflated` holds, which must be exactly `count`.
    static func bytes(_ deflated: UnsafeRawBufferPointer, count: Int, limit: Int) throws(PyTorchFileFault) -> [UInt8] {
        guard count <= limit else {
            throw PyTorchFileFault("a compressed part announces \(count) bytes, at most \(limit) are read")
        }
        guard count / largestRatio <= deflated.count else {
            throw PyTorchFileFault("\(deflated.count) compressed bytes cannot hold the announced \(count)")
        }
        var stream = z_stream()
        guard czlib_inflate_start(&stream) == Z_OK else { throw PyTorchFileFault("zlib does not start") }
        defer { inflateEnd(&stream) }
        // One byte more than announced: it stays unused in an honest file, and is there when the count is 0.
        var result = [UInt8](repeating: 0, count: count + 1)
        var consumed = 0
        var produced = 0
        var status = Z_OK
        while status == Z_OK {
            let input = min(deflated.count - consumed, 1 << 30)
            let room = min(result.count - produced, 1 << 30)
            guard room > 0 else { break }
            status = result.withUnsafeMutableBytes { output in
                stream.next_in = deflated.baseAddress.map {
                    UnsafeMutablePointer(mutating: ($0 + consumed).assumingMemoryBound(to: Bytef.self))
                }
                stream.avail_in = uInt(input)
                stream.next_out = (output.baseAddress! + produced).assumingMemoryBound(to: Bytef.self)
                stream.avail_out = uInt(room)
                return inflate(&stream, Z_NO_FLUSH)
            }
            consumed += input - Int(stream.avail_in)
            produced += room - Int(stream.avail_out)
        }
        guard status == Z_STREAM_END, produced == count, consumed == deflated.count else {
            throw PyTorchFileFault("a compressed part is damaged: \(produced) of \(count) bytes come out of it")
        }
        result.removeLast()
        return result
    }

    /// The checksum of zip files, CRC-32, continued from `start`.
    static func checksum(_ bytes: UnsafeRawBufferPointer, from start: UInt32 = 0) -> UInt32 {
        guard let base = bytes.baseAddress else { return start }
        return UInt32(
            truncatingIfNeeded: crc32_z(UInt(start), base.assumingMemoryBound(to: Bytef.self), bytes.count))
    }
}
