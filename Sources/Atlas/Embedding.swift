// Recordings into an atlas: decode, embed, keep. It can be stopped or killed at any moment and goes on where it was.
import Audio
import Foundation
import Inference
import Labels
import Storage

/// What became of the recordings that were embedded.
public struct EmbeddingSummary: Codable, Sendable, Hashable {
    /// A recording that could not be used, or not whole.
    public struct Remark: Codable, Sendable, Hashable {
        /// Its name.
        public var recording: String
        /// What is to be said.
        public var note: String
    }

    /// Recordings that were given.
    public var recordingCount = 0
    /// Recordings embedded now.
    public var embeddedCount = 0
    /// Recordings that were in the atlas already.
    public var keptCount = 0
    /// Recordings that cannot be used.
    public var failed: [Remark] = []
    /// Recordings that were used, with something to be said.
    public var remarks: [Remark] = []
    /// Sounds added now.
    public var soundCount = 0
    /// Sounds in the atlas, those of replaced recordings not counted.
    public var totalSoundCount = 0
    /// Seconds of sound that were embedded now.
    public var audioSeconds = 0.0
    /// Seconds that the work took.
    public var wallSeconds = 0.0
    /// Whether every recording had its turn.
    public var isComplete = false
}

/// Fills an atlas with the vectors of recordings.
public struct Embedding {
    /// How sounds are cut and computed.
    public struct Configuration: Sendable {
        /// Which channels are heard; nil for the embedder's own choice.
        public var channels: ChannelSelection?
        /// Sound heard on each side of an event; nil for the embedder's own choice.
        public var contextSeconds: Double?
        /// Seconds of clips that are computed at a time.
        public var batchSeconds = 60.0
        /// Threads that decode; nil for one per core.
        public var decodeThreads: Int?

        /// The usual ways.
        public init() {}
    }

    /// How far it is.
    public struct Progress: Sendable {
        /// Recordings that had their turn.
        public var recordingsDone: Int
        /// Recordings in all.
        public var recordingCount: Int
        /// Seconds of recordings that were embedded.
        public var audioSeconds: Double
        /// Sounds added.
        public var soundCount: Int
    }

    private enum Pending {
        case clip(job: Int, SoundFeed.Clip)
        case end(job: Int, name: String, SoundFeed.Ending)
    }

    private let atlas: Atlas
    private let embedder: any SoundEmbedder
    private let configuration: Configuration

    /// An embedding into an atlas that was made for this embedder; see `description(_:…)`.
    public init(_ atlas: Atlas, _ embedder: any SoundEmbedder, configuration: Configuration = Configuration()) {
        precondition(atlas.description.fingerprint == embedder.fingerprint, "the atlas is that of another model")
        (self.atlas, self.embedder, self.configuration) = (atlas, embedder, configuration)
    }

    /// The description of an atlas for an embedder.
    public static func description(
        _ embedder: any SoundEmbedder, unit: Atlas.Description.Unit, windowSeconds: Double = 0, hopSeconds: Double = 0,
        scaling: VectorScaling.Method? = nil
    ) -> Atlas.Description {
        Atlas.Description(
            model: embedder.name, fingerprint: embedder.fingerprint, dimension: embedder.dimension, unit: unit,
            windowSeconds: unit == .windows ? windowSeconds : 0, hopSeconds: unit == .windows ? hopSeconds : 0,
            scaling: scaling ?? embedder.scaling)
    }

    /// Embeds recordings. Those that are in the atlas are left alone; one that cannot be used costs only itself.
    public func run(
        _ sources: [EmbeddingSource], progress: (Progress) -> Void = { _ in }, shouldStop: () -> Bool = { false }
    ) throws -> EmbeddingSummary {
        let start = ContinuousClock.now
        var summary = EmbeddingSummary()
        summary.recordingCount = sources.count
        let writer = try AtlasWriter(atlas)
        let channels = configuration.channels ?? embedder.channels
        let context = configuration.contextSeconds ?? embedder.contextSeconds
        var jobs: [(source: EmbeddingSource, done: Int)] = []
        var rows: [Int64] = []
        let versions = sources.map { source in
            RecordingVersion(
                name: source.recording.name, path: source.recording.path,
                cuts: cuts(source, channels: channels, context: context))
        }
        for (source, begun) in zip(sources, try writer.begin(versions)) {
            guard let begun else {
                summary.keptCount += 1
                continue
            }
            jobs.append((source, begun.done))
            rows.append(begun.id)
        }
        let cutting = SoundCutting(
            unit: atlas.description.unit, windowSeconds: atlas.description.windowSeconds,
            hopSeconds: atlas.description.hopSeconds, rateHz: embedder.sampleRateHz, channels: channels,
            clipSeconds: embedder.clipSeconds, contextSeconds: context)
        let feed = SoundFeed(
            jobs, cutting: cutting,
            threads: configuration.decodeThreads ?? ProcessInfo.processInfo.activeProcessorCount)
        defer { feed.cancel() }

        var pending: [Pending] = []
        var pendingSamples = 0
        let limit = Int(configuration.batchSeconds * embedder.sampleRateHz)
        func flush() throws {
            try keep(pending, rows: rows, writer, &summary)
            pending = []
            pendingSamples = 0
        }
        var isStopped = false
        works: for job in jobs.indices {
            let name = jobs[job].source.recording.name
            while let item = feed.take(job) {
                switch item {
                case .clips(let clips):
                    for clip in clips {
                        pending.append(.clip(job: job, clip))
                        pendingSamples += clip.samples.count
                    }
                case .ended(let ending):
                    pending.append(.end(job: job, name: name, ending))
                    summary.embeddedCount += 1
                    summary.audioSeconds += ending.seconds
                    if !ending.note.isEmpty { summary.remarks.append(.init(recording: name, note: ending.note)) }
                case .failed(let reason):
                    // Not finished: the next call tries it again.
                    summary.failed.append(.init(recording: name, note: reason))
                }
                if pendingSamples >= limit { try flush() }
                summary.wallSeconds = seconds(since: start)
                progress(
                    Progress(
                        recordingsDone: summary.keptCount + summary.embeddedCount + summary.failed.count,
                        recordingCount: sources.count, audioSeconds: summary.audioSeconds,
                        soundCount: summary.soundCount))
                if shouldStop() {
                    isStopped = true
                    break works
                }
            }
        }
        try flush()
        try writer.commit()
        summary.isComplete = !isStopped
        summary.totalSoundCount = try atlas.visibleIDs().count
        summary.wallSeconds = seconds(since: start)
        return summary
    }

    /// The vector of a part of a recording, as an event of it would have it; of the whole recording, where no part is given,
    /// the mean of its windows.
    public func vector(of path: String, seconds: Range<Double>? = nil) throws -> [Float] {
        let description = atlas.description
        let name = URL(fileURLWithPath: path).lastPathComponent
        var events: [Event]?
        if let seconds {
            events = [
                Event(
                    recording: name, startSeconds: seconds.lowerBound, endSeconds: seconds.upperBound, label: "")
            ]
        } else if description.unit == .events {
            let length = AudioInspection.inspect(path: path).seconds
            events = [Event(recording: name, startSeconds: 0, endSeconds: max(length, 1e-3), label: "")]
        }
        let window = description.windowSeconds > 0 ? description.windowSeconds : 1
        let cutting = SoundCutting(
            unit: events != nil ? .events : .windows, windowSeconds: window,
            hopSeconds: description.hopSeconds > 0 ? description.hopSeconds : window, rateHz: embedder.sampleRateHz,
            // One vector is wanted, not one for every channel.
            channels: embedder.channels == .all ? .mean : embedder.channels, clipSeconds: embedder.clipSeconds,
            contextSeconds: configuration.contextSeconds ?? embedder.contextSeconds)
        let source = EmbeddingSource(NamedRecording(path: path, name: name), events: events)
        let cutter = try SoundCutter(source, cutting: cutting, done: 0)
        var sum = [Float](repeating: 0, count: embedder.dimension)
        var count = 0
        while let clips = try cutter.next() {
            for clip in clips {
                let one = SoundClips(samples: clip.samples, clipSamples: clip.samples.count, spans: [clip.span])
                for (index, value) in try embedder.embed(one).enumerated() { sum[index] += value }
                count += 1
            }
        }
        guard count > 0 else {
            throw AtlasError(
                path, "the part that was named lies behind its end (\(cutter.seconds) s)",
                remedy: "name a part of the recording")
        }
        return sum.map { $0 / Float(count) }
    }

    /// Computes clips together that have one length, and keeps the vectors in the order of the sounds.
    private func keep(
        _ pending: [Pending], rows: [Int64], _ writer: AtlasWriter, _ summary: inout EmbeddingSummary
    ) throws {
        var groups: [Int: [Int]] = [:]
        for (index, item) in pending.enumerated() {
            if case .clip(_, let clip) = item { groups[clip.samples.count, default: []].append(index) }
        }
        var vectors = [[Float]](repeating: [], count: pending.count)
        let limit = Int(configuration.batchSeconds * embedder.sampleRateHz)
        for length in groups.keys.sorted() {
            let members = groups[length]!
            let batch = max(1, min(1024, limit / length))
            for start in stride(from: 0, to: members.count, by: batch) {
                let part = members[start..<min(start + batch, members.count)]
                var clips = SoundClips(samples: [], clipSamples: length, spans: [])
                clips.samples.reserveCapacity(length * part.count)
                for index in part {
                    guard case .clip(_, let clip) = pending[index] else { continue }
                    clips.samples += clip.samples
                    clips.spans.append(clip.span)
                }
                let values = try embedder.embed(clips)
                for (place, index) in part.enumerated() {
                    vectors[index] = Array(values[place * embedder.dimension..<(place + 1) * embedder.dimension])
                }
            }
        }
        var index = 0
        while index < pending.count {
            switch pending[index] {
            case .clip(let job, _):
                var places: [SoundPlace] = []
                var rowsOfJob: [Float] = []
                while index < pending.count, case .clip(job, let clip) = pending[index] {
                    places.append(clip.place)
                    rowsOfJob += vectors[index]
                    index += 1
                }
                try writer.add(places, vectors: rowsOfJob, recording: rows[job])
                summary.soundCount += places.count
            case .end(let job, let name, let ending):
                // Recorders of several places have a folder each.
                let folder = name.contains("/") ? String(name[..<name.lastIndex(of: "/")!]) : nil
                try writer.finish(
                    rows[job], seconds: ending.seconds, rateHz: ending.rateHz, note: ending.note,
                    startTime: ending.startTime, site: folder)
                index += 1
            }
        }
    }

    /// What decides about the sounds of a recording apart from its file.
    private func cuts(_ source: EmbeddingSource, channels: ChannelSelection, context: Double) -> String {
        var crc = CRC32C()
        for event in source.events ?? [] {
            let text = "\(event.startSeconds) \(event.endSeconds) \(event.label)\n"
            Array(text.utf8).withUnsafeBytes { crc.update($0) }
        }
        let events = source.events.map { "\($0.count) events \(crc.value)" } ?? "no events"
        let around = atlas.description.unit == .events ? ", context \(context)" : ""
        return "channels \(channels.description), \(events)\(around)"
    }

    private func seconds(since start: ContinuousClock.Instant) -> Double {
        let time = ContinuousClock.now - start
        return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
    }
}
