// What one update of animal2vec's pretraining means: mix, mask, predict the teacher, let the teacher follow.
import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Randomness
import Torch

extension AdamW.Configuration {
    /// As a recipe says.
    package init(_ recipe: Recipe.Optimizer) {
        self.init()
        (beta1, beta2, epsilon, weightDecay) = (recipe.beta1, recipe.beta2, recipe.epsilon, recipe.weightDecay)
        decoupled = recipe.name == .adamw
        epsilonBeforeCorrection = recipe.epsilonBeforeCorrection
        sparesVectors = recipe.decayExemption != Recipe.Optimizer.DecayExemption.none
    }
}

/// The model section of a pretraining recipe for animal2vec.
public struct Animal2VecPretrainingModel: PretrainingModel {
    /// When training is held to have collapsed.
    public typealias Collapse = Recipe.CollapseGuard

    /// The network and its masks.
    public var network = Animal2VecConfiguration()
    /// How clips are mixed.
    public var mixup: BetweenClassMixup = {
        var mixup = BetweenClassMixup()
        mixup.mixesLabels = false
        return mixup
    }()
    /// A linear layer that learns the corpus's labels from what the student learns, without a say in it.
    public var probe = Probe()

    /// What is seen of the labels while pretraining.
    public struct Probe: ModelConfiguration {
        /// Whether there is one.
        public var isOn = false
        /// Its loss.
        public var loss = FocalLoss()
    }

    /// animal2vec base.
    public init() {}
}

/// Recipe of animal2vec's pretraining.
public typealias Animal2VecRecipe = PretrainingRecipe<Animal2VecPretrainingModel>

/// Pretraining of animal2vec.
package final class Animal2VecPretraining: TrainingObjective {
    private let recipe: Animal2VecRecipe
    private let model: Animal2Vec
    private let device: Device
    private let teacherDecay: Ramp
    private let description: ModelDescription
    private let vocabulary: Vocabulary
    private let backgrounds: BackgroundMixer?
    private let export: ([(name: String, tensor: Tensor)], URL, Int) throws -> Void

    /// A new model.
    ///
    /// - Parameters:
    ///   - description: how windows are scaled, and the times of frames.
    ///   - classes: what the probe learns to tell, where the recipe has one.
    ///   - backgrounds: what is mixed behind the student's windows.
    ///   - export: writes named weights to a model folder.
    package init(
        _ recipe: Animal2VecRecipe, description: ModelDescription, classes: [String] = [], device: Device,
        backgrounds: BackgroundMixer? = nil,
        export: @escaping ([(name: String, tensor: Tensor)], URL, Int) throws -> Void
    ) throws {
        self.description = description
        vocabulary = Vocabulary(recipe.model.probe.isOn ? classes : [])
        self.recipe = recipe
        self.device = device
        self.export = export
        self.backgrounds = backgrounds
        teacherDecay = Ramp(recipe.teacher)
        model = try Animal2Vec(
            recipe.model.network, probedClasses: vocabulary.count, recomputes: recipe.batch.recomputesLayers,
            seed: recipe.seed, precision: recipe.precision.compute, device: device)
    }

    package var learning: ParameterStore { model.student }
    package var companions: [(file: String, store: ParameterStore)] { [("teacher.safetensors", model.teacher)] }
    package func frozenPrefixes(update: Int) -> [String] { [] }

    package func forward(_ batch: Batch, update: Int) throws -> ForwardPass {
        var wave = try batch.waves(description.normalization).sent(to: device)
        var heard = try backgrounds.map { try $0.mixed(batch).waves(description.normalization).sent(to: device) }
        let key = KeyedRandom(seed: recipe.seed, sample: batch.positions[0], purpose: .mixup)
        let mixing = Mixing(recipe.model.mixup, batch.count, key, on: device)
        let network = recipe.model.network
        if let mixing {
            let rateHz = recipe.data.sampleRateHz
            wave = try mixing.mix(wave, sampleRateHz: rateHz, network.compatibility)
            heard = try heard.map { try mixing.mix($0, sampleRateHz: rateHz, network.compatibility) }
        }
        let masking = network.masking
        let rows = (0..<batch.count * masking.clones).map { row in
            KeyedRandom(seed: recipe.seed, sample: batch.positions[0] * masking.clones + row, purpose: .mask)
        }
        let frames = recipe.model.network.frontEnd.frameCount(samples: wave.size(1))
        let mask = FrameMask(frameCount: frames, masking, randoms: rows)
        let type = recipe.precision.compute.scalarType
        let step = try model.pretrain(
            (heard ?? wave).to(type), teacherWave: heard == nil ? nil : wave.to(type), mask: mask,
            mode: .learning(seed: splitmix64(recipe.seed ^ UInt64(batch.positions[0]))))
        let masked = Double(step.maskedFrameCount)
        let probed = try step.probeLogits.map { try probeLoss($0, batch, mixing, clones: masking.clones) }
        // As heavy as the mean over masked frames, whatever its own number of frames.
        let loss = if let probed { try step.loss + probed * step.weight } else { step.loss }
        return ForwardPass(loss: loss, weight: step.weight) {
            let deviations = try step.deviations()
            var metrics = [
                "target_deviation": deviations.target, "prediction_deviation": deviations.prediction,
                "masked_share": masked / Double(mask.rowCount * frames),
                "teacher_decay": self.teacherDecay.value(after: update + 1),
            ]
            if let probed { metrics["probe_loss"] = try probed.item() }
            return metrics
        }
    }

    /// Mean loss of the probe over the frames whose labels are known.
    private func probeLoss(_ logits_RTC: Tensor, _ batch: Batch, _ mixing: Mixing?, clones: Int) throws -> Tensor {
        let grid = description.grid(frames: logits_RTC.size(1))
        let truth = try LabelFrames(batch, vocabulary, grid, on: device)
        var labels = truth.labels_BTC
        if let mixing { labels = try mixing.mix(labels_BTC: labels) }
        let losses = try recipe.model.probe.loss(logits_RTC, labels.repeatInterleaved(clones, 0))
        guard var known = truth.known else { return try losses.sum() / Double(logits_RTC.size(0) * grid.count) }
        if let mixing { known = try mixing.mix(known: known) }
        known = try known.repeatInterleaved(clones, 0)
        return try (losses * known).sum() / known.sum().clamped(min: 1)
    }

    package func updateApplied(_ update: Int) throws {
        let decay = teacherDecay.value(after: update)
        // At 1 the teacher stands still.
        if decay < 1 { try model.teacher.follow(model.student, decay: decay) }
    }

    package func collapse(update: Int, metrics: [String: Double]) -> String? {
        let limits = recipe.collapse
        guard update > limits.afterUpdates, let target = metrics["target_deviation"],
            let prediction = metrics["prediction_deviation"]
        else { return nil }
        let advice = "lower optimizer.learningRate or raise teacher.initialDecay, and begin a new run"
        if target < limits.smallestTargetDeviation {
            return
                "the targets have collapsed: their deviation is \(target), the limit \(limits.smallestTargetDeviation); "
                + advice
        }
        if prediction < limits.smallestPredictionDeviation {
            return "the predictions have collapsed: their deviation is \(prediction), the limit "
                + "\(limits.smallestPredictionDeviation); " + advice
        }
        return nil
    }

    package func validate(update: Int) throws -> (score: Double, metrics: [String: Double])? { nil }

    package func export(to folder: URL, update: Int) throws {
        let teacher = recipe.teacher.isExported ? model.teacher.masters : []
        let weights = model.student.masters + teacher.map { (ModelFolder.teacherPrefix + $0.name, $0.tensor) }
        try export(weights, folder, update)
    }
}
