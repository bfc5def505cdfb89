// Fine-tuning of animal2vec: the student's encoder without decoder, the mean of its last feed-forward outputs, and one
// linear layer: a probability for every class and frame.
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
    private let head: Linear
    private let dropout: Double

    /// A new classifier; its encoder's parameters have the names of the pretraining model's student.
    ///
    /// - Parameters:
    ///   - rates: dropout while fine-tuning.
    ///   - headDropout: dropout before the head.
    public init(
        _ configuration: Animal2VecConfiguration, classCount: Int, rates: DropoutRates = .init(),
        headDropout: Double = 0,
        seed: UInt64 = 0, precision: Precision = .fp32, trainable: Bool = true, device: Device = .cpu
    ) throws(TorchError) {
        self.configuration = configuration
        self.classCount = classCount
        dropout = headDropout
        store = ParameterStore(seed: seed, precision: precision, trainable: trainable, device: device)
        features = try FeatureEncoder(store.root, configuration)
        context = try ContextEncoder(store.root, configuration, rates: rates)
        head = try Linear(
            store.root["head"], configuration.width, classCount,
            weights: .xavierUniform(fanIn: configuration.width, fanOut: classCount), bias: .constant(0))
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

    /// [B, N] to logits [B, T, C].
    public func callAsFunction(
        _ wave_BN: Tensor, masks: Masks? = nil, mode: PassMode = .evaluation, learning: Learning = .withoutFrontEnd
    ) throws(TorchError) -> Tensor {
        let pooled = try pooledFeatures(wave_BN, masks: masks, mode: mode, learning: learning)
        return try logits(pooled, mode: mode)
    }

    /// Features [B, T, D], as `pooledFeatures` gives them, to logits [B, T, C].
    public func logits(_ pooled_BTD: Tensor, mode: PassMode = .evaluation) throws(TorchError) -> Tensor {
        try head(pooled_BTD.dropped(dropout, if: mode.isLearning)).to(.float32)
    }

    /// Mean of the last feed-forward outputs: [B, T, D].
    public func pooledFeatures(
        _ wave_BN: Tensor, masks: Masks? = nil, mode: PassMode = .evaluation, learning: Learning = .withoutFrontEnd
    ) throws(TorchError) -> Tensor {
        if case .head = learning {
            return try withoutGradients { () throws(TorchError) in try encoded(wave_BN, masks, mode, learning) }
        }
        return try encoded(wave_BN, masks, mode, learning)
    }

    private func encoded(
        _ wave_BN: Tensor, _ masks: Masks?, _ mode: PassMode, _ learning: Learning
    ) throws(TorchError) -> Tensor {
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
        let outputs = try context.encode(x, mode: mode).feedForwards.suffix(configuration.averaged)
        var sum = outputs.first!
        for output in outputs.dropFirst() { sum = try sum + output }
        return try sum / Double(outputs.count)
    }
}
