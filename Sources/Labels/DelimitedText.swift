// Comma-, semicolon- and tab-separated rows. Commas follow RFC 4180: quoted cells may hold separators, line ends and
// doubled quotes. In tab-separated tables a cell ends at its tab whatever it holds, because Raven and Audacity write
// quotes as they are and one stray quote must not swallow the rest of the file.

/// Reads a delimited text row by row.
struct DelimitedText {
    let file: String
    let delimiter: UInt8
    /// False where quotes are ordinary characters (Audacity).
    let unquotes: Bool
    /// The line on which the row returned last begins, counted from 1.
    private(set) var line = 0
    private let bytes: [UInt8]
    private var position = 0
    private var nextLine = 1

    init(_ text: LabelText, delimiter: UInt8, unquotes: Bool = true) {
        file = text.file
        bytes = text.bytes
        self.delimiter = delimiter
        self.unquotes = unquotes
    }

    /// The cells of the next row that is not blank, or nil at the end. After an error the following row can be read.
    mutating func nextRow() throws(LabelError) -> [String]? {
        var cells: [String] = []
        while position < bytes.count {
            line = nextLine
            cells.removeAll(keepingCapacity: true)
            var isBlank = true
            var endOfRow = false
            var problem: LabelError?
            while !endOfRow {
                do {
                    let cell = try nextCell(&endOfRow)
                    if isBlank, !cell.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { isBlank = false }
                    cells.append(cell)
                } catch {
                    problem = error
                    if position >= bytes.count { endOfRow = true }
                }
            }
            if let problem { throw problem }
            if !isBlank { return cells }
        }
        return nil
    }

    private mutating func nextCell(_ endOfRow: inout Bool) throws(LabelError) -> String {
        let isTab = delimiter == UInt8(ascii: "\t")
        if unquotes, !isTab, position < bytes.count, bytes[position] == quote {
            return try quotedCell(&endOfRow)
        }
        let start = position
        let end = scanToDelimiter()
        finishCell(&endOfRow)
        if unquotes, isTab, let plain = unquoted(start..<end) { return try string(plain) }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(LabelError) -> String in
            try string(UnsafeBufferPointer(rebasing: buffer[start..<end]))
        }
    }

    /// Moves to the next delimiter, line end or the end of the text, and says where that is.
    private mutating func scanToDelimiter() -> Int {
        let delimiter = delimiter
        position = bytes.withUnsafeBufferPointer { buffer in
            var index = position
            while index < buffer.count {
                let byte = buffer[index]
                if byte == delimiter || byte == 0x0A || byte == 0x0D { break }
                index += 1
            }
            return index
        }
        return position
    }

    /// Steps over the delimiter or line end at `position`.
    private mutating func finishCell(_ endOfRow: inout Bool) {
        guard position < bytes.count else {
            endOfRow = true
            return
        }
        let byte = bytes[position]
        position += 1
        if byte == delimiter { return }
        if byte == 0x0D, position < bytes.count, bytes[position] == 0x0A { position += 1 }
        nextLine += 1
        endOfRow = true
    }

    private mutating func quotedCell(_ endOfRow: inout Bool) throws(LabelError) -> String {
        let startLine = nextLine
        var cell: [UInt8] = []
        position += 1
        while true {
            guard position < bytes.count else {
                throw LabelError(
                    file: file, line: startLine, reason: "a quoted cell is never closed",
                    remedy: "add the missing quote")
            }
            let byte = bytes[position]
            position += 1
            if byte == quote {
                guard position < bytes.count, bytes[position] == quote else { break }
                position += 1
            } else if byte == 0x0A || (byte == 0x0D && !(position < bytes.count && bytes[position] == 0x0A)) {
                nextLine += 1
            }
            cell.append(byte)
        }
        // Characters behind the closing quote are kept, as spreadsheets do.
        let start = position
        let end = scanToDelimiter()
        cell.append(contentsOf: bytes[start..<end])
        finishCell(&endOfRow)
        return try string(cell)
    }

    /// The content of a cell that is quoted from end to end with all inner quotes doubled; nil if it is not.
    private func unquoted(_ range: Range<Int>) -> [UInt8]? {
        guard range.count >= 2, bytes[range.lowerBound] == quote, bytes[range.upperBound - 1] == quote else {
            return nil
        }
        var cell: [UInt8] = []
        var index = range.lowerBound + 1
        while index < range.upperBound - 1 {
            if bytes[index] == quote {
                guard index + 1 < range.upperBound - 1, bytes[index + 1] == quote else { return nil }
                index += 1
            }
            cell.append(bytes[index])
            index += 1
        }
        return cell
    }

    private func string(_ cell: some Sequence<UInt8>) throws(LabelError) -> String {
        guard let text = String(validating: cell, as: UTF8.self) else {
            throw LabelText.encodingError(file: file, line: line)
        }
        return text
    }

    /// The separator of a table with this first line: tab, semicolon or comma, whichever occurs most.
    static func delimiter(ofHeader line: String) -> UInt8 {
        let candidates: [UInt8] = [UInt8(ascii: "\t"), UInt8(ascii: ","), UInt8(ascii: ";")]
        let counts = candidates.map { candidate in line.utf8.count { $0 == candidate } }
        guard let best = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[best] > 0 else {
            return UInt8(ascii: ",")
        }
        return candidates[best]
    }
}

private let quote = UInt8(ascii: "\"")

/// Writes rows of a delimited text.
struct DelimitedWriter {
    private(set) var bytes: [UInt8] = []
    private let delimiter: UInt8
    /// False where a reader takes quotes as ordinary characters (Audacity).
    private let quotes: Bool

    init(delimiter: UInt8, quotes: Bool = true) {
        self.delimiter = delimiter
        self.quotes = quotes
    }

    /// Appends one row. In tab-separated text, tabs and line ends inside a cell become blanks: it cannot hold them.
    mutating func append(_ cells: [String]) {
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(delimiter) }
            if delimiter == UInt8(ascii: "\t") {
                let quoted = quotes && cell.utf8.first == quote && cell.utf8.last == quote && cell.utf8.count > 1
                appendCell(cell.utf8.map { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, quoted: quoted)
            } else {
                let quoted = cell.utf8.contains { $0 == delimiter || $0 == quote || $0 == 0x0A || $0 == 0x0D }
                appendCell(Array(cell.utf8), quoted: quoted)
            }
        }
        bytes.append(0x0A)
    }

    private mutating func appendCell(_ cell: [UInt8], quoted: Bool) {
        guard quoted else {
            bytes.append(contentsOf: cell)
            return
        }
        bytes.append(quote)
        for byte in cell {
            if byte == quote { bytes.append(quote) }
            bytes.append(byte)
        }
        bytes.append(quote)
    }
}
