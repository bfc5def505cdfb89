// Which window comes at which place of training: a pure function of (seed, epoch, position), so that a stopped run goes
// on with the very windows it would have seen.

import Audio
import Labels
import Randomness
import Storage

/// Draws windows from recordings. An epoch gives every recording as many windows as fit into it (at least one), in an
/// order of its own; where in its share of the recording a window begins is drawn anew each epoch.
public struct WindowSampler: Sendable {
    /// How windows are drawn.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Length of a window in seconds.
        public var windowSeconds = 10.0
        /// The key of all randomness.
        public var seed: UInt64 = 0
        /// The signal of recordings with several channels; `all` draws windows from each channel by itself.
        public var channel = ChannelSelection.mean
        /// Only recordings that are annotated; for a few-shot subset only windows around its events.
        public var isLabelled = false
        /// Share of windows, 0 to 1, drawn around events of labels chosen evenly, so that rare ones are seen.
        public var balancedShare = 0.0

        /// The defaults.
        public init() {}

        /// Windows of a length.
        public init(windowSeconds: Double, seed: UInt64 = 0, isLabelled: Bool = false) {
            (self.windowSeconds, self.seed, self.isLabelled) = (windowSeconds, seed, isLabelled)
        }
    }

    private struct Source: Sendable {
        var index: Int
        var channel: ChannelSelection
        var slots: Int
    }

    /// How windows are drawn.
    public let configuration: Configuration
    /// The recordings that are drawn from.
    public let recordings: [LabelledRecording]
    /// Windows in one epoch.
    public let windowsPerEpoch: Int

    private var sources: [Source] = []
    // Slot at which each source begins.
    private var firstSlots: [Int] = []
    // Events by label, as (source, event).
    private var eventsByLabel: [[(source: Int, event: Int)]] = []
    // With labels that are not known everywhere, slots are events.
    private var eventSlots: [(source: Int, event: Int)] = []

    /// A sampler over recordings; their order is part of the function. Throws `CorpusError` when nothing can be drawn.
    public init(_ recordings: [LabelledRecording], _ configuration: Configuration) throws(CorpusError) {
        guard configuration.windowSeconds > 0, configuration.windowSeconds.isFinite else {
            throw .invalidSetting(
                name: "windowSeconds", value: "\(configuration.windowSeconds)", remedy: "give a length above 0")
        }
        guard (0...1).contains(configuration.balancedShare) else {
            throw .invalidSetting(
                name: "balancedShare", value: "\(configuration.balancedShare)", remedy: "give a share from 0 to 1")
        }
        self.configuration = configuration
        self.recordings = recordings.filter { entry in
            entry.recording.isUsable && (!configuration.isLabelled || !entry.known.isEmpty)
        }
        var slots = 0
        for (index, entry) in self.recordings.enumerated() {
            for channel in Self.channels(configuration.channel, entry.recording) {
                let count = max(1, Int((entry.recording.seconds / configuration.windowSeconds).rounded()))
                sources.append(Source(index: index, channel: channel, slots: count))
                firstSlots.append(slots)
                slots += count
            }
        }
        let isPartial = configuration.isLabelled && self.recordings.contains { !Self.isKnownThroughout($0) }
        var byLabel: [String: [(source: Int, event: Int)]] = [:]
        if configuration.isLabelled || configuration.balancedShare > 0 {
            for (source, place) in sources.enumerated() {
                for (event, value) in self.recordings[place.index].events.enumerated() {
                    byLabel[value.label, default: []].append((source, event))
                    if isPartial { eventSlots.append((source, event)) }
                }
            }
        }
        eventsByLabel = byLabel.keys.sorted().map { byLabel[$0]! }
        windowsPerEpoch = isPartial ? eventSlots.count : slots
        guard windowsPerEpoch > 0 else {
            throw .nothingFound(
                what: configuration.isLabelled ? "annotated recordings" : "usable recordings",
                remedy: configuration.isLabelled
                    ? "scan with --labels, or split again" : "scan a folder that holds some")
        }
    }

    /// The window at a position counted through all epochs.
    public func window(at position: Int) -> Window {
        window(epoch: position / windowsPerEpoch, position: position % windowsPerEpoch)
    }

    /// The window at a position of an epoch, `0 ..< windowsPerEpoch`.
    public func window(epoch: Int, position: Int) -> Window {
        let slot = Permutation(count: windowsPerEpoch, seed: configuration.seed, epoch: epoch)[position]
        var random = KeyedRandom(seed: configuration.seed, epoch: epoch, sample: position, purpose: .crop)
        if configuration.balancedShare > 0, !eventsByLabel.isEmpty, random.uniform() < configuration.balancedShare {
            let events = eventsByLabel[random.below(eventsByLabel.count)]
            return window(around: events[random.below(events.count)], &random)
        }
        if !eventSlots.isEmpty { return window(around: eventSlots[slot], &random) }
        let source = source(ofSlot: slot)
        let place = sources[source]
        let recording = recordings[place.index].recording
        // Each slot has its share of the recording, and the window's middle lies in it.
        let share = recording.seconds / Double(place.slots)
        let middle = (Double(slot - firstSlots[source]) + random.uniform()) * share
        return window(place, startingAt: middle - configuration.windowSeconds / 2)
    }

    private func window(around event: (source: Int, event: Int), _ random: inout KeyedRandom) -> Window {
        let place = sources[event.source]
        let found = recordings[place.index].events[event.event]
        // The middle of the event lies anywhere in the window but its outermost tenths.
        let offset = (0.1 + 0.8 * random.uniform()) * configuration.windowSeconds
        return window(place, startingAt: (found.startSeconds + found.endSeconds) / 2 - offset)
    }

    private func window(_ place: Source, startingAt start: Double) -> Window {
        let recording = recordings[place.index].recording
        let last = max(0, recording.seconds - configuration.windowSeconds)
        return Window(
            recordingID: recording.id, startSeconds: min(max(0, start), last),
            durationSeconds: configuration.windowSeconds, channel: place.channel)
    }

    private func source(ofSlot slot: Int) -> Int {
        var (low, high) = (0, firstSlots.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if firstSlots[middle] <= slot { low = middle } else { high = middle }
        }
        return low
    }

    private static func channels(_ selection: ChannelSelection, _ recording: Recording) -> [ChannelSelection] {
        switch selection {
        case .mean: [recording.channelCount == 1 ? .index(0) : .mean]
        case .loudest: [.index(recording.loudestChannel)]
        case .all: (0..<max(1, recording.channelCount)).map { .index($0) }
        // A channel that a recording does not have is no reason to leave the recording out.
        case .index(let index): [.index(min(index, max(0, recording.channelCount - 1)))]
        }
    }

    private static func isKnownThroughout(_ entry: LabelledRecording) -> Bool {
        entry.known.count == 1 && entry.known[0].lowerBound == 0
            && entry.known[0].upperBound >= entry.recording.seconds - 1e-6
    }
}

extension WindowSampler {
    /// A short name of everything that windows are drawn from: another one means other windows.
    public var corpusFingerprint: String {
        var checksum = CRC32C()
        for entry in recordings {
            let recording = entry.recording
            var line = "\(recording.relativePath)\t\(recording.frames)\t\(recording.rateHz)\t\(recording.channelCount)"
            if configuration.isLabelled {
                for range in entry.known { line += "\t\(range.lowerBound)-\(range.upperBound)" }
                for event in entry.events { line += "\t\(event.startSeconds)-\(event.endSeconds) \(event.label)" }
            }
            line += "\n"
            line.withUTF8 { checksum.update(UnsafeRawBufferPointer($0)) }
        }
        return "\(recordings.count) recordings \(String(checksum.value, radix: 16))"
    }
}
