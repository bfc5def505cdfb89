// The one door to label files: every format in, every format out.
import Foundation

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
        case .raven: try RavenTable.read(LabelText(contentsOf: url), into: &builder)
        case .audacity: try AudacityLabels.read(LabelText(contentsOf: url), into: &builder)
        case .csv: try EventCSV.read(LabelText(contentsOf: url), into: &builder)
        case .audition: try AuditionMarkers.read(LabelText(contentsOf: url), into: &builder)
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
        var urls: [URL] = []
        for recording in all {
            let url = folder.appending(path: format.fileName(forRecording: recording))
            try write(
                byRecording[recording] ?? [], format: format, to: url, recordings: [recording], options: options)
            urls.append(url)
        }
        return urls
    }

    private static func bytes(
        _ events: [Event], format: LabelFormat, file: String, recordings: [String], options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        let named = Set(events.map(\.recording)).union(recordings)
        // Raven tables may speak of several recordings, but only if their lengths are known.
        if !format.holdsManyRecordings, format != .raven, named.count > 1 {
            throw LabelError(
                file: file, value: "\(named.count) recordings",
                reason: "the format \(format.rawValue) holds one recording",
                remedy: "write into a folder, one file per recording")
        }
        switch format {
        case .raven:
            return try RavenTable.write(events, recordings: recordings, file: file, options: options)
        case .audacity: return AudacityLabels.write(events)
        case .csv: return EventCSV.write(events, recordings: recordings)
        case .audition: return AuditionMarkers.write(events)
        case .evsonganaly:
            return try EvsonganalyNotes.write(
                events, recording: named.first ?? RecordingName.ofLabelFile(file), file: file, options: options)
        }
    }

    private static func store(_ bytes: [UInt8], at url: URL) throws(LabelError) {
        do {
            try Data(bytes).write(to: url, options: .atomic)
        } catch {
            throw LabelError(
                file: url.path(percentEncoded: false), reason: "cannot be written (\(error.localizedDescription))",
                remedy: "choose a folder that exists and may be written")
        }
    }
}
