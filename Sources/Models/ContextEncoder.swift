// R rows, T frames of a clip, K kept frames, D width, H heads
import Neural
import Randomness
import Torch

/// What a pass through an encoder is for.
public enum PassMode: Sendable {
    /// Prediction, or a teacher: nothing is dropped.
    case evaluation
    /// Learning: things are dropped as a function of this seed.
    case learning(seed: UInt64)

    var isLearning: Bool { if case .learning = self { true } else { false } }
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
        return try run(x_RKD, bias: .scores(bias), mode: mode)
    }

    /// All frames of whole clips, [B, T, D], positions not yet added.
    public func encode(_ features_BTD: Tensor, mode: PassMode) throws(TorchError) -> (
        feedForwards: [Tensor], output: Tensor
    ) {
        let (count, device) = (features_BTD.size(1), features_BTD.device)
        let x = try features_BTD + positions(features_BTD)
        if !mode.isLearning && DistancePenalty.isWorthwhile(frames: count, on: device) {
            let strengths = try (alibiScale.clamped(min: 0) * Tensor(slopes)).array(Float.self)
            return try run(x, bias: .distance(DistancePenalty(strengths: strengths, frames: count)), mode: mode)
        }
        return try self(x, frames_RK: Tensor.arange(count, on: device).unsqueezed(0), mode: mode)
    }

    private func run(
        _ x_RKD: Tensor, bias: ScoreBias, mode: PassMode
    ) throws(TorchError) -> (feedForwards: [Tensor], output: Tensor) {
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

    private func drops(_ layer: Int, _ mode: PassMode) -> Bool {
        guard rates.layer > 0, case .learning(let seed) = mode else { return false }
        var random = KeyedRandom(seed: seed, sample: layer, purpose: .dropout)
        return random.uniform() < rates.layer
    }
}
