// Frame probabilities to events: smoothing, threshold, merging of near runs, minimum length, and one class at a time if
// wished. A pure state machine: frames go in block by block, events come out as soon as nothing can change them any more,
// and how the frames were cut into blocks makes no difference.
//
// T frames, C classes

/// Turns the frame probabilities of one recording (or one of its channels) into events.
///
/// Frame k stands for the time of its centre, `firstCentreSeconds + k / framesPerSecond`, and covers half a frame on either
/// side, as in `FrameGrid`: an event of frames a ..< b lies from half a frame before the centre of a to half a frame before
/// the centre of b, cut to the recording. Its score is the mean of the probabilities of these frames before smoothing.
public struct EventDecoder: Sendable {
    private let recording: String
    private let channel: Int?
    private let classes: [String]
    private let grid: FrameGrid
    private let settings: [ClassSettings]
    private var smoother: FrameSmoother
    private var tracks: [Track]
    private var sequence: EventSequence
    // Frames by which an event must lie in the past before it is known to end within the recording.
    private let margin: Int

    /// A decoder for a recording that begins.
    ///
    /// - Parameters:
    ///   - recording: what events call it.
    ///   - channel: the channel of all events; nil leaves it out.
    ///   - classes: the labels, C of them, in the order of the columns.
    ///   - framesPerSecond: the rate of the frames.
    ///   - firstCentreSeconds: the time of frame 0; nil for half a frame behind the start.
    public init(
        _ configuration: Configuration, classes: [String], recording: String, channel: Int? = nil,
        framesPerSecond: Double, firstCentreSeconds: Double? = nil
    ) {
        self.recording = recording
        self.channel = channel
        self.classes = classes
        grid = FrameGrid(framesPerSecond: framesPerSecond, count: 0, firstCentreSeconds: firstCentreSeconds)
        settings = classes.map { ClassSettings(configuration, $0, framesPerSecond) }
        smoother = FrameSmoother(configuration.smoothing, reaches: settings.map(\.reach))
        tracks = Array(repeating: Track(), count: classes.count)
        sequence = EventSequence(
            oneAtATime: configuration.oneClassAtATime, largestOverlap: configuration.largestOverlap)
        margin = max(0, Int((grid.firstCentreSeconds * framesPerSecond + 0.5).rounded(.up)))
    }

    /// Takes the next frames, row-major T × C, and returns the events that are final now, by start, end and class. A
    /// probability that is no number counts as 0.
    public mutating func push(_ probabilities: some Collection<Float>) -> [Event] {
        precondition(
            !classes.isEmpty && probabilities.count % classes.count == 0,
            "EventDecoder: \(probabilities.count) values for \(classes.count) classes")
        var frame = [Float](repeating: 0, count: classes.count)
        var column = 0
        for value in probabilities {
            frame[column] = value.isNaN ? 0 : value
            column += 1
            guard column == classes.count else { continue }
            column = 0
            smoother.push(frame)
            if smoother.isReady { step() }
        }
        return events(sequence.take(before: horizon, endingBy: smoother.received - margin), endSeconds: .infinity)
    }

    /// Ends the recording, of this length in seconds if it is known, and returns the remaining events.
    public mutating func finish(recordingSeconds: Double? = nil) -> [Event] {
        while smoother.next < smoother.received { step() }
        for column in classes.indices { close(column) }
        return events(sequence.take(before: .max, endingBy: .max), endSeconds: recordingSeconds ?? .infinity)
    }

    /// The events of a whole recording at once: row-major T × C probabilities.
    public static func events(
        _ probabilities: [Float], _ configuration: Configuration, classes: [String], recording: String,
        framesPerSecond: Double, firstCentreSeconds: Double? = nil, recordingSeconds: Double? = nil
    ) -> [Event] {
        var decoder = EventDecoder(
            configuration, classes: classes, recording: recording, framesPerSecond: framesPerSecond,
            firstCentreSeconds: firstCentreSeconds)
        let first = decoder.push(probabilities)
        return first + decoder.finish(recordingSeconds: recordingSeconds)
    }

    // MARK: One frame

    /// A run of frames above the threshold that may still grow.
    private struct Track {
        var start: Int?
        var end = 0
        // Sum of the probabilities up to `end`, and of the gap behind it.
        var sum = 0.0
        var gapSum = 0.0
    }

    /// No event that is still to come begins before this frame.
    private var horizon: Int { tracks.reduce(smoother.next) { min($0, $1.start ?? $0) } }

    private mutating func step() {
        let frame = smoother.next
        for column in classes.indices {
            let raw = Double(smoother.raw(column))
            if smoother.smoothed(column) >= settings[column].threshold {
                if tracks[column].start == nil { tracks[column] = Track(start: frame) }
                tracks[column].sum += tracks[column].gapSum + raw
                tracks[column].gapSum = 0
                tracks[column].end = frame + 1
            } else if tracks[column].start != nil {
                if frame - tracks[column].end < settings[column].gapFrames {
                    tracks[column].gapSum += raw
                } else {
                    close(column)
                }
            }
        }
        smoother.advance()
    }

    private mutating func close(_ column: Int) {
        let track = tracks[column]
        guard let start = track.start else { return }
        tracks[column].start = nil
        guard track.end - start >= settings[column].minimumFrames else { return }
        sequence.add(
            EventSequence.Run(
                start: start, end: track.end, column: column, likelihood: track.sum / Double(track.end - start)))
    }

    private func events(_ runs: [EventSequence.Run], endSeconds: Double) -> [Event] {
        runs.compactMap { run in
            let start = max(0, grid.startSeconds(run.start))
            let end = min(endSeconds, grid.startSeconds(run.end))
            guard end > start else { return nil }
            return Event(
                recording: recording, startSeconds: start, endSeconds: end, label: classes[run.column],
                score: run.likelihood, channel: channel)
        }
    }
}

/// The settings of one class in frames.
private struct ClassSettings {
    let threshold: Double
    /// Frames that smoothing looks to each side.
    let reach: Int
    let minimumFrames: Int
    let gapFrames: Int

    init(_ configuration: EventDecoder.Configuration, _ label: String, _ framesPerSecond: Double) {
        // A billionth of a frame forgives the rounding of times that were meant to be whole frames.
        let tolerance = 1e-9
        let own = configuration.classes[label]
        threshold = own?.threshold ?? configuration.threshold
        let smoothing = (own?.smoothingSeconds ?? configuration.smoothingSeconds) * framesPerSecond
        reach = configuration.smoothing == .none ? 0 : Int(((smoothing - 1) / 2 - tolerance).rounded(.up).clamped)
        let minimum = (own?.minimumSeconds ?? configuration.minimumSeconds) * framesPerSecond
        minimumFrames = Int((minimum - tolerance).rounded(.up).clamped)
        gapFrames = Int(((own?.gapSeconds ?? configuration.gapSeconds) * framesPerSecond + tolerance).clamped)
    }
}

extension Double {
    /// A number of frames that is a number of frames.
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, 0), 1e9) }
}
