/// A line chart.
public struct Chart: Sendable, Hashable {
    /// One line.
    public struct Line: Sendable, Hashable {
        /// The name in the legend.
        public var name: String
        /// The points by x; those with a value that is not finite are left out.
        public var points: [Point]

        /// A named line.
        public init(_ name: String, _ points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    /// One point of a line.
    public struct Point: Sendable, Hashable {
        /// To the right.
        public var x: Double
        /// Up.
        public var y: Double

        /// A point.
        public init(x: Double, y: Double) {
            self.x = x
            self.y = y
        }
    }

    /// The heading.
    public var title: String
    /// What x is, with its unit.
    public var xLabel: String
    /// What y is, with its unit.
    public var yLabel: String
    /// The lines; up to four can be told apart.
    public var lines: [Line]

    /// A chart of lines.
    public init(title: String, xLabel: String, yLabel: String, lines: [Line]) {
        self.title = title
        self.xLabel = xLabel
        self.yLabel = yLabel
        self.lines = lines
    }
}
