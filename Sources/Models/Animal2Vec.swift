// animal2vec 1.0 (arXiv 2406.01253): masked self-distillation on the raw waveform, after data2vec 2.0 (arXiv 2212.07525).
//
//   wave ─ front-end ─ projection ─┬─ teacher: unmasked, moving average of the student ─ mean of its layers = target
//                                  └─ student: several masks of the same clip, kept frames only ─ decoder ─ prediction
//
// B clips, M clones, R = B · M rows, N samples, T frames, K kept frames, D width, H heads
import Foundation
import Neural
import Randomness
import Torch

/// The sizes and rates of an animal2vec model.
public struct Animal2VecConfiguration: Codable, Sendable, Hashable {
    /// Waveform to features.
    public var frontEnd = FrontEnd.Configuration()
    /// D
    public var width = 768
    /// H
    public var heads = 12
    /// Blocks whose feed-forward outputs make the target.
    public var depth = 12
    /// Blocks before them.
    public var prenetDepth = 0
    /// Width of the feed-forward network over D.
    public var feedForwardRatio = 4
    /// Convolutions that tell a frame where it is: number, total kernel, groups.
    public var positions = Positions()
    /// What rebuilds the masked frames.
    public var decoder = Decoder()
    /// What the student does not see.
    public var masking = Masking()
    /// Last blocks averaged for targets and for fine-tuning; 0 takes all.
    public var averagedLayers = 0
    /// Whether the strength of the distance penalty is learned for every head; a fixed one lets attention run fused.
    public var learnsAlibi = true
    /// Dropout while pretraining.
    public var dropout = DropoutRates()

    /// Positional convolutions.
    public struct Positions: Codable, Sendable, Hashable {
        /// Number of convolutions.
        public var layers = 5
        /// Kernel of all together; each has max(3, kernel / layers) taps.
        public var kernel = 95
        /// Groups of channels.
        public var groups = 16
    }

    /// The convolutional decoder.
    public struct Decoder: Codable, Sendable, Hashable {
        /// Channels.
        public var width = 384
        /// Convolutions.
        public var layers = 4
        /// Taps of each.
        public var kernel = 7
        /// Groups of channels.
        public var groups = 16
    }

    /// Span masks.
    public struct Masking: Codable, Sendable, Hashable {
        /// Frames hidden over frames there are, if spans never met.
        public var probability = 1.5
        /// Frames of one span.
        public var length = 2
        /// Masks drawn for each clip.
        public var clones = 8
        /// Standard deviation of the numbers that stand for masked frames.
        public var noise = 0.01
    }

    /// animal2vec base.
    public init() {}

    /// Blocks averaged, at most all of them.
    var averaged: Int { averagedLayers == 0 ? depth : min(averagedLayers, depth) }
}

/// What a pass through an encoder is for.
public enum PassMode: Sendable {
    /// Prediction, or a teacher: nothing is dropped.
    case evaluation
    /// Learning: things are dropped as a function of this seed.
    case learning(seed: UInt64)

    var isLearning: Bool { if case .learning = self { true } else { false } }
}

/// Waveform to frame features in the model's width.
public struct FeatureEncoder {
    private let frontEnd: FrontEnd
    private let norm: LayerNorm
    private let linear: Linear

    /// Creates `front_end` and `projection`.
    public init(_ path: ParameterPath, _ configuration: Animal2VecConfiguration) throws(TorchError) {
        frontEnd = try FrontEnd(path["front_end"], configuration.frontEnd)
        let channels = configuration.frontEnd.resolvedLayers.last!.channels
        norm = try LayerNorm(path["projection"]["norm"], channels, inFloat32: true)
        linear = try Linear(path["projection"]["linear"], channels, configuration.width)
    }

    /// [B, N] to [B, T, D]
    public func callAsFunction(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        try linear(norm(frontEnd(wave_BN)))
    }

    /// The same with a front-end that does not learn; the projection does.
    func withFrozenFrontEnd(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        let features = try withoutGradients { () throws(TorchError) in try frontEnd(wave_BN) }
        return try linear(norm(features))
    }
}

/// Tells every frame where it is and what lies around it.
public struct PositionalEncoder {
    private let convolutions: [Convolution1d]
    private let norm: LayerNorm

    /// Creates one numbered convolution per layer.
    public init(_ path: ParameterPath, _ configuration: Animal2VecConfiguration) throws(TorchError) {
        let positions = configuration.positions
        let kernel = max(3, positions.kernel / max(positions.layers, 1)) | 1
        var convolutions: [Convolution1d] = []
        for layer in 0..<positions.layers {
            convolutions.append(
                try Convolution1d(
                    path[layer], configuration.width, configuration.width, kernel: kernel, groups: positions.groups))
        }
        self.convolutions = convolutions
        norm = LayerNorm(configuration.width, inFloat32: true)
    }

    /// [R, T, D] to what is added to it, [R, T, D]
    public func callAsFunction(_ x_RTD: Tensor) throws(TorchError) -> Tensor {
        var x = x_RTD
        for convolution in convolutions {
            let half = convolution.kernel / 2
            x = try norm(convolution(x, before: half, after: half)).gelu()
        }
        return x
    }

    /// The same on a grid that is 0 but for the kept frames, and only at them: [n, D] to [n, D] for the frames `keptInGrid`
    /// of R rows of T frames.
    ///
    /// The first convolution has nothing to see elsewhere and the last has nobody to tell elsewhere: with 7 % of the frames
    /// kept, two of five convolutions cost next to nothing.
    func callAsFunction(kept_nD: Tensor, keptInGrid: Tensor, rows: Int, frames: Int) throws(TorchError) -> Tensor {
        guard convolutions.count >= 2, let first = convolutions.first, let last = convolutions.last else {
            let empty = try Tensor.zeros([rows * frames, kept_nD.size(1)], kept_nD.scalarType, on: kept_nD.device)
            let grid = try empty.scattered(kept_nD, at: keptInGrid).reshaped([rows, frames, -1])
            return try self(grid).reshaped([rows * frames, -1]).selected(0, keptInGrid)
        }
        let half = first.kernel / 2
        // Numbers in a grid with `half` more frames at both ends of every row, which nothing reads in the end.
        let row = try operate("aten::floor_divide.Scalar", .tensor(keptInGrid), .int(frames))
        let taps = try Tensor.arange(first.kernel, .int64, on: kept_nD.device).unsqueezed(0)
        let margins = try operate("aten::mul.Scalar", .tensor(row), .int(2 * half))
        let seen = try (keptInGrid + margins).unsqueezed(1) + taps
        let padded = frames + 2 * half
        let spread = try first.spread(kept_nD, to: seen.flipped([1]).reshaped([-1]), count: rows * padded)
        var x = try norm(spread.reshaped([rows, padded, -1]).narrowed(1, half, frames)).gelu()
        for convolution in convolutions[1..<(convolutions.count - 1)] {
            x = try norm(convolution(x, before: half, after: half)).gelu()
        }
        let width = x.size(2)
        let windows = try x.padded([0, 0, half, half]).reshaped([rows * padded, width]).selected(0, seen.reshaped([-1]))
        return try norm(last.gathered(windows.reshaped([-1, last.kernel, width]))).gelu()
    }
}

/// The transformer with its positions: what the teacher has a copy of.
public struct ContextEncoder {
    private let encodePositions: PositionalEncoder
    private let norm: LayerNorm
    private let prenet: [TransformerBlock]
    private let blocks: [TransformerBlock]
    private let alibiScale: Tensor
    private let slopes: [Float]
    private let configuration: Animal2VecConfiguration
    private let rates: DropoutRates

    /// Creates `positions`, `prenet`, `alibi_scale` and `blocks`.
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, rates: DropoutRates? = nil
    ) throws(TorchError) {
        self.configuration = configuration
        let rates = rates ?? configuration.dropout
        self.rates = rates
        encodePositions = try PositionalEncoder(path["positions"], configuration)
        norm = try LayerNorm(path["prenet"]["norm"], configuration.width)
        func stack(_ path: ParameterPath, _ depth: Int) throws(TorchError) -> [TransformerBlock] {
            var blocks: [TransformerBlock] = []
            for index in 0..<depth {
                blocks.append(
                    try TransformerBlock(
                        path[index], width: configuration.width, heads: configuration.heads,
                        ratio: configuration.feedForwardRatio, rates: rates))
            }
            return blocks
        }
        prenet = try stack(path["prenet"]["blocks"], configuration.prenetDepth)
        blocks = try stack(path["blocks"], configuration.depth)
        alibiScale = try path.parameter("alibi_scale", [configuration.heads], .constant(1), alwaysFloat32: true)
        slopes = Alibi.slopes(heads: configuration.heads).map { Float($0) }
    }

    /// What positions add to a grid of frames: [R, T, D] to [R, T, D].
    public func positions(_ x_RTD: Tensor) throws(TorchError) -> Tensor { try encodePositions(x_RTD) }

    /// The same at the kept frames of a grid that is 0 elsewhere: [n, D] to [n, D].
    func positions(kept_nD: Tensor, keptInGrid: Tensor, rows: Int, frames: Int) throws(TorchError) -> Tensor {
        try encodePositions(kept_nD: kept_nD, keptInGrid: keptInGrid, rows: rows, frames: frames)
    }

    /// Frames with their positions already added, [R, K, D], at frame numbers [R or 1, K] in float32.
    ///
    /// Returns the feed-forward outputs of the main blocks that ran, each [R, K, D], and the last block's output.
    public func callAsFunction(
        _ x_RKD: Tensor, frames_RK: Tensor, mode: PassMode
    ) throws(TorchError) -> (feedForwards: [Tensor], output: Tensor) {
        let slopes_H = try Tensor(slopes).to(x_RKD.device)
        let scale = configuration.learnsAlibi ? alibiScale : try alibiScale.detached()
        let bias = try Alibi.bias(positions_RN: frames_RK, scale_H: scale, slopes_H: slopes_H)
        var x = try norm(x_RKD).dropped(rates.entry, if: mode.isLearning)
        for (index, block) in prenet.enumerated() where !drops(index, mode) {
            x = try block(x, bias: bias, learning: mode.isLearning).output
        }
        var feedForwards: [Tensor] = []
        for (index, block) in blocks.enumerated() where !drops(prenet.count + index, mode) {
            let result = try block(x, bias: bias, learning: mode.isLearning)
            x = result.output
            feedForwards.append(result.feedForward)
        }
        return (feedForwards, x)
    }

    /// All frames of whole clips, [B, T, D], positions not yet added.
    public func encode(_ features_BTD: Tensor, mode: PassMode) throws(TorchError) -> (
        feedForwards: [Tensor], output: Tensor
    ) {
        let frames = try Tensor.arange(features_BTD.size(1), on: features_BTD.device).unsqueezed(0)
        return try self(features_BTD + positions(features_BTD), frames_RK: frames, mode: mode)
    }

    private func drops(_ layer: Int, _ mode: PassMode) -> Bool {
        guard rates.layer > 0, case .learning(let seed) = mode else { return false }
        var random = KeyedRandom(seed: seed, sample: layer, purpose: .dropout)
        return random.uniform() < rates.layer
    }
}

/// Rebuilds all frames from the kept ones.
public struct FrameDecoder {
    private let convolutions: [Convolution1d]
    private let norm: LayerNorm
    private let output: Linear

    /// Creates `layers` and `output`.
    public init(_ path: ParameterPath, _ configuration: Animal2VecConfiguration) throws(TorchError) {
        let decoder = configuration.decoder
        var convolutions: [Convolution1d] = []
        for layer in 0..<decoder.layers {
            convolutions.append(
                try Convolution1d(
                    path["layers"][layer], layer == 0 ? configuration.width : decoder.width, decoder.width,
                    kernel: decoder.kernel, groups: decoder.groups))
        }
        self.convolutions = convolutions
        norm = LayerNorm(decoder.width)
        output = try Linear(path["output"], decoder.width, configuration.width)
    }

    /// [R, T, D] to [R, T, D]
    public func callAsFunction(_ x_RTD: Tensor) throws(TorchError) -> Tensor {
        var x = x_RTD
        for convolution in convolutions {
            let half = convolution.kernel / 2
            let activated = try norm(convolution(x, before: half, after: half)).gelu()
            x = activated.size(2) == x.size(2) ? try activated + x : activated
        }
        return try output(x)
    }
}

/// The pretraining model: a student that learns and a teacher that follows it.
public final class Animal2Vec {
    /// Sizes and rates.
    public let configuration: Animal2VecConfiguration
    /// The student's parameters: `front_end`, `projection`, `positions`, `prenet`, `alibi_scale`, `blocks`, `decoder`.
    public let student: ParameterStore
    /// The teacher's parameters: those of the context encoder, under the same names.
    public let teacher: ParameterStore
    private let features: FeatureEncoder
    private let context: ContextEncoder
    private let decoder: FrameDecoder
    private let teacherContext: ContextEncoder

    /// A new model; the teacher starts as a copy of the student.
    public init(
        _ configuration: Animal2VecConfiguration, seed: UInt64 = 0, precision: Precision = .fp32,
        device: Device = .cpu
    ) throws(TorchError) {
        self.configuration = configuration
        student = ParameterStore(seed: seed, precision: precision, device: device)
        teacher = ParameterStore(seed: seed, precision: precision, trainable: false, device: device)
        features = try FeatureEncoder(student.root, configuration)
        context = try ContextEncoder(student.root, configuration)
        decoder = try FrameDecoder(student.root["decoder"], configuration)
        teacherContext = try ContextEncoder(teacher.root, configuration)
        try teacher.copy(from: student)
    }

    /// What one forward pass of pretraining yields.
    public struct Step {
        /// Σ (prediction − target)² / √D over masked frames and channels; divide its gradient by `maskedFrameCount`.
        public let loss: Tensor
        /// Masked frames of all rows.
        public let maskedFrameCount: Int
        /// Predictions of the masked frames, row by row: [R · masked, D]
        public let prediction: Tensor
        /// Their targets: [R · masked, D]
        public let target: Tensor

        /// Mean over channels of √(variance over masked frames + 1e-6): near 0 when everything is predicted alike.
        public func deviations() throws(TorchError) -> (prediction: Double, target: Double) {
            func deviation(_ x: Tensor) throws(TorchError) -> Double {
                try (x.detached().to(.float32).variance([0]) + 1e-6).squareRoot().mean().item()
            }
            return (try deviation(prediction), try deviation(target))
        }
    }

    /// The forward pass of one update.
    ///
    /// - Parameters:
    ///   - wave_BN: normalised clips [B, N].
    ///   - mask: R rows, the clones of a clip in a row.
    ///   - noise: what stands for the masked frames, [R · masked, D]; drawn from libtorch's generator when nil.
    public func pretrain(
        _ wave_BN: Tensor, mask: FrameMask, noise: Tensor? = nil, mode: PassMode
    ) throws(TorchError) -> Step {
        let z_BTD = try features(wave_BN)
        let (batch, frames, width) = (z_BTD.size(0), z_BTD.size(1), z_BTD.size(2))
        let rows = mask.rowCount
        let rowsOfMask = try FrameRows(mask, clones: rows / batch, on: z_BTD.device)
        let target = try target(z_BTD).reshaped([batch * frames, width]).selected(0, rowsOfMask.maskedInClips)

        // Masked frames are zero before the positions look around; only kept frames enter the transformer.
        let kept = try z_BTD.reshaped([batch * frames, width]).selected(0, rowsOfMask.keptInClips)
        let empty = try Tensor.zeros([rows * frames, width], z_BTD.scalarType, on: z_BTD.device)
        let placed =
            try kept
            + context.positions(kept_nD: kept, keptInGrid: rowsOfMask.keptInGrid, rows: rows, frames: frames)
        let encoded = try context(
            placed.reshaped([rows, mask.keptCount, width]), frames_RK: rowsOfMask.frames_RK, mode: mode
        ).output

        let visible = try encoded.dropped(configuration.dropout.decoder, if: mode.isLearning).reshaped([-1, width])
        let hidden =
            if let noise { noise } else {
                try Tensor.randomNormal([rows * mask.maskedCount, width], on: z_BTD.device)
                    * configuration.masking.noise
            }
        let full = try empty.scattered(visible, at: rowsOfMask.keptInGrid).scattered(
            hidden.to(visible.scalarType), at: rowsOfMask.maskedInGrid)
        let decoded = try decoder(full.reshaped([rows, frames, width])).reshaped([rows * frames, width])
        let prediction = try decoded.selected(0, rowsOfMask.maskedInGrid).to(.float32)
        let loss = try (prediction - target).squared().sum() / Double(width).squareRoot()
        return Step(loss: loss, maskedFrameCount: mask.masked.count, prediction: prediction, target: target)
    }

    /// Mean of the teacher's feed-forward outputs, each normalised over time: [B, T, D] in float32.
    public func target(_ features_BTD: Tensor) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            let outputs = try teacherContext.encode(features_BTD.detached(), mode: .evaluation).feedForwards
            let averaged = outputs.suffix(configuration.averaged)
            var sum: Tensor?
            for output in averaged {
                let normalized = try output.to(.float32).normalizedOverTime()
                if let sum { try sum.add(inPlace: normalized) } else { sum = normalized }
            }
            return try sum! / Double(averaged.count)
        }
    }
}

/// Numbers of the kept and masked frames in the clips [B · T] and in the grid of all rows [R · T].
private struct FrameRows {
    let keptInClips: Tensor
    let keptInGrid: Tensor
    let maskedInClips: Tensor
    let maskedInGrid: Tensor
    let frames_RK: Tensor

    init(_ mask: FrameMask, clones: Int, on device: Device) throws(TorchError) {
        func numbers(_ frames: [Int64], perRow: Int, clones: Int) throws(TorchError) -> Tensor {
            let rows: [Int64] = frames.indices.map {
                Int64($0 / max(perRow, 1) / clones * mask.frameCount) + frames[$0]
            }
            return try Tensor(rows).to(device)
        }
        keptInClips = try numbers(mask.kept, perRow: mask.keptCount, clones: clones)
        keptInGrid = try numbers(mask.kept, perRow: mask.keptCount, clones: 1)
        maskedInClips = try numbers(mask.masked, perRow: mask.maskedCount, clones: clones)
        maskedInGrid = try numbers(mask.masked, perRow: mask.maskedCount, clones: 1)
        frames_RK = try Tensor(mask.kept.map { Float($0) }, shape: [mask.rowCount, mask.keptCount]).to(device)
    }
}

extension Tensor {
    /// Rows of self [n, D] replaced by `rows` at the numbers `indices`.
    func scattered(_ rows: Tensor, at indices: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::index_copy", .tensor(self), 0, .tensor(indices), .tensor(rows))
    }

    /// Zero mean and unit (biased) variance over time for every channel of every clip: [B, T, D].
    func normalizedOverTime() throws(TorchError) -> Tensor {
        let mean = try mean([1], keep: true)
        let variance = try variance([1], correction: 0, keep: true)
        return try (self - mean) * (variance + 1e-5).power(-0.5)
    }

    /// Zero mean and unit (biased) variance over each whole clip: [B, N].
    public func normalizedClips() throws(TorchError) -> Tensor { try layerNormalized([size(1)]) }
}
