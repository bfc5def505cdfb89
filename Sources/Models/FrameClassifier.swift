// Fine-tuning of animal2vec: the student's encoder without decoder, and a head on its last feed-forward outputs: a
// probability for every class and frame, or clip.
//
// B clips, N samples, T frames, D width, C classes
import Foundation
import Neural
import Randomness
import Torch

/// A probability for every class in every frame.
public final class FrameClassifier {
    /// Sizes of the encoder.
    public let configuration: Animal2VecConfiguration
    /// C
    public let classCount: Int
    /// Parameters of the encoder, and `head`.
    public let store: ParameterStore
    private let features: FeatureEncoder
    private let context: ContextEncoder
    private let head: ClassifierHead

    /// A new classifier; its encoder's parameters have the names of the pretraining model's student.
    ///
    /// - Parameters:
    ///   - head: what names the classes.
    ///   - rates: dropout while fine-tuning.
    ///   - recomputes: layers forget what they compute on the way and compute it again for gradients.
    public init(
        _ configuration: Animal2VecConfiguration, classCount: Int, head: ClassifierHead.Configuration = .init(),
        rates: DropoutRates = .init(), recomputes: Bool = false, seed: UInt64 = 0, precision: Precision = .fp32,
        purpose: ParameterPurpose = .learning, device: Device = .cpu
    ) throws(TorchError) {
        self.configuration = configuration
        self.classCount = classCount
        store = ParameterStore(seed: seed, precision: precision, purpose: purpose, device: device)
        features = try FeatureEncoder(store.root, configuration, recomputes: recomputes)
        context = try ContextEncoder(store.root, configuration, rates: rates, recomputes: recomputes)
        self.head = try ClassifierHead(store.root["head"], head, encoder: configuration, classCount: classCount)
    }

    /// Which frames and channels are hidden while fine-tuning.
    public struct Masks {
        /// [B, T], 1 where noise stands for the frame.
        public let time: Tensor
        /// [B, D], 1 where the channel is 0.
        public let channel: Tensor
        /// [B, T, D]; what stands for hidden frames.
        public let noise: Tensor

        /// Given masks.
        public init(time: Tensor, channel: Tensor, noise: Tensor) {
            (self.time, self.channel, self.noise) = (time, channel, noise)
        }
    }

    /// How much of the encoder learns.
    public enum Learning: Sendable {
        /// Only the head.
        case head
        /// Everything after the waveform front-end, as animal2vec 1.0 does.
        case withoutFrontEnd
        /// Everything.
        case everything
    }

    /// [B, N] to logits [B, T, C], or [B, 1, C] of a head for clips.
    public func callAsFunction(
        _ wave_BN: Tensor, masks: Masks? = nil, mode: PassMode = .evaluation, learning: Learning = .withoutFrontEnd
    ) throws(TorchError) -> Tensor {
        try logits(encode(wave_BN, masks: masks, mode: mode, learning: learning), mode: mode)
    }

    /// What the encoder yields to logits [B, T, C], or [B, 1, C] of a head for clips.
    public func logits(
        _ encoded: ContextEncoder.Output, mode: PassMode = .evaluation
    ) throws(TorchError) -> Tensor {
        try head(encoded, learning: mode.isLearning)
    }

    /// Mean of the last layers of what the encoder yields: [B, T, D].
    public func pooledFeatures(_ encoded: ContextEncoder.Output) throws(TorchError) -> Tensor {
        try mean(Array(encoded.shown.suffix(configuration.averaged)))
    }

    /// What the encoder yields.
    public func encode(
        _ wave_BN: Tensor, masks: Masks? = nil, mode: PassMode = .evaluation, learning: Learning = .withoutFrontEnd
    ) throws(TorchError) -> ContextEncoder.Output {
        if case .head = learning {
            return try withoutGradients { () throws(TorchError) in try encoded(wave_BN, masks, mode, learning) }
        }
        return try encoded(wave_BN, masks, mode, learning)
    }

    private func encoded(
        _ wave_BN: Tensor, _ masks: Masks?, _ mode: PassMode, _ learning: Learning
    ) throws(TorchError) -> ContextEncoder.Output {
        var x: Tensor
        if case .everything = learning {
            x = try features(wave_BN)
        } else {
            x = try features.withFrozenFrontEnd(wave_BN)
        }
        if let masks {
            x = try masks.noise.to(x.scalarType).selected(where: masks.time.unsqueezed(2), else: x)
            x = try x.masked(masks.channel.unsqueezed(1), fill: 0)
        }
        return try context.encode(x, mode: mode)
    }
}
