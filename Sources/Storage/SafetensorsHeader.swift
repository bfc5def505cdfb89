// The header of a safetensors file is JSON of a fixed form. A general JSON parser would accept duplicate names and lose
// the difference between 1, 1.0 and 1e0, so this one reads exactly the form, and nothing else.
import Foundation

/// Where one tensor lies and what it is.
public struct SafetensorsEntry: Sendable, Hashable {
    /// Type of the elements.
    public let elementType: ElementType
    /// Sizes of the dimensions; empty for a scalar.
    public let shape: [Int]
    /// Bytes of the tensor, counted from the end of the header.
    public let byteRange: Range<Int>
}

struct SafetensorsHeader {
    var entries: [String: SafetensorsEntry] = [:]
    var metadata: [String: String] = [:]

    /// As many dimensions as libtorch can iterate over.
    static let largestRank = 64

    private let path: String
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// Reads the JSON text in `bytes`, which lie at offset 8 of the file at `path`.
    init(_ bytes: UnsafeRawBufferPointer, path: String) throws(StorageError) {
        self.bytes = bytes
        self.path = path
        guard bytes.first == UInt8(ascii: "{") else { throw bad("the header does not start with {") }
        var hasMetadata = false
        try readObject { (parser, name) throws(StorageError) in
            if name == "__metadata__" {
                guard !hasMetadata else { throw parser.bad("__metadata__ stands there twice") }
                hasMetadata = true
                try parser.readMetadata()
            } else {
                guard parser.entries[name] == nil else { throw parser.bad("tensor \"\(name)\" stands there twice") }
                parser.entries[name] = try parser.readEntry(name)
            }
        }
        skipBlanks()
        guard position == bytes.count else { throw bad("there is text after the closing brace") }
    }

    private mutating func readMetadata() throws(StorageError) {
        try readObject { (parser, key) throws(StorageError) in
            guard parser.metadata[key] == nil else { throw parser.bad("metadata \"\(key)\" stands there twice") }
            parser.metadata[key] = try parser.readString()
        }
    }

    private mutating func readEntry(_ name: String) throws(StorageError) -> SafetensorsEntry {
        var elementType: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try readObject { (parser, key) throws(StorageError) in
            switch key {
            case "dtype" where elementType == nil:
                let text = try parser.readString()
                elementType = ElementType(rawValue: text)
                guard elementType != nil else {
                    let known = ElementType.allCases.map(\.rawValue).joined(separator: ", ")
                    throw parser.bad("tensor \"\(name)\": type \(text) is none of \(known)")
                }
            case "shape" where shape == nil:
                shape = try parser.readIntegers(atMost: Self.largestRank, of: name)
            case "data_offsets" where offsets == nil:
                offsets = try parser.readIntegers(atMost: 2, of: name)
            case "dtype", "shape", "data_offsets":
                throw parser.bad("tensor \"\(name)\": \(key) stands there twice")
            default: throw parser.bad("tensor \"\(name)\": unknown field \"\(key)\"")
            }
        }
        guard let elementType, let shape, let offsets else {
            throw bad("tensor \"\(name)\" lacks dtype, shape or data_offsets")
        }
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw bad("tensor \"\(name)\": data_offsets \(offsets) are no range")
        }
        var size = elementType.byteCount
        // A zero anywhere makes the tensor empty, so the product may only overflow without one.
        if shape.contains(0) { size = 0 }
        for dimension in shape where size != 0 {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else {
                throw bad("tensor \"\(name)\": shape \(shape) has more elements than can be counted")
            }
            size = product
        }
        guard size == offsets[1] - offsets[0] else {
            throw bad(
                "tensor \"\(name)\": \(elementType.rawValue) of shape \(shape) needs \(size) bytes, "
                    + "data_offsets \(offsets) hold \(offsets[1] - offsets[0])")
        }
        return SafetensorsEntry(elementType: elementType, shape: shape, byteRange: offsets[0]..<offsets[1])
    }

    // MARK: JSON

    private mutating func readObject(
        _ readValue: (inout Self, String) throws(StorageError) -> Void
    ) throws(StorageError) {
        try expect("{")
        if accept("}") { return }
        repeat {
            let key = try readString()
            try expect(":")
            try readValue(&self, key)
        } while accept(",")
        try expect("}")
    }

    private mutating func readIntegers(atMost limit: Int, of name: String) throws(StorageError) -> [Int] {
        var values: [Int] = []
        try expect("[")
        if accept("]") { return values }
        repeat {
            guard values.count < limit else { throw bad("tensor \"\(name)\": more than \(limit) numbers in a list") }
            values.append(try readInteger(of: name))
        } while accept(",")
        try expect("]")
        return values
    }

    private mutating func readInteger(of name: String) throws(StorageError) -> Int {
        skipBlanks()
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit <= 9 {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflowOfSum) = product.addingReportingOverflow(Int(digit))
            guard !overflow && !overflowOfSum else { throw bad("tensor \"\(name)\": a number above 2^63") }
            value = sum
            position += 1
        }
        guard position > start else { throw bad("tensor \"\(name)\": a whole number ≥ 0 is expected") }
        guard position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
            throw bad("tensor \"\(name)\": a number starts with 0")
        }
        return value
    }

    private mutating func readString() throws(StorageError) -> String {
        try expect("\"")
        var text: [UInt8] = []
        while true {
            guard position < bytes.count else { throw bad("a string does not end") }
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw bad("a string is not UTF-8") }
                return string
            case UInt8(ascii: "\\"): text.append(contentsOf: try readEscape())
            case ..<0x20: throw bad("a string holds a control character")
            default: text.append(byte)
            }
        }
    }

    private mutating func readEscape() throws(StorageError) -> [UInt8] {
        guard position < bytes.count else { throw bad("a string does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
        case UInt8(ascii: "b"): return [0x08]
        case UInt8(ascii: "f"): return [0x0C]
        case UInt8(ascii: "n"): return [0x0A]
        case UInt8(ascii: "r"): return [0x0D]
        case UInt8(ascii: "t"): return [0x09]
        case UInt8(ascii: "u"):
            var units = [try readHexadecimal()]
            if UTF16.isLeadSurrogate(units[0]) {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw bad("a string holds half a surrogate pair") }
                position += 2
                units.append(try readHexadecimal())
            }
            guard let string = String(validating: units, as: UTF16.self) else {
                throw bad("a string holds half a surrogate pair")
            }
            return Array(string.utf8)
        default: throw bad("a string holds an unknown escape")
        }
    }

    private mutating func readHexadecimal() throws(StorageError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw bad("a string does not end") }
        let digits = bytes[position..<position + 4]
        guard digits.allSatisfy({ isxdigit(Int32($0)) != 0 }),
            let value = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
        else { throw bad("a string holds an unknown escape") }
        position += 4
        return value
    }

    private mutating func skipBlanks() {
        while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
    }

    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(StorageError) {
        guard accept(character) else { throw bad("\(character) is expected") }
    }

    private func bad(_ what: String) -> StorageError {
        StorageError(
            .corrupt, path: path,
            "no sound safetensors file: header, byte \(position): \(what); fetch or write the file again")
    }
}
