// Vectors of frames to vectors of what people count: frames, windows or events. The frames of a day at 200 per second do
// not fit into memory; kept are those that an event still to come may need.
//
// T frames, D width
import Labels

/// What a vector stands for.
public enum EmbeddingUnit: Sendable, Hashable, Codable {
    /// Every frame has its own.
    case frame
    /// The mean over windows of that many seconds, one after the other.
    case window(seconds: Double)
    /// The mean over the frames of an event.
    case event

    /// `frame`, `window-2s`, `event`: the folder of the vectors.
    public var name: String {
        switch self {
        case .frame: "frame"
        case .window(let seconds): "window-\(seconds)s"
        case .event: "event"
        }
    }
}

/// In which files vectors are kept.
public enum EmbeddingFormat: String, Sendable, Hashable, Codable, CaseIterable {
    /// Tensors `embeddings` [N, D], `channel` [N] and their times.
    case safetensors
    /// The names of animal2vec 1.0: `embedding` [N, D], `time` [N] and `filename`.
    case hdf5

    /// The extension of the files.
    public var fileExtension: String { self == .hdf5 ? "h5" : "safetensors" }
}

/// Means over the vectors of the frames of one channel.
struct EmbeddingPool: Sendable, Codable {
    /// A stretch of time that a vector stands for.
    struct Span: Sendable, Hashable, Codable {
        var startSeconds: Double
        var endSeconds: Double
    }

    let unit: EmbeddingUnit
    /// What the vectors given out so far stand for; empty for frames, whose times the grid tells.
    private(set) var spans: [Span] = []
    /// Frames that have arrived.
    private(set) var frameCount = 0
    private let width: Int
    private let grid: FrameGrid
    // The last frames, from `firstFrame` on.
    private var frames: [Float] = []
    private var firstFrame = 0

    init(_ unit: EmbeddingUnit, width: Int, grid: FrameGrid) {
        (self.unit, self.width, self.grid) = (unit, width, grid)
    }

    private var windowFrames: Int {
        guard case .window(let seconds) = unit else { return 1 }
        return max(1, Int((seconds * grid.framesPerSecond).rounded()))
    }

    /// Takes the next frames, T × D, which the decoder has taken already, and gives the vectors that are final now.
    mutating func add(_ vectors: [Float], _ decoder: EventDecoder) -> [Float] {
        frameCount += vectors.count / width
        switch unit {
        case .frame: return vectors
        case .window:
            frames += vectors
            var means: [Float] = []
            while frameCount - firstFrame >= windowFrames {
                means += mean(firstFrame..<firstFrame + windowFrames)
                forget(before: firstFrame + windowFrames)
            }
            return means
        case .event:
            frames += vectors
            let means = means(of: decoder.latest)
            forget(before: min(decoder.firstNeededFrame, frameCount))
            return means
        }
    }

    /// The vectors of what is left.
    mutating func finish(_ decoder: EventDecoder) -> [Float] {
        switch unit {
        case .frame: return []
        case .window: return frameCount > firstFrame ? mean(firstFrame..<frameCount) : []
        case .event: return means(of: decoder.latest)
        }
    }

    /// Gives the vectors of events, all of them given out, the times that the model gives the events.
    mutating func time(_ description: ModelDescription, frames: Int) {
        guard unit == .event else { return }
        for index in spans.indices {
            spans[index].startSeconds = description.timed(spans[index].startSeconds, frames: frames)
            spans[index].endSeconds = description.timed(spans[index].endSeconds, frames: frames)
        }
    }

    private mutating func means(of events: [Event]) -> [Float] {
        var grid = grid
        grid.count = frameCount
        var result: [Float] = []
        for event in events {
            let range = grid.frames(from: event.startSeconds, to: event.endSeconds)
            let kept = max(firstFrame, range.lowerBound)..<max(firstFrame + 1, range.upperBound)
            result += mean(
                kept.clamped(to: firstFrame..<frameCount),
                as: Span(
                    startSeconds: event.startSeconds, endSeconds: event.endSeconds))
        }
        return result
    }

    private mutating func mean(_ range: Range<Int>, as span: Span? = nil) -> [Float] {
        var sum = [Double](repeating: 0, count: width)
        for frame in range {
            let start = (frame - firstFrame) * width
            for index in 0..<width { sum[index] += Double(frames[start + index]) }
        }
        spans.append(
            span
                ?? Span(
                    startSeconds: max(0, grid.startSeconds(range.lowerBound)),
                    endSeconds: grid.startSeconds(range.upperBound)))
        return sum.map { Float($0 / Double(max(1, range.count))) }
    }

    private mutating func forget(before frame: Int) {
        guard frame > firstFrame else { return }
        frames.removeFirst((frame - firstFrame) * width)
        firstFrame = frame
    }
}
