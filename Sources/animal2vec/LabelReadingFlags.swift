import ArgumentParser
import Foundation
import Inference
import Labels

/// How the rows of label files are read.
struct LabelRowFlags: ParsableArguments {
    @Option(help: "Column that holds the label, when it cannot be told from its name.")
    var labelColumn: String?

    @Flag(help: "Leave bad label rows out, name them, and go on.")
    var skipBadRows = false

    @Flag(help: "Take m1, m2, … as m.")
    var stripTrailingDigits = false

    /// The same for readers.
    var options: LabelReadingOptions {
        var options = LabelReadingOptions()
        options.labelColumn = labelColumn
        options.skipBadRows = skipBadRows
        options.stripTrailingDigits = stripTrailingDigits
        return options
    }
}

/// Options of the commands that read labels by themselves.
struct LabelReadingFlags: ParsableArguments {
    @OptionGroup var rows: LabelRowFlags

    @Option(
        help: "Folder of the recordings, for formats that count in samples or need the length of a recording.",
        transform: { URL(fileURLWithPath: $0) })
    var recordings: URL?

    /// Length and rate of a recording by the name in a label file; nil where no recordings were given.
    func facts() throws -> (@Sendable (String) -> RecordingFacts?)? {
        guard let recordings else { return nil }
        let folder = try RecordingFolder(recordings)
        return { folder.facts($0) }
    }

    /// How label files are read.
    func options() throws -> LabelReadingOptions {
        var options = rows.options
        options.facts = try facts()
        return options
    }

    /// All label files at `url`, a file or a folder.
    func read(_ url: URL) throws -> LabelTable {
        guard FileManager.default.fileExists(atPath: url.path) else {
            throw ValidationError("\(url.path): there is no such file or folder")
        }
        let options = try options()
        guard url.isFolder else { return try LabelFile.read(url, options: options) }
        let files = try FileManager.default.subpathsOfDirectory(atPath: url.path).sorted()
        if let all = try predictedEvents(url, files) { return try LabelFile.read(all, options: options) }
        var table = LabelTable()
        for path in files {
            let file = url.appending(path: path)
            guard !file.isFolder, !file.lastPathComponent.hasPrefix("."), try LabelFormat.detect(file) != nil else {
                continue
            }
            let part = try LabelFile.read(file, options: options)
            table.events += part.events
            table.recordings += part.recordings.filter { !table.recordings.contains($0) }
            table.problems += part.problems
            table.rowCount += part.rowCount
        }
        guard !table.recordings.isEmpty else {
            throw ValidationError("\(url.path): holds no label file that can be read")
        }
        return table
    }

    /// The table of all events, where the folder is one that `predict` has made: the tables beside it, one per format,
    /// tell the same events once more.
    private func predictedEvents(_ folder: URL, _ files: [String]) throws -> URL? {
        let formats = Set(LabelFormat.allCases.map(\.rawValue))
        let tables = files.filter { !$0.hasPrefix(".") && !folder.appending(path: $0).isFolder }
        let isFinished = tables.contains(Prediction.eventsName)
        let isPrediction =
            files.contains(".prediction")
            || isFinished
                && tables.allSatisfy {
                    $0 == Prediction.eventsName || formats.contains($0.components(separatedBy: "/")[0])
                }
        guard isPrediction else { return nil }
        guard isFinished else {
            throw ValidationError(
                "\(folder.path): the prediction was stopped before its end; the same predict command finishes it")
        }
        return folder.appending(path: Prediction.eventsName)
    }
}

extension URL {
    /// Whether it is a folder.
    var isFolder: Bool { (try? resourceValues(forKeys: [.isDirectoryKey]).isDirectory) == true }
}

/// Writes a table in a format: one file, or one file per recording in a folder.
func writeLabels(
    _ table: LabelTable, as format: LabelFormat, to url: URL, options: LabelWritingOptions = .init()
) throws {
    if format.holdsManyRecordings || table.recordings.count == 1 && !url.isFolder && !url.pathExtension.isEmpty {
        try LabelFile.write(table.events, format: format, to: url, recordings: table.recordings, options: options)
    } else {
        try LabelFile.write(table.events, format: format, toFolder: url, recordings: table.recordings, options: options)
    }
}
