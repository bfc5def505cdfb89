// R rows, T frames of a clip, K kept frames, D width, H heads, N = K and the class token where there is one
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
    private let classToken: Tensor?
    private let alibiScale: Tensor?
    private let slopes: [Float]
    private let configuration: Animal2VecConfiguration
    private let rates: DropoutRates
    private let recomputes: Bool

    /// Creates `positions`, `prenet`, `class_token`, `alibi_scale` and `blocks`, as far as the configuration has them.
    ///
    /// - Parameter recomputes: layers forget what they compute on the way and compute it again for gradients.
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, rates: DropoutRates? = nil,
        recomputes: Bool = false
    ) throws(TorchError) {
        self.configuration = configuration
        self.recomputes = recomputes
        let rates = rates ?? configuration.dropout
        self.rates = rates
        encodePositions = try PositionalEncoder(path["positions"], configuration, recomputes: recomputes)
        norm = try LayerNorm(path["prenet"]["norm"], configuration.width)
        var prenet: [TransformerBlock] = []
        for index in 0..<configuration.prenetDepth {
            prenet.append(try TransformerBlock(path["prenet"]["blocks"][index], configuration, rates: rates))
        }
        self.prenet = prenet
        var blocks: [TransformerBlock] = []
        for index in 0..<configuration.depth {
            blocks.append(
                try TransformerBlock(
                    path["blocks"][index], configuration, rates: rates,
                    pathRate: rates.path(index, of: configuration.depth)))
        }
        self.blocks = blocks
        classToken =
            configuration.classToken
            ? try path.parameter("class_token", [configuration.width], .normal(standardDeviation: 0.02)) : nil
        alibiScale =
            configuration.distances.kind == .alibi
            ? try path.parameter("alibi_scale", [configuration.heads], .constant(1), alwaysFloat32: true) : nil
        slopes = Alibi.slopes(heads: configuration.heads).map { Float($0) }
    }

    /// What positions add to a grid of frames: [R, T, D] to [R, T, D].
    public func positions(_ x_RTD: Tensor) throws(TorchError) -> Tensor { try encodePositions(x_RTD) }

    /// The same at the kept frames of a grid that is 0 elsewhere: [n, D] to [n, D].
    func positions(kept_nD: Tensor, keptInGrid: Tensor, rows: Int, frames: Int) throws(TorchError) -> Tensor {
        try encodePositions(kept_nD: kept_nD, keptInGrid: keptInGrid, rows: rows, frames: frames)
    }

    /// What comes out of a pass.
    public struct Output {
        /// Feed-forward outputs of the main blocks that ran, each [R, K, D].
        public var feedForwards: [Tensor] = []
        /// Outputs of these blocks, each [R, K, D], if the targets are made of them.
        public var blockOutputs: [Tensor] = []
        /// Feed-forward outputs of these blocks at the class token, each [R, D]; none without a token.
        public var tokenFeedForwards: [Tensor] = []
        /// What the main blocks yield: [R, K, D].
        public let output: Tensor
        /// The class token at the end: [R, D].
        public let token: Tensor?

        /// What the last layers are averaged from, for targets and for classes: the blocks' outputs if the targets are made of
        /// them, their feed-forward outputs otherwise.
        public var shown: [Tensor] { blockOutputs.isEmpty ? feedForwards : blockOutputs }
    }

    /// What goes from the prenet to the main blocks.
    struct Entry {
        let x_RND: Tensor
        let places: Places
    }

    /// Where the frames of a pass are, in the terms of attention.
    struct Places {
        var bias: ScoreBias?
        var rotation: Rotation?
    }

    /// Frames with their positions already added, [R, K, D], at frame numbers [R or 1, K] in float32.
    public func callAsFunction(_ x_RKD: Tensor, frames_RK: Tensor, mode: PassMode) throws(TorchError) -> Output {
        try main(enter(x_RKD, frames_RK: frames_RK, mode: mode), mode: mode)
    }

    /// All frames of whole clips, [B, T, D], positions not yet added.
    public func encode(_ features_BTD: Tensor, mode: PassMode) throws(TorchError) -> Output {
        try main(enter(features_BTD, mode: mode), mode: mode)
    }

    /// The way of whole clips to the main blocks.
    func enter(_ features_BTD: Tensor, mode: PassMode) throws(TorchError) -> Entry {
        let x = try features_BTD + positions(features_BTD)
        return try enter(x, consecutivePlaces(x.size(1), on: x.device, mode), mode: mode)
    }

    private func enter(_ x_RKD: Tensor, frames_RK: Tensor, mode: PassMode) throws(TorchError) -> Entry {
        try enter(x_RKD, places(frames_RK), mode: mode)
    }

    private func enter(_ x_RKD: Tensor, _ places: Places, mode: PassMode) throws(TorchError) -> Entry {
        var x = x_RKD
        if let classToken {
            let token = try classToken.reshaped([1, 1, -1]).expanded([x.size(0), 1, x.size(2)])
            x = try Tensor.concatenated([token.to(x.scalarType), x], 1)
        }
        x = try norm(x).dropped(rates.entry, if: mode.isLearning)
        for (index, block) in prenet.enumerated() where !drops(index, rates.prenetLayer, mode) {
            x = try run(block, x, places, mode)[0]
        }
        return Entry(x_RND: try x.dropped(rates.input, if: mode.isLearning), places: places)
    }

    /// The main blocks.
    func main(_ entry: Entry, mode: PassMode) throws(TorchError) -> Output {
        var x = entry.x_RND
        var (feedForwards, outputs): ([Tensor], [Tensor]) = ([], [])
        var running = blocks.indices.filter { !drops(prenet.count + $0, rates.layer, mode) }
        // A network of few blocks may drop them all by chance, and would have nothing to show.
        if running.isEmpty { running = [blocks.count - 1] }
        for index in running {
            let result = try run(blocks[index], x, entry.places, mode)
            x = result[0]
            feedForwards.append(result[1])
            if configuration.targets.source == .block { outputs.append(x) }
        }
        guard classToken != nil else {
            return Output(feedForwards: feedForwards, blockOutputs: outputs, output: x, token: nil)
        }
        let frames = x.size(1) - 1
        var result = Output(output: try x.narrowed(1, 1, frames), token: try x.slice(1, 0))
        for feedForward in feedForwards {
            result.feedForwards.append(try feedForward.narrowed(1, 1, frames))
            result.tokenFeedForwards.append(try feedForward.slice(1, 0))
        }
        for output in outputs { result.blockOutputs.append(try output.narrowed(1, 1, frames)) }
        return result
    }

    private func run(_ block: TransformerBlock, _ x: Tensor, _ places: Places, _ mode: PassMode) throws(TorchError)
        -> [Tensor]
    {
        let body = { (inputs: [Tensor]) throws(TorchError) -> [Tensor] in
            let result = try block(
                inputs[0], bias: inputs.count > 1 ? .scores(inputs[1]) : places.bias, rotation: places.rotation,
                learning: mode.isLearning)
            return [result.output, result.feedForward]
        }
        // The scores may learn, so they are an input too.
        let inputs = if case .scores(let scores)? = places.bias { [x, scores] } else { [x] }
        return recomputes && mode.isLearning ? try recomputed(inputs, body) : try body(inputs)
    }

    private func places(_ frames_RK: Tensor) throws(TorchError) -> Places {
        let scale = configuration.positionScale
        let positions = scale == 1 ? frames_RK : try frames_RK * scale
        switch configuration.distances.kind {
        case .none: return Places()
        case .rotary:
            // The token is at 0 and the frames follow: the token's distance to a frame tells where the frame is.
            let all = classToken == nil ? positions : try (positions + 1).padded([1, 0])
            return Places(
                rotation: try Rotation(
                    positions_RN: all, width: configuration.width / configuration.heads,
                    base: configuration.distances.rotaryBase))
        case .alibi:
            let slopes_H = try Tensor(slopes).to(frames_RK.device)
            let strength = configuration.learnsAlibi ? alibiScale! : try alibiScale!.detached()
            let bias = try Alibi.bias(positions_RN: positions, scale_H: strength, slopes_H: slopes_H)
            // The token is as near to one frame as to any other.
            return Places(bias: .scores(classToken == nil ? bias : try bias.padded([1, 0, 1, 0])))
        }
    }

    /// The places of all frames of a clip.
    private func consecutivePlaces(_ count: Int, on device: Device, _ mode: PassMode) throws(TorchError) -> Places {
        if let alibiScale, classToken == nil, !mode.isLearning, DistancePenalty.isWorthwhile(frames: count, on: device)
        {
            let strengths = try alibiScale.clamped(min: 0) * Tensor(slopes) * configuration.positionScale
            return Places(bias: .distance(DistancePenalty(strengths: try strengths.array(Float.self))))
        }
        return try places(Tensor.arange(count, on: device).unsqueezed(0))
    }

    private func drops(_ layer: Int, _ rate: Double, _ mode: PassMode) -> Bool {
        guard rate > 0, case .learning(let seed) = mode else { return false }
        var random = KeyedRandom(seed: seed, sample: layer, purpose: .dropout)
        return random.uniform() < rate
    }
}
