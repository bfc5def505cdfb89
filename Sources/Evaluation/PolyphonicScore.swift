// The polyphonic sound detection score (Bilen et al. 2020, doi:10.1109/ICASSP40776.2020.9052995): the area under true
// positive ratio against false alarms per hour over all thresholds, with tolerance for events cut in pieces. Counts as
// psds_eval 0.5 does.
import Labels

/// The polyphonic sound detection score (PSDS).
public struct PolyphonicScore: Sendable, Hashable {
    /// What counts as found, and what false alarms cost.
    public struct Configuration: Sendable, Hashable, Codable {
        /// The least share of a detection that must lie on events of its class.
        public var detectionTolerance = 0.5
        /// The least share of an event that must be covered by such detections.
        public var truthTolerance = 0.5
        /// The least share of a false alarm on events of another class that makes it a cross-trigger.
        public var crossTriggerTolerance = 0.3
        /// The cost of cross-triggers, 0 … 1.
        public var crossTriggerWeight = 0.0
        /// The cost of differences between classes.
        public var classDeviationWeight = 0.0
        /// False alarms per hour up to which the area is taken.
        public var greatestFalseAlarmsPerHour = 100.0

        /// The usual values.
        public init() {}

        /// Scenario 1 of DCASE task 4: the times matter.
        public static var timing: Configuration {
            var configuration = Configuration()
            configuration.detectionTolerance = 0.7
            configuration.truthTolerance = 0.7
            configuration.classDeviationWeight = 1
            return configuration
        }

        /// Scenario 2 of DCASE task 4: the classes matter.
        public static var classes: Configuration {
            var configuration = Configuration()
            configuration.detectionTolerance = 0.1
            configuration.truthTolerance = 0.1
            configuration.crossTriggerWeight = 0.5
            configuration.classDeviationWeight = 1
            return configuration
        }
    }

    /// The score, 0 … 1; nil without events.
    public let value: Double?
    /// The classes of the truth.
    public let classes: [String]

    /// Scores the detections at several thresholds, one list per threshold, in recordings of a total length.
    public init(
        truth: [Event], detections: [[Event]], durationSeconds: Double, configuration: Configuration = .init()
    ) {
        let classes = Vocabulary(events: truth).labels
        self.classes = classes
        guard !classes.isEmpty, durationSeconds > 0 else {
            value = nil
            return
        }
        let count = OperatingPointCounter(truth: truth, classes: classes, configuration: configuration)
        // The last point is the threshold above all scores.
        var curves = Array(repeating: [(falseAlarms: 0.0, truePositives: 0.0)], count: classes.count)
        for events in detections {
            for (column, point) in count.rates(events, durationSeconds).enumerated() { curves[column].append(point) }
        }
        value = PolyphonicScore.area(curves, configuration)
    }

    /// The area under mean minus weighted deviation of the class curves, each a staircase that never falls.
    private static func area(
        _ curves: [[(falseAlarms: Double, truePositives: Double)]], _ configuration: Configuration
    ) -> Double {
        let limit = configuration.greatestFalseAlarmsPerHour
        let sorted = curves.map { $0.sorted { $0.falseAlarms < $1.falseAlarms } }
        let steps = Set(sorted.joined().map(\.falseAlarms)).filter { $0 < limit }.sorted()
        var positions = Array(repeating: 0, count: sorted.count)
        var heights = Array(repeating: 0.0, count: sorted.count)
        var area = 0.0
        for (index, step) in steps.enumerated() {
            for column in sorted.indices {
                while positions[column] < sorted[column].count, sorted[column][positions[column]].falseAlarms <= step {
                    heights[column] = max(heights[column], sorted[column][positions[column]].truePositives)
                    positions[column] += 1
                }
            }
            let mean = heights.reduce(0, +) / Double(heights.count)
            let variance = heights.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(heights.count)
            let width = (index + 1 < steps.count ? steps[index + 1] : limit) - step
            area += width * max(0, mean - configuration.classDeviationWeight * variance.squareRoot())
        }
        return area / limit
    }
}

/// Counts what one list of detections finds.
private struct OperatingPointCounter {
    let configuration: PolyphonicScore.Configuration
    private let classCount: Int
    private let columns: [String: Int]
    private var truths: [String: [(span: TimeSpan, column: Int)]] = [:]
    private var truthCounts: [Double]
    private var truthSeconds: [Double]

    init(truth: [Event], classes: [String], configuration: PolyphonicScore.Configuration) {
        self.configuration = configuration
        classCount = classes.count
        columns = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
        truthCounts = Array(repeating: 0, count: classes.count)
        truthSeconds = Array(repeating: 0, count: classes.count)
        for event in truth {
            let column = columns[event.label]!
            let span = TimeSpan(startSeconds: event.startSeconds, endSeconds: event.endSeconds)
            truths[event.recording, default: []].append((span, column))
            truthCounts[column] += 1
            truthSeconds[column] += span.durationSeconds
        }
        for recording in truths.keys { truths[recording]!.sort { $0.span.startSeconds < $1.span.startSeconds } }
    }

    /// For every class the false alarms per hour, cross-triggers added by their weight, and the share of events found.
    func rates(
        _ detections: [Event], _ durationSeconds: Double
    ) -> [(falseAlarms: Double, truePositives: Double)] {
        var found = Array(repeating: 0.0, count: classCount)
        var falseAlarms = Array(repeating: 0.0, count: classCount)
        var crossTriggers = Array(repeating: Array(repeating: 0.0, count: classCount), count: classCount)
        for (recording, detections) in Dictionary(grouping: detections, by: \.recording) {
            let truths = truths[recording] ?? []
            let longest = truths.map(\.span.durationSeconds).max() ?? 0
            var covered = Array(repeating: 0.0, count: truths.count)
            for event in detections where event.durationSeconds > 0 {
                guard let column = columns[event.label] else { continue }
                var overlapByClass = Array(repeating: 0.0, count: classCount)
                var touched: [(index: Int, seconds: Double)] = []
                var index = truths.firstIndex(startingFrom: event.startSeconds - longest)
                while index < truths.count, truths[index].span.startSeconds < event.endSeconds {
                    let (span, other) = truths[index]
                    let seconds = min(span.endSeconds, event.endSeconds) - max(span.startSeconds, event.startSeconds)
                    if seconds > 0 {
                        overlapByClass[other] += seconds
                        if other == column { touched.append((index, seconds)) }
                    }
                    index += 1
                }
                let duration = event.durationSeconds
                if !touched.isEmpty, overlapByClass[column] / duration >= configuration.detectionTolerance {
                    for (index, seconds) in touched { covered[index] += seconds }
                } else {
                    falseAlarms[column] += 1
                    for other in 0..<classCount where other != column && overlapByClass[other] > 0 {
                        if overlapByClass[other] / duration >= configuration.crossTriggerTolerance {
                            crossTriggers[column][other] += 1
                        }
                    }
                }
            }
            for (index, truth) in truths.enumerated()
            where covered[index] > 0 && covered[index] / truth.span.durationSeconds >= configuration.truthTolerance {
                found[truth.column] += 1
            }
        }
        return (0..<classCount).map { column in
            var rate = falseAlarms[column] * 3600 / durationSeconds
            if classCount > 1 {
                let others = (0..<classCount).filter { $0 != column && truthSeconds[$0] > 0 }
                let sum = others.reduce(0) { $0 + crossTriggers[column][$1] * 3600 / truthSeconds[$1] }
                rate += configuration.crossTriggerWeight * sum / Double(max(1, others.count))
            }
            return (rate, found[column] / truthCounts[column])
        }
    }
}

extension [(span: TimeSpan, column: Int)] {
    /// The first element of a sorted list that begins at or behind a time.
    fileprivate func firstIndex(startingFrom seconds: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].span.startSeconds < seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
