import ArgumentParser
import Audio
import Corpus
import Foundation
import Inference
import Labels

/// What is really there: tables, a corpus, or a manifest of animal2vec 1.0.
struct TruthSource {
    /// The events of all recordings that were listened to.
    var table = LabelTable()
    /// The lengths of recordings, as far as they are known.
    var seconds: [String: Double] = [:]
    /// Where the recordings lie, as far as that is known.
    var paths: [String: String] = [:]

    /// Reads `url`: a corpus or a part of it, a manifest, or label files.
    init(_ url: URL, part: SplitPart?, fold: Int?, reading: LabelReadingFlags) throws {
        if FileManager.default.fileExists(atPath: url.appending(path: "corpus.sqlite").path) {
            try corpus(url, part, fold)
        } else if let rows = Self.manifest(url) {
            try manifest(rows, url, reading)
        } else {
            if part != nil || fold != nil {
                throw ValidationError("--part and --fold divide a corpus, and \(url.path) is none")
            }
            table = try reading.read(url)
            guard let facts = try reading.facts() else { return }
            for name in table.recordings { seconds[name] = facts(name)?.durationSeconds }
        }
    }

    private mutating func corpus(_ url: URL, _ part: SplitPart?, _ fold: Int?) throws {
        let filter = RecordingFilter(isAnnotated: true, part: part, fold: fold)
        for entry in try Catalogue(folder: url).labelledRecordings(filter) {
            let name = entry.recording.relativePath
            table.recordings.append(name)
            seconds[name] = entry.recording.seconds
            paths[name] = entry.recording.path
            table.events += entry.events.map { event in
                var event = event
                event.recording = name
                return event
            }
        }
        guard !table.recordings.isEmpty else {
            throw ValidationError(
                "\(url.path): no annotated recording\(part.map { " in the part \($0.rawValue)" } ?? ""); "
                    + "scan it with --labels, and split it")
        }
    }

    // MARK: Manifests

    private struct Row {
        let root: String
        let path: String
        let samples: Int
    }

    /// The rows of a manifest: a folder, then `path<TAB>samples`; nil for any other file.
    private static func manifest(_ url: URL) -> [Row]? {
        guard url.pathExtension.lowercased() == "tsv", let text = try? String(contentsOf: url, encoding: .utf8) else {
            return nil
        }
        let lines = text.split(whereSeparator: \.isNewline)
        guard let root = lines.first, !root.contains("\t") else { return nil }
        let rows = lines.dropFirst().map { line -> Row? in
            let cells = line.split(separator: "\t")
            guard cells.count == 2, let samples = Int(cells[1]) else { return nil }
            return Row(root: String(root), path: String(cells[0]), samples: samples)
        }
        return rows.contains { $0 == nil } ? nil : rows.compactMap(\.self)
    }

    private mutating func manifest(_ rows: [Row], _ url: URL, _ reading: LabelReadingFlags) throws {
        for row in rows {
            // A manifest made on another computer names a folder of that one: then it stands beside the data.
            let roots =
                [row.root]
                + (0..<4).map { up in
                    (0...up).reduce(url) { url, _ in url.deletingLastPathComponent() }.path
                }
            guard let label = roots.lazy.compactMap({ Self.labels(root: $0, path: row.path) }).first else {
                throw ValidationError(
                    "\(url.path): no labels of \(row.path) below \(row.root); they are looked for under lbl/ instead of wav/"
                )
            }
            var options = try reading.options()
            options.recording = row.path
            var part = try LabelFile.read(label, options: options)
            for index in part.events.indices { part.events[index].recording = row.path }
            table.events += part.events
            table.recordings.append(row.path)
            if let rate = Self.rateHz(row.path) { seconds[row.path] = Double(row.samples) / rate }
            paths[row.path] = URL(filePath: row.root).appending(path: row.path).path
        }
    }

    /// The label file of a recording: under `lbl` instead of `wav`, or beside it.
    private static func labels(root: String, path: String) -> URL? {
        let audio = URL(filePath: root).appending(path: path)
        let swapped = audio.pathComponents.map { $0 == "wav" ? "lbl" : $0 }
        let other = URL(filePath: NSString.path(withComponents: swapped))
        for base in [other, audio] {
            let stem = base.deletingPathExtension()
            for end in ["h5", "csv", "txt", "Table.1.selections.txt", "TextGrid", "xml", "json"] {
                let file = stem.appendingPathExtension(end)
                if FileManager.default.fileExists(atPath: file.path) { return file }
            }
        }
        return nil
    }

    /// The rate that the folder of a recording names: `08000Hz`.
    private static func rateHz(_ path: String) -> Double? {
        path.split(separator: "/").lazy.compactMap { part in
            part.hasSuffix("Hz") ? Double(part.dropLast(2)) : nil
        }.first
    }
}
