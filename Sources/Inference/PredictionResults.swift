// Where the results of a prediction lie: <out>/<format>/<name of the recording, with the format's ending>.
import Foundation
import Labels
import Storage
import Synchronization

/// The result files of a prediction.
final class PredictionResults: Sendable {
    private let folder: URL
    private let formats: [LabelFormat]
    // Names that several recordings would share in a format.
    private let shared: [LabelFormat: Set<String>]
    private let tidiesUp: Bool
    private let keepsSecondary: Bool
    private let preparedFolders = Mutex<Set<String>>([])

    /// - Parameter tidiesUp: whether what interrupted writes left may be removed: nobody else writes here.
    init(
        _ folder: URL, formats: [LabelFormat], recordings: [NamedRecording], keepsSecondary: Bool = false,
        tidiesUp: Bool = true
    ) {
        self.folder = folder
        self.keepsSecondary = keepsSecondary
        self.tidiesUp = tidiesUp
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

    /// The frame probabilities of a recording.
    func probabilities(_ name: String) -> URL {
        folder.appending(path: "\(ProbabilityFile.folderName)/\(name).safetensors")
    }

    /// The vectors of a recording.
    func embeddings(_ name: String, _ unit: EmbeddingUnit, _ format: EmbeddingFormat) -> URL {
        folder.appending(path: "\(EmbeddingFile.folderName)/\(unit.name)/\(name).\(format.fileExtension)")
    }

    /// Whether what was asked for beside the tables is there.
    func holds(_ name: String, _ outputs: Prediction.Outputs) -> Bool {
        let files =
            (outputs.probabilities ? [probabilities(name)] : [])
            + (outputs.embeddings.map { [embeddings(name, $0, outputs.embeddingFormat)] } ?? [])
        return files.allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
    }

    /// The file, in a folder that is there.
    func prepared(_ file: URL) throws -> URL {
        try prepare(file.deletingLastPathComponent())
        return file
    }

    /// Writes the events of one recording in all formats, or only in those whose file is not there.
    func write(_ record: PredictionJournal.Record, onlyMissing: Bool = false) throws {
        let name = record.identity.name
        let facts = RecordingFacts(durationSeconds: record.seconds, rateHz: record.rateHz)
        func write(_ events: [Event], _ format: LabelFormat, _ file: URL) throws {
            if onlyMissing, FileManager.default.fileExists(atPath: file.path) { return }
            try LabelFile.write(
                events, format: format, to: prepared(file), recordings: [name],
                options: LabelWritingOptions(facts: { $0 == name ? facts : nil }))
        }
        for format in formats {
            let file = file(name, format)
            try write(record.events, format, file)
            if keepsSecondary { try write(record.secondaryEvents, format, secondary(name, format)) }
        }
    }

    /// The file of the events of a recording that lost against rivals.
    func secondary(_ name: String, _ format: LabelFormat) -> URL {
        let path = file(name, format).path.dropFirst(folder.path.count).drop { $0 == "/" }
        return folder.appending(path: "\(Prediction.secondaryName)/\(path)")
    }

    /// Removes what an earlier prediction, of another model perhaps, wrote beside the tables and this one does not.
    func removeOthers(_ name: String, _ outputs: Prediction.Outputs) throws {
        if !outputs.probabilities { try FileSystem.live.remove(probabilities(name)) }
        let folder = folder.appending(path: EmbeddingFile.folderName)
        for unit in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
            for format in EmbeddingFormat.allCases
            where unit != outputs.embeddings?.name || format != outputs.embeddingFormat {
                try FileSystem.live.remove(folder.appending(path: "\(unit)/\(name).\(format.fileExtension)"))
            }
        }
    }

    /// Removes the results of a recording that has none any more.
    func remove(_ name: String) throws {
        for format in formats {
            try FileSystem.live.remove(file(name, format))
            try FileSystem.live.remove(secondary(name, format))
        }
        try removeOthers(name, .init())
    }

    private func prepare(_ folder: URL) throws {
        guard preparedFolders.withLock({ $0.insert(folder.path).inserted }) else { return }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        if tidiesUp { try AtomicFile.removeUnfinished(in: folder) }
    }

    private static func path(_ name: String, _ format: LabelFormat, keepsExtension: Bool) -> String {
        let parts = name.split(separator: "/").map(String.init)
        // Formats that drop the extension drop this one instead.
        let last = parts.last! + (keepsExtension ? ".wav" : "")
        return ([format.rawValue] + parts.dropLast() + [format.fileName(forRecording: last)]).joined(separator: "/")
    }
}
