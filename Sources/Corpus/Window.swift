// What training sees of the corpus: pieces of recordings.

import Audio
import Labels

/// A piece of one recording. It may reach beyond the end of a short one: then the rest is silence that is not counted.
public struct Window: Sendable, Hashable {
    /// The recording's row in the catalogue.
    public var recordingID: Int64
    /// Where the window begins, in seconds of the recording.
    public var startSeconds: Double
    /// How long the window is, in seconds.
    public var durationSeconds: Double
    /// The channel or the mean of all.
    public var channel: ChannelSelection

    /// A piece of a recording.
    public init(recordingID: Int64, startSeconds: Double, durationSeconds: Double, channel: ChannelSelection) {
        (self.recordingID, self.startSeconds) = (recordingID, startSeconds)
        (self.durationSeconds, self.channel) = (durationSeconds, channel)
    }
}

/// A recording with what is known of its labels, ready to be drawn from.
public struct LabelledRecording: Sendable, Hashable {
    /// The recording.
    public var recording: Recording
    /// Its events, sorted by start, in seconds of the recording.
    public var events: [Event]
    /// Where the labels are complete, in seconds of the recording, sorted: everything else says nothing. Empty for a
    /// recording that nobody listened to.
    public var known: [Range<Double>]

    /// A recording and its labels.
    public init(recording: Recording, events: [Event] = [], known: [Range<Double>] = []) {
        (self.recording, self.events, self.known) = (recording, events, known)
    }
}

extension Catalogue {
    /// The recordings that fit, with their events.
    ///
    /// Without a subset an annotated recording is known from beginning to end. With a few-shot subset only its events
    /// are, and up to `marginSeconds` to each side as far as no other event begins there. With the name of a set of
    /// recordings only these are given, known from beginning to end.
    public func labelledRecordings(
        _ filter: RecordingFilter = .init(), subset: String? = nil, marginSeconds: Double = 0.05
    ) throws(CorpusError) -> [LabelledRecording] {
        var (filter, subset) = (filter, subset)
        if let name = subset, try recordingSets()[name] != nil { (filter.set, subset) = (name, nil) }
        let recordings = try recordings(filter)
        let all = try events(of: Set(recordings.map(\.id)))
        guard let subset else {
            return recordings.map { recording in
                LabelledRecording(
                    recording: recording, events: all[recording.id] ?? [],
                    known: recording.isAnnotated ? [0..<max(recording.seconds, .leastNonzeroMagnitude)] : [])
            }
        }
        let chosen = try events(of: Set(recordings.map(\.id)), subset: subset)
        guard !chosen.isEmpty else {
            throw .nothingFound(what: "events of the subset \(subset)", remedy: "make it with `split` first")
        }
        return recordings.map { recording in
            let events = chosen[recording.id] ?? []
            let known = events.map { event in
                Self.surroundings(of: event, among: all[recording.id] ?? [], marginSeconds, recording.seconds)
            }
            return LabelledRecording(recording: recording, events: events, known: Self.joined(known))
        }
    }

    private static func surroundings(of event: Event, among others: [Event], _ margin: Double, _ seconds: Double)
        -> Range<Double>
    {
        var start = max(0, event.startSeconds - margin)
        var end = min(max(seconds, event.endSeconds), event.endSeconds + margin)
        for other in others where other != event {
            if other.endSeconds <= event.startSeconds { start = max(start, other.endSeconds) }
            if other.startSeconds >= event.endSeconds { end = min(end, other.startSeconds) }
        }
        return start..<max(start, end)
    }

    private static func joined(_ ranges: [Range<Double>]) -> [Range<Double>] {
        var joined: [Range<Double>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }
}
