// The one door to label files: every format in, every format out.
import Foundation
import Storage

/// Reads and writes label files of any format.
public enum LabelFile {
    /// Reads a label file. Throws at the first bad row, or lists them all if they are to be skipped; an unknown format,
    /// a missing column or a wrong unit of time is always an error.
    public static func read(_ url: URL, options: LabelReadingOptions = .init()) throws(LabelError) -> LabelTable {
        let file = url.path(percentEncoded: false)
        var builder = TableBuilder(file: file, options: options)
        let detected = if let format = options.format { format } else { try LabelFormat.detect(url) }
        guard let format = detected else {
            throw LabelError(
                file: file, reason: "is not a label file of a known format",
                remedy: "name the format: \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        switch format {
        case .evsonganaly: try EvsonganalyNotes.read(url, into: &builder)
        case .meerkat: try MeerKATLabels.read(url, into: &builder)
        default: try read(LabelText(contentsOf: url), format, into: &builder)
        }
        return try builder.finished()
    }

    /// Writes events to one file, whole or not at all. `recordings` names those that were listened to, so that one
    /// without events is not lost; a format that holds one recording refuses several.
    public static func write(
        _ events: [Event], format: LabelFormat, to url: URL, recordings: [String] = [],
        options: LabelWritingOptions = .init()
    ) throws(LabelError) {
        let file = url.path(percentEncoded: false)
        try store(
            try bytes(events, format: format, file: file, recordings: recordings, options: options), at: url)
    }

    /// Writes one file per recording, named after it, into a folder that is made if need be. Returns the files.
    @discardableResult
    public static func write(
        _ events: [Event], format: LabelFormat, toFolder folder: URL, recordings: [String] = [],
        options: LabelWritingOptions = .init()
    ) throws(LabelError) -> [URL] {
        let byRecording = Dictionary(grouping: events, by: \.recording)
        let all = Set(recordings).union(byRecording.keys).sorted()
        var owners: [String: String] = [:]
        for recording in all {
            let name = format.fileName(forRecording: recording)
            if let other = owners.updateValue(recording, forKey: name) {
                throw LabelError(
                    file: folder.appending(path: name).path(percentEncoded: false),
                    reason: "would hold the labels of both \(other) and \(recording)",
                    remedy: "write folders with equal file names one by one, or choose the format csv")
            }
        }
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw LabelError(
                file: folder.path(percentEncoded: false), reason: "cannot be made (\(error.localizedDescription))",
                remedy: "choose a folder that may be written")
        }
        var options = options
        if format == .meerkat, options.properties[MeerKATLabels.classesProperty] == nil {
            // Every file counts in the same list.
            var seen: Set<String> = []
            let classes = events.map(\.label).filter { seen.insert($0).inserted }
            options.properties[MeerKATLabels.classesProperty] = classes.joined(separator: "\n")
        }
        var urls: [URL] = []
        for recording in all {
            let url = folder.appending(path: format.fileName(forRecording: recording))
            try write(
                byRecording[recording] ?? [], format: format, to: url, recordings: [recording], options: options)
            urls.append(url)
        }
        return urls
    }

    /// Turns a label file into another format: one file at `url`, or a folder of that name with one file per recording
    /// where the format holds one and the table has several. Returns what was read and the files written.
    @discardableResult
    public static func convert(
        _ source: URL, to format: LabelFormat, at url: URL, reading: LabelReadingOptions = .init(),
        writing: LabelWritingOptions = .init()
    ) throws(LabelError) -> (table: LabelTable, files: [URL]) {
        let table = try read(source, options: reading)
        var writing = writing
        writing.facts = writing.facts ?? reading.facts
        writing.properties.merge(table.properties) { given, _ in given }
        if format.holdsManyRecordings || table.recordings.count <= 1 {
            try write(table.events, format: format, to: url, recordings: table.recordings, options: writing)
            return (table, [url])
        }
        let files = try write(
            table.events, format: format, toFolder: url, recordings: table.recordings, options: writing)
        return (table, files)
    }

    /// The content that `write` gives a file; `file` is its path, for messages and as far as the format depends on it.
    public static func bytes(
        _ events: [Event], format: LabelFormat, file: String, recordings: [String] = [],
        options: LabelWritingOptions = .init()
    ) throws(LabelError) -> [UInt8] {
        let named = Set(events.map(\.recording)).union(recordings)
        // Raven tables may speak of several recordings, but only if their lengths are known.
        if !format.holdsManyRecordings, format != .raven, named.count > 1 {
            throw LabelError(
                file: file, value: "\(named.count) recordings",
                reason: "the format \(format.rawValue) holds one recording",
                remedy: "write into a folder, one file per recording")
        }
        let recording = named.first ?? RecordingName.ofLabelFile(file)
        switch format {
        case .raven: return try RavenTable.write(events, recordings: recordings, file: file, options: options)
        case .audacity: return AudacityLabels.write(events)
        case .csv: return EventCSV.write(events, recordings: recordings)
        case .audition: return AuditionMarkers.write(events)
        case .evsonganaly:
            return try EvsonganalyNotes.write(events, recording: recording, file: file, options: options)
        case .birdnet: return BirdNETTable.write(events)
        case .kaleidoscope: return KaleidoscopeTable.write(events)
        case .dcase: return DCASETable.write(events)
        case .dcasePredictions: return DCASETable.writePredictions(events)
        case .koumura: return KoumuraXML.write(events, recordings: recordings, options: options)
        case .batdetect2: return BatDetectJSON.write(events, recording: recording, options: options)
        case .aoef: return try AOEFDocument.write(events, recordings: recordings, file: file, options: options)
        case .textGrid: return try TextGrid.write(events, recording: recording, file: file, options: options)
        case .aviaNZ: return AviaNZData.write(events, recording: recording, options: options)
        case .timit: return try TimitPhones.write(events, file: file, options: options)
        case .bacpipe: return BacpipeTable.write(events)
        case .beans: return BEANSLines.write(events, recordings: recordings, options: options)
        case .meerkat: return try MeerKATLabels.write(events, recording: recording, file: file, options: options)
        }
    }

    private static func read(
        _ text: LabelText, _ format: LabelFormat, into builder: inout TableBuilder
    ) throws(LabelError) {
        switch format {
        case .raven: try RavenTable.read(text, into: &builder)
        case .audacity: try AudacityLabels.read(text, into: &builder)
        case .csv: try EventCSV.read(text, into: &builder)
        case .audition: try AuditionMarkers.read(text, into: &builder)
        case .evsonganaly, .meerkat: preconditionFailure("\(format.rawValue) is not a text format")
        case .birdnet: try BirdNETTable.read(text, into: &builder)
        case .kaleidoscope: try KaleidoscopeTable.read(text, into: &builder)
        case .dcase, .dcasePredictions: try DCASETable.read(text, into: &builder)
        case .koumura: try KoumuraXML.read(text, into: &builder)
        case .batdetect2: try BatDetectJSON.read(text, into: &builder)
        case .aoef: try AOEFDocument.read(text, into: &builder)
        case .textGrid: try TextGrid.read(text, into: &builder)
        case .aviaNZ: try AviaNZData.read(text, into: &builder)
        case .timit: try TimitPhones.read(text, into: &builder)
        case .bacpipe: try BacpipeTable.read(text, into: &builder)
        case .beans: try BEANSLines.read(text, into: &builder)
        }
    }

    private static func store(_ bytes: [UInt8], at url: URL) throws(LabelError) {
        do {
            try AtomicFile.write(Data(bytes), to: url)
        } catch {
            throw LabelError(
                file: url.path(percentEncoded: false), reason: "cannot be written (\(error.message))",
                remedy: "choose a folder that exists and may be written")
        }
    }
}
