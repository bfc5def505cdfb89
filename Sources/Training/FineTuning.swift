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
        /// Random weights, to see what pretraining is worth.
        case random
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
        (rates.attention, rates.layer) = (0.2, 0.1)
        return rates
    }()
    /// Dropout before the head.
    public var headDropout = 0.0
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
    private let trial: (FrameClassifier, Int) throws -> (score: Double, metrics: [String: Double])?
    private let export: (ParameterStore, URL, Int) throws -> Void

    /// Fine-tunes `model`.
    ///
    /// - Parameters:
    ///   - description: its classes, and the times of its frames, which are those of prediction.
    ///   - trial: scores the model on held-out recordings.
    ///   - export: writes it to a model folder.
    package init(
        _ recipe: FrameClassifierRecipe, model: FrameClassifier, description: ModelDescription, device: Device,
        trial: @escaping (FrameClassifier, Int) throws -> (score: Double, metrics: [String: Double])?,
        export: @escaping (ParameterStore, URL, Int) throws -> Void
    ) {
        (self.recipe, self.model, self.description, self.device) = (recipe, model, description, device)
        vocabulary = Vocabulary(description.classes)
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
        var wave = try batch.waves.to(device)
        let frames = model.configuration.frontEnd.frameCount(samples: wave.size(1))
        let grid = description.grid(frames: frames)
        let separation = Int((recipe.model.separationSeconds * description.framesPerSecond).rounded())
        let rows = batch.events.flatMap {
            FrameTargets(events: $0, vocabulary: vocabulary, grid: grid, separationFrames: separation).values
        }
        var labels = try Tensor(rows, shape: [batch.count, frames, vocabulary.count]).to(device)
        let key = KeyedRandom(seed: recipe.seed, sample: batch.positions[0], purpose: .mixup)
        let mixing = try Mixing(recipe.model.mixup, batch.count, key)
        if let mixing {
            wave = try mixing.mix(wave, recipe.model.mixup, recipe.data.sampleRateHz)
            labels = try mixing.mix(labels_BTC: labels)
        }
        let masks = try masks(batch, frames)
        let logits = try model(
            wave.to(recipe.precision.compute.scalarType), masks: masks,
            mode: .learning(seed: splitmix64(recipe.seed ^ UInt64(batch.positions[0]))), learning: stage(update))
        let loss = try recipe.model.loss(logits, labels)
        // Frames past the end of a short recording, and where nobody has labelled, teach nothing.
        var taught = [Float](repeating: 0, count: batch.count * frames)
        for (row, ranges) in batch.known.enumerated() {
            for range in ranges {
                for frame in grid.frames(from: range.lowerBound, to: range.upperBound) {
                    taught[row * frames + frame] = 1
                }
            }
        }
        let weight = taught.reduce(0) { $0 + Double($1) }
        guard weight < Double(taught.count) else { return ForwardPass(loss: try loss.sum(), weight: weight) }
        var kept = try Tensor(taught, shape: [batch.count, frames, 1]).to(device)
        // A mixed clip teaches only where both of its parts are known.
        if let mixing { kept = try kept * kept.selected(0, mixing.partners.to(device)) }
        return ForwardPass(loss: try (loss * kept).sum(), weight: max(1, try kept.sum().item()))
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
