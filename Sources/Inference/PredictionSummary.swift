// What became of the recordings, for people and programs.

/// The outcome of a prediction.
public struct PredictionSummary: Codable, Sendable, Hashable {
    /// What became of one recording.
    public struct Recording: Codable, Sendable, Hashable {
        /// What became of it.
        public enum Status: String, Codable, Sendable, CaseIterable {
            /// Its turn has not come yet.
            case waiting
            /// It was predicted now.
            case predicted
            /// Its results were there already.
            case kept
            /// It cannot be used.
            case failed
        }

        /// Its name in tables.
        public var name: String
        /// Where it lies.
        public var path: String
        /// What became of it.
        public var status = Status.waiting
        /// Its length in seconds.
        public var seconds = 0.0
        /// Events that were found in it.
        public var eventCount = 0
        /// The reason of a failure, or what a user should know; empty if there is nothing.
        public var note = ""
    }

    /// All recordings in the order in which they were given.
    public private(set) var recordings: [Recording]
    /// Whether every recording had its turn.
    public internal(set) var isComplete = false
    /// Seconds that the work took.
    public internal(set) var wallSeconds = 0.0
    /// Recordings that were predicted now.
    public private(set) var predictedCount = 0
    /// Recordings whose results were there already.
    public private(set) var keptCount = 0
    /// Recordings that cannot be used.
    public private(set) var failedCount = 0
    /// Events in all recordings.
    public private(set) var eventCount = 0
    /// Seconds of sound that were predicted now; channels that are heard by themselves count once.
    public private(set) var predictedSeconds = 0.0

    /// Seconds of sound for a second of work, counting what was predicted now.
    public var timesRealTime: Double { wallSeconds > 0 ? predictedSeconds / wallSeconds : 0 }

    init(_ recordings: [NamedRecording]) {
        self.recordings = recordings.map { Recording(name: $0.name, path: $0.path) }
    }

    mutating func finish(_ index: Int, _ record: PredictionJournal.Record, isNew: Bool) {
        recordings[index].status = isNew ? .predicted : .kept
        recordings[index].seconds = record.seconds
        recordings[index].eventCount = record.found.count
        recordings[index].note = record.note
        eventCount += record.found.count
        if isNew {
            predictedCount += 1
            predictedSeconds += record.seconds
        } else {
            keptCount += 1
        }
    }

    mutating func fail(_ index: Int, _ reason: String) {
        recordings[index].status = .failed
        recordings[index].note = reason
        failedCount += 1
    }
}

/// How far a prediction is.
public struct PredictionProgress: Sendable, Hashable {
    /// All recordings.
    public let recordingCount: Int
    /// Those that had their turn.
    public let doneCount: Int
    /// The one whose turn it is.
    public let name: String
    /// Seconds of sound that were predicted since the start, with those of the one whose turn it is.
    public let predictedSeconds: Double
    /// Seconds since the start.
    public let wallSeconds: Double
    /// Events so far, in finished recordings.
    public let eventCount: Int

    init(_ summary: PredictionSummary, _ index: Int, secondsOfCurrent: Double) {
        recordingCount = summary.recordings.count
        doneCount = summary.predictedCount + summary.keptCount + summary.failedCount
        name = summary.recordings[index].name
        predictedSeconds = summary.predictedSeconds + secondsOfCurrent
        wallSeconds = summary.wallSeconds
        eventCount = summary.eventCount
    }
}
