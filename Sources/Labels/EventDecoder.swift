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
///
/// The state can be stored and read back at any moment: the events that follow are the same.
public struct EventDecoder: Sendable, Codable {
    /// Events that lost against rivals of higher score, where one class is heard at a time.
    public private(set) var secondary: [Event] = []
    /// What the last `push` or `finish` made final, those included that the focal class will decide about later.
    public private(set) var latest: [Event] = []
    private let recording: String
    private let channel: Int?
    private let classes: [String]
    private let grid: FrameGrid
    private let settings: [ClassSettings]
    private var smoother: FrameSmoother
    private var tracks: [Track]
    private var sequence: EventSequence
    // Runs of the focal class have no rivals.
    private var focalSequence = EventSequence(oneAtATime: false, largestOverlap: 0)
    private var edges: EdgeTracker?
    private let anyClass: AnyClass?
    private let focal: Focal?
    private let focalColumn: Int?
    // What the focal class decides about, which is known at the end only.
    private var held: [Event] = []
    private let inputCount: Int
    private let focalInput: Int?
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
        inputCount = classes.count
        focal = configuration.focal
        anyClass = configuration.anyClass
        let inputFocal = focal.flatMap { classes.firstIndex(of: $0.className) }
        let labels = configuration.anyClass.map { [$0.label] + (inputFocal.map { [classes[$0]] } ?? []) } ?? classes
        self.classes = labels
        focalColumn = configuration.anyClass == nil ? inputFocal : inputFocal.map { _ in 1 }
        focalInput = inputFocal
        grid = FrameGrid(framesPerSecond: framesPerSecond, count: 0, firstCentreSeconds: firstCentreSeconds)
        settings = labels.map { ClassSettings(configuration, $0, framesPerSecond) }
        smoother = FrameSmoother(configuration.smoothing, reaches: settings.map(\.reach))
        tracks = Array(repeating: Track(), count: labels.count)
        sequence = EventSequence(
            oneAtATime: configuration.oneClassAtATime, largestOverlap: configuration.largestOverlap)
        if configuration.smoothing == .edges {
            edges = EdgeTracker(
                configuration.edges ?? .init(), framesPerSecond: framesPerSecond,
                minimumFrames: settings.map(\.minimumFrames))
        }
        margin = max(0, Int((grid.firstCentreSeconds * framesPerSecond + 0.5).rounded(.up)))
    }

    /// Takes the next frames, row-major T × C, and returns the events that are final now, by start, end and class. A
    /// probability that is no number counts as 0. Where the focal class has a say all events come at the end.
    public mutating func push(_ probabilities: some Collection<Float>) -> [Event] {
        precondition(
            inputCount > 0 && probabilities.count % inputCount == 0,
            "EventDecoder: \(probabilities.count) values for \(inputCount) classes")
        var frame = [Float](repeating: 0, count: inputCount)
        var column = 0
        for value in probabilities {
            frame[column] = value.isNaN ? 0 : value
            column += 1
            guard column == inputCount else { continue }
            column = 0
            take(anyClass.map { reduced(frame, $0) } ?? frame)
        }
        return taken(before: horizon, endingBy: received - margin, endSeconds: .infinity)
    }

    /// Ends the recording, of this length in seconds if it is known, and returns the remaining events.
    public mutating func finish(recordingSeconds: Double? = nil) -> [Event] {
        if var tracker = edges {
            add(tracker.finish())
            edges = tracker
        } else {
            while smoother.next < smoother.received { step() }
            for column in classes.indices { close(column) }
        }
        let last = taken(before: .max, endingBy: .max, endSeconds: recordingSeconds ?? .infinity)
        secondary.sort(by: Event.isOrderedBefore)
        guard let focal else { return last }
        defer { held = [] }
        return focal.settle(held)
    }

    /// The first frame that an event still to come may contain.
    public var firstNeededFrame: Int {
        max(0, min(horizon, sequence.firstNeeded ?? .max, focalSequence.firstNeeded ?? .max))
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
    private struct Track: Codable {
        var start: Int?
        var end = 0
        // Sum of the probabilities up to `end`, and of the gap behind it.
        var sum = 0.0
        var gapSum = 0.0
    }

    /// No event that is still to come begins before this frame.
    private var horizon: Int {
        edges?.horizon ?? tracks.reduce(smoother.next) { min($0, $1.start ?? $0) }
    }

    private var received: Int { smoother.received }

    private mutating func take(_ frame: [Float]) {
        smoother.push(frame)
        if edges != nil {
            smoother.advance()
            add(edges!.push(frame))
        } else if smoother.isReady {
            step()
        }
    }

    private func reduced(_ frame: [Float], _ anyClass: AnyClass) -> [Float] {
        guard let focalInput else { return [anyClass.reduce(frame)] }
        return [anyClass.reduce(frame[..<focalInput] + frame[(focalInput + 1)...]), frame[focalInput]]
    }

    private mutating func add(_ runs: [EventSequence.Run]) {
        for run in runs {
            if run.column == focalColumn { focalSequence.add(run) } else { sequence.add(run) }
        }
    }

    private mutating func taken(before horizon: Int, endingBy end: Int, endSeconds: Double) -> [Event] {
        var lost: [EventSequence.Run] = []
        var events = events(sequence.take(before: horizon, endingBy: end, lost: &lost), endSeconds: endSeconds)
        if !lost.isEmpty { secondary += self.events(lost, endSeconds: endSeconds) }
        latest = events
        guard focal != nil else { return events }
        events += self.events(focalSequence.take(before: horizon, endingBy: end, lost: &lost), endSeconds: endSeconds)
        latest = events
        held += events
        return []
    }

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
        add([
            EventSequence.Run(
                start: start, end: track.end, column: column, likelihood: track.sum / Double(track.end - start))
        ])
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
private struct ClassSettings: Codable {
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
        reach =
            configuration.smoothing == .none || configuration.smoothing == .edges
            ? 0 : Int(((smoothing - 1) / 2 - tolerance).rounded(.up).clamped)
        let minimum = (own?.minimumSeconds ?? configuration.minimumSeconds) * framesPerSecond
        minimumFrames = Int((minimum - tolerance).rounded(.up).clamped)
        gapFrames = Int(((own?.gapSeconds ?? configuration.gapSeconds) * framesPerSecond + tolerance).clamped)
    }
}

extension Double {
    /// A number of frames that is a number of frames.
    fileprivate var clamped: Double { isNaN ? 0 : Swift.min(Swift.max(self, 0), 1e9) }
}
