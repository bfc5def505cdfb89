// What stands on an encoder and names classes: a linear layer, as published, or attention over all layers and all frames,
// which reads far more out of an encoder that does not learn (the attentive probe of arXiv 2404.08471, the learned layer
// weights of arXiv 2105.01051).
//
// B clips, T frames, D width, L layers, C classes, H heads
import Neural
import Torch

/// Frame features of several layers to logits.
public struct ClassifierHead {
    /// What a head is made of.
    public struct Configuration: Codable, Sendable, Hashable {
        /// What it reads.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            /// The mean over layers, frame by frame, through one linear layer.
            case linear
            /// A learned mean over layers, all frames at once: each frame, or each class of a clip, asks all of them.
            case attentive
        }

        /// What it names the classes of.
        public enum Scope: String, Codable, Sendable, CaseIterable {
            /// Every frame.
            case frames
            /// The clip: the most certain frame decides. Of `attentive`, the classes ask for themselves.
            case clipMaximum
            /// The clip: the mean over its frames decides. Of `attentive`, the same as `clipMaximum`.
            case clipMean
            /// The clip: its class token decides, of models that have one.
            case clipToken
        }

        /// What it reads.
        public var kind = Kind.linear
        /// What it names the classes of.
        public var scope = Scope.frames
        /// Last main blocks that are read; 0 takes as many as the encoder's `averagedLayers` says.
        public var layers = 0
        /// Dropout before the last layer.
        public var dropout = 0.0

        /// The published head.
        public init() {}
    }

    private let configuration: Configuration
    private let linear: Linear
    private let heads: Int
    private let layerCount: Int
    private let attentive: Attentive?

    private struct Attentive {
        let layerWeights: Tensor
        let query: Linear?
        let questions: Tensor?
        let keyValue: Linear
        let output: Linear
        let inputNorm: LayerNorm
        let outputNorm: LayerNorm
    }

    /// Creates `weight` and `bias`, and the parts of an attentive head, under `path`.
    public init(
        _ path: ParameterPath, _ configuration: Configuration, encoder: Animal2VecConfiguration, classCount: Int
    ) throws(TorchError) {
        self.configuration = configuration
        heads = encoder.heads
        layerCount = configuration.layers > 0 ? min(configuration.layers, encoder.depth) : encoder.averaged
        let width = encoder.width
        let asksByClass = configuration.kind == .attentive && configuration.scope.isClip
        linear = try Linear(
            path, width, asksByClass ? 1 : classCount,
            weights: .xavierUniform(fanIn: width, fanOut: asksByClass ? 1 : classCount), bias: .constant(0))
        guard configuration.kind == .attentive else {
            attentive = nil
            return
        }
        attentive = Attentive(
            layerWeights: try path.parameter("layer_weights", [layerCount], .constant(0)),
            query: asksByClass ? nil : try Linear(path["query"], width, width),
            questions: asksByClass
                ? try path.parameter("questions", [classCount, width], .normal(standardDeviation: 0.02)) : nil,
            keyValue: try Linear(path["key_value"], width, 2 * width), output: try Linear(path["output"], width, width),
            inputNorm: try LayerNorm(path["input_norm"], width), outputNorm: try LayerNorm(path["output_norm"], width))
    }

    /// What the encoder yields to logits: [B, T, C], or [B, 1, C] for clips, in float32.
    public func callAsFunction(_ encoded: ContextEncoder.Output, learning: Bool) throws(TorchError) -> Tensor {
        if configuration.scope == .clipToken {
            let token = try mean(Array(encoded.tokenFeedForwards.suffix(layerCount)))
            return try linear(token.dropped(configuration.dropout, if: learning)).unsqueezed(1).to(.float32)
        }
        let layers = Array(encoded.shown.suffix(layerCount))
        guard let attentive else {
            let logits = try linear(mean(layers).dropped(configuration.dropout, if: learning)).to(.float32)
            switch configuration.scope {
            case .clipMaximum: return try logits.maximum([1], keep: true)
            case .clipMean: return try logits.mean([1], keep: true)
            case .frames, .clipToken: return logits
            }
        }
        let tokens_BTD = try attentive.inputNorm(weighted(layers, attentive.layerWeights))
        let seen = try attended(tokens_BTD, attentive)
        let logits = try linear(attentive.outputNorm(seen).dropped(configuration.dropout, if: learning)).to(.float32)
        return attentive.questions == nil ? logits : try logits.transposed(1, 2)
    }

    /// Σ softmax(w) · layer, each layer normed so that weights compare.
    private func weighted(_ layers: [Tensor], _ weights_L: Tensor) throws(TorchError) -> Tensor {
        // Layer drop leaves fewer; the last ones keep their weights.
        let shares = try weights_L.narrowed(0, layerCount - layers.count, layers.count).softmax(0).unbound(0)
        var sum: Tensor?
        for (layer, share) in zip(layers, shares) {
            let part = try layer.layerNormalized([layer.size(-1)]) * share
            sum = if let sum { try sum + part } else { part }
        }
        return sum!
    }

    /// Frames [B, T, D], or questions of classes [B, C, D], with what they find among the frames added.
    private func attended(_ tokens_BTD: Tensor, _ parts: Attentive) throws(TorchError) -> Tensor {
        let (batch, width) = (tokens_BTD.size(0), tokens_BTD.size(2))
        func split(_ x: Tensor) throws(TorchError) -> Tensor {
            try x.reshaped([batch, x.size(1), heads, width / heads]).transposed(1, 2)
        }
        let asking =
            if let questions = parts.questions {
                try questions.unsqueezed(0).expanded([batch, questions.size(0), width])
            } else { try parts.query!(tokens_BTD) }
        let found = try parts.keyValue(tokens_BTD).chunked(2, -1)
        let mixed = try split(asking).attended(key: split(found[0]), value: split(found[1]))
        let joined = try parts.output(mixed.transposed(1, 2).reshaped([batch, asking.size(1), width]))
        return parts.questions == nil ? try tokens_BTD + joined : joined
    }
}

extension ClassifierHead.Configuration.Scope {
    /// Whether a clip gets one answer.
    public var isClip: Bool { self != .frames }
}
