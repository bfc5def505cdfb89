// What a scan found, for people and for programs.

import Audio

/// The outcome of one scan.
public struct ScanReport: Sendable, Hashable, Codable {
    /// A recording with something to tell.
    public struct Remark: Sendable, Hashable, Codable {
        /// Where the file lies.
        public var path: String
        /// `repaired`, `partial` or `unreadable`; for warnings what it is, such as `silent`.
        public var kind: String
        /// The reason in words.
        public var reason: String
    }

    /// Rows of a label file whose recording is not in the corpus.
    public struct Unmatched: Sendable, Hashable, Codable {
        /// The label file.
        public var labelFile: String
        /// The recording as the label file names it.
        public var recording: String
        /// How many rows speak of it.
        public var rows: Int
        /// `not found`, or which recordings the name does not tell apart.
        public var reason: String
    }

    /// Recordings under the scanned paths.
    public var recordings = 0
    /// Of these, decoded in this scan.
    public var decoded = 0
    /// Of these, known from an earlier scan and not changed.
    public var unchanged = 0
    /// Recordings of an earlier scan that are gone.
    public var missing = 0
    /// How many recordings have each verdict, by its kind.
    public var verdicts: [String: Int] = [:]
    /// Seconds of sound in all recordings under the scanned paths.
    public var seconds = 0.0
    /// Seconds that are lost in partial recordings.
    public var lostSeconds = 0.0
    /// Recordings that are repaired, partial or unreadable.
    public var bad: [Remark] = []
    /// Recordings that can be used but should be looked at: silent, constant, clipped.
    public var warnings: [Remark] = []
    /// Label files that were read, in this scan or an earlier one.
    public var labelFiles = 0
    /// Events that found their recording.
    public var events = 0
    /// Recordings that a label file speaks of.
    public var annotatedRecordings = 0
    /// Label rows without a recording.
    public var unmatched: [Unmatched] = []
    /// Folders that cannot be listed, in words.
    public var folderProblems: [String] = []
    /// Label files or rows that cannot be read, in words.
    public var labelProblems: [String] = []
    /// False when the scan was stopped before its end; scan again to continue.
    public var isComplete = true

    /// A report of nothing.
    public init() {}

    /// Recordings that hold no sound that can be used.
    public var unreadable: Int { verdicts["unreadable"] ?? 0 }

    /// Label rows that found no recording.
    public var unmatchedRows: Int { unmatched.reduce(0) { $0 + $1.rows } }
}
