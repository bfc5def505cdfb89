// The XML that annotation files use: elements, text, the five named entities and character numbers, CDATA, comments.
// Attributes and document types are stepped over and nothing is ever expanded. Foundation's parser ends the process on
// invalid UTF-8 (Swift 6.3 on Linux), which a damaged file holds sooner or later.

/// Steps through an XML text.
struct XMLPieces {
    enum Piece: Equatable {
        case start(String), end(String), text(String)
    }

    private let bytes: [UInt8]
    private var position = 0
    private var open: [String] = []
    private var pendingEnd: String?
    private var sawRoot = false
    /// The line reached, counted from 1.
    private(set) var line = 1
    private let file: String

    init(_ text: LabelText) throws(LabelError) {
        file = text.file
        _ = try text.string()
        bytes = text.bytes
    }

    /// The next piece, or nil at the end of a whole document.
    mutating func next() throws(LabelError) -> Piece? {
        if let name = pendingEnd {
            pendingEnd = nil
            return .end(name)
        }
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "<") else {
                let start = position
                advance { $0 == UInt8(ascii: "<") }
                guard !open.isEmpty else {
                    if bytes[start..<position].allSatisfy({ $0 <= 0x20 }) { continue }
                    throw damaged("text outside of an element")
                }
                return .text(try unescaped(bytes[start..<position]))
            }
            if skip("<!--") {
                try skipPast("-->")
            } else if skip("<![CDATA[") {
                let start = position
                try skipPast("]]>")
                return .text(String(decoding: bytes[start..<position - 3], as: UTF8.self))
            } else if skip("<?") {
                try skipPast("?>")
            } else if skip("<!") {
                try skipPast(">")
            } else if skip("</") {
                let name = name()
                try skipPast(">")
                guard open.popLast() == name else { throw damaged("“</\(name)>” closes what is not open") }
                return .end(name)
            } else {
                return try startTag()
            }
        }
        guard sawRoot, open.isEmpty else { throw damaged("“\(open.last ?? "document")” is never closed") }
        return nil
    }

    private mutating func startTag() throws(LabelError) -> Piece {
        position += 1
        let name = name()
        guard !name.isEmpty, open.count < 64, !(sawRoot && open.isEmpty) else {
            throw damaged("a tag in the wrong place")
        }
        sawRoot = true
        var quote: UInt8?
        advance { byte in
            if byte == quote {
                quote = nil
            } else if quote == nil, byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                quote = byte
            }
            return quote == nil && byte == UInt8(ascii: ">")
        }
        guard position < bytes.count else { throw damaged("a tag is cut off") }
        if bytes[position - 1] == UInt8(ascii: "/") { pendingEnd = name } else { open.append(name) }
        position += 1
        return .start(name)
    }

    private mutating func name() -> String {
        let start = position
        advance { $0 <= 0x20 || $0 == UInt8(ascii: ">") || $0 == UInt8(ascii: "/") }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func advance(until isEnd: (UInt8) -> Bool) {
        while position < bytes.count, !isEnd(bytes[position]) {
            if bytes[position] == 0x0A { line += 1 }
            position += 1
        }
    }

    private mutating func skip(_ word: StaticString) -> Bool {
        let found = word.withUTF8Buffer { bytes[position...].starts(with: $0) }
        if found { position += word.utf8CodeUnitCount }
        return found
    }

    private mutating func skipPast(_ word: StaticString) throws(LabelError) {
        while position < bytes.count {
            if skip(word) { return }
            if bytes[position] == 0x0A { line += 1 }
            position += 1
        }
        throw damaged("the text is cut off")
    }

    private func unescaped(_ text: ArraySlice<UInt8>) throws(LabelError) -> String {
        let string = String(decoding: text, as: UTF8.self)
        guard text.contains(UInt8(ascii: "&")) else { return string }
        var result = ""
        var rest = string[...]
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            guard let end = rest[start...].prefix(12).firstIndex(of: ";"),
                let character = XMLPieces.entity(rest[rest.index(after: start)..<end])
            else { throw damaged("an entity is not known") }
            result.unicodeScalars.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func entity(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "amp": return "&"
        case "lt": return "<"
        case "gt": return ">"
        case "quot": return "\""
        case "apos": return "'"
        default:
            guard name.hasPrefix("#") else { return nil }
            let digits = name.dropFirst()
            let value = digits.hasPrefix("x") ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
            return value.flatMap(Unicode.Scalar.init)
        }
    }

    private func damaged(_ reason: String) -> LabelError {
        LabelError(
            file: file, line: line, reason: "is not valid XML (\(reason))", remedy: "check that the file is whole")
    }
}
