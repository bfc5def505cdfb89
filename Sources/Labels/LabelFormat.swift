// Which format a label file has: by its name where names are unmistakable, else by its first line.
import Foundation

/// A label format.
public enum LabelFormat: String, CaseIterable, Sendable, Hashable, Codable {
    /// Raven selection tables, also those of BirdNET.
    case raven
    /// Audacity label tracks.
    case audacity
    /// The project's own table and every simple table with recognisable columns.
    case csv
    /// Adobe Audition markers, also those of animal2vec 1.0.
    case audition
    /// evsonganaly and EvTAF `.not.mat`.
    case evsonganaly

    /// True if one file may speak of several recordings.
    public var holdsManyRecordings: Bool {
        switch self {
        case .csv: true
        case .raven, .audacity, .audition, .evsonganaly: false
        }
    }

    /// The usual name of a label file for a recording, such as `song.Table.1.selections.txt`.
    public func fileName(forRecording recording: String) -> String {
        let name = RecordingName.lastComponent(recording)
        let stem = RecordingName.stem(recording)
        switch self {
        case .raven: return "\(stem).Table.1.selections.txt"
        case .audacity: return "\(stem).txt"
        case .csv: return "\(stem).csv"
        case .audition: return "\(stem).csv"
        case .evsonganaly: return "\(name).not.mat"
        }
    }

    /// The format of a file, or nil if it is not a label file. Reads at most the first lines.
    public static func detect(_ url: URL) throws(LabelError) -> LabelFormat? {
        let name = url.lastPathComponent.lowercased()
        if name.hasSuffix(".not.mat") { return .evsonganaly }
        guard ["txt", "csv", "tsv", "selections", ""].contains(url.pathExtension.lowercased()) else { return nil }
        return detect(name: name, text: LabelText(file: url.path(percentEncoded: false), bytes: try beginning(url)))
    }

    /// The format of a text by the name of its file (lower case) and its beginning.
    static func detect(name: String, text: LabelText) -> LabelFormat? {
        guard let line = text.firstLines(1).first else {
            // Audacity exports an empty file for an empty track. An empty table in another format still has a header.
            return name.hasSuffix(".txt") && !text.bytes.contains(0) ? .audacity : nil
        }
        let lowercased = line.lowercased()
        let cells = lowercased.split(separator: "\t", omittingEmptySubsequences: false)
        if cells.count > 1 {
            if cells.contains("begin time (s)"), cells.contains("end time (s)") { return .raven }
            if cells.contains("name"), cells.contains("start"), cells.contains("duration") { return .audition }
            if AudacityLabels.isLabelLine(line) { return .audacity }
        }
        return EventCSV.isHeader(line) ? .csv : nil
    }

    private static func beginning(_ url: URL) throws(LabelError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: url)
            defer { try? handle.close() }
            return [UInt8](try handle.read(upToCount: 65_536) ?? Data())
        } catch {
            throw LabelError(
                file: url.path(percentEncoded: false), reason: "cannot be read (\(error.localizedDescription))",
                remedy: "check that the file exists and may be read")
        }
    }
}
