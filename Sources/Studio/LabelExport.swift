// All labels as one download: a table where the format holds many recordings, otherwise an archive of one file for each.
import Foundation
import Labels

/// A file of labels to take away.
struct LabelExport {
    let fileName: String
    let type: String
    let data: Data

    /// Events in a format, by its name. Throws `StudioError`, or `LabelError` where the format cannot hold the events.
    init(_ events: [Event], facts: [String: RecordingFacts], format name: String) throws {
        guard let format = LabelFormat(rawValue: name) else {
            throw StudioError(
                "There is no format “\(name)”; take one of \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", "))"
            )
        }
        guard !events.isEmpty else { throw StudioError("There are no labels yet") }
        let options = LabelWritingOptions(facts: { facts[$0] })
        let folder = FileManager.default.temporaryDirectory.appending(path: "animal2vec-export-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func write(_ events: [Event], _ file: String, _ recordings: [String]) throws -> Data {
            let url = folder.appending(path: file)
            do {
                try LabelFile.write(events, format: format, to: url, recordings: recordings, options: options)
            } catch {
                // Where it was tried is nobody's business.
                throw StudioError(error.description.replacingOccurrences(of: folder.path + "/", with: ""))
            }
            return try Data(contentsOf: url)
        }
        if format.holdsManyRecordings {
            // The name stands for a recording that has one: `labels.csv`, `labels.json`.
            fileName = format.fileName(forRecording: "labels")
            data = try write(events, fileName, Array(Set(events.map(\.recording))).sorted())
            type = "application/octet-stream"
        } else {
            var archive = ZipArchive()
            // Folders of recordings stay, so that equal names do not meet.
            for (recording, own) in Dictionary(grouping: events, by: \.recording).sorted(by: { $0.key < $1.key }) {
                let file = format.fileName(forRecording: recording)
                let place = recording.split(separator: "/").dropLast().filter { $0 != ".." && $0 != "." }
                archive.add((place.map(String.init) + [file]).joined(separator: "/"), try write(own, file, [recording]))
            }
            (fileName, data, type) = ("labels-\(format.rawValue).zip", archive.data, "application/zip")
        }
    }
}
