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
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, recomputes: Bool = false
    ) throws(TorchError) {
        frontEnd = try FrontEnd(
            path["front_end"], configuration.frontEnd, compatibility: configuration.compatibility,
            recomputes: recomputes)
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
    /// The student's parameters: `front_end`, `projection`, `positions`, `prenet`, `alibi_scale`, `blocks`, `decoder`, and
    /// `class_token`, `class_predictor`, `reconstruction` and `probe` where there are such.
    public let student: ParameterStore
    /// The teacher's parameters: those of the context encoder, under the same names.
    public let teacher: ParameterStore
    private let features: FeatureEncoder
    private let context: ContextEncoder
    private let decoder: FrameDecoder
    private let teacherContext: ContextEncoder
    private let predictToken: Linear?
    private let reconstruct: Linear?
    private let probe: Linear?

    /// A new model; the teacher starts as a copy of the student.
    ///
    /// - Parameters:
    ///   - probedClasses: classes that a linear layer learns to tell from what the student learns, without a say in it.
    ///   - recomputes: the student's layers forget what they compute on the way and compute it again for gradients.
    public init(
        _ configuration: Animal2VecConfiguration, probedClasses: Int = 0, recomputes: Bool = false, seed: UInt64 = 0,
        precision: Precision = .fp32, device: Device = .cpu
    ) throws(TorchError) {
        self.configuration = configuration
        student = ParameterStore(seed: seed, precision: precision, device: device)
        teacher = ParameterStore(seed: seed, precision: precision, purpose: .teaching, device: device)
        let (root, width, loss) = (student.root, configuration.width, configuration.loss)
        features = try FeatureEncoder(root, configuration, recomputes: recomputes)
        context = try ContextEncoder(root, configuration, recomputes: recomputes)
        decoder = try FrameDecoder(root["decoder"], configuration, recomputes: recomputes)
        teacherContext = try ContextEncoder(teacher.root, configuration)
        let predictsToken = configuration.classToken && loss.classToken > 0 && loss.classTokenTarget == .token
        predictToken = predictsToken ? try Linear(root["class_predictor"], width, width) : nil
        reconstruct =
            loss.reconstruction > 0
            ? try Linear(root["reconstruction"], width, configuration.frontEnd.samplesPerFrame) : nil
        probe = probedClasses > 0 ? try Linear(root["probe"], width, probedClasses) : nil
        try teacher.copy(from: student)
    }

    /// What one forward pass of pretraining yields.
    public struct Step {
        /// Σ (prediction − target)² / √D over masked frames and channels, or what the configuration says instead; divide its
        /// gradient by `weight`.
        public let loss: Tensor
        /// Masked frames of all rows.
        public let maskedFrameCount: Int
        /// What the loss is a sum over: masked frames, and clips where the class token counts like one.
        public let weight: Double
        /// Predictions of the masked frames, row by row: [R · masked, D]
        public let prediction: Tensor
        /// What the teacher shows of all frames of the clips: [B · T, D] in float32
        fileprivate let targets: Tensor
        /// Which of them the predictions are about: [R · masked]
        fileprivate let numbers: Tensor
        /// Logits of the probe for all frames of all rows, [R, T, C] in float32; nil without a probe.
        public let probeLogits: Tensor?

        /// Mean over channels of √(variance over masked frames + 1e-6): near 0 when everything is predicted alike.
        public func deviations() throws(TorchError) -> (prediction: Double, target: Double) {
            func deviation(_ x: Tensor) throws(TorchError) -> Double {
                try (x.detached().to(.float32).variance([0]) + 1e-6).squareRoot().mean().item()
            }
            return (try deviation(prediction), try deviation(target()))
        }

        /// Targets of the predictions: [R · masked, D] in float32
        public func target() throws(TorchError) -> Tensor { try targets.selected(0, numbers) }
    }

    /// The forward pass of one update.
    ///
    /// - Parameters:
    ///   - wave_BN: normalised clips [B, N].
    ///   - teacherWave: what the teacher hears instead, where the clips have been mixed with a background [B, N].
    ///   - mask: R rows, the clones of a clip in a row.
    ///   - noise: what stands for the masked frames, [R · masked, D]; drawn from libtorch's generator when nil.
    public func pretrain(
        _ wave_BN: Tensor, teacherWave: Tensor? = nil, mask: FrameMask, noise: Tensor? = nil, mode: PassMode
    ) throws(TorchError) -> Step {
        let z_BTD = try features(wave_BN)
        let (batch, frames, width) = (z_BTD.size(0), z_BTD.size(1), z_BTD.size(2))
        let rows = mask.rowCount
        let rowsOfMask = try FrameRows(mask, clones: rows / batch, on: z_BTD.device)
        let clean = try teacherWave.map { wave throws(TorchError) in
            try withoutGradients { () throws(TorchError) in try features(wave) }
        }
        let shown = try teach(clean ?? z_BTD)
        let targets = try shown.frames_BTD.reshaped([batch * frames, width])

        // Masked frames are zero before the positions look around; only kept frames enter the transformer.
        let kept = try z_BTD.reshaped([batch * frames, width]).selected(0, rowsOfMask.keptInClips)
        let placed =
            try kept
            + context.positions(kept_nD: kept, keptInGrid: rowsOfMask.keptInGrid, rows: rows, frames: frames)
        let encoded = try context(
            placed.reshaped([rows, mask.keptCount, width]), frames_RK: rowsOfMask.frames_RK, mode: mode)

        let visible = try encoded.output.dropped(configuration.dropout.decoder, if: mode.isLearning)
        let hidden =
            if let noise { noise } else {
                try Tensor.randomNormal(
                    [rows * mask.maskedCount, width], standardDeviation: configuration.masking.noise, on: z_BTD.device)
            }
        let prediction = try decoder(
            grid(visible, hidden, rowsOfMask, rows: rows, frames: frames), at: rowsOfMask.maskedInGrid)

        let criterion = configuration.loss
        var loss = try criterion(prediction, targets, at: rowsOfMask.maskedInClips) * criterion.regression
        var weight = Double(mask.masked.count)
        if let token = encoded.token, criterion.classToken > 0 {
            let clones = rows / batch
            if let predictToken {
                let wanted = try shown.token_BD!.repeatInterleaved(clones, 0)
                loss = try loss + criterion(predictToken(token), wanted) * criterion.classToken
                weight += Double(rows)
            } else {
                let wanted = try shown.frames_BTD.mean([1]).repeatInterleaved(clones, 0)
                loss = try loss + criterion(token, wanted) * (criterion.classToken * weight)
            }
        }
        if let reconstruct {
            let patches = try (teacherWave ?? wave_BN).normalizedPatches(
                count: frames, size: configuration.frontEnd.samplesPerFrame)
            let wanted = try patches.reshaped([batch * frames, -1]).selected(0, rowsOfMask.maskedInClips)
            let read = try reconstruct(prediction)
            loss = try loss + criterion(read, wanted) * criterion.reconstruction
        }
        var logits: Tensor?
        if let probe {
            let seen = try withoutGradients { () throws(TorchError) in
                let states = try mean(Array(encoded.shown.suffix(configuration.averaged))).detached()
                return try decoder(grid(states, hidden, rowsOfMask, rows: rows, frames: frames))
            }
            logits = try probe(seen).to(.float32)
        }
        return Step(
            loss: loss, maskedFrameCount: mask.masked.count, weight: weight, prediction: prediction,
            targets: targets, numbers: rowsOfMask.maskedInClips, probeLogits: logits)
    }

    /// The grid of visible frames [R, K, D] and what stands for the others [R · masked, D]: [R, T, D].
    private func grid(
        _ visible_RKD: Tensor, _ hidden: Tensor, _ places: FrameRows, rows: Int, frames: Int
    ) throws(TorchError) -> Tensor {
        let width = visible_RKD.size(2)
        let grid = try Tensor.empty([rows * frames, width], visible_RKD.scalarType, on: visible_RKD.device)
        // What does not learn comes first: of it no gradient is asked, nor of the grid.
        try grid.replace(at: places.maskedInGrid, with: hidden.to(grid.scalarType))
        try grid.replace(at: places.keptInGrid, with: visible_RKD.reshaped([-1, width]))
        return try grid.reshaped([rows, frames, width])
    }

    /// Mean of the teacher's feed-forward outputs, each normalised over time, or what the configuration says instead:
    /// [B, T, D] in float32.
    public func target(_ features_BTD: Tensor) throws(TorchError) -> Tensor { try teach(features_BTD).frames_BTD }

    /// What the teacher shows of all frames, and of the class token [B, D] where there is one.
    private func teach(_ features_BTD: Tensor) throws(TorchError) -> (frames_BTD: Tensor, token_BD: Tensor?) {
        try withoutGradients { () throws(TorchError) in
            let features = try features_BTD.detached()
            let entrance = configuration.targets.follows == .blocks ? context : teacherContext
            let encoded = try teacherContext.main(entrance.enter(features, mode: .evaluation), mode: .evaluation)
            let frames = try configuration.targets.target(encoded.shown.suffix(configuration.averaged))
            guard encoded.token != nil else { return (frames, nil) }
            let tokens = encoded.tokenFeedForwards.suffix(configuration.averaged)
            return (frames, try configuration.targets.tokenTarget(tokens))
        }
    }
}

/// The mean of tensors of one shape.
func mean(_ tensors: [Tensor]) throws(TorchError) -> Tensor {
    var sum = tensors[0]
    for tensor in tensors.dropFirst() { sum = try sum + tensor }
    return try sum / Double(tensors.count)
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
    /// Puts `rows` in the place of the rows of self [n, D] with the numbers `indices`.
    func replace(at indices: Tensor, with rows: Tensor) throws(TorchError) {
        _ = try operate("aten::index_copy_", .tensor(self), 0, .tensor(indices), .tensor(rows))
    }

    /// Zero mean and unit (biased) variance over time for every channel of every clip: [B, T, D].
    func normalizedOverTime() throws(TorchError) -> Tensor {
        let mean = try mean([1], keep: true)
        let variance = try variance([1], correction: 0, keep: true)
        return try (self - mean) * (variance + 1e-5).power(-0.5)
    }

    /// The waveform [B, N] under every frame, of zero mean and unit variance: [B, count, size] in float32.
    func normalizedPatches(count: Int, size: Int) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            let length = self.size(1)
            let whole = try padded([0, max(0, count * size - length)]).narrowed(1, 0, count * size)
            let patches = try whole.to(.float32).reshaped([self.size(0), count, size])
            let variance = try patches.variance([2], correction: size > 1 ? 1 : 0, keep: true)
            return try (patches - patches.mean([2], keep: true)) * (variance + 1e-6).power(-0.5)
        }
    }

    /// Zero mean and unit (biased) variance over each whole clip: [B, N].
    public func normalizedClips() throws(TorchError) -> Tensor { try layerNormalized([size(1)]) }
}
