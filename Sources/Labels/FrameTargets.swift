// Events as frames and back. Legend: T frames, C classes.
//
// Frame k stands for the time of its centre, firstCentreSeconds + k / framesPerSecond, and covers half a frame on either
// side. It belongs to an event when its centre lies in [start, end). An event between two centres gets the frame whose
// centre is nearest to its middle, so that no event is lost however short it is.

/// The times of the frames of a window or a recording.
public struct FrameGrid: Sendable, Hashable, Codable {
    /// Frames per second.
    public var framesPerSecond: Double
    /// How many frames there are.
    public var count: Int
    /// The time of the centre of frame 0, in seconds from the start of the recording.
    public var firstCentreSeconds: Double

    /// Frames whose first centre lies at `firstCentreSeconds`, by default half a frame behind the start.
    public init(framesPerSecond: Double, count: Int, firstCentreSeconds: Double? = nil) {
        precondition(framesPerSecond > 0 && count >= 0, "FrameGrid: \(framesPerSecond) frames/s, \(count) frames")
        self.framesPerSecond = framesPerSecond
        self.count = count
        self.firstCentreSeconds = firstCentreSeconds ?? 0.5 / framesPerSecond
    }

    /// The time of the centre of a frame in seconds.
    public func centreSeconds(_ frame: Int) -> Double { firstCentreSeconds + Double(frame) / framesPerSecond }

    /// The time where a frame begins, half a frame before its centre, in seconds.
    public func startSeconds(_ frame: Int) -> Double {
        firstCentreSeconds + (Double(frame) - 0.5) / framesPerSecond
    }

    /// The frames that belong to an event from `start` to `end` seconds, cut to the grid.
    public func frames(from start: Double, to end: Double) -> Range<Int> {
        // A billionth of a frame forgives the rounding of times that were meant to lie on a centre.
        let tolerance = 1e-9
        let limit = Double(count)
        let first = ((start - firstCentreSeconds) * framesPerSecond - tolerance).rounded(.up)
        let last = ((end - firstCentreSeconds) * framesPerSecond - tolerance).rounded(.up)
        if last > first {
            let lower = Int(max(0, min(first, limit)))
            return lower..<max(lower, Int(max(0, min(last, limit))))
        }
        let middle = ((start + end) / 2 - firstCentreSeconds) * framesPerSecond
        let nearest = (middle + 0.5).rounded(.down)
        guard nearest >= 0, nearest < limit else { return 0..<0 }
        return Int(nearest)..<Int(nearest) + 1
    }
}

/// Which class is heard in which frame: a row-major T × C matrix of zeros and ones.
public struct FrameTargets: Sendable, Hashable {
    /// The times of the T frames.
    public let grid: FrameGrid
    /// C, the number of classes.
    public let classCount: Int
    /// T · C values, frame by frame.
    public private(set) var values: [Float]

    /// The frames of those events whose label is in the vocabulary; others leave no trace. Where the vocabulary holds the
    /// class `Event.focalColumn`, the calls of the focal animal are frames of that class as well, whatever their label.
    ///
    /// - Parameter separationFrames: as many frames are kept free between two events of one class that touch or lie
    ///   closer, so that who learns from them learns to tell the two apart. Events of less than three times as many
    ///   frames are left whole.
    public init(events: some Sequence<Event>, vocabulary: Vocabulary, grid: FrameGrid, separationFrames: Int = 0) {
        self.grid = grid
        classCount = vocabulary.count
        values = Array(repeating: 0, count: grid.count * vocabulary.count)
        var spans: [[Range<Int>]] = Array(repeating: [], count: vocabulary.count)
        let focal = vocabulary.index(of: Event.focalColumn)
        for event in events {
            let columns = Set(
                [vocabulary.index(of: event.label), event.isFocal == true ? focal : nil].compactMap(\.self))
            if columns.isEmpty { continue }
            let frames = grid.frames(from: event.startSeconds, to: event.endSeconds)
            for column in columns {
                for frame in frames { values[frame * classCount + column] = 1 }
                spans[column].append(frames)
            }
        }
        guard separationFrames > 0 else { return }
        for column in spans.indices {
            let sorted = spans[column].filter { $0.count >= 3 * separationFrames }.sorted {
                $0.lowerBound < $1.lowerBound
            }
            for (first, second) in zip(sorted, sorted.dropFirst())
            where second.lowerBound > first.lowerBound && second.lowerBound - first.upperBound < separationFrames {
                let start = (first.upperBound + second.lowerBound - separationFrames) / 2
                for frame in max(0, start)..<min(grid.count, start + separationFrames) {
                    values[frame * classCount + column] = 0
                }
            }
        }
    }

    /// The value at a frame and a class.
    public subscript(frame: Int, column: Int) -> Float { values[frame * classCount + column] }

    /// The events the frames stand for, sorted by start; each within half a frame of the one it came from. Events of one
    /// class that touch or overlap come back as one.
    public func events(vocabulary: Vocabulary, recording: String) -> [Event] {
        precondition(vocabulary.count == classCount, "FrameTargets: \(classCount) classes, not \(vocabulary.count)")
        var events: [Event] = []
        for column in 0..<classCount {
            var first: Int?
            for frame in 0...grid.count {
                let isOn = frame < grid.count && self[frame, column] >= 0.5
                if isOn, first == nil { first = frame }
                if !isOn, let start = first {
                    first = nil
                    events.append(
                        Event(
                            recording: recording, startSeconds: max(0, grid.startSeconds(start)),
                            endSeconds: grid.startSeconds(frame), label: vocabulary[column]))
                }
            }
        }
        return events.sorted(by: Event.isOrderedBefore)
    }
}
