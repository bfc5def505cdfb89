// Which channel of a recording with two is the animal's: the other one often holds the observer.
import Foundation
import Labels

/// The channel to take of each recording.
public struct ChannelTable: Sendable, Hashable {
    /// The channel, counted from 0, by the recording as the table names it.
    public private(set) var channels: [String: Int] = [:]

    /// A table without rows.
    public init() {}

    /// Reads a table with a header, separated by commas, semicolons or tabs: a column for the recording (`wavFile`, `file`,
    /// …) and one for the channel (`meerkatChannel`, `channel`), which holds a number counted from 0, or `left`, `right`.
    public init(contentsOf url: URL) throws(PreparationError) {
        let rows = try NameTable.rows(of: url)
        let header = rows.first?.map { $0.lowercased() } ?? []
        guard
            let file = header.firstIndex(where: { ["wavfile", "file", "filename", "recording", "name"].contains($0) }),
            let channel = header.firstIndex(where: { $0.hasSuffix("channel") }), file != channel
        else {
            throw PreparationError(
                "\(url.path): has no columns for recording and channel; begin it with wavFile,meerkatChannel")
        }
        for (index, cells) in rows.enumerated().dropFirst() {
            let text = cells.count > channel ? cells[channel].lowercased() : ""
            let number: Int? =
                switch text {
                case "left", "l": 0
                case "right", "r": 1
                default: Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
                }
            guard cells.count > file, !cells[file].isEmpty, let number, (0..<64).contains(number) else {
                throw PreparationError(
                    "\(url.path):\(index + 1): the channel “\(text)” is no channel; give a number counted from 0, left or right"
                )
            }
            channels[cells[file]] = number
        }
    }
}

/// Small tables of names.
public enum NameTable {
    /// The cells of a table separated by tabs, semicolons or commas, whichever its first line holds; blank lines left out.
    static func rows(of url: URL) throws(PreparationError) -> [[String]] {
        guard let data = try? Data(contentsOf: url), let text = String(validating: data, as: UTF8.self) else {
            throw PreparationError("\(url.path): cannot be read as a table of text; check that the file is there")
        }
        let lines = text.split { $0 == "\n" || $0 == "\r\n" }.map { $0.trimmingCharacters(in: ["\u{FEFF}", "\r"]) }
        let separator = ["\t", ";", ","].first { lines.first?.contains($0) == true } ?? ","
        return lines.filter { !$0.isEmpty }.map { line in
            line.components(separatedBy: separator).map { $0.trimmingCharacters(in: [" ", "\""]) }
        }
    }

    /// Two columns of a table as a dictionary: the first column and the last by their place, the header left out where its
    /// first cell is one of `headers`, in lower case.
    public static func pairs(of url: URL, headers: Set<String>) throws(PreparationError) -> [String: String] {
        var pairs: [String: String] = [:]
        for (index, cells) in try rows(of: url).enumerated() {
            if index == 0, headers.contains(cells[0].lowercased()) { continue }
            guard cells.count >= 2, !cells[0].isEmpty, !cells[1].isEmpty else {
                throw PreparationError("\(url.path):\(index + 1): two cells are expected; correct the line")
            }
            pairs[cells[0]] = cells[1]
        }
        return pairs
    }
}
