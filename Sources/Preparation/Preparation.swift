// From long recordings and label tables to the layout of animal2vec 1.0 and of the MeerKAT data:
//
//   <out>/wav/08000Hz/<clip>.wav     16 bit, one channel
//   <out>/lbl/08000Hz/<clip>.h5      for clips of recordings that a label table speaks of
//   <out>/manifest/pretrain.tsv      all clips
//   <out>/names.tsv                  what randomly named clips are, where names are random
//   <out>/.prepare/                  the settings, the journal and the lock
import Audio
import Corpus
import Foundation
import Labels
import Storage

/// Cuts long recordings and their labels into clips. May be killed at any moment: the same call goes on.
public struct Preparation: Sendable {
    /// How clips are made.
    public var settings: PreparationSettings
    /// Threads that work; 0 for one per core.
    public var threads = 0
    /// How label tables are read.
    public var reading = LabelReadingOptions()
    /// The channels of recordings that have several.
    public var channels = ChannelTable()
    /// Classes whose numbers in the label files come first, in this order; others follow by name.
    public var classes: [String] = []

    /// A preparation. Throws `PreparationError` for settings that make no sense.
    public init(_ settings: PreparationSettings = .init()) throws(PreparationError) {
        try settings.check()
        self.settings = settings
    }

    /// What the folder remembers between calls.
    private struct Settled: Codable {
        var settings: PreparationSettings
        var subfolders: Int
        var classes: [String]
    }

    /// What `prepare` would find and make, as far as the headers of the recordings tell: nothing is written.
    public func plan(_ paths: [String], labels: [String]) throws -> PreparationReport {
        var report = PreparationReport()
        let plan = try PreparationPlan(
            paths, labels: labels, reading: reading, channels: channels, settings: settings, threads: threadCount,
            report: &report)
        for task in plan.tasks {
            let outputs = task.channel == .all ? task.channelCount : 1
            report.seconds += task.promisedSeconds
            report.clips += outputs * Int((task.promisedSeconds / settings.clipSeconds).rounded(.up))
            report.events += task.events.count
        }
        report.classes = orderedClasses(plan, known: [])
        report.isComplete = true
        return report
    }

    /// Prepares the recordings below `paths` (folders or files) with the label tables below `labels` into `folder`. What
    /// is there already, from the same files, labels and settings, is kept; recordings of earlier calls stay. One bad
    /// file costs one file and is named in the report.
    ///
    /// `progress` is called on the calling thread about twice a second; it returns false to stop in good order. Throws
    /// `PreparationError`, `CorpusError` for paths that do not exist, `StorageError` when the results cannot be written.
    public func prepare(
        _ paths: [String], labels: [String] = [], to folder: URL,
        progress: (PreparationProgress) -> Bool = { _ in true }
    ) throws -> PreparationReport {
        let folder = folder.standardizedFileURL
        let work = folder.appending(path: ".prepare")
        var report = PreparationReport()
        var plan = try PreparationPlan(
            paths, labels: labels, reading: reading, channels: channels, settings: settings, threads: threadCount,
            report: &report)
        try FileManager.default.createDirectory(at: work, withIntermediateDirectories: true)
        let lock = try FileLock(work.appending(path: "lock"))
        defer { withExtendedLifetime(lock) {} }
        try removeUnfinished(folder)
        let settled = try settle(plan, work.appending(path: "settings.json"))
        let journal = try PreparationJournal(work.appending(path: "journal"))
        plan.nameSources(known: journal.records.mapValues(\.source))
        plan.markEvents()
        report.folder = folder.path
        report.classes = settled.classes
        let pending = plan.tasks.filter { task in
            guard let old = journal.records[task.file.path] else { return true }
            return old.size != task.file.size || old.modified != task.file.modified
                || old.fingerprint != task.fingerprint
        }
        report.kept = plan.tasks.count - pending.count
        report.isComplete = try cut(pending, settled, journal, folder, progress, &report)
        try journal.settle()
        try summarise(journal, plan, folder, &report)
        return report
    }

    private var threadCount: Int { threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount }

    private func orderedClasses(_ plan: PreparationPlan, known: [String]) -> [String] {
        var seen: Set<String> = []
        let labels = Set(plan.tasks.flatMap { $0.events.map(\.label) })
        return (known + classes + labels.sorted(by: NaturalOrder.isBefore)).filter { seen.insert($0).inserted }
    }

    /// The settings of the folder: those of its first call, or an error if these are others. New classes get new numbers.
    private func settle(_ plan: PreparationPlan, _ url: URL) throws -> Settled {
        var settled: Settled
        if let data = try? Data(contentsOf: url) {
            guard let old = try? JSONDecoder().decode(Settled.self, from: data) else {
                throw PreparationError("\(url.path): cannot be read; choose another folder")
            }
            var settings = settings
            settings.subfolders = old.settings.subfolders
            guard old.settings == settings, self.settings.subfolders == 0 || self.settings.subfolders == old.subfolders
            else {
                throw PreparationError(
                    "\(url.deletingLastPathComponent().deletingLastPathComponent().path): holds clips that were made with "
                        + "other settings (\(url.path) lists them); give the same, or choose another folder")
            }
            settled = old
        } else {
            var count = settings.subfolders
            if count == 0 {
                let seconds = plan.tasks.reduce(0) { $0 + $1.promisedSeconds }
                count = max(1, Int((seconds / settings.clipSeconds / 9_000).rounded(.up)))
            }
            settled = Settled(settings: settings, subfolders: count, classes: [])
        }
        settled.classes = orderedClasses(plan, known: settled.classes)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(try encoder.encode(settled), to: url)
        return settled
    }

    // Complete unless `progress` asked to stop.
    private func cut(
        _ pending: [PreparationPlan.Task], _ settled: Settled, _ journal: PreparationJournal, _ folder: URL,
        _ progress: (PreparationProgress) -> Bool, _ report: inout PreparationReport
    ) throws -> Bool {
        let (counter, stop) = (SharedCounter(), SharedFlag())
        let total = pending.reduce(0) { $0 + $1.promisedSeconds }
        let all = pending.count
        let settings = settings
        var done = 0
        var isStopped = false
        // A disk that is full costs more than one recording.
        var failure: (any Error)?
        try ParallelMap.run(pending, threads: threadCount) { task in
            Result {
                stop.isSet
                    ? nil
                    : try RecordingCutter(
                        task: task, settings: settings, folder: folder, subfolders: settled.subfolders,
                        classes: settled.classes, readMilliseconds: counter, shouldStop: stop
                    ).cut()
            }
        } take: { arrived in
            if let (index, result) = arrived {
                switch result {
                case .success(nil): isStopped = true
                case .success(let record?):
                    try removeStale(journal.records[record.path], but: record, folder)
                    try journal.append(record)
                    report.preparedNow += 1
                    done += 1
                case .failure(let error as StorageError):
                    failure = failure ?? error
                    stop.set()
                case .failure(let error):
                    let reason = (error as? AudioError)?.reason ?? "\(error)"
                    report.failed.append(.init(path: pending[index].file.path, reason: reason))
                    done += 1
                }
            }
            let now = PreparationProgress(
                seconds: Double(counter.value) / 1000, totalSeconds: total, done: done, total: all)
            if !stop.isSet, !progress(now), done < all {
                isStopped = true
                stop.set()
            }
            return true
        }
        if let failure {
            try journal.settle()
            throw failure
        }
        return !isStopped
    }

    // The clips of an earlier version of a recording that the new one does not have.
    private func removeStale(
        _ old: PreparationJournal.Record?, but new: PreparationJournal.Record, _ folder: URL
    ) throws {
        guard let old else { return }
        let labelled = Set(new.clips.filter(\.hasLabels).map(\.path))
        let present = Set(new.clips.map(\.path))
        for clip in old.clips {
            if !present.contains(clip.path) {
                try FileSystem.live.remove(folder.appending(path: "wav/\(clip.path).wav"))
            }
            if !labelled.contains(clip.path) {
                try FileSystem.live.remove(folder.appending(path: "lbl/\(clip.path).h5"))
            }
        }
    }

    private func removeUnfinished(_ folder: URL) throws {
        for part in ["wav", "lbl", "manifest", ".prepare"] {
            let root = folder.appending(path: part)
            try AtomicFile.removeUnfinished(in: root)
            for case let name as String in FileManager.default.enumerator(atPath: root.path) ?? .init()
            where name.hasSuffix(AtomicFile.unfinishedSuffix) {
                try FileSystem.live.remove(root.appending(path: name))
            }
        }
        try AtomicFile.removeUnfinished(in: folder)
    }

    // Counts what the folder holds, and lists it.
    private func summarise(
        _ journal: PreparationJournal, _ plan: PreparationPlan, _ folder: URL, _ report: inout PreparationReport
    ) throws {
        let records = journal.records.values.sorted { NaturalOrder.isBefore($0.source, $1.source) }
        let asked = Set(plan.tasks.map(\.file.path))
        var entries: [Manifest.Entry] = []
        var names = "RandomizedName\tOriginalName\n"
        for record in records {
            for clip in record.clips {
                entries.append(.init(relativePath: "wav/\(clip.path).wav", frames: clip.frames))
                names += "\(RecordingName.lastComponent(clip.path))\t\(clip.original)\n"
                report.clips += 1
                if clip.events > 0 { report.labelledClips += 1 }
            }
            report.seconds += record.seconds
            report.events += record.events
            report.cutEvents += record.cutEvents
            report.lostEvents += record.lostEvents
            report.otherChannelEvents += record.otherChannelEvents
            report.silentClips += record.silentClips
            report.restSeconds += record.restSeconds
            if asked.contains(record.path), !record.notes.isEmpty {
                report.notes.append(.init(path: record.path, reason: record.notes.joined(separator: "; ")))
            }
        }
        // Lists of a part would look like lists of everything.
        guard report.isComplete, !entries.isEmpty else { return }
        let manifests = folder.appending(path: "manifest")
        try FileManager.default.createDirectory(at: manifests, withIntermediateDirectories: true)
        try Manifest(name: "pretrain", root: folder.path, entries: entries).write(toFolder: manifests)
        if settings.randomNames { try AtomicFile.write(names, to: folder.appending(path: "names.tsv")) }
    }
}
