// Windows of a long recording overlap, and where they do the prediction goes over from one to the next in a straight line:
// an event on a border is neither cut nor found twice.
//
//   window i      ________________
//                /                \            weights of the frames: they sum to 1 everywhere
//   window i+1   ……………………………/ \________
//
// T frames, C classes

/// Puts the frame probabilities of consecutive windows together. Pure, and it remembers one overlap only.
public struct WindowStitcher: Sendable, Codable {
    /// C
    public let classCount: Int
    /// Frames that a window shares with the next one.
    public let overlapFrames: Int
    // The end of the last window, which the next one is to be blended with.
    private var tail: [Float] = []

    /// A stitcher at the beginning of a recording.
    public init(classCount: Int, overlapFrames: Int) {
        precondition(classCount > 0 && overlapFrames >= 0)
        self.classCount = classCount
        self.overlapFrames = overlapFrames
    }

    /// Takes the next window, row-major T × C, and returns the frames that are final now.
    ///
    /// Window i + 1 begins `overlapFrames` before window i ends, so every window but the last has at least two overlaps, and
    /// every window but the first at least one. After the last one the stitcher stands at the beginning again.
    public mutating func add(_ window: [Float], isLast: Bool) -> [Float] {
        let overlap = overlapFrames * classCount
        precondition(
            window.count % classCount == 0 && window.count >= tail.count && (isLast || window.count >= 2 * overlap),
            "WindowStitcher: a window of \(window.count / classCount) frames with an overlap of \(overlapFrames)")
        var frames = window
        for index in tail.indices {
            // As a step from the old value, so that equal predictions stay what they are to the last bit.
            let weight = (Float(index / classCount) + 0.5) / Float(overlapFrames)
            frames[index] = tail[index] + weight * (window[index] - tail[index])
        }
        tail = isLast ? [] : Array(window.suffix(overlap))
        frames.removeLast(tail.count)
        return frames
    }
}
