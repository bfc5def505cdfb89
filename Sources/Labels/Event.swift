// One row of every label format: something heard in one recording, from one time to another.

/// Something heard in a recording, between two times.
public struct Event: Sendable, Hashable, Codable {
    /// The recording as the label file names it: a relative path, a file name or a stem. `RecordingIndex` finds the file.
    public var recording: String
    /// The beginning in seconds from the start of the recording.
    public var startSeconds: Double
    /// The end in seconds from the start of the recording; equal to the beginning for a point event.
    public var endSeconds: Double
    /// What was heard. Labels are text: `007`, `-`, `NA` and the empty label are all legal and different.
    public var label: String
    /// How sure a model was, usually 0 … 1; nil for labels made by people.
    public var score: Double?
    /// The lower edge of the frequency band in hertz.
    public var lowHz: Double?
    /// The upper edge of the frequency band in hertz.
    public var highHz: Double?
    /// The channel, counted from 0.
    public var channel: Int?
    /// The person or model the label comes from.
    public var annotator: String?
    /// The cells of columns that have no field here, by column name, so that reading and writing loses nothing.
    public var extra: [String: String]

    /// Makes an event; times are seconds, frequencies hertz, channels count from 0.
    public init(
        recording: String, startSeconds: Double, endSeconds: Double, label: String, score: Double? = nil,
        lowHz: Double? = nil, highHz: Double? = nil, channel: Int? = nil, annotator: String? = nil,
        extra: [String: String] = [:]
    ) {
        self.recording = recording
        self.startSeconds = startSeconds
        self.endSeconds = endSeconds
        self.label = label
        self.score = score
        self.lowHz = lowHz
        self.highHz = highHz
        self.channel = channel
        self.annotator = annotator
        self.extra = extra
    }

    /// The length in seconds, 0 for a point event.
    public var durationSeconds: Double { endSeconds - startSeconds }
}

extension Event {
    /// The order of every written table: by recording, start, end, then label.
    public static func isOrderedBefore(_ a: Event, _ b: Event) -> Bool {
        if a.recording != b.recording { return a.recording < b.recording }
        if a.startSeconds != b.startSeconds { return a.startSeconds < b.startSeconds }
        if a.endSeconds != b.endSeconds { return a.endSeconds < b.endSeconds }
        return a.label < b.label
    }
}
