// Many recordings to tables of events. One bad file costs itself; a kill at any moment costs what was being computed; what
// lies in the folder at the end is the same, byte for byte, however often the work was interrupted.
//
//   <out>/<format>/<recording>   one table per recording and format, also for recordings in which nothing was found
//   <out>/events.csv             all events of all recordings, written at the end
//   <out>/.prediction/           the journal and the lock
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

    /// The name of the table of all events.
    public static let eventsName = "events.csv"

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
        var decoding: RecordingDecoding?
        try predictor.predict([recording.path], channel: channels.selection) { _, output in
            try handle(output, recording, &decoding)
        }
        return decoding?.events ?? []
    }

    private func handle(
        _ output: FramePredictor.Output, _ recording: NamedRecording, _ decoding: inout RecordingDecoding?
    ) throws {
        switch output {
        case .opened(let file, let channelCount):
            decoding = RecordingDecoding(
                recording, file: file, channelCount: channelCount, channels: channels, description, self.decoding)
        case .frames(let channel, let probabilities): decoding?.push(probabilities, channel: channel)
        case .ended(let seconds, let damage): decoding?.finish(seconds: seconds, damage: damage)
        case .failed(let reason):
            throw PredictionError(
                file: recording.path, problem: "cannot be used: \(reason)", remedy: "play it, or fetch it again")
        }
    }

    // MARK: Many recordings

    /// Predicts all recordings into `folder` and returns what became of each. What is there already, from the same files,
    /// model and settings, is kept.
    ///
    /// - Parameters:
    ///   - progress: called often, on this thread; what it throws ends the work at once, as a kill would.
    ///   - shouldStop: asked often; true ends the work in good order, to be continued by another call.
    /// - Throws: `PredictionError`, `StorageError` or `LabelError` when results cannot be written; `TorchError` when the
    ///   model cannot be computed.
    public func run(
        _ recordings: [NamedRecording], to folder: URL, formats: [LabelFormat],
        progress: (PredictionProgress) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
    ) throws -> PredictionSummary {
        let start = ContinuousClock.now
        let workFolder = folder.appending(path: ".prediction")
        try FileManager.default.createDirectory(at: workFolder, withIntermediateDirectories: true)
        let lock = try FileLock(workFolder.appending(path: "lock"))
        defer { withExtendedLifetime(lock) {} }
        try AtomicFile.removeUnfinished(in: folder)
        try AtomicFile.removeUnfinished(in: workFolder)
        let journal = try PredictionJournal(workFolder.appending(path: "journal"))
        var results = PredictionResults(folder, formats: formats, recordings: recordings)

        var summary = PredictionSummary(recordings)
        let identities = recordings.map(identity)
        let pending = try recordings.indices.filter { index in
            guard let identity = identities[index] else {
                summary.fail(index, "there is no such file")
                try results.remove(recordings[index].name)
                return false
            }
            guard journal.identity(identity.name) == identity, let record = try journal.record(identity.name) else {
                return true
            }
            try results.write(record, onlyMissing: true)
            summary.finish(index, record, isNew: false)
            return false
        }
        // A table of all events must not stand beside results that it does not speak of.
        if !pending.isEmpty { try FileSystem.live.remove(folder.appending(path: Self.eventsName)) }

        struct Stopped: Error {}
        var decoding: RecordingDecoding?
        do {
            try predictor.predict(pending.map { recordings[$0].path }, channel: channels.selection) { number, output in
                let index = pending[number]
                if shouldStop() { throw Stopped() }
                if case .failed(let reason) = output {
                    decoding = nil
                    summary.fail(index, reason)
                    try results.remove(recordings[index].name)
                } else {
                    try handle(output, recordings[index], &decoding)
                }
                if case .ended = output, let done = decoding {
                    let record = done.record(identities[index]!)
                    try results.write(record)
                    try journal.append(record)
                    summary.finish(index, record, isNew: true)
                    decoding = nil
                }
                summary.wallSeconds = start.secondsSince
                try progress(PredictionProgress(summary, index, secondsOfCurrent: decoding?.seconds ?? 0))
            }
            summary.isComplete = true
        } catch is Stopped {}
        try journal.finish()
        if summary.isComplete { try writeAllEvents(summary, journal, folder) }
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

    private func writeAllEvents(_ summary: PredictionSummary, _ journal: PredictionJournal, _ folder: URL) throws {
        let finished = summary.recordings.filter { $0.status == .predicted || $0.status == .kept }
        var events: [Event] = []
        for recording in finished { events += try journal.record(recording.name)?.events ?? [] }
        try LabelFile.write(
            events, format: .csv, to: folder.appending(path: Self.eventsName), recordings: finished.map(\.name))
    }
}

extension ContinuousClock.Instant {
    /// Seconds from this moment until now.
    fileprivate var secondsSince: Double { (ContinuousClock.now - self) / .seconds(1) }
}
