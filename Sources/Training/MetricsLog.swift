import Foundation
import Storage

/// Appends one JSON object per line: the step, then everything else by name.
///
/// Not safe for use from several threads at once.
public final class MetricsLog {
    /// The file.
    public let url: URL
    private let writer: FileWriter

    /// Opens the log at `url` for a run that goes on after `step`: lines of later steps, and a last line that was broken off,
    /// are removed first. A new run goes on after step -1.
    public init(_ url: URL, resumingAfter step: Int, fileSystem: FileSystem = .live) throws(StorageError) {
        self.url = url
        if let data = try? Data(contentsOf: url) {
            let kept = Self.lines(of: data, upTo: step)
            if kept.count != data.count { try AtomicFile.write(kept, to: url, fileSystem: fileSystem) }
        }
        writer = try FileWriter(appendingTo: url, fileSystem: fileSystem)
    }

    /// Writes a line. Numbers that are not finite become null, which JSON can express.
    public func write(step: Int, _ values: [String: Double], texts: [String: String] = [:]) throws(StorageError) {
        var parts = ["\"step\":\(step)"]
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            parts.append("\(Self.quoted(name)):\(value.isFinite ? "\(value)" : "null")")
        }
        for (name, text) in texts.sorted(by: { $0.key < $1.key }) {
            parts.append("\(Self.quoted(name)):\(Self.quoted(text))")
        }
        try writer.write("{\(parts.joined(separator: ","))}\n")
        // A line a few times per minute: a kill must not lose any.
        try writer.flush()
    }

    private static func quoted(_ text: String) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        guard let data = try? encoder.encode(text) else { return "\"\"" }
        return String(decoding: data, as: UTF8.self)
    }

    private struct Line: Decodable { let step: Int }

    private static func lines(of data: Data, upTo step: Int) -> Data {
        var kept = Data()
        var rest = data[...]
        // A line without an end is one that was broken off.
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = rest[...end]
            if let found = try? JSONDecoder().decode(Line.self, from: Data(line)), found.step <= step { kept += line }
            rest = rest[(end + 1)...]
        }
        return kept
    }
}
