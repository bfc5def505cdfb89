// Label files into the catalogue: each row finds its recording by relative path, name or stem.

import Foundation
import GRDB
import Labels

/// Reads the label files below some paths.
struct LabelScan {
    let catalogue: Catalogue
    let configuration: Scanner.Configuration

    func read(_ paths: [String], _ report: inout ScanReport) throws(CorpusError) {
        let files = try FileSearch.files(in: paths, problems: &report.folderProblems) { _ in true }
        try read(files, roots: paths.map(FileSearch.absolute), &report)
    }

    /// Reads label files. Those that are roots themselves have to be label files, or all if they `areNamed`; what is
    /// known below a root and no longer there is forgotten.
    func read(
        _ files: [FoundFile], roots: [String], areNamed: Bool = false, _ report: inout ScanReport
    ) throws(CorpusError) {
        let named = Set(areNamed ? files.map(\.path) : roots)
        let recordings = try catalogue.recordings(RecordingFilter(isUsable: false)).filter { !$0.isMissing }
        let finder = RecordingFinder(recordings)
        let known = try catalogue.read { database in
            var known: [String: (size: Int64, modified: Int64)] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT path, size, modified FROM labelFiles") {
                known[row["path"]] = (row["size"], row["modified"])
            }
            return known
        }
        var seen: Set<String> = []
        for file in files {
            let url = URL(fileURLWithPath: file.path)
            do throws(LabelError) {
                // In a folder of labels other files may lie about; a file that is named has to be one.
                guard try LabelFormat.detect(url) != nil || named.contains(file.path) else { continue }
                seen.insert(file.path)
                // Files that found all their recordings are not read again.
                if let old = known[file.path], old.size == file.size, old.modified == file.modified { continue }
                let options = LabelReadingOptions(
                    labelColumn: configuration.labelColumn, skipBadRows: configuration.skipsBadRows,
                    stripTrailingDigits: configuration.stripsTrailingDigits, facts: finder.facts(for: file))
                let table = try LabelFile.read(url, options: options)
                report.labelProblems += table.problems.map(\.description)
                try store(table, file, finder, &report)
            } catch {
                report.labelProblems.append("\(error)")
                try? remove([file.path])
                seen.remove(file.path)
            }
        }
        try remove(
            known.keys.filter { path in
                !seen.contains(path) && roots.contains { path == $0 || path.hasPrefix($0 + "/") }
            })
    }

    private func store(_ table: LabelTable, _ file: FoundFile, _ finder: RecordingFinder, _ report: inout ScanReport)
        throws(LabelError)
    {
        var matches: [String: Recording] = [:]
        var unmatched: [String: Int] = [:]
        for name in table.recordings + table.events.map(\.recording)
        where matches[name] == nil && unmatched[name] == nil {
            switch finder.find(name, labelFile: file) {
            case .success(let recording): matches[name] = recording
            case .failure(let problem):
                unmatched[name] = report.unmatched.count
                report.unmatched.append(
                    .init(labelFile: file.path, recording: name, rows: 0, reason: problem.reason))
            }
        }
        for event in table.events {
            if let index = unmatched[event.recording] { report.unmatched[index].rows += 1 }
        }
        do {
            try catalogue.database.write { database in
                try database.execute(sql: "DELETE FROM labelFiles WHERE path = ?", arguments: [file.path])
                // Size −1: read again next time, when the recordings that are missing now may be there.
                try database.execute(
                    sql: "INSERT INTO labelFiles (path, size, modified, eventCount) VALUES (?, ?, ?, ?)",
                    arguments: [
                        file.path, unmatched.isEmpty && table.problems.isEmpty ? file.size : -1, file.modified,
                        table.events.count,
                    ])
                let labelFileID = database.lastInsertedRowID
                for id in Set(matches.values.map(\.id)).sorted() {
                    try database.execute(
                        sql: "INSERT INTO annotations (recordingID, labelFileID) VALUES (?, ?)",
                        arguments: [id, labelFileID])
                }
                let insert = try database.cachedStatement(
                    sql: """
                        INSERT INTO events (recordingID, labelFileID, startSeconds, endSeconds, label, score, lowHz, highHz,
                            channel, annotator, focal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                        """)
                for event in table.events {
                    guard let recording = matches[event.recording] else { continue }
                    try insert.execute(arguments: [
                        recording.id, labelFileID, event.startSeconds, event.endSeconds, event.label, event.score,
                        event.lowHz, event.highHz, event.channel, event.annotator, event.isFocal,
                    ])
                }
            }
        } catch {
            throw LabelError(
                file: file.path, reason: "cannot be entered into the catalogue (\(error))", remedy: "check the disk")
        }
    }

    private func remove(_ paths: some Collection<String>) throws(CorpusError) {
        guard !paths.isEmpty else { return }
        try catalogue.write { database in
            for path in paths {
                try database.execute(sql: "DELETE FROM labelFiles WHERE path = ?", arguments: [path])
            }
        }
    }

    /// How much of the catalogue is labelled.
    func count(_ report: inout ScanReport) throws(CorpusError) {
        let counts = try catalogue.read { database in
            try ["labelFiles", "events"].map { try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM \($0)") ?? 0 }
                + [try Int.fetchOne(database, sql: "SELECT COUNT(DISTINCT recordingID) FROM annotations") ?? 0]
        }
        (report.labelFiles, report.events, report.annotatedRecordings) = (counts[0], counts[1], counts[2])
    }
}

/// Finds recordings by the names in label files.
package struct RecordingFinder: Sendable {
    package struct Problem: Error {
        package var reason: String
    }

    private let recordings: [Recording]
    private let paths: [String]
    private let index: RecordingIndex

    package init(_ recordings: [Recording]) {
        self.recordings = recordings
        paths = recordings.map(\.relativePath)
        index = RecordingIndex(paths)
    }

    /// The recording that a name in a label file means. A name that fits several is settled by the folder of the label
    /// file: the recording beside it, or at the same place below another root.
    package func find(_ name: String, labelFile: FoundFile) -> Result<Recording, Problem> {
        switch index.find(name, paths: paths) {
        case .one(let position): return .success(recordings[position])
        case .none: return .failure(Problem(reason: "not found"))
        case .several(let positions):
            let folder = Self.folder(labelFile.path)
            let relative = Self.folder(labelFile.relativePath)
            let beside = positions.filter { Self.folder(recordings[$0].path) == folder }
            if beside.count == 1 { return .success(recordings[beside[0]]) }
            let mirrored = positions.filter { Self.folder(paths[$0]) == relative }
            if beside.isEmpty, mirrored.count == 1 { return .success(recordings[mirrored[0]]) }
            let names = positions.prefix(3).map { paths[$0] }.joined(separator: ", ")
            return .failure(Problem(reason: "fits \(positions.count) recordings: \(names)"))
        }
    }

    /// Length and rate by name, for the plausibility of times.
    func facts(for labelFile: FoundFile) -> @Sendable (String) -> RecordingFacts? {
        { name in
            guard case .success(let recording) = find(name, labelFile: labelFile), recording.frames > 0 else {
                return nil
            }
            return RecordingFacts(durationSeconds: recording.seconds, rateHz: recording.rateHz)
        }
    }

    private static func folder(_ path: String) -> Substring {
        path.lastIndex(of: "/").map { path[..<$0] } ?? ""
    }
}
