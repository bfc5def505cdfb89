// Where the results of a prediction lie: <out>/<format>/<name of the recording, with the format's ending>.
import Foundation
import Labels
import Storage

/// The result files of a prediction.
struct PredictionResults {
    private let folder: URL
    private let formats: [LabelFormat]
    // Names that several recordings would share in a format.
    private let shared: [LabelFormat: Set<String>]
    private var preparedFolders: Set<String> = []

    init(_ folder: URL, formats: [LabelFormat], recordings: [NamedRecording]) {
        self.folder = folder
        self.formats = formats
        shared = Dictionary(
            uniqueKeysWithValues: Set(formats).map { format in
                let counts = Dictionary(
                    recordings.map { (Self.path($0.name, format, keepsExtension: false), 1) }, uniquingKeysWith: +)
                return (format, Set(counts.filter { $0.value > 1 }.keys))
            })
    }

    /// The result file of a recording.
    func file(_ name: String, _ format: LabelFormat) -> URL {
        let usual = Self.path(name, format, keepsExtension: false)
        let isShared = shared[format]?.contains(usual) == true
        return folder.appending(path: isShared ? Self.path(name, format, keepsExtension: true) : usual)
    }

    /// Writes the events of one recording in all formats, or only in those whose file is not there.
    mutating func write(_ record: PredictionJournal.Record, onlyMissing: Bool = false) throws {
        let name = record.identity.name
        let facts = RecordingFacts(durationSeconds: record.seconds, rateHz: record.rateHz)
        for format in formats {
            let file = file(name, format)
            if onlyMissing, FileManager.default.fileExists(atPath: file.path) { continue }
            try prepare(file.deletingLastPathComponent())
            try LabelFile.write(
                record.events, format: format, to: file, recordings: [name],
                options: LabelWritingOptions(facts: { $0 == name ? facts : nil }))
        }
    }

    /// Removes the results of a recording that has none any more.
    func remove(_ name: String) throws {
        for format in formats { try FileSystem.live.remove(file(name, format)) }
    }

    private mutating func prepare(_ folder: URL) throws {
        guard preparedFolders.insert(folder.path).inserted else { return }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try AtomicFile.removeUnfinished(in: folder)
    }

    private static func path(_ name: String, _ format: LabelFormat, keepsExtension: Bool) -> String {
        let parts = name.split(separator: "/").map(String.init)
        // Formats that drop the extension drop this one instead.
        let last = parts.last! + (keepsExtension ? ".wav" : "")
        return ([format.rawValue] + parts.dropLast() + [format.fileName(forRecording: last)]).joined(separator: "/")
    }
}
