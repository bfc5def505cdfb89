// What one update of fine-tuning means: mix clips and labels, hide some frames and channels, focal loss on every frame.
import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Randomness
import Torch

/// The model section of a fine-tuning recipe. The encoder's sizes come from the model that is fine-tuned.
public struct FineTuningModel: ModelConfiguration {
    /// What the encoder begins with.
    public enum Start: String, Codable, Sendable, CaseIterable {
        /// The weights of the given model.
        case pretrained
        /// Those of its teacher, where it has one; the rest is the student's.
        case teacher
        /// Random weights, to see what pretraining is worth.
        case random
    }

    /// How much the presence of a class weighs in the loss.
    public enum ClassWeights: String, Codable, Sendable, CaseIterable {
        /// The same for all.
        case even
        /// The rarer it is in the recordings that teach, by seconds, the more: up to ten times the mean.
        case balanced
    }

    /// Spans of frames or channels that are hidden.
    public struct Hiding: ModelConfiguration {
        /// Hidden over there are, if spans never met; 0 hides nothing.
        public var probability: Double
        /// Frames or channels of one span.
        public var length: Int
    }

    /// What the encoder begins with.
    public var start = Start.pretrained
    /// Dropout while fine-tuning.
    public var dropout: DropoutRates = {
        var rates = DropoutRates()
        (rates.attention, rates.activation, rates.layer, rates.prenetLayer) = (0.2, 0.1, 0.1, 0.1)
        return rates
    }()
    /// What names the classes.
    public var head = ClassifierHead.Configuration()
    /// How clips and their labels are mixed.
    public var mixup = BetweenClassMixup()
    /// Frames replaced by noise.
    public var timeMask = Hiding(probability: 0.825, length: 4)
    /// Channels set to 0.
    public var channelMask = Hiding(probability: 0.5, length: 64)
    /// Standard deviation of the noise.
    public var noise = 0.01
    /// The loss of every frame and class.
    public var loss = FocalLoss()
    /// How much the presence of a class weighs in the loss.
    public var classWeights = ClassWeights.even
    /// Whether the calls of the animal that carries the recorder make one class more, the last, where labels tell them from
    /// others; as animal2vec 1.0 does. What decides about other animals' calls is then `decoding.focal`.
    public var learnsFocal = false
    /// Seconds kept free in the targets between events of one class that touch, so that they are found one by one; 0
    /// leaves them joined, as published.
    public var separationSeconds = 0.0

    /// Those of animal2vec 1.0 with all labels.
    public init() {}
}

/// Recipe of fine-tuning.
public typealias FrameClassifierRecipe = FineTuningRecipe<FineTuningModel>

/// Fine-tuning of a frame classifier.
package final class FineTuning: TrainingObjective {
    /// The model that learns.
    package let model: FrameClassifier
    private let recipe: FrameClassifierRecipe
    private let description: ModelDescription
    private let vocabulary: Vocabulary
    private let device: Device
    private let classWeights: [Float]
    private let trial: (FrameClassifier, Int) throws -> (score: Double, metrics: [String: Double])?
    private let export: (ParameterStore, URL, Int) throws -> Void

    /// Fine-tunes `model`.
    ///
    /// - Parameters:
    ///   - description: its classes, and the times of its frames, which are those of prediction.
    ///   - classWeights: what the presence of each class weighs; empty for 1.
    ///   - trial: scores the model on held-out recordings.
    ///   - export: writes it to a model folder.
    package init(
        _ recipe: FrameClassifierRecipe, model: FrameClassifier, description: ModelDescription,
        classWeights: [Float] = [], device: Device,
        trial: @escaping (FrameClassifier, Int) throws -> (score: Double, metrics: [String: Double])?,
        export: @escaping (ParameterStore, URL, Int) throws -> Void
    ) {
        (self.recipe, self.model, self.description, self.device) = (recipe, model, description, device)
        vocabulary = Vocabulary(description.classes)
        self.classWeights = classWeights
        (self.trial, self.export) = (trial, export)
    }

    package var learning: ParameterStore { model.store }
    package var companions: [(file: String, store: ParameterStore)] { [] }

    private func stage(_ update: Int) -> FrameClassifier.Learning {
        if update < recipe.freeze.encoderUpdates { return .head }
        return recipe.freeze.frontEnd ? .withoutFrontEnd : .everything
    }

    package func frozenPrefixes(update: Int) -> [String] {
        switch stage(update) {
        case .head: model.store.parameters.map(\.name).filter { !$0.hasPrefix("head.") }
        case .withoutFrontEnd: ["front_end."]
        case .everything: []
        }
    }

    package func forward(_ batch: Batch, update: Int) throws -> ForwardPass {
        var wave = try batch.waves(description.normalization).sent(to: device)
        let frames = model.configuration.frontEnd.frameCount(samples: wave.size(1))
        let separation = Int((recipe.model.separationSeconds * description.framesPerSecond).rounded())
        var truth = try LabelFrames(
            batch, vocabulary, description.grid(frames: frames), separationFrames: separation, on: device)
        // Before mixing: the louder of two calls at the same time must not decide for the other clip.
        if recipe.model.head.scope.isClip { truth = try truth.ofClips() }
        let key = KeyedRandom(seed: recipe.seed, sample: batch.positions[0], purpose: .mixup)
        let mixing = Mixing(recipe.model.mixup, batch.count, key, on: device)
        if let mixing {
            wave = try mixing.mix(wave, sampleRateHz: recipe.data.sampleRateHz, model.configuration.compatibility)
            truth.labels_BTC = try mixing.mix(labels_BTC: truth.labels_BTC)
        }
        let masks = try masks(batch, frames)
        let logits = try model(
            wave.to(recipe.precision.compute.scalarType), masks: masks,
            mode: .learning(seed: splitmix64(recipe.seed ^ UInt64(batch.positions[0]))), learning: stage(update))
        var loss = try recipe.model.loss(logits, truth.labels_BTC)
        if !classWeights.isEmpty {
            loss = try loss * (truth.labels_BTC * (Tensor(classWeights).to(device) - 1) + 1)
        }
        let places = Double(logits.size(0) * logits.size(1))
        guard var known = truth.known else { return ForwardPass(loss: try loss.sum(), weight: places) }
        // A mixed clip teaches only where both of its parts are known.
        if let mixing { known = try mixing.mix(known: known) }
        // Of clips, a class may be known where another is not.
        let weight = try known.sum().item() / Double(known.size(2))
        return ForwardPass(loss: try (loss * known).sum(), weight: max(1, weight))
    }

    private func masks(_ batch: Batch, _ frames: Int) throws -> FrameClassifier.Masks? {
        let (time, channel) = (recipe.model.timeMask, recipe.model.channelMask)
        guard time.probability > 0 || channel.probability > 0 else { return nil }
        func flags(_ hiding: FineTuningModel.Hiding, _ count: Int, _ purpose: RandomPurpose) throws -> Tensor {
            guard hiding.probability > 0 else { return try Tensor.zeros([batch.count, count], .bool, on: device) }
            let mask = FrameMask(
                frameCount: count, probability: hiding.probability, length: hiding.length,
                randoms: (0..<batch.count).map {
                    KeyedRandom(seed: recipe.seed, sample: batch.positions[0] + $0, purpose: purpose)
                })
            return try Tensor(mask.flags, shape: [batch.count, count]).to(device)
        }
        let width = model.configuration.width
        return FrameClassifier.Masks(
            time: try flags(time, frames, .mask), channel: try flags(channel, width, .augmentation),
            noise: try Tensor.randomNormal([batch.count, frames, width], on: device) * recipe.model.noise)
    }

    package func updateApplied(_ update: Int) throws {}
    package func collapse(update: Int, metrics: [String: Double]) -> String? { nil }
    package func validate(update: Int) throws -> (score: Double, metrics: [String: Double])? {
        try trial(model, update)
    }
    package func export(to folder: URL, update: Int) throws { try export(model.store, folder, update) }
}
