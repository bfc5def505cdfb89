/// What a preparation found and made.
public struct PreparationReport: Sendable, Hashable, Codable {
    /// A recording with something to tell.
    public struct Remark: Sendable, Hashable, Codable {
        /// Where the recording lies.
        public var path: String
        /// What there is to tell.
        public var reason: String
    }

    /// Recordings that were asked for.
    public var recordings = 0
    /// Of these, prepared by this call.
    public var preparedNow = 0
    /// Of these, prepared before.
    public var kept = 0
    /// Recordings that could not be used.
    public var failed: [Remark] = []
    /// Recordings that were used but are damaged.
    public var notes: [Remark] = []
    /// Recordings of several channels that the channel table does not name, where there is one.
    public var channelUnknown: [String] = []
    /// Clips in the folder, those of earlier calls included.
    public var clips = 0
    /// Of these, clips with events.
    public var labelledClips = 0
    /// Seconds of sound that were read.
    public var seconds = 0.0
    /// Events in the clips; one that was cut counts in each.
    public var events = 0
    /// Of these, pieces of events that reach over the edge of a clip.
    public var cutEvents = 0
    /// Events of the tables that came into no clip: in an end that was dropped, or behind the end of the recording.
    public var lostEvents = 0
    /// Events on channels that were not taken.
    public var otherChannelEvents = 0
    /// Clips that were left out because they hold no sound.
    public var silentClips = 0
    /// Seconds at the ends of recordings that were left out.
    public var restSeconds = 0.0
    /// Label rows whose recording was not found, as `label file: recording (rows)`.
    public var unmatched: [String] = []
    /// Label files or rows that cannot be read.
    public var labelProblems: [String] = []
    /// The classes in the order of their numbers in the label files.
    public var classes: [String] = []
    /// Where the clips lie; empty in a dry run.
    public var folder = ""
    /// False when it was stopped before its end; the same call goes on.
    public var isComplete = false

    /// A report of nothing.
    public init() {}

    /// Whether every recording and every label row could be used.
    public var isClean: Bool { failed.isEmpty && unmatched.isEmpty && labelProblems.isEmpty }
}

/// How far a preparation is.
public struct PreparationProgress: Sendable, Hashable {
    /// Seconds of sound read by this call.
    public var seconds: Double
    /// Seconds of sound to read by this call, as the headers promise.
    public var totalSeconds: Double
    /// Recordings finished, and all of them.
    public var done, total: Int
}
