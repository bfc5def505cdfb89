// animal2vec 1.0 (arXiv 2406.01253): masked self-distillation on the raw waveform, after data2vec 2.0 (arXiv 2212.07525).
//
//   wave ─ front-end ─ projection ─┬─ teacher: unmasked, moving average of the student ─ mean of its layers = target
//                                  └─ student: several masks of the same clip, kept frames only ─ decoder ─ prediction
//
// B clips, M clones, R = B · M rows, N samples, T frames, D width
import Neural
import Torch

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
