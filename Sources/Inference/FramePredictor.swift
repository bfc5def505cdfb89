// Recordings to frame probabilities. The caller's thread computes; another one decodes ahead of it.
//
// B windows, N samples, T frames, C classes
import Audio
import Foundation
import Models
import Neural
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
        let feed = WindowFeed(
            paths, channel: channel ?? description.channels.selection, plan: plan,
            normalization: description.normalization, batchWindows: batchWindows)
        defer { feed.cancel() }
        var stitchers: [WindowStitcher] = []
        while let item = feed.next() {
            switch item {
            case .opened(let index, let file, let channelCount):
                let stitcher = WindowStitcher(
                    classCount: description.classes.count, overlapFrames: plan.overlapFrames)
                stitchers = Array(repeating: stitcher, count: channelCount)
                try body(index, .opened(file, channelCount: channelCount))
            case .batch(let index, let batch):
                let rows = try probabilities(batch)
                for (row, place) in zip(rows, batch.rows) {
                    let frames = stitchers[place.channel].add(row, isLast: place.window.isLast)
                    try body(index, .frames(channel: place.channel, probabilities: frames))
                }
            case .ended(let index, let seconds, let damage):
                try body(index, .ended(seconds: seconds, damage: damage))
            case .failed(let index, let reason): try body(index, .failed(reason: reason))
            }
        }
    }

    /// The used frames of every window, T × C each.
    private func probabilities(_ batch: WindowFeed.Batch) throws -> [[Float]] {
        let count = batch.rows.count
        let classes = description.classes.count
        let output_BTC = try withoutGradients { () throws(TorchError) in
            let wave_BN = try Tensor(batch.samples, shape: [count, batch.samples.count / count])
            let store = classifier.store
            return try classifier(wave_BN.to(store.device).to(store.precision.scalarType)).sigmoid()
        }
        let frames = output_BTC.size(1)
        let values = try output_BTC.array(Float.self)
        guard values.allSatisfy(\.isFinite) else {
            throw PredictionError(
                file: "model", problem: "the model yields values that are no numbers", remedy: "predict in fp32")
        }
        return batch.rows.enumerated().map { row, place in
            var used: [Float] = []
            used.reserveCapacity(place.window.used.count * classes)
            for frame in place.window.used {
                // A front-end that pads too little gives a frame or two less: the last one stands for them.
                let start = (row * frames + min(frame, frames - 1)) * classes
                used += values[start..<start + classes]
            }
            return used
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
