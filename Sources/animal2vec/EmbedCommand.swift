import ArgumentParser
import Atlas
import Audio
import Corpus
import Foundation
import Inference
import Labels
import Neural
import Terminal
import Torch
import Training

/// `animal2vec embed MODEL PATH… --atlas DIR`
struct EmbedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Bring vectors of windows or events into an atlas; the same command continues after a stop.",
        discussion: """
            MODEL is a model or run folder, or log-mel for plain averages of the mel spectrogram. Recordings that are in the \
            atlas already are left alone; changed ones are embedded again. Exit status 3 says that some could not be used.
            """)

    @Argument(help: "Model or run folder, or log-mel.")
    var model: String

    @Argument(
        help: "Recordings: folders or files. None for those of --corpus.", transform: { URL(fileURLWithPath: $0) })
    var paths: [URL] = []

    @Option(help: "Folder of the atlas; made if it does not exist.", transform: { URL(fileURLWithPath: $0) })
    var atlas: URL

    @Option(help: "What is cut out: windows or events.")
    var unit = Atlas.Description.Unit.windows

    @Option(help: "Length of a window in seconds; that of the model if not given, 6 for log-mel.")
    var windowSeconds: Double?

    @Option(help: "From one window to the next, in seconds; the length of a window if not given.")
    var hopSeconds: Double?

    @Option(
        help: "Labels: a file or a folder. Needed for events; windows take the names of the events inside.",
        transform: { URL(fileURLWithPath: $0) })
    var labels: URL?

    @Option(
        help: "Corpus with recordings and labels, instead of PATH and --labels.",
        transform: { URL(fileURLWithPath: $0) })
    var corpus: URL?

    @Option(help: "Sound that the model hears on each side of an event, in seconds.")
    var contextSeconds: Double?

    @Option(help: "Channels: mean, all, loudest or a number; what the model learned from if not given.")
    var channel: String?

    @Option(help: "Sample rate for log-mel, in hertz; that of the first recording if not given.")
    var rateHz: Double?

    @Option(
        help:
            "What of a sound its vector keeps apart: nothing (whole), or what is where in it (parts; for single notes)."
    )
    var detail = VectorDetail.whole

    @Option(help: "How vectors are scaled before they are compared: none, centre or standardize.")
    var scaling: VectorScaling.Method?

    @Option(help: "fp32, bf16 or fp16.")
    var precision = Precision.fp32

    @OptionGroup var computing: ComputingOptions

    @Flag(help: "Say what would be done, and do nothing.")
    var dryRun = false

    @Flag(help: "Print the summary as JSON.")
    var json = false

    @OptionGroup var reading: LabelReadingFlags

    func validate() throws {
        if paths.isEmpty && corpus == nil {
            throw ValidationError("no recordings: give folders or files, or --corpus")
        }
        if unit == .events && labels == nil && corpus == nil {
            throw ValidationError("--unit events: give the labels with --labels or --corpus")
        }
        if labels != nil && paths.isEmpty { throw ValidationError("--labels: give the recordings as well") }
        for (name, value) in [("--window-seconds", windowSeconds ?? 1), ("--hop-seconds", hopSeconds ?? 1)]
        where !(0.001...3600).contains(value) {
            throw ValidationError("\(name) \(value): give a number from 0.001 to 3600")
        }
        if let contextSeconds, !(0...60).contains(contextSeconds) {
            throw ValidationError("--context-seconds \(contextSeconds): give a number from 0 to 60")
        }
        if let channel, ChannelSelection(channel) == nil {
            throw ValidationError("--channel \(channel): give mean, all, loudest or a number from 0")
        }
    }

    func run() throws {
        StopSignal.install()
        let device = try computing.start()
        var unmatched: [String] = []
        let sources = try self.sources(&unmatched)
        for name in unmatched.prefix(5) { printError("animal2vec: labels without recording: \(name)") }
        if unmatched.count > 5 { printError("animal2vec: … and \(unmatched.count - 5) more") }
        let embedder = try self.embedder(sources, device)
        let window = windowSeconds ?? embedder.windowSeconds ?? 6
        let description = Embedding.description(
            embedder, unit: unit, windowSeconds: window, hopSeconds: hopSeconds ?? window, scaling: scaling)
        if dryRun {
            let events = sources.reduce(0) { $0 + ($1.events?.count ?? 0) }
            print(
                "\(sources.count) recordings\(unit == .events ? " with \(events) events" : "") would be embedded by \(embedder.name) (\(embedder.dimension) numbers each) into \(atlas.path)"
            )
            return
        }
        let opened = try Atlas.open(atlas, makingFor: description)
        // A search will need it.
        if !(embedder is LogMelEmbedder) { try SoundModel.remember(URL(fileURLWithPath: model), detail, in: opened) }
        var configuration = Embedding.Configuration()
        configuration.channels = channel.flatMap(ChannelSelection.init)
        configuration.contextSeconds = contextSeconds
        let line = ProgressLine("embed", measure: .audioSeconds)
        let summary = try Embedding(opened, embedder, configuration: configuration).run(
            sources,
            progress: { progress in
                line.update(
                    progress.audioSeconds,
                    note:
                        "\(progress.recordingsDone) of \(progress.recordingCount) recordings, \(progress.soundCount) sounds"
                )
            }, shouldStop: { StopSignal.received != nil })
        line.finish()
        if opened.count > 0 { try opened.setScaling(scaling ?? opened.scalingMethod()) }
        try report(summary)
    }

    private func report(_ summary: EmbeddingSummary) throws {
        if json {
            try printJSON(summary)
        } else {
            for remark in summary.failed { print("  failed: \(remark.recording): \(remark.note)") }
            for remark in summary.remarks { print("  note: \(remark.recording): \(remark.note)") }
            print(
                "\(summary.soundCount) sounds of \(summary.embeddedCount) recordings added, \(summary.keptCount) recordings were there; \(summary.totalSoundCount) sounds in \(atlas.path)"
            )
        }
        guard summary.isComplete else {
            printError("stopped; the same command goes on")
            throw ExitCode(130)
        }
        if summary.totalSoundCount == 0 {
            printError("animal2vec: no sound could be embedded")
            throw ExitCode(1)
        }
        if !summary.failed.isEmpty { throw ExitCode(3) }
    }

    /// The recordings with their events, and the names of recordings that only labels know.
    private func sources(_ unmatched: inout [String]) throws -> [EmbeddingSource] {
        if let corpus {
            let catalogue = try Catalogue(folder: corpus)
            let wanted = paths.isEmpty ? nil : Set(try NamedRecording.list(paths).map(\.path))
            let recordings = try catalogue.recordings().filter { wanted?.contains($0.path) ?? true }
            guard !recordings.isEmpty else {
                throw ValidationError("\(corpus.path): holds no usable recording that was meant")
            }
            let events = try catalogue.events()
            return recordings.map { recording in
                EmbeddingSource(
                    NamedRecording(path: recording.path, name: recording.relativePath),
                    events: events[recording.id] ?? (unit == .events ? [] : nil))
            }
        }
        let recordings = try NamedRecording.list(paths)
        guard let labels else { return recordings.map { EmbeddingSource($0) } }
        let index = RecordingIndex(recordings.map(\.name))
        var events: [Int: [Event]] = [:]
        var missing: Set<String> = []
        for event in try reading.read(labels).events {
            if case .one(let place) = index.find(event.recording, paths: recordings.map(\.name)) {
                events[place, default: []].append(event)
            } else {
                missing.insert(event.recording)
            }
        }
        unmatched = missing.sorted()
        guard !events.isEmpty else {
            throw ValidationError("\(labels.path): none of its events belongs to the recordings given; check the names")
        }
        return recordings.enumerated().map { EmbeddingSource($1, events: events[$0] ?? (unit == .events ? [] : nil)) }
    }

    private func embedder(_ sources: [EmbeddingSource], _ device: Device) throws -> any SoundEmbedder {
        let known = try? Atlas.open(atlas).description.model
        return try SoundModel.embedder(
            model, knownAs: known, detail: detail, rateHz: rateHz, contextSeconds: contextSeconds, precision: precision,
            device: device, paths: sources.map(\.recording.path))
    }
}

/// The models that commands can embed with.
enum SoundModel {
    /// Notes in an atlas what made its vectors, for searches with new sounds.
    static func remember(_ folder: URL, _ detail: VectorDetail, in atlas: Atlas) throws {
        try atlas.setProperty("model", folder.path)
        try atlas.setProperty("detail", detail)
    }

    /// The embedder that a user means.
    ///
    /// - Parameters:
    ///   - known: what the atlas calls its model; tells the rate of log-mel.
    ///   - paths: recordings, the first of which tells the rate where nothing else does.
    static func embedder(
        _ name: String, knownAs known: String?, detail: VectorDetail = .whole, rateHz: Double? = nil,
        contextSeconds: Double? = nil,
        precision: Precision = .fp32, device: Device, paths: [String]
    ) throws -> any SoundEmbedder {
        guard name == LogMelEmbedder.commandName || name.hasPrefix(LogMelEmbedder.commandName + "@") else {
            let url = URL(fileURLWithPath: name)
            if try SpectrogramEmbedder.isThere(url) {
                return try ClipEmbedder(url, detail: detail, precision: precision, device: device)
            }
            let folder = try ModelFolder.load(url)
            return try Animal2VecEmbedder(
                folder, detail: detail, contextSeconds: contextSeconds, precision: precision, device: device)
        }
        let prefix = LogMelEmbedder.commandName + "@"
        let told = [name, known ?? ""].compactMap { $0.hasPrefix(prefix) ? Double($0.dropFirst(prefix.count)) : nil }
        let first = paths.lazy.compactMap { try? AudioFile(path: $0).rateHz }.first
        guard let rate = rateHz ?? told.first ?? first, (100...1_000_000).contains(rate) else {
            throw ValidationError("none of the recordings can be opened; give --rate-hz from 100 to 1000000")
        }
        return try LogMelEmbedder(sampleRateHz: rate)
    }
}

/// Prints a value for programs.
func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

extension Atlas.Description.Unit: ExpressibleByArgument {}
extension VectorScaling.Method: ExpressibleByArgument {}
extension VectorDetail: ExpressibleByArgument {}
