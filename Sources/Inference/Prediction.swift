// Many recordings to tables of events. One bad file costs itself; a kill at any moment costs some seconds of work, also in
// the middle of a long recording; several processes may share the work. What lies in the folder at the end is the same, byte
// for byte, however often the work was interrupted and whoever did it.
//
//   <out>/<format>/<recording>   one table per recording and format, also for recordings in which nothing was found
//   <out>/events.csv             all events of all recordings, written at the end
//   <out>/secondary/…            the same for events that lost against rivals, if asked for
//   <out>/probabilities/…, <out>/embeddings/…   one file per recording, if asked for
//   <out>/.prediction/           journals, locks and unfinished recordings, see WorkFolder
import Audio
import Foundation
import Labels
import Models
import Neural
import Storage
import Torch

/// Predicts the events of many recordings with one model.
public struct Prediction {
    /// What decides about the results, apart from the model.
    public struct Configuration: Codable, Sendable, Hashable {
        /// How recordings are cut into windows.
        public var windows = FramePredictor.Configuration()
        /// How frame probabilities become events; nil for the model's own way.
        public var decoding: EventDecoder.Configuration?
        /// Which channels are heard; nil for those that the model learned from.
        public var channels: ModelDescription.Channels?
        /// In which numbers the model computes.
        public var precision = Precision.fp32

        /// The model's own ways.
        public init() {}
    }

    /// What is written beside the tables.
    public struct Outputs: Codable, Sendable, Hashable {
        /// The probabilities of all frames.
        public var probabilities = false
        /// Vectors, and what each stands for.
        public var embeddings: EmbeddingUnit?
        /// In which files vectors are kept.
        public var embeddingFormat = EmbeddingFormat.safetensors
        /// Tables of the events that lost against rivals of higher score.
        public var secondary = false

        /// Nothing.
        public init() {}
    }

    /// The name of the table of all events.
    public static let eventsName = "events.csv"
    /// The folder of the events that lost against rivals.
    public static let secondaryName = "secondary"
    /// Seconds of work that a kill in the middle of a recording may cost.
    public var saveSeconds = 5.0

    /// What the model hears and says.
    public let description: ModelDescription
    private let predictor: FramePredictor
    private let decoding: EventDecoder.Configuration
    private let channels: ModelDescription.Channels
    private let modelFingerprint: String
    private let settingsFingerprint: String

    /// A prediction with the model of a folder. Throws `ModelFolderError` for a model without classes, `ConfigurationError`
    /// for settings that do not fit it.
    public init(
        _ model: ModelFolder, configuration: Configuration = Configuration(), device: Device = .cpu
    ) throws {
        description = model.description
        decoding = configuration.decoding ?? model.description.decoding
        channels = configuration.channels ?? model.description.channels
        var faults = decoding.faults(labels: description.classes).map { "decoding.\($0)" }
        if let seconds = configuration.windows.windowSeconds, !(0.001...3600).contains(seconds) {
            faults.append("windows.windowSeconds: a number from 0.001 to 3600 is expected, found \(seconds)")
        }
        if !(0...0.5).contains(configuration.windows.overlap) {
            faults.append("windows.overlap: a number from 0 to 0.5 is expected, found \(configuration.windows.overlap)")
        }
        if let windows = configuration.windows.batchWindows, !(1...4096).contains(windows) {
            faults.append("windows.batchWindows: a number from 1 to 4096 is expected, found \(windows)")
        }
        if !faults.isEmpty { throw ConfigurationError(faults) }
        predictor = FramePredictor(
            try model.classifier(precision: configuration.precision, device: device), description,
            configuration: configuration.windows)
        modelFingerprint = model.fingerprint
        let resolved = Resolved(
            decoding: decoding, channels: channels, precision: configuration.precision, device: "\(device)",
            windowFrames: predictor.plan.windowFrames, overlapFrames: predictor.plan.overlapFrames,
            batchWindows: predictor.batchWindows)
        let yaml = try ConfigurationNode(encoding: resolved).yaml
        settingsFingerprint = String(format: "%08x", CRC32C.of(Array(yaml.utf8)).value)
    }

    /// Everything that may change a digit of the results.
    private struct Resolved: Encodable {
        let decoding: EventDecoder.Configuration
        let channels: ModelDescription.Channels
        let precision: Precision
        let device: String
        let windowFrames, overlapFrames, batchWindows: Int
    }

    // MARK: One recording

    /// The events of one recording, by start. Throws `PredictionError` if it cannot be used.
    public func events(_ recording: NamedRecording) throws -> [Event] {
        guard let identity = identity(recording) else {
            throw PredictionError(file: recording.path, problem: "does not exist", remedy: "check the path")
        }
        var record: PredictionJournal.Record?
        var work: RecordingWork?
        let turn = FramePredictor.Turn()
        let path = recording.path
        try predictor.run(
            channel: channels.selection,
            next: { turn.take() == 0 ? .recording(index: 0, path: path, skippedRows: 0) : .end }
        ) { step in
            switch step {
            case .opened(_, let file, let count): work = try begin(recording, identity, file, count)
            case .rows(_, let rows): try work?.add(rows)
            case .ended(_, let seconds, let damage): record = try work?.finish(seconds: seconds, damage: damage)
            case .failed(_, let reason):
                throw PredictionError(
                    file: recording.path, problem: "cannot be used: \(reason)", remedy: "play it, or fetch it again")
            case .waiting: break
            }
        }
        return record?.events ?? []
    }

    private func begin(
        _ recording: NamedRecording, _ identity: PredictionJournal.Identity, _ file: AudioFile, _ channelCount: Int,
        outputs: Outputs = .init(), partial: URL? = nil, saved: RecordingWork.Saved? = nil
    ) throws -> RecordingWork {
        try RecordingWork(
            recording, identity: identity, file: file, channelCount: channelCount, channels: channels,
            predictor: predictor, decoding: decoding, outputs: outputs, partial: partial, saved: saved)
    }

    // MARK: Many recordings

    /// Predicts all recordings into `folder` and returns what became of each. What is there already, from the same files,
    /// model and settings, is kept. Several processes may do this at the same time: they share the recordings, and each
    /// returns when all are done.
    ///
    /// - Parameters:
    ///   - outputs: what is written beside the tables.
    ///   - progress: called often, on this thread; what it throws ends the work at once, as a kill would.
    ///   - shouldStop: asked often; true ends the work in good order, to be continued by another call.
    /// - Throws: `PredictionError`, `StorageError` or `LabelError` when results cannot be written; `TorchError` when the
    ///   model cannot be computed.
    public func run(
        _ recordings: [NamedRecording], to folder: URL, formats: [LabelFormat], outputs: Outputs = .init(),
        progress: (PredictionProgress) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
    ) throws -> PredictionSummary {
        let start = ContinuousClock.now
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let asked = String(decoding: try encoder.encode(outputs), as: UTF8.self)
        let names = formats.map(\.rawValue).sorted().joined(separator: ",")
        let work = try WorkFolder(
            folder, fingerprint: "\(modelFingerprint) \(settingsFingerprint) \(names) \(asked)")
        defer { work.leave() }
        let own = try work.ownJournal()
        defer { withExtendedLifetime(own.lock) {} }
        let journal = try PredictionJournal(work.url, own: own.url)
        let results = PredictionResults(
            folder, formats: formats, recordings: recordings, keepsSecondary: outputs.secondary,
            tidiesUp: work.cameAlone)

        var summary = PredictionSummary(recordings)
        let identities = recordings.map(identity)
        let pending = try recordings.indices.filter { index in
            guard let identity = identities[index] else {
                summary.fail(index, "there is no such file")
                try results.remove(recordings[index].name)
                return false
            }
            guard journal.identity(identity.name) == identity, results.holds(identity.name, outputs),
                let record = try journal.record(identity.name)
            else { return true }
            try results.write(record, onlyMissing: true)
            summary.finish(index, record, isNew: false)
            return false
        }
        // A table of all events must not stand beside results that it does not speak of.
        if !pending.isEmpty { try FileSystem.live.remove(folder.appending(path: Self.eventsName)) }

        let queue = PredictionQueue(
            work, journal, recordings, identities, open: pending, outputs: outputs, results: results)
        defer { try? queue.close() }
        struct Stopped: Error {}
        var current: RecordingWork?
        func take() throws {
            for (index, what) in queue.takeElsewhere() {
                switch what {
                case .finished(let record): summary.finish(index, record, isNew: false)
                case .failed(let reason): summary.fail(index, reason)
                }
            }
        }
        do {
            try predictor.run(
                channel: channels.selection, wantsEmbeddings: outputs.embeddings != nil, next: queue.next
            ) { step in
                if shouldStop() { throw Stopped() }
                var index = pending.first ?? 0
                switch step {
                case .opened(let number, let file, let channelCount):
                    index = number
                    current = try begin(
                        recordings[index], identities[index]!, file, channelCount, outputs: outputs,
                        partial: queue.partial(index), saved: queue.state(index))
                case .rows(let number, let rows):
                    index = number
                    try current?.add(rows)
                    try current?.saveIfDue(everySeconds: saveSeconds)
                case .ended(let number, let seconds, let damage):
                    index = number
                    guard let done = current else { break }
                    let record = try done.finish(seconds: seconds, damage: damage)
                    try done.writeOutputs(results)
                    try results.removeOthers(recordings[index].name, outputs)
                    try results.write(record)
                    try queue.finish(index, record)
                    summary.finish(index, record, isNew: true)
                    current = nil
                case .failed(let number, let reason):
                    index = number
                    current = nil
                    summary.fail(index, reason)
                    try results.remove(recordings[index].name)
                    try queue.fail(index, reason)
                case .waiting: break
                }
                try take()
                summary.wallSeconds = start.secondsSince
                try progress(PredictionProgress(summary, index, secondsOfCurrent: current?.seconds ?? 0))
            }
            try take()
            summary.isComplete = true
        } catch is Stopped {
            // The next call goes on right here.
            try current?.save()
        }
        try queue.close()
        try journal.refresh()
        if summary.isComplete { try writeAllEvents(summary, journal, folder, outputs) }
        try journal.finish()
        summary.wallSeconds = start.secondsSince
        return summary
    }

    private func identity(_ recording: NamedRecording) -> PredictionJournal.Identity? {
        var status = stat()
        guard stat(recording.path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return nil }
        return PredictionJournal.Identity(
            name: recording.name, path: recording.path, byteCount: Int(status.st_size),
            modifiedNanoseconds: Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec),
            model: modelFingerprint, settings: settingsFingerprint)
    }

    private func writeAllEvents(
        _ summary: PredictionSummary, _ journal: PredictionJournal, _ folder: URL, _ outputs: Outputs
    ) throws {
        let finished = summary.recordings.filter { $0.status == .predicted || $0.status == .kept }
        var (events, secondary): ([Event], [Event]) = ([], [])
        for recording in finished {
            guard let record = try journal.record(recording.name) else { continue }
            events += record.events
            if outputs.secondary { secondary += record.secondaryEvents }
        }
        let names = finished.map(\.name)
        try LabelFile.write(events, format: .csv, to: folder.appending(path: Self.eventsName), recordings: names)
        guard outputs.secondary else { return }
        let other = folder.appending(path: "\(Self.secondaryName)/\(Self.eventsName)")
        try FileManager.default.createDirectory(
            at: other.deletingLastPathComponent(), withIntermediateDirectories: true)
        try LabelFile.write(secondary, format: .csv, to: other, recordings: names)
    }
}

extension ContinuousClock.Instant {
    /// Seconds from this moment until now.
    fileprivate var secondsSince: Double { (ContinuousClock.now - self) / .seconds(1) }
}
