// What a report shows. Plain values: whoever trains and predicts fills them in, the page only draws.
import Evaluation
import Labels

/// Everything that a report page shows. Empty lists leave their section out.
public struct ReportContent: Sendable {
    /// The heading, also the name of the browser's tab.
    public var title: String
    /// The result in a sentence or two for people who skip the rest.
    public var summary: String
    /// What was done, as pairs such as "Recordings" and "7 to learn from, 3 held out".
    public var facts: [Fact]
    /// The recordings with true and found events.
    public var recordings: [RecordingPanel]
    /// The score table.
    public var scores: [ScoreRow]
    /// Scores of every class, of the main variant.
    public var classes: [ClassRow]
    /// What vectors of the sounds are worth, by model.
    public var vectors: [VectorRow]
    /// The page of groups, relative to the folder of this page; nil where there is none.
    public var clusterPage: String?
    /// Loss and validation curves.
    public var charts: [Chart]
    /// What took how long.
    public var stages: [Stage]
    /// Files that lie beside the page.
    public var files: [OutputFile]
    /// What the reader should know: recordings left out, classes without examples.
    public var notes: [String]
    /// The least intersection over union with which an event counts as found.
    public var minimumIoU: Double

    /// A report; everything but the title may be filled in later.
    public init(
        title: String, summary: String = "", facts: [Fact] = [], recordings: [RecordingPanel] = [],
        scores: [ScoreRow] = [], classes: [ClassRow] = [], vectors: [VectorRow] = [], clusterPage: String? = nil,
        charts: [Chart] = [], stages: [Stage] = [],
        files: [OutputFile] = [], notes: [String] = [], minimumIoU: Double = 0.5
    ) {
        self.title = title
        self.summary = summary
        self.facts = facts
        self.recordings = recordings
        self.scores = scores
        self.classes = classes
        self.vectors = vectors
        self.clusterPage = clusterPage
        self.charts = charts
        self.stages = stages
        self.files = files
        self.notes = notes
        self.minimumIoU = minimumIoU
    }
}

extension ReportContent {
    /// One fact about what was done.
    public struct Fact: Sendable, Hashable {
        /// What it is about.
        public var label: String
        /// The fact.
        public var value: String

        /// A fact such as "Model" and "1.2 million parameters".
        public init(_ label: String, _ value: String) {
            self.label = label
            self.value = value
        }
    }

    /// A recording, or an excerpt of one, with its events.
    public struct RecordingPanel: Sendable {
        /// The name of the recording.
        public var name: String
        /// One channel, −1 … 1. Give excerpts of long recordings: picture and sound become part of the page.
        public var samples: [Float]
        /// Samples per second.
        public var rateHz: Double
        /// Where in the recording the samples begin, seconds; event times count from the beginning of the recording.
        public var startSeconds: Double
        /// The events that people heard.
        public var truth: [Event]
        /// The events that the model found.
        public var found: [Event]

        /// A recording with its events; times in seconds from the beginning of the recording.
        public init(
            name: String, samples: [Float], rateHz: Double, startSeconds: Double = 0, truth: [Event], found: [Event]
        ) {
            precondition(rateHz > 0, "RecordingPanel \(name): \(rateHz) samples per second")
            self.name = name
            self.samples = samples
            self.rateHz = rateHz
            self.startSeconds = startSeconds
            self.truth = truth
            self.found = found
        }

        /// Length of the samples in seconds.
        public var durationSeconds: Double { Double(samples.count) / rateHz }
    }

    /// Scores of one variant, such as "with pretraining".
    public struct ScoreRow: Sendable, Hashable {
        /// The variant.
        public var name: String
        /// How many labels it learned from, such as "all labels" or "5 per class"; rows of one group stand together.
        public var group: String
        /// Whether this is the result that the report is about.
        public var isMain: Bool
        /// The share of found events that are right.
        public var precision: ScoreInterval
        /// The share of true events that were found.
        public var recall: ScoreInterval
        /// The harmonic mean of both.
        public var f1: ScoreInterval
        /// Frame average precision, mean over classes.
        public var frameMacro: ScoreInterval
        /// Frame average precision, all cells together.
        public var frameMicro: ScoreInterval

        /// A row of the score table; unknown scores have the value nil.
        public init(
            name: String, group: String, isMain: Bool = false, precision: ScoreInterval, recall: ScoreInterval,
            f1: ScoreInterval, frameMacro: ScoreInterval = ScoreInterval(value: nil),
            frameMicro: ScoreInterval = ScoreInterval(value: nil)
        ) {
            self.name = name
            self.group = group
            self.isMain = isMain
            self.precision = precision
            self.recall = recall
            self.f1 = f1
            self.frameMacro = frameMacro
            self.frameMicro = frameMicro
        }

        /// A row from an evaluation, at its first threshold of overlap.
        public init(name: String, group: String, isMain: Bool = false, _ scores: DetectionScores) {
            let none = ScoreInterval(value: nil)
            let events = scores.events.first
            self.init(
                name: name, group: group, isMain: isMain, precision: events?.precision ?? none,
                recall: events?.recall ?? none, f1: events?.f1 ?? none,
                frameMacro: scores.frames?.macroAveragePrecision ?? none,
                frameMicro: scores.frames?.microAveragePrecision ?? none)
        }
    }

    /// Scores of one class.
    public struct ClassRow: Sendable, Hashable {
        /// The label.
        public var label: String
        /// How many labelled events were learned from, if known.
        public var trainingCount: Int?
        /// Hits, false alarms and misses.
        public var counts: EventCounts
        /// Frame average precision, if known.
        public var averagePrecision: Double?

        /// Scores of one class.
        public init(label: String, trainingCount: Int? = nil, counts: EventCounts, averagePrecision: Double? = nil) {
            self.label = label
            self.trainingCount = trainingCount
            self.counts = counts
            self.averagePrecision = averagePrecision
        }

        /// The classes of an evaluation at its first threshold of overlap. `trainingCounts` says by label how many
        /// events were learned from.
        public static func rows(_ scores: DetectionScores, trainingCounts: [String: Int] = [:]) -> [ClassRow] {
            let frames = scores.frames?.classes ?? []
            let precisions = Dictionary(frames.map { ($0.label, $0.averagePrecision) }, uniquingKeysWith: { a, _ in a })
            return (scores.events.first?.classes ?? []).map {
                ClassRow(
                    label: $0.label, trainingCount: trainingCounts[$0.label], counts: $0.counts,
                    averagePrecision: precisions[$0.label] ?? nil)
            }
        }
    }

    /// What the vectors of a model are worth where labels tell.
    public struct VectorRow: Sendable, Hashable {
        /// The model.
        public var name: String
        /// Whether the page of groups shows its vectors.
        public var isMain: Bool
        /// Adjusted mutual information of groups and labels.
        public var agreement: ScoreInterval
        /// The share of sounds that have the commonest label of their group.
        public var purity: ScoreInterval
        /// The share of held-out sounds that their 20 nearest neighbours name rightly.
        public var nearest: ScoreInterval
        /// Macro-F1 of a classifier that has learned from one sound per class.
        public var oneLabel: ScoreInterval
        /// The same from five.
        public var fiveLabels: ScoreInterval

        /// A row; unknown scores are nil.
        public init(
            name: String, isMain: Bool, agreement: ScoreInterval?, purity: ScoreInterval?, nearest: ScoreInterval?,
            oneLabel: ScoreInterval?, fiveLabels: ScoreInterval?
        ) {
            let none = ScoreInterval(value: nil)
            (self.name, self.isMain) = (name, isMain)
            (self.agreement, self.purity, self.nearest) = (agreement ?? none, purity ?? none, nearest ?? none)
            (self.oneLabel, self.fiveLabels) = (oneLabel ?? none, fiveLabels ?? none)
        }
    }

    /// How long a stage took.
    public struct Stage: Sendable, Hashable {
        /// The stage.
        public var name: String
        /// Wall-clock seconds.
        public var seconds: Double

        /// A stage and its seconds.
        public init(_ name: String, seconds: Double) {
            self.name = name
            self.seconds = seconds
        }
    }

    /// A file that the reader may want.
    public struct OutputFile: Sendable, Hashable {
        /// What it is.
        public var label: String
        /// Where it lies, relative to the folder of the page, with `/` between folders.
        public var path: String

        /// A file beside the page.
        public init(_ label: String, path: String) {
            self.label = label
            self.path = path
        }
    }
}
