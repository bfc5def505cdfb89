// The bytes of a text label file, without byte order mark and as UTF-8 whatever Unicode encoding it came in.
import Foundation

/// A text label file in memory.
struct LabelText {
    /// The path, for messages.
    let file: String
    /// The content as UTF-8 without byte order mark. May still hold bytes that are no valid UTF-8; cells are checked.
    let bytes: [UInt8]

    /// No label table is larger; a recording or an archive given by mistake is refused before it fills the memory.
    static let greatestByteCount = 2 << 30

    init(contentsOf url: URL) throws(LabelError) {
        file = url.path(percentEncoded: false)
        bytes = LabelText.unicode(try LabelText.load(url))
    }

    init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = LabelText.unicode(bytes)
    }

    /// The raw bytes of a file.
    static func load(_ url: URL) throws(LabelError) -> [UInt8] {
        let path = url.path(percentEncoded: false)
        do {
            let values = try url.resourceValues(forKeys: [.fileSizeKey, .isDirectoryKey])
            if values.isDirectory == true {
                throw LabelError(file: path, reason: "is a folder", remedy: "name a label file inside it")
            }
            if let size = values.fileSize, size > greatestByteCount {
                throw LabelError(
                    file: path, value: "\(size) bytes", reason: "is too large for a label table",
                    remedy: "name a label file, or split the table")
            }
            return [UInt8](try Data(contentsOf: url))
        } catch let error as LabelError {
            throw error
        } catch {
            throw LabelError(
                file: path, reason: "cannot be read (\(error.localizedDescription))",
                remedy: "check that the file exists and may be read")
        }
    }

    /// The whole content as a string; invalid bytes are an error.
    func string() throws(LabelError) -> String {
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw LabelText.encodingError(file: file, line: nil)
    }

    /// The first `count` lines that are not blank, without line ends; invalid bytes are replaced.
    func firstLines(_ count: Int) -> [String] {
        var lines: [String] = []
        for line in bytes.prefix(65_536).split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            let text = String(decoding: line, as: UTF8.self)
            if text.allSatisfy(\.isWhitespace) { continue }
            lines.append(text)
            if lines.count == count { break }
        }
        return lines
    }

    static func encodingError(file: String, line: Int?) -> LabelError {
        LabelError(
            file: file, line: line, reason: "holds bytes that are not UTF-8",
            remedy: "save the file as UTF-8 and try again")
    }

    /// Strips a UTF-8 byte order mark and turns UTF-16 with byte order mark into UTF-8.
    private static func unicode(_ bytes: [UInt8]) -> [UInt8] {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { return Array(bytes.dropFirst(3)) }
        let littleEndian = bytes.starts(with: [0xFF, 0xFE])
        guard littleEndian || bytes.starts(with: [0xFE, 0xFF]) else { return bytes }
        var units: [UInt16] = []
        units.reserveCapacity(bytes.count / 2)
        for index in stride(from: 2, to: bytes.count - 1, by: 2) {
            let (first, second) = (UInt16(bytes[index]), UInt16(bytes[index + 1]))
            units.append(littleEndian ? second << 8 | first : first << 8 | second)
        }
        return Array(String(decoding: units, as: UTF16.self).utf8)
    }
}
