import Audio
import Foundation
import Labels
import Models
import Storage

/// One recording on its way from windows to events, all channels that are heard. Its state can be stored between any two
/// batches; what follows is the same, byte for byte.
final class RecordingWork {
    /// All that is needed to go on.
    struct Saved: Codable {
        var identity: PredictionJournal.Identity
        /// Rows of batches, windows of all channels, that are done.
        var rows = 0
        var seconds = 0.0
        /// Frames of one channel that are done.
        var frames = 0
        var events: [Event] = []
        var decoders: [EventDecoder]
        var stitchers: [WindowStitcher]
        var vectorStitchers: [WindowStitcher]
        var pools: [EmbeddingPool]
        /// Bytes of the files beside it, by the ends of their names.
        var lengths: [String: Int] = [:]
    }

    private(set) var saved: Saved
    private let recording: NamedRecording
    private let file: AudioFile
    private let description: ModelDescription
    private let decoding: EventDecoder.Configuration
    private let outputs: Prediction.Outputs
    private let partial: URL?
    private var writers: [String: FileWriter] = [:]
    private var nextSave: ContinuousClock.Instant?
    private var damage: [String] = []

    /// Seconds of the recording that are decoded, all of them at the end.
    var seconds: Double { saved.seconds }

    /// Begins a recording, or goes on with it.
    ///
    /// - Parameter partial: where its files lie until it is finished, without the ends of their names; nil for a recording
    ///   that is kept in memory.
    init(
        _ recording: NamedRecording, identity: PredictionJournal.Identity, file: AudioFile, channelCount: Int,
        channels: ModelDescription.Channels, predictor: FramePredictor, decoding: EventDecoder.Configuration,
        outputs: Prediction.Outputs = .init(), partial: URL? = nil, saved: Saved? = nil
    ) throws {
        (self.recording, self.file, self.outputs, self.partial) = (recording, file, outputs, partial)
        self.decoding = decoding
        description = predictor.description
        let description = predictor.description
        let grid = description.grid(frames: .max)
        self.saved =
            saved
            ?? Saved(
                identity: identity,
                decoders: (0..<channelCount).map { channel in
                    // The channel is told where there is a choice.
                    let isTold = file.channelCount > 1 && (channels == .each || channels == .first)
                    return EventDecoder(
                        decoding, classes: description.classes, recording: recording.name,
                        channel: isTold ? channel : nil, framesPerSecond: grid.framesPerSecond,
                        firstCentreSeconds: grid.firstCentreSeconds)
                },
                stitchers: Array(
                    repeating: predictor.stitcher(classCount: description.classes.count), count: channelCount),
                vectorStitchers: Array(
                    repeating: predictor.stitcher(classCount: description.encoder.width), count: channelCount),
                pools: outputs.embeddings.map {
                    Array(
                        repeating: EmbeddingPool($0, width: description.encoder.width, grid: grid), count: channelCount)
                } ?? [])
        guard let partial else { return }
        for channel in 0..<channelCount {
            for end in (outputs.probabilities ? ["probabilities"] : [])
                + (outputs.embeddings == nil ? [] : ["embeddings"])
            {
                let end = "\(end).\(channel)"
                let url = partial.appendingPathExtension(end)
                // What was written after the state was stored is written again.
                if truncate(url.path, off_t(self.saved.lengths[end] ?? 0)) != 0, errno != ENOENT {
                    throw StorageError(errno: errno, doing: "shorten", path: url.path)
                }
                writers[end] = try FileWriter(appendingTo: url)
            }
        }
    }

    /// The stored state of a recording; nil if there is none that fits.
    static func load(_ partial: URL, identity: PredictionJournal.Identity, outputs: Prediction.Outputs) -> Saved? {
        guard let data = try? Data(contentsOf: partial.appendingPathExtension("json")),
            let saved = try? JSONDecoder().decode(Saved.self, from: data), saved.identity == identity,
            saved.pools.first?.unit == outputs.embeddings,
            saved.lengths.keys.contains(where: { $0.hasPrefix("probabilities") }) == outputs.probabilities
        else { return nil }
        let isThere = saved.lengths.allSatisfy { end, length in
            let path = partial.appendingPathExtension(end).path
            return ((try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? Int) ?? -1 >= length
        }
        return isThere ? saved : nil
    }

    /// Takes the windows of a batch.
    func add(_ rows: [FramePredictor.Row]) throws {
        for row in rows {
            let channel = row.channel
            let frames = saved.stitchers[channel].add(row.probabilities, isLast: row.isLast)
            saved.events += saved.decoders[channel].push(frames)
            if channel == 0 {
                saved.frames += frames.count / description.classes.count
                saved.seconds = Double(saved.frames) / description.framesPerSecond
            }
            try writers["probabilities.\(channel)"]?.write(frames)
            if !saved.pools.isEmpty {
                let vectors = saved.vectorStitchers[channel].add(row.embeddings, isLast: row.isLast)
                let pooled = saved.pools[channel].add(vectors, saved.decoders[channel])
                try writers["embeddings.\(channel)"]?.write(pooled)
            }
        }
        saved.rows += rows.count
    }

    /// Stores the state if that has not been done for some seconds; storing takes a twentieth of the time at most.
    func saveIfDue(everySeconds: Double) throws {
        guard let due = nextSave, ContinuousClock.now >= due else {
            nextSave = nextSave ?? ContinuousClock.now.advanced(by: .seconds(everySeconds))
            return
        }
        let start = ContinuousClock.now
        try save()
        let cost = ContinuousClock.now - start
        nextSave = ContinuousClock.now.advanced(by: max(.seconds(everySeconds), cost * 20))
    }

    /// Stores the state.
    func save() throws {
        guard let partial else { return }
        for (end, writer) in writers {
            try writer.synchronize()
            let path = partial.appendingPathExtension(end).path
            saved.lengths[end] = (try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
        }
        try AtomicFile.write(JSONEncoder().encode(saved), to: partial.appendingPathExtension("json"))
    }

    /// Ends the recording and gives what the journal keeps.
    func finish(seconds: Double, damage: [String]) throws -> PredictionJournal.Record {
        (saved.seconds, self.damage) = (seconds, damage)
        var secondary: [Event] = []
        for channel in saved.decoders.indices {
            saved.events += saved.decoders[channel].finish(recordingSeconds: seconds)
            secondary += saved.decoders[channel].secondary
            if !saved.pools.isEmpty {
                let pooled = saved.pools[channel].finish(saved.decoders[channel])
                try writers["embeddings.\(channel)"]?.write(pooled)
            }
        }
        for writer in writers.values { try writer.finish() }
        writers = [:]
        saved.events = description.timed(saved.events, frames: saved.frames)
        secondary = description.timed(secondary, frames: saved.frames)
        for channel in saved.pools.indices { saved.pools[channel].time(description, frames: saved.frames) }
        saved.events.sort(by: Self.isOrderedBefore)
        secondary.sort(by: Self.isOrderedBefore)
        return PredictionJournal.Record(
            identity: saved.identity, seconds: seconds, rateHz: file.rateHz, note: note,
            found: saved.events.map(PredictionJournal.Record.Found.init),
            secondary: secondary.isEmpty ? nil : secondary.map(PredictionJournal.Record.Found.init))
    }

    private static func isOrderedBefore(_ a: Event, _ b: Event) -> Bool {
        (a.startSeconds, a.endSeconds, a.channel ?? 0, a.label) < (
            b.startSeconds, b.endSeconds, b.channel ?? 0, b.label
        )
    }

    /// Writes what was asked for beside the tables, after `finish`.
    func writeOutputs(_ results: PredictionResults) throws {
        guard let partial else { return }
        let name = recording.name
        if outputs.probabilities {
            let files = try maps(partial, "probabilities")
            try ProbabilityFile.write(
                files, to: results.prepared(results.probabilities(name)), recording: name, seconds: saved.seconds,
                description, decoding)
        }
        if let unit = outputs.embeddings {
            try EmbeddingFile.write(
                maps(partial, "embeddings"), saved.pools, saved.events, unit,
                to: results.prepared(results.embeddings(name, unit, outputs.embeddingFormat)), recording: name,
                description, format: outputs.embeddingFormat)
        }
    }

    private func maps(_ partial: URL, _ end: String) throws -> [MappedFile] {
        try saved.decoders.indices.map { try MappedFile(partial.appendingPathExtension("\(end).\($0)")) }
    }

    /// Removes what lies beside an unfinished recording.
    static func clear(_ partial: URL, channelCount: Int = 64) throws {
        // The state first: without it nothing of the rest means anything.
        try FileSystem.live.remove(partial.appendingPathExtension("json"))
        for channel in 0..<channelCount {
            for end in ["probabilities", "embeddings"] {
                try FileSystem.live.remove(partial.appendingPathExtension("\(end).\(channel)"))
            }
        }
    }

    /// What a user should know about the recording; empty if there is nothing.
    private var note: String {
        var notes = file.repairs + damage
        // Headers of lossy codings count the padding of the encoder in or out.
        if let promised = file.promisedSeconds, promised - seconds > 0.25 {
            notes.append("its header promises \(rounded(promised)) s, \(rounded(seconds)) s are there")
        }
        if file.rateHz < description.sampleRateHz {
            notes.append(
                "it was recorded at \(rounded(file.rateHz)) Hz, and the model learned at "
                    + "\(rounded(description.sampleRateHz)) Hz: sounds above \(rounded(file.rateHz / 2)) Hz are missing"
            )
        }
        return notes.joined(separator: "; ")
    }

    private func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }
}

extension FileWriter {
    /// Appends numbers as they lie in memory.
    func write(_ values: [Float]) throws { try values.withUnsafeBytes { try write($0) } }
}
