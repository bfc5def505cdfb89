// Where the windows of a recording lie. All begin on a frame of the recording, so that their frames coincide.
import Models

/// The lengths of windows, in frames of a model.
public struct WindowPlan: Sendable, Hashable {
    /// Samples per second.
    public let sampleRateHz: Double
    /// Samples from one frame to the next.
    public let samplesPerFrame: Int
    /// Frames of a window.
    public let windowFrames: Int
    /// Frames that a window shares with the next one, at most half of it.
    public let overlapFrames: Int
    /// Frames of the shortest window that the model can hear; a shorter recording is filled up with silence.
    public let shortestFrames: Int

    /// Windows of about `windowSeconds` that share about `overlapSeconds` with the next one.
    public init(_ frontEnd: FrontEnd.Configuration, windowSeconds: Double, overlapSeconds: Double) {
        sampleRateHz = frontEnd.sampleRateHz
        samplesPerFrame = frontEnd.samplesPerFrame
        shortestFrames = (frontEnd.receptiveFieldSamples + samplesPerFrame - 1) / samplesPerFrame
        windowFrames = max(2, shortestFrames, Int((windowSeconds * frontEnd.frameRateHz).rounded()))
        overlapFrames = min(windowFrames / 2, max(0, Int((overlapSeconds * frontEnd.frameRateHz).rounded())))
    }

    /// Frames from the start of one window to the start of the next.
    public var hopFrames: Int { windowFrames - overlapFrames }

    /// Frames of a recording of that many samples; the last one may be begun only.
    public func frameCount(samples: Int) -> Int { (samples + samplesPerFrame - 1) / samplesPerFrame }

    /// One window: what the model hears and which of its frames are used.
    public struct Window: Sendable, Hashable {
        /// The first frame of the recording that the model hears.
        public var firstFrame: Int
        /// Frames that the model hears.
        public var frameCount: Int
        /// The frames among these that are used, counted from `firstFrame`.
        public var used: Range<Int>
        /// Whether the recording ends with it.
        public var isLast: Bool
    }

    /// The window of that number, if the recording goes on behind it.
    public func window(_ index: Int) -> Window {
        Window(firstFrame: index * hopFrames, frameCount: windowFrames, used: 0..<windowFrames, isLast: false)
    }

    /// The window of that number when the recording ends in it. It is moved back to end with the recording, so that the
    /// model hears a whole window of sound; used is only what a window in its place would have told.
    public func lastWindow(_ index: Int, samples: Int) -> Window {
        let frames = frameCount(samples: samples)
        let regular = index * hopFrames
        precondition(samples > 0 && frames > regular + (index > 0 ? overlapFrames : 0) - 1)
        precondition(frames <= regular + windowFrames)
        if index == 0 {
            return Window(firstFrame: 0, frameCount: max(frames, shortestFrames), used: 0..<frames, isLast: true)
        }
        let first = frames - windowFrames
        return Window(
            firstFrame: first, frameCount: windowFrames, used: regular - first..<windowFrames, isLast: true)
    }
}
