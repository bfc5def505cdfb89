// What was done to the chunks of a data set when they were written, to be undone from the last to the first.
import CHDF5

/// A step of the filter pipeline.
enum HDF5Filter {
    case deflate
    case shuffle
    case checksum

    static func pipeline(_ message: HDF5Message, _ bytes: HDF5Bytes) throws(StorageError) -> [HDF5Filter] {
        let isOld = try bytes.number(message.offset, 1) == 1
        var place = message.offset + (isOld ? 8 : 2)
        var filters: [HDF5Filter] = []
        for _ in 0..<min(32, try bytes.number(message.offset + 1, 1)) {
            let identifier = try bytes.number(place, 2)
            let hasName = isOld || identifier >= 256
            let nameLength = hasName ? try bytes.number(place + 2, 2) : 0
            if hasName { place += 2 }
            let valueCount = try bytes.number(place + 4, 2)
            place += 6 + (isOld ? (nameLength + 7) / 8 * 8 : nameLength) + 4 * valueCount
            if isOld, valueCount % 2 == 1 { place += 4 }
            switch identifier {
            case 1: filters.append(.deflate)
            case 2: filters.append(.shuffle)
            case 3: filters.append(.checksum)
            default: throw bytes.unsupported("the filter \(identifier)")
            }
        }
        return filters
    }

    /// The bytes before this step; nil if they cannot be had within the limit.
    func undo(_ bytes: [UInt8], elementSize: Int, greatestCount: Int) -> [UInt8]? {
        switch self {
        case .deflate: return Self.inflate(bytes, greatestCount: greatestCount)
        case .checksum: return bytes.count >= 4 ? Array(bytes.dropLast(4)) : nil
        case .shuffle:
            let count = bytes.count / elementSize
            var sorted = bytes
            for element in 0..<count {
                for byte in 0..<elementSize { sorted[element * elementSize + byte] = bytes[byte * count + element] }
            }
            return sorted
        }
    }

    private static func inflate(_ compressed: [UInt8], greatestCount: Int) -> [UInt8]? {
        var stream = z_stream()
        guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var input = compressed
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        return input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            while true {
                let status = piece.withUnsafeMutableBufferPointer { piece in
                    stream.next_out = piece.baseAddress
                    stream.avail_out = UInt32(piece.count)
                    return CHDF5.inflate(&stream, Z_NO_FLUSH)
                }
                output.append(contentsOf: piece[..<(piece.count - Int(stream.avail_out))])
                if output.count > greatestCount { return nil }
                if status == Z_STREAM_END { return output }
                if status != Z_OK { return nil }
            }
        }
    }
}
