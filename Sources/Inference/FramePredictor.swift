// Recordings to frame probabilities. The caller's thread computes; another one decodes ahead of it.
//
// B windows, N samples, T frames, C classes
import Audio
import Foundation
import Models
import Neural
import Synchronization
import Torch

/// Gives the frame probabilities of recordings of any length, rate and coding, in bounded memory.
///
/// The probabilities of a recording depend on the recording, the model and the configuration only: batches are never mixed
/// from several recordings, and begin anew with each.
public struct FramePredictor {
    /// How recordings are cut into windows.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Length of a window in seconds; nil for that of the windows the model learned from.
        public var windowSeconds: Double?
        /// Share of a window that the next one also covers, at most 0.5.
        public var overlap = 0.2
        /// Windows computed at a time; nil for as many as fit into `batchMegabytes`.
        public var batchWindows: Int?
        /// Memory for the intermediate results of a batch, roughly.
        public var batchMegabytes = 128

        /// The defaults.
        public init() {}
    }

    /// What happens on the way through a recording.
    public enum Output: Sendable {
        /// It could be opened: what its header says, and how many channels are heard.
        case opened(AudioFile, channelCount: Int)
        /// The next frames of a channel, row-major T × C.
        case frames(channel: Int, probabilities: [Float])
        /// It is over, after this many seconds, and with this damage, in words.
        case ended(seconds: Double, damage: [String])
        /// It cannot be used, or not further than this, and why.
        case failed(reason: String)
    }

    /// What the model hears and says.
    public let description: ModelDescription
    /// How recordings are cut into windows.
    public let plan: WindowPlan
    /// Windows computed at a time.
    public let batchWindows: Int
    private let classifier: FrameClassifier

    /// A predictor for a classifier that the description belongs to.
    public init(
        _ classifier: FrameClassifier, _ description: ModelDescription, configuration: Configuration = Configuration()
    ) {
        precondition(classifier.classCount == description.classes.count, "the description is that of another model")
        self.classifier = classifier
        self.description = description
        let seconds = configuration.windowSeconds ?? description.windowSeconds
        plan = WindowPlan(
            description.encoder.frontEnd, windowSeconds: seconds, overlapSeconds: configuration.overlap * seconds)
        let bytes = description.encoder.bytesPerWindow(samples: plan.windowFrames * plan.samplesPerFrame)
        batchWindows = configuration.batchWindows ?? min(64, max(1, (configuration.batchMegabytes << 20) / bytes))
    }

    /// Computes the recordings one after the other; `body` is called with the position in `paths` and what happens. A
    /// recording that fails costs only itself. What `body` throws ends the work.
    public func predict(
        _ paths: [String], channel: ChannelSelection? = nil, _ body: (Int, Output) throws -> Void
    ) throws {
        var stitchers: [WindowStitcher] = []
        let turn = Turn()
        let next: @Sendable () -> WindowFeed.Job = {
            let index = turn.take()
            return index < paths.count ? .recording(index: index, path: paths[index], skippedRows: 0) : .end
        }
        try run(channel: channel, next: next) { step in
            switch step {
            case .opened(let index, let file, let channelCount):
                stitchers = Array(repeating: stitcher(classCount: description.classes.count), count: channelCount)
                try body(index, .opened(file, channelCount: channelCount))
            case .rows(let index, let rows):
                for row in rows {
                    let frames = stitchers[row.channel].add(row.probabilities, isLast: row.isLast)
                    try body(index, .frames(channel: row.channel, probabilities: frames))
                }
            case .ended(let index, let seconds, let damage):
                try body(index, .ended(seconds: seconds, damage: damage))
            case .failed(let index, let reason): try body(index, .failed(reason: reason))
            case .waiting: break
            }
        }
    }

    /// Counts from 0, on any thread.
    final class Turn: Sendable {
        private let next = Atomic(0)

        func take() -> Int { next.add(1, ordering: .relaxed).oldValue }
    }

    /// What one window tells.
    struct Row {
        var channel: Int
        var isLast: Bool
        /// T × C
        var probabilities: [Float]
        /// T × D, where embeddings are wanted.
        var embeddings: [Float]
    }

    /// What happens on the way, window by window.
    enum Step {
        case opened(index: Int, file: AudioFile, channelCount: Int)
        case rows(index: Int, [Row])
        case ended(index: Int, seconds: Double, damage: [String])
        case failed(index: Int, reason: String)
        case waiting
    }

    /// What puts windows of that many columns together.
    func stitcher(classCount: Int) -> WindowStitcher {
        WindowStitcher(classCount: classCount, overlapFrames: plan.overlapFrames)
    }

    /// Computes the recordings that `next` gives.
    func run(
        channel: ChannelSelection? = nil, wantsEmbeddings: Bool = false, next: @escaping @Sendable () -> WindowFeed.Job,
        _ body: (Step) throws -> Void
    ) throws {
        let feed = WindowFeed(
            channel: channel ?? description.channels.selection, plan: plan, normalization: description.normalization,
            batchWindows: batchWindows, next: next)
        defer { feed.cancel() }
        while let item = feed.next() {
            switch item {
            case .opened(let index, let file, let channelCount):
                try body(.opened(index: index, file: file, channelCount: channelCount))
            case .batch(let index, let batch): try body(.rows(index: index, rows(batch, wantsEmbeddings)))
            case .ended(let index, let seconds, let damage):
                try body(.ended(index: index, seconds: seconds, damage: damage))
            case .failed(let index, let reason): try body(.failed(index: index, reason: reason))
            case .waiting: try body(.waiting)
            }
        }
    }

    /// The used frames of every window.
    private func rows(_ batch: WindowFeed.Batch, _ wantsEmbeddings: Bool) throws -> [Row] {
        let count = batch.rows.count
        let waves_BN = try Tensor(batch.samples, shape: [count, batch.samples.count / count])
        // A window for every thread: none of them waits for the others between operators, nor for the one that decodes.
        let isForThreads = classifier.store.device == .cpu && count >= Runtime.threadCount
        let parts = isForThreads ? (0..<count).map { $0..<$0 + 1 } : [0..<count]
        let results = Mutex([Frames?](repeating: nil, count: parts.count))
        try Runtime.distribute(parts.count) { (part) throws(TorchError) in
            let waves = try waves_BN.narrowed(0, parts[part].lowerBound, parts[part].count)
            let said = try frames(waves, wantsEmbeddings)
            results.withLock { $0[part] = said }
        }
        let said = results.withLock { $0.compactMap { $0 } }
        guard said.allSatisfy(\.areNumbers) else {
            throw PredictionError(
                file: "model", problem: "the model yields values that are no numbers", remedy: "predict in fp32")
        }
        return zip(said, parts).flatMap { frames, part in frames.rows(batch.rows[part]) }
    }

    /// What the classifier says about waves [B, N].
    private func frames(_ wave_BN: Tensor, _ wantsEmbeddings: Bool) throws(TorchError) -> Frames {
        try withoutGradients { () throws(TorchError) in
            let store = classifier.store
            let input = try wave_BN.to(store.device).to(store.precision.scalarType)
            guard wantsEmbeddings else { return try Frames(classifier(input).sigmoid(), embeddings: nil) }
            let encoded = try classifier.encode(input)
            return try Frames(
                classifier.logits(encoded).sigmoid(), embeddings: classifier.pooledFeatures(encoded).to(.float32))
        }
    }

    /// Numbers of all frames of some windows.
    private struct Frames: Sendable {
        private let probabilities: Numbers
        private let embeddings: Numbers?

        /// [B, T, C] and [B, T, D].
        init(_ probabilities_BTC: Tensor, embeddings embeddings_BTD: Tensor?) throws(TorchError) {
            probabilities = try Numbers(probabilities_BTC)
            embeddings = try embeddings_BTD.map { (tensor) throws(TorchError) in try Numbers(tensor) }
        }

        /// Whether no probability is NaN or infinite, in unused frames either.
        var areNumbers: Bool { probabilities.values.allSatisfy(\.isFinite) }

        /// The used frames of these windows.
        func rows(_ windows: ArraySlice<(window: WindowPlan.Window, channel: Int)>) -> [Row] {
            windows.enumerated().map { row, place in
                Row(
                    channel: place.channel, isLast: place.window.isLast,
                    probabilities: probabilities.used(place.window.used, row),
                    embeddings: embeddings?.used(place.window.used, row) ?? [])
            }
        }

        private struct Numbers: Sendable {
            let values: [Float]
            let frames: Int
            let width: Int

            init(_ tensor: Tensor) throws(TorchError) {
                (values, frames, width) = (try tensor.array(Float.self), tensor.size(1), tensor.size(2))
            }

            func used(_ range: Range<Int>, _ row: Int) -> [Float] {
                var used: [Float] = []
                used.reserveCapacity(range.count * width)
                for frame in range {
                    // A front-end that pads too little gives a frame or two less: the last one stands for them.
                    let start = (row * frames + min(frame, frames - 1)) * width
                    used += values[start..<start + width]
                }
                return used
            }
        }
    }
}

/// Why prediction cannot go on.
public struct PredictionError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The file concerned.
    public let file: String
    /// What is wrong.
    public let problem: String
    /// What helps.
    public let remedy: String

    /// File, problem and remedy in one line.
    public var description: String { "\(file): \(problem); \(remedy)" }
}

extension Animal2VecConfiguration {
    /// Memory for the intermediate results of one window, roughly.
    func bytesPerWindow(samples: Int) -> Int {
        var length = samples
        var largest = samples
        for (index, layer) in frontEnd.resolvedLayers.enumerated() {
            length = length / layer.stride + 1
            // An energy is the mean of up to five outputs of a filter.
            let energies = index == 0 && frontEnd.sincFilters && frontEnd.filterNorm == .logEnergy ? 5 : 1
            largest = max(largest, length * layer.channels * energies)
        }
        // Several copies of the widest layer live at a time; of attention its scores, where they are not fused away.
        let attention = distances.kind == .alibi && learnsAlibi ? 2 * heads * length * length : 0
        return 4 * (4 * largest + max(attention, (3 + 2 * feedForwardRatio) * length * width))
    }
}
