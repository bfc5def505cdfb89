// From folders to the catalogue. What is new is entered first, as pending, then decoded by several threads and settled
// in small transactions: a scan may be killed at any moment and goes on where it was.

import Audio
import Foundation
import GRDB
import Labels

/// Catalogues folders of recordings and their labels.
public struct Scanner: Sendable {
    /// How a scan works.
    public struct Configuration: Sendable, Hashable {
        /// Threads that decode; 0 for one per core.
        public var threads = 0
        /// Seconds that the storage may take for one read.
        public var timeoutSeconds = 60.0
        /// Leave out label rows that cannot be read, and name them, instead of leaving out their file.
        public var skipsBadRows = false
        /// Read `m1`, `m2` as `m`.
        public var stripsTrailingDigits = false
        /// The column that holds the labels; nil for each format's own choice.
        public var labelColumn: String?
        /// A regular expression over the relative path whose first group is the site; empty: what stands before the
        /// date in a recorder's file name.
        public var sitePattern = ""
        /// A regular expression over the relative path whose first group is the individual; empty: not known.
        public var individualPattern = ""
        /// What clips were called before their names were made random, by stem. The patterns look at these names.
        public var originalNames: [String: String] = [:]
        /// Individuals by the name of the recording: its path, its file name, its stem, or that of its source.
        public var individuals: [String: String] = [:]
        /// The folder of the recordings of manifests; nil for the one that they name.
        public var manifestRoot: String?
        /// Which of several manifests gives the parts: `0` for `train_0` and `valid_0`; nil for the first there is.
        public var manifestFold: String?

        /// The defaults.
        public init() {}
    }

    /// How far a scan is.
    public struct Progress: Sendable, Hashable {
        /// Recordings decoded in this scan.
        public var done = 0
        /// Recordings to be decoded in this scan.
        public var total = 0
        /// Seconds of sound decoded in this scan.
        public var seconds = 0.0
    }

    /// How this scanner works.
    public let configuration: Configuration
    private let catalogue: Catalogue

    /// A scanner for a corpus.
    public init(_ catalogue: Catalogue, configuration: Configuration = .init()) {
        (self.catalogue, self.configuration) = (catalogue, configuration)
    }

    /// Catalogues the recordings below `paths` and the label files below `labels` (folders or files). A path may be a
    /// manifest: then its recordings are meant, with the labels of the MeerKAT layout unless others are given, and with the
    /// split that the names of the manifests speak of. Only what is new or changed is decoded; what has vanished is marked. One bad file costs one file and is named in the report.
    ///
    /// `progress` is called on the calling thread about twice a second, and after each file; it returns false to stop,
    /// after which the report says that it is not complete. Throws `CorpusError` when a path does not exist.
    public func scan(
        _ paths: [String], labels: [String] = [], progress: (Progress) -> Bool = { _ in true }
    ) throws(CorpusError) -> ScanReport {
        var report = ScanReport()
        let patterns = try PathPatterns(configuration)
        let manifests = try ManifestScan(paths, root: configuration.manifestRoot)
        let paths = manifests.otherPaths
        var files = try FileSearch.files(
            in: paths, problems: &report.folderProblems, where: AudioFile.hasAudioExtension)
        if !manifests.isEmpty {
            let known = Set(files.map(\.path))
            files += manifests.files(problems: &report.folderProblems).filter { !known.contains($0.path) }
        }
        for index in files.indices { files[index].includeSidecar() }
        let pending = try enter(files, roots: paths.map(FileSearch.absolute), &report)
        report.isComplete = try decode(pending, patterns, progress)
        report.decoded = pending.count
        let labelScan = LabelScan(catalogue: catalogue, configuration: configuration)
        if report.isComplete {
            if patterns.areGiven { try describe(files, patterns) }
            if !manifests.isEmpty, labels.isEmpty {
                try labelScan.read(manifests.labelFiles(), roots: [], areNamed: true, &report)
            }
            if !labels.isEmpty { try labelScan.read(labels, &report) }
            if !manifests.isEmpty { try manifests.apply(to: catalogue, fold: configuration.manifestFold) }
        }
        try labelScan.count(&report)
        try summarise(Set(files.map(\.path)), &report)
        try catalogue.setProperty("lastReport", Schema.json(report))
        return report
    }

    private struct Pending: Sendable {
        var id: Int64
        var file: FoundFile
    }

    // Enters new and changed files as pending, in the order of their paths, and marks the vanished.
    private func enter(_ files: [FoundFile], roots: [String], _ report: inout ScanReport) throws(CorpusError)
        -> [Pending]
    {
        let (pending, unchanged, missing) = try catalogue.write { database in
            var known: [String: (id: Int64, size: Int64, modified: Int64, isPending: Bool, isMissing: Bool)] = [:]
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT id, path, size, modified, verdictKind = 'pending' AS isPending, isMissing FROM recordings")
            while let row = try rows.next() {
                known[row["path"]] = (row["id"], row["size"], row["modified"], row["isPending"], row["isMissing"])
            }
            var pending: [Pending] = []
            var unchanged = 0
            for file in files {
                if let old = known.removeValue(forKey: file.path) {
                    if old.isMissing {
                        try database.execute(
                            sql: "UPDATE recordings SET isMissing = 0 WHERE id = ?", arguments: [old.id])
                    }
                    if old.size == file.size, old.modified == file.modified, !old.isPending {
                        unchanged += 1
                    } else {
                        try database.execute(
                            sql: "UPDATE recordings SET verdictKind = 'pending', relativePath = ? WHERE id = ?",
                            arguments: [file.relativePath, old.id])
                        pending.append(Pending(id: old.id, file: file))
                    }
                } else {
                    try database.execute(
                        sql: "INSERT INTO recordings (path, relativePath, size, modified) VALUES (?, ?, ?, ?)",
                        arguments: [file.path, file.relativePath, file.size, file.modified])
                    pending.append(Pending(id: database.lastInsertedRowID, file: file))
                }
            }
            var missing = 0
            for (path, old) in known
            where roots.contains(where: { path == $0 || path.hasPrefix($0.hasSuffix("/") ? $0 : $0 + "/") }) {
                missing += 1
                if !old.isMissing {
                    try database.execute(sql: "UPDATE recordings SET isMissing = 1 WHERE id = ?", arguments: [old.id])
                }
            }
            return (pending, unchanged, missing)
        }
        report.recordings = files.count
        report.unchanged = unchanged
        report.missing = missing
        return pending
    }

    private struct Decoded: Sendable {
        var inspection: AudioInspection
        var metadata: RecordingMetadata
    }

    // False when `progress` asked to stop.
    private func decode(_ pending: [Pending], _ patterns: PathPatterns, _ progress: (Progress) -> Bool)
        throws(CorpusError) -> Bool
    {
        guard !pending.isEmpty else { return true }
        var state = Progress(done: 0, total: pending.count)
        var waiting: [(Pending, Decoded)] = []
        var lastWrite = ContinuousClock.now
        var isComplete = true
        let timeoutSeconds = configuration.timeoutSeconds
        let threads = configuration.threads > 0 ? configuration.threads : ProcessInfo.processInfo.activeProcessorCount
        func settle() throws {
            guard !waiting.isEmpty else { return }
            try catalogue.database.write { database in
                for (entry, decoded) in waiting { try Self.settle(entry, decoded, patterns, database) }
            }
            waiting.removeAll(keepingCapacity: true)
            lastWrite = .now
        }
        do {
            try ParallelMap.run(pending, threads: threads) { entry in
                Decoded(
                    inspection: AudioInspection.inspect(path: entry.file.path, timeoutSeconds: timeoutSeconds),
                    metadata: RecordingMetadata(path: entry.file.path))
            } take: { arrived in
                if let (index, decoded) = arrived {
                    waiting.append((pending[index], decoded))
                    state.done += 1
                    state.seconds += decoded.inspection.seconds
                }
                if waiting.count >= 256 || lastWrite.duration(to: .now) > .seconds(1) { try settle() }
                if !progress(state) { isComplete = state.done == state.total }
                return isComplete
            }
            try settle()
        } catch {
            throw .database(folder: catalogue.folder.path, reason: String(describing: error))
        }
        return isComplete
    }

    private static func settle(_ entry: Pending, _ decoded: Decoded, _ patterns: PathPatterns, _ database: Database)
        throws
    {
        let found = decoded.inspection
        let loudest = found.channels.indices.max { found.channels[$0].rms < found.channels[$1].rms } ?? 0
        let path = entry.file.relativePath
        // The name of a clip ends with its place in its source; the recorder's part comes before.
        let source = patterns.source(path)
        let prefix = source.map { RecorderFileName($0).prefix } ?? decoded.metadata.namePrefix
        let site = patterns.isSiteGiven ? patterns.site(path) : prefix
        try database.execute(
            sql: """
                UPDATE recordings SET size = ?, modified = ?, rateHz = ?, channelCount = ?, frames = ?, seconds = ?,
                    promisedSeconds = ?, container = ?, codec = ?, verdictKind = ?, verdict = ?, warnings = ?, peak = ?,
                    rms = ?, loudestChannel = ?, startTime = ?, latitude = ?, longitude = ?, timeExpansion = ?, site = ?,
                    individual = ?, source = ? WHERE id = ?
                """,
            arguments: [
                entry.file.size, entry.file.modified, found.rateHz, found.channelCount, found.frames, found.seconds,
                found.promisedSeconds, found.container, found.codec, found.verdict.kind, Schema.json(found.verdict),
                Schema.json(found.warnings), Double(found.peak), found.rms, loudest, decoded.metadata.start?.iso8601,
                decoded.metadata.latitude, decoded.metadata.longitude, decoded.metadata.timeExpansion, site,
                patterns.individual(path), source, entry.id,
            ])
    }

    // Recordings that were decoded in an earlier scan learn what this one knows about names.
    private func describe(_ files: [FoundFile], _ patterns: PathPatterns) throws(CorpusError) {
        try catalogue.write { database in
            let update = try database.cachedStatement(
                sql: "UPDATE recordings SET source = ?, individual = COALESCE(?, individual) WHERE path = ?")
            let updateSite = try database.cachedStatement(sql: "UPDATE recordings SET site = ? WHERE path = ?")
            for file in files {
                let name = file.relativePath
                try update.execute(arguments: [patterns.source(name), patterns.individual(name), file.path])
                if patterns.isSiteGiven { try updateSite.execute(arguments: [patterns.site(name), file.path]) }
            }
        }
    }

    // The verdicts of all files under the scanned paths, old and new.
    private func summarise(_ paths: Set<String>, _ report: inout ScanReport) throws(CorpusError) {
        struct Entry {
            var path: String
            var verdict: AudioVerdict
            var warnings: [AudioInspection.Warning]
            var seconds: Double
        }
        let entries = try catalogue.read { database in
            try Row.fetchAll(
                database,
                sql:
                    "SELECT path, verdict, warnings, seconds FROM recordings WHERE verdictKind <> 'pending' AND NOT isMissing"
            ).compactMap { row -> Entry? in
                let decoder = JSONDecoder()
                let (verdict, warnings): (String, String) = (row["verdict"], row["warnings"])
                guard paths.contains(row["path"]),
                    let verdict = try? decoder.decode(AudioVerdict.self, from: Data(verdict.utf8))
                else { return nil }
                let decoded = try? decoder.decode([AudioInspection.Warning].self, from: Data(warnings.utf8))
                return Entry(path: row["path"], verdict: verdict, warnings: decoded ?? [], seconds: row["seconds"])
            }
        }
        for entry in NaturalOrder.sorted(entries, by: \.path) {
            report.verdicts[entry.verdict.kind, default: 0] += 1
            report.seconds += entry.seconds
            if case .partial(let lost, _) = entry.verdict { report.lostSeconds += lost }
            if entry.verdict != .whole {
                report.bad.append(.init(path: entry.path, kind: entry.verdict.kind, reason: entry.verdict.detail))
            }
            for warning in entry.warnings { report.warnings.append(warning.remark(entry.path)) }
        }
    }
}

extension FoundFile {
    /// A `.cbin` is as new as its `.rec`, which holds its rate.
    fileprivate mutating func includeSidecar() {
        guard path.lowercased().hasSuffix(".cbin"), let sidecar = FileSearch.status(path.dropLast(5) + ".rec") else {
            return
        }
        size += sidecar.size
        modified = max(modified, sidecar.modified)
    }
}

extension AudioInspection.Warning {
    fileprivate func remark(_ path: String) -> ScanReport.Remark {
        switch self {
        case .silent: .init(path: path, kind: "silent", reason: "every sample is 0")
        case .constant(let channel):
            .init(path: path, kind: "constant", reason: "channel \(channel) holds one value throughout")
        case .clipped(let share):
            .init(
                path: path, kind: "clipped",
                reason: "\((share * 1_000).rounded() / 10) % of the samples are at full scale")
        case .nonFinite(let count): .init(path: path, kind: "non-finite", reason: "\(count) samples were no numbers")
        }
    }
}
