// The part of MATLAB 5 files that evsonganaly needs: matrices of numbers and rows of characters, plain or compressed
// (MathWorks, “MAT-File Format”, chapter 1). Read here and not through matio because recordings come from damaged disks:
// matio trusts every size in the file and reserves 28 GB for one flipped bit. The tests hold both against each other.
import CMatio
import Foundation

/// The variables of a MATLAB 5 file.
struct MatFile {
    let file: String
    private var variables: [String: Variable] = [:]

    private struct Variable {
        var isText: Bool
        var count: Int
        var data: Element?
    }

    /// Reads all variables; what is no matrix of numbers or characters is stepped over.
    init(file: String, bytes: [UInt8]) throws(LabelError) {
        self.file = file
        // Bytes 124 … 127 hold the version and the mark of the byte order.
        let marks: [[UInt8]] = [[0x00, 0x01, 0x49, 0x4D], [0x01, 0x00, 0x4D, 0x49]]
        guard bytes.count >= 128, bytes.starts(with: Array("MATLAB 5.0".utf8)),
            let order = marks.firstIndex(of: Array(bytes[124..<128]))
        else {
            let isNewer = bytes.starts(with: Array("MATLAB 7.3".utf8))
            throw LabelError(
                file: file, reason: isNewer ? "is a MATLAB 7.3 file" : "is not a MATLAB 5 file",
                remedy: isNewer ? "save it in MATLAB with the option -v7" : "check that the file is whole")
        }
        var elements = ElementReader(bytes: bytes[128...], isBigEndian: order == 1)
        while let element = elements.next() {
            switch element.type {
            case .compressed:
                guard let inflated = inflate(element.bytes) else { continue }
                var inner = ElementReader(bytes: inflated[...], isBigEndian: order == 1)
                if let matrix = inner.next(), matrix.type == .matrix { take(matrix) }
            case .matrix: take(element)
            default: continue
            }
        }
    }

    /// The numbers of a variable in the order of memory, whatever type they are stored in; nil if it is not there.
    func numbers(_ name: String) throws(LabelError) -> [Double]? {
        guard let variable = variables[name] else { return nil }
        if variable.count == 0 { return [] }
        guard let values = variable.data?.numbers(), values.count == variable.count, !variable.isText else {
            throw LabelError(file: file, column: name, reason: "does not hold numbers", remedy: "save the file again")
        }
        return values
    }

    /// The characters of a variable; nil if it is not there.
    func text(_ name: String) throws(LabelError) -> String? {
        guard let variable = variables[name] else { return nil }
        if variable.count == 0 { return "" }
        let failure = LabelError(
            file: file, column: name, reason: "does not hold text", remedy: "save the file again")
        guard variable.isText, let data = variable.data else { throw failure }
        if data.type == .utf8 {
            guard let text = String(validating: data.bytes, as: UTF8.self) else { throw failure }
            return text
        }
        guard let units = data.numbers(), units.count == variable.count,
            units.allSatisfy({ $0 >= 0 && $0 <= 65_535 })
        else { throw failure }
        return String(decoding: units.map { UInt16($0) }, as: UTF16.self)
    }

    /// Flags, dimensions, name and real part of a matrix.
    private mutating func take(_ matrix: Element) {
        var parts = ElementReader(bytes: matrix.bytes, isBigEndian: matrix.isBigEndian)
        guard let flags = parts.next(), flags.type == .uint32, flags.bytes.count == 8,
            let dimensions = parts.next(), dimensions.type == .int32, let sizes = dimensions.numbers(),
            let name = parts.next(), name.type == .int8
        else { return }
        let word = Int(flags.numbers()?[0] ?? 0)
        let (arrayClass, isComplex) = (word & 0xFF, word & 0x0800 != 0)
        // 4 is text; 6 … 15 are full matrices of floating-point numbers and integers.
        guard arrayClass == 4 || (6...15).contains(arrayClass), !isComplex else { return }
        let product = sizes.reduce(1, *)
        let data = parts.next()
        guard product >= 0, product <= Double(Int32.max) else { return }
        variables[String(decoding: name.bytes, as: UTF8.self)] =
            Variable(isText: arrayClass == 4, count: Int(product), data: data)
    }
}

/// The types of data elements.
private enum ElementType: UInt32 {
    case int8 = 1
    case uint8, int16, uint16, int32, uint32, single
    case double = 9
    case int64 = 12
    case uint64, matrix, compressed, utf8, utf16, utf32
}

/// A tagged piece of the file.
private struct Element {
    var type: ElementType
    var bytes: ArraySlice<UInt8>
    var isBigEndian: Bool

    /// The content as numbers, or nil if its type holds none.
    func numbers() -> [Double]? {
        switch type {
        case .int8: bytes.map { Double(Int8(bitPattern: $0)) }
        case .uint8, .utf8: bytes.map { Double($0) }
        case .int16: words(UInt16.self).map { Double(Int16(bitPattern: $0)) }
        case .uint16, .utf16: words(UInt16.self).map { Double($0) }
        case .int32: words(UInt32.self).map { Double(Int32(bitPattern: $0)) }
        case .uint32, .utf32: words(UInt32.self).map { Double($0) }
        case .single: words(UInt32.self).map { Double(Float(bitPattern: $0)) }
        case .double: words(UInt64.self).map { Double(bitPattern: $0) }
        case .int64: words(UInt64.self).map { Double(Int64(bitPattern: $0)) }
        case .uint64: words(UInt64.self).map { Double($0) }
        case .matrix, .compressed: nil
        }
    }

    private func words<Word: FixedWidthInteger>(_: Word.Type) -> [Word] {
        bytes.withUnsafeBytes { buffer in
            (0..<buffer.count / MemoryLayout<Word>.size).map { index in
                let word = buffer.loadUnaligned(fromByteOffset: index * MemoryLayout<Word>.size, as: Word.self)
                return isBigEndian ? Word(bigEndian: word) : Word(littleEndian: word)
            }
        }
    }
}

/// Steps through tagged elements; ends at the first that does not fit.
private struct ElementReader {
    var bytes: ArraySlice<UInt8>
    let isBigEndian: Bool

    mutating func next() -> Element? {
        guard bytes.count >= 8 else { return nil }
        let first = word(at: 0)
        // A small element keeps its size in the upper half of the first word and up to four bytes in the second.
        if first >> 16 != 0 {
            let count = Int(first >> 16)
            guard count <= 4, let type = ElementType(rawValue: first & 0xFFFF) else { return nil }
            let start = bytes.startIndex + 4
            defer { bytes = bytes.dropFirst(8) }
            return Element(type: type, bytes: bytes[start..<start + count], isBigEndian: isBigEndian)
        }
        let count = Int(word(at: 4))
        guard count <= bytes.count - 8, let type = ElementType(rawValue: first) else { return nil }
        let start = bytes.startIndex + 8
        let padded = type == .compressed ? count : (count + 7) / 8 * 8
        defer { bytes = bytes.dropFirst(8 + padded) }
        return Element(type: type, bytes: bytes[start..<start + count], isBigEndian: isBigEndian)
    }

    private func word(at offset: Int) -> UInt32 {
        bytes.withUnsafeBytes { buffer in
            let word = buffer.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }
    }
}

/// The content of a zlib stream, or nil if it is damaged or larger than any label file.
private func inflate(_ compressed: ArraySlice<UInt8>) -> [UInt8]? {
    let greatestCount = 64 << 20
    var stream = z_stream()
    guard inflateInit_(&stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
    defer { inflateEnd(&stream) }
    var input = Array(compressed)
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    return input.withUnsafeMutableBufferPointer { input in
        stream.next_in = input.baseAddress
        stream.avail_in = UInt32(input.count)
        while true {
            let status = chunk.withUnsafeMutableBufferPointer { chunk in
                stream.next_out = chunk.baseAddress
                stream.avail_out = UInt32(chunk.count)
                return CMatio.inflate(&stream, Z_NO_FLUSH)
            }
            output.append(contentsOf: chunk[..<(chunk.count - Int(stream.avail_out))])
            if status == Z_STREAM_END { return output }
            guard status == Z_OK, output.count <= greatestCount else { return nil }
        }
    }
}
