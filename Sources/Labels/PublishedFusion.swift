// animal2vec 1.0's way from frame likelihoods to events (nn/utils.py: fuse_predict, avg_pooling), with all of its habits:
// pooling windows begin at the frame, so that runs are shifted by half a window afterwards; nothing can start within the
// first half window; times come from a grid that includes both ends; the likelihood leaves out the last frame.
//
// B chunks, T frames of a chunk, C classes

/// The methods `avg`, `max` and `canny` of animal2vec 1.0, number for number. `EventDecoder` is what else should be used.
public enum PublishedFusion {
    /// How frames are pooled.
    public enum Method: String, Codable, Sendable, CaseIterable {
        /// The mean over the window.
        case average = "avg"
        /// The maximum over the window.
        case maximum = "max"
        /// By edges. The published program stops with an error here on current NumPy; this is what it meant.
        case edges = "canny"
    }

    /// What the published program calls an event.
    public struct Event: Sendable, Hashable {
        /// The beginning in seconds.
        public var startSeconds: Double
        /// The end in seconds: the time of the frame after the last one.
        public var endSeconds: Double
        /// The first frame.
        public var startFrame: Int
        /// The last frame, which belongs to the event.
        public var endFrame: Int
        /// The mean probability without the last frame; nil where no frame is left, NaN in the published program.
        public var likelihood: Double?
    }

    /// Events by chunk and class.
    ///
    /// - Parameters:
    ///   - probabilities: B × T × C, row-major: consecutive chunks of a recording.
    ///   - chunkSeconds: length of a chunk.
    ///   - sigmaSeconds: length of the pooling window.
    ///   - framesPerSecond: 200 in the published models.
    ///   - batch: how many batches came before.
    ///   - edges: what decides about edges, for the method `canny` only; its times come out as above.
    ///   - batchSize: chunks in each of these; nil for as many as here. Times follow this number, frame numbers follow the
    ///     number of chunks here, as published.
    public static func events(
        _ probabilities: [Float], chunks: Int, classes: Int, chunkSeconds: Double, method: Method = .average,
        sigmaSeconds: Double = 0.1, threshold: Float = 0.15, framesPerSecond: Double = 200, batch: Int = 0,
        batchSize: Int? = nil, edges: EdgeFusion.Settings = .init()
    ) -> [[[Event]]] {
        precondition(chunks > 0 && classes > 0 && probabilities.count % (chunks * classes) == 0)
        let frames = probabilities.count / chunks / classes
        // Python rounds halves to even.
        let window = max(1, Int((framesPerSecond * sigmaSeconds).rounded(.toNearestOrEven)))
        let shift = Int((Double(window) / 2).rounded(.toNearestOrEven))
        let step = chunkSeconds * Double(chunks) / Double(max(1, chunks * frames - 1))
        let earlierSeconds = Double(batch * (batchSize ?? chunks)) * chunkSeconds
        return (0..<chunks).map { chunk in
            (0..<classes).map { column in
                let values = (0..<frames).map { probabilities[(chunk * frames + $0) * classes + column] }
                let found =
                    method == .edges
                    ? EdgeFusion.intervals(values, edges, secondsPerFrame: step, reading: .published).map {
                        ($0.start, $0.end)
                    }
                    : runs(values, window, threshold, method).map { run in
                        (min(run.lowerBound + shift, frames - 1), min(run.upperBound - 1 + shift, frames - 1))
                    }
                return found.map { start, end in
                    let offset = chunk * frames
                    return Event(
                        startSeconds: earlierSeconds + Double(offset + start) * step,
                        endSeconds: earlierSeconds + Double(offset + min(end + 1, frames - 1)) * step,
                        startFrame: batch * chunks * frames + offset + start,
                        endFrame: batch * chunks * frames + offset + end, likelihood: mean(values[start..<end]))
                }
            }
        }
    }

    /// Runs of pooled values from the threshold on.
    private static func runs(_ values: [Float], _ window: Int, _ threshold: Float, _ method: Method) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start: Int?
        // Where the window does not fit any more, the published program puts zeros.
        let pooledCount = max(0, values.count - window + 1)
        for frame in 0...pooledCount {
            let isOn = frame < pooledCount && pooled(values[frame..<frame + window], method) >= threshold
            if isOn, start == nil { start = frame }
            if !isOn, let first = start {
                runs.append(first..<frame)
                start = nil
            }
        }
        return runs
    }

    private static func pooled(_ values: ArraySlice<Float>, _ method: Method) -> Float {
        switch method {
        case .average: values.reduce(0, +) / Float(values.count)
        case .maximum, .edges: values.max()!
        }
    }

    private static func mean(_ values: ArraySlice<Float>) -> Double? {
        values.isEmpty ? nil : values.reduce(0) { $0 + Double($1) } / Double(values.count)
    }
}
