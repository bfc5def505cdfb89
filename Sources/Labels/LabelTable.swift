/// What a label file says.
public struct LabelTable: Sendable, Hashable, Codable {
    /// The events in the order of the file.
    public var events: [Event] = []
    /// The recordings the table speaks of, in order of first appearance. One without events was listened to and nothing
    /// was found in it; one that is not listed is not known.
    public var recordings: [String] = []
    /// The rows that were left out because `LabelReadingOptions.skipBadRows` was set.
    public var problems: [LabelError] = []
    /// How many rows the file holds, good and bad, without repeated ones.
    public var rowCount = 0
    /// The column the labels were taken from, where the format leaves the choice.
    public var labelColumn: String?
    /// Facts about the whole table that belong to no event, such as the segmentation settings of evsonganaly.
    public var properties: [String: String] = [:]

    /// An empty table that speaks of no recording.
    public init() {}

    /// True if there were rows and none of them could be used: the caller must not report success.
    public var everyRowWasBad: Bool { rowCount > 0 && events.isEmpty && problems.count >= rowCount }
}

/// What is known of a recording and needed to check, read or write its labels.
public struct RecordingFacts: Sendable, Hashable, Codable {
    /// The length in seconds.
    public var durationSeconds: Double?
    /// The sample rate in hertz.
    public var rateHz: Double?

    /// Facts that may be unknown.
    public init(durationSeconds: Double? = nil, rateHz: Double? = nil) {
        self.durationSeconds = durationSeconds
        self.rateHz = rateHz
    }
}

/// How a label file is to be read.
public struct LabelReadingOptions: Sendable {
    /// The format; nil to find out from name and content.
    public var format: LabelFormat?
    /// The column that holds the labels; nil for the format's own choice.
    public var labelColumn: String?
    /// Leave out bad rows and list them in `LabelTable.problems` instead of throwing at the first.
    public var skipBadRows: Bool
    /// Read `m1`, `m2` as `m`. A label made of digits only stays.
    public var stripTrailingDigits: Bool
    /// The recording a file that names none belongs to; nil to take it from the name of the label file.
    public var recording: String?
    /// Length and rate of a recording by the name in the table, to check times and convert samples; nil if not known.
    public var facts: (@Sendable (String) -> RecordingFacts?)?

    /// Options with their defaults: detect everything, throw at the first bad row, check nothing against the recording.
    public init(
        format: LabelFormat? = nil, labelColumn: String? = nil, skipBadRows: Bool = false,
        stripTrailingDigits: Bool = false, recording: String? = nil,
        facts: (@Sendable (String) -> RecordingFacts?)? = nil
    ) {
        self.format = format
        self.labelColumn = labelColumn
        self.skipBadRows = skipBadRows
        self.stripTrailingDigits = stripTrailingDigits
        self.recording = recording
        self.facts = facts
    }
}

/// How a label file is to be written.
public struct LabelWritingOptions: Sendable {
    /// Length and rate of a recording by its name in the events; some formats cannot be written without.
    public var facts: (@Sendable (String) -> RecordingFacts?)?
    /// Facts about the whole table, as `LabelTable.properties` gives them.
    public var properties: [String: String]

    /// Options with their defaults: nothing known of the recordings.
    public init(facts: (@Sendable (String) -> RecordingFacts?)? = nil, properties: [String: String] = [:]) {
        self.facts = facts
        self.properties = properties
    }
}
