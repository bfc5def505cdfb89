// What the page is told, as JSON.

/// A label and how many sounds have it.
struct LabelAnswer: Codable, Sendable, Hashable {
    var name: String
    var count: Int
}

/// How far the work has come.
struct ProgressAnswer: Codable, Sendable, Hashable {
    /// What is known of one label.
    struct Label: Codable, Sendable, Hashable {
        var name: String
        var labelled: Int
        /// Sounds that the classifier expects among those without a label; nil before learning.
        var expected: Double?
        /// Labelled sounds among all that are expected to exist.
        var recall: Double?
    }

    var total: Int
    var listened: Int
    var labelled: Int
    /// Labels given here; the others came with the recordings.
    var byPeople: Int
    var labels: [Label]
    /// Macro-F1 of the last learning on labelled sounds held out in turn.
    var macroF1: Double?
}

/// Everything that the page needs before it can be drawn, but the points.
struct SummaryAnswer: Codable, Sendable {
    /// A group of sounds, in short.
    struct Cluster: Codable, Sendable {
        var number: Int
        var size: Int
        var exemplars: [Int]
        var note: String
    }

    /// A format that labels can be written in.
    struct Format: Codable, Sendable {
        var name: String
        var holdsManyRecordings: Bool
    }

    var name: String
    var model: String
    var unit: String
    var count: Int
    var hasMap: Bool
    var hasCorpus: Bool
    /// Whether there are guesses to be fetched.
    var hasLearned: Bool
    var clusters: [Cluster]
    var labels: [LabelAnswer]
    var progress: ProgressAnswer
    var formats: [Format]
}

/// A box, or an onset and end, that a person has drawn.
struct BoxAnswer: Codable, Sendable, Hashable {
    var id: Int64
    var startSeconds: Double
    var endSeconds: Double
    var lowHz: Double?
    var highHz: Double?
    var label: String
}

/// One sound.
struct SoundAnswer: Codable, Sendable {
    var id: Int
    var recording: String
    var recordingSeconds: Double
    var rateHz: Double
    var channel: Int?
    var startSeconds: Double
    var endSeconds: Double
    var startTime: String?
    var site: String?
    var cluster: Int?
    var label: String?
    var corpusLabels: [String]
    var guess: LabelGuess?
    var boxes: [BoxAnswer]
}

/// What the classifier takes a sound for.
struct LabelGuess: Codable, Sendable, Hashable {
    var label: String
    var probability: Double
}

/// What a change of labels has led to; it is on the disk.
struct ChangeAnswer: Codable, Sendable {
    /// What was done, in words; empty when there was nothing to do.
    var summary: String
    var ids: [Int]
    var codes: [Int32]
    var labels: [LabelAnswer]
    var progress: ProgressAnswer
    /// Whether boxes of recordings were changed too.
    var changesBoxes = false
}

/// Sounds in an order, with a word on each.
struct ListAnswer: Codable, Sendable {
    var ids: [Int]
    var notes: [String]
    var title: String
    /// The share of the sounds expected to be right; nil where nothing is expected.
    var expectedPrecision: Double?
    /// The share of the sounds of the label that are among these or labelled already.
    var expectedRecall: Double?
    /// How many there are in all.
    var total: Int
}

/// What was learned.
struct LearningAnswer: Codable, Sendable {
    var labels: Int
    var sounds: Int
    var macroF1: Double?
    var seconds: Double
    var progress: ProgressAnswer
}
