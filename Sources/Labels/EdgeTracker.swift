// Edges look far to both sides, and a recording may be long: it is gone through in sections with context on either side,
// and an event belongs to the section in which its peak lies, so that sections leave no seam.

/// Finds the events of a stream of frames by their edges.
struct EdgeTracker: Sendable, Codable {
    /// Seconds of a section without its context. Otsu's threshold is that of a section.
    static let sectionSeconds = 20.0

    private let settings: EdgeFusion.Settings
    private let secondsPerFrame: Double
    private let classCount: Int
    private let minimumFrames: [Int]
    private let sectionFrames: Int
    private let context: Int
    /// The frame from which on peaks have not been looked for.
    private var core = 0
    private var firstFrame = 0
    private var frames: [Float] = []

    init(_ settings: EdgeFusion.Settings, framesPerSecond: Double, minimumFrames: [Int]) {
        self.settings = settings
        secondsPerFrame = 1 / framesPerSecond
        classCount = minimumFrames.count
        self.minimumFrames = minimumFrames
        context = EdgeFusion.Sizes(settings, secondsPerFrame: secondsPerFrame, .exact).reach
        sectionFrames = max(context, Int(Self.sectionSeconds * framesPerSecond))
    }

    /// No event that is still to come begins before this frame.
    var horizon: Int { max(0, core - context) }

    /// Takes a frame, and gives the runs of a section when that is complete.
    mutating func push(_ frame: [Float]) -> [EventSequence.Run] {
        frames += frame
        guard frames.count / classCount + firstFrame >= core + sectionFrames + context else { return [] }
        return section(core..<core + sectionFrames)
    }

    /// The runs of what is left.
    mutating func finish() -> [EventSequence.Run] {
        section(core..<max(core, firstFrame + frames.count / classCount))
    }

    private mutating func section(_ range: Range<Int>) -> [EventSequence.Run] {
        let count = frames.count / classCount
        var runs: [EventSequence.Run] = []
        for column in 0..<classCount {
            let signal = (0..<count).map { frames[$0 * classCount + column] }
            let found = EdgeFusion.intervals(signal, settings, secondsPerFrame: secondsPerFrame)
            for interval in found where range.contains(firstFrame + interval.peak) {
                // An edge lies on the frame where the event is about to begin or has just ended.
                let values = signal[interval.start..<max(interval.start + 1, interval.end)]
                guard values.count >= minimumFrames[column] else { continue }
                let likelihood = values.reduce(0) { $0 + Double($1) } / Double(values.count)
                runs.append(
                    EventSequence.Run(
                        start: firstFrame + values.startIndex, end: firstFrame + values.endIndex, column: column,
                        likelihood: likelihood))
            }
        }
        core = range.upperBound
        let unneeded = max(0, core - context - firstFrame)
        frames.removeFirst(min(frames.count, unneeded * classCount))
        firstFrame += unneeded
        return runs
    }
}
