// What the page of clusters shows. Plain values: whoever groups sounds fills them in, the page only draws.

/// Everything that a page of clusters shows.
public struct ClusterPageContent: Sendable {
    /// A sound that can be seen and heard.
    public struct Clip: Sendable, Hashable {
        /// Where it is from, such as `site/7.flac, 12.3 s`.
        public var caption: String
        /// What it is labelled as; empty if nothing is known.
        public var label: String
        /// The channel to be heard, −1 … 1, with surroundings.
        public var samples: [Float]
        /// Samples per second.
        public var rateHz: Double
        /// Where in the samples the sound itself begins, seconds.
        public var startSeconds: Double
        /// Where in the samples it ends.
        public var endSeconds: Double

        /// A sound with its surroundings.
        public init(
            caption: String, label: String, samples: [Float], rateHz: Double, startSeconds: Double, endSeconds: Double
        ) {
            (self.caption, self.label, self.samples, self.rateHz) = (caption, label, samples, rateHz)
            (self.startSeconds, self.endSeconds) = (startSeconds, endSeconds)
        }
    }

    /// One cluster.
    public struct Group: Sendable {
        /// A label and how many sounds have it, or another group and how close it is.
        public struct Share: Sendable, Hashable {
            /// The label.
            public var label: String
            /// Sounds.
            public var count: Int

            /// A label and its count.
            public init(_ label: String, _ count: Int) { (self.label, self.count) = (label, count) }
        }

        /// Its number.
        public var number: Int
        /// Sounds in it.
        public var size: Int
        /// What a person called it; empty if nothing.
        public var note: String
        /// Its labels, most frequent first.
        public var labels: [Share]
        /// Share of labelled sounds that have the most frequent label.
        public var purity: Double?
        /// How much closer its sounds lie to its centre than to the next, from −1 to 1.
        public var silhouette: Double?
        /// Sounds by hour of the day, 24 numbers; empty where unknown.
        public var hours: [Int]
        /// Numbers of the closest other groups.
        public var neighbours: [Int]
        /// Clips near the centre, by their place in the order in which they are asked for.
        public var exemplarCount: Int
        /// Clips at the rim.
        public var rimCount: Int

        /// A cluster.
        public init(
            number: Int, size: Int, note: String = "", labels: [Share] = [], purity: Double? = nil,
            silhouette: Double? = nil, hours: [Int] = [], neighbours: [Int] = [], exemplarCount: Int, rimCount: Int
        ) {
            (self.number, self.size, self.note, self.labels) = (number, size, note, labels)
            (self.purity, self.silhouette, self.hours, self.neighbours) = (purity, silhouette, hours, neighbours)
            (self.exemplarCount, self.rimCount) = (exemplarCount, rimCount)
        }
    }

    /// One sound on the map.
    public struct Point: Sendable, Hashable {
        /// From −1 on the left to 1 on the right.
        public var x: Float
        /// From −1 at the bottom to 1 at the top.
        public var y: Float
        /// The number of its cluster.
        public var group: Int

        /// A sound on the map.
        public init(x: Float, y: Float, group: Int) { (self.x, self.y, self.group) = (x, y, group) }
    }

    /// The heading.
    public var title: String
    /// The result in a sentence or two.
    public var summary: String
    /// What was done, as pairs.
    public var facts: [ReportContent.Fact]
    /// The clusters in order of their numbers.
    public var groups: [Group]
    /// The map; empty leaves it out.
    public var points: [Point]
    /// What the reader should know.
    public var notes: [String]

    /// A page; everything but the title may be filled in later.
    public init(
        title: String, summary: String = "", facts: [ReportContent.Fact] = [], groups: [Group] = [],
        points: [Point] = [], notes: [String] = []
    ) {
        (self.title, self.summary, self.facts, self.groups) = (title, summary, facts, groups)
        (self.points, self.notes) = (points, notes)
    }
}
