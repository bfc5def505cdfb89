// What one update of animal2vec's pretraining means: mix, mask, predict the teacher, let the teacher follow.
import Corpus
import Foundation
import Models
import Neural
import Randomness
import Torch

extension AdamW.Configuration {
    /// As a recipe says.
    init(_ recipe: Recipe.Optimizer) {
        self.init()
        (beta1, beta2, epsilon, weightDecay) = (recipe.beta1, recipe.beta2, recipe.epsilon, recipe.weightDecay)
        decoupled = recipe.name == .adamw
        epsilonBeforeCorrection = recipe.epsilonBeforeCorrection
        sparesVectors = recipe.decayExemption == .vectors
    }
}

/// The model section of a pretraining recipe for animal2vec.
public struct Animal2VecPretrainingModel: PretrainingModel {
    /// When training is held to have collapsed.
    public typealias Collapse = Recipe.CollapseGuard

    /// The network and its masks.
    public var network = Animal2VecConfiguration()
    /// How clips are mixed.
    public var mixup = BetweenClassMixup()

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
    private let export: (ParameterStore, URL, Int) throws -> Void

    /// A new model.
    ///
    /// - Parameter export: writes the student to a model folder.
    package init(
        _ recipe: Animal2VecRecipe, device: Device, export: @escaping (ParameterStore, URL, Int) throws -> Void
    ) throws {
        self.recipe = recipe
        self.device = device
        self.export = export
        teacherDecay = Ramp(recipe.teacher)
        model = try Animal2Vec(
            recipe.model.network, seed: recipe.seed, precision: recipe.precision.compute, device: device)
    }

    package var learning: ParameterStore { model.student }
    package var companions: [(file: String, store: ParameterStore)] { [("teacher.safetensors", model.teacher)] }
    package func frozenPrefixes(update: Int) -> [String] { [] }

    package func forward(_ batch: Batch, update: Int) throws -> ForwardPass {
        var wave = try batch.waves.to(device)
        let key = KeyedRandom(seed: recipe.seed, sample: batch.positions[0], purpose: .mixup)
        if let mixing = try Mixing(recipe.model.mixup, batch.count, key) {
            wave = try mixing.mix(wave, recipe.model.mixup, recipe.data.sampleRateHz).to(device)
        }
        let masking = recipe.model.network.masking
        let rows = (0..<batch.count * masking.clones).map { row in
            KeyedRandom(seed: recipe.seed, sample: batch.positions[0] * masking.clones + row, purpose: .mask)
        }
        let frames = recipe.model.network.frontEnd.frameCount(samples: wave.size(1))
        let mask = FrameMask(
            frameCount: frames, probability: masking.probability, length: masking.length, randoms: rows)
        let step = try model.pretrain(
            wave.to(recipe.precision.compute.scalarType), mask: mask,
            mode: .learning(seed: splitmix64(recipe.seed ^ UInt64(batch.positions[0]))))
        let masked = Double(step.maskedFrameCount)
        return ForwardPass(loss: step.loss, weight: masked) {
            let deviations = try step.deviations()
            return [
                "target_deviation": deviations.target, "prediction_deviation": deviations.prediction,
                "masked_share": masked / Double(mask.rowCount * frames),
                "teacher_decay": self.teacherDecay.value(after: update),
            ]
        }
    }

    package func updateApplied(_ update: Int) throws {
        let decay = teacherDecay.value(after: update - 1)
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

    package func export(to folder: URL, update: Int) throws { try export(model.student, folder, update) }
}

/// Who is mixed with whom in a micro-batch, and how loud; a function of the key only.
struct Mixing {
    let partners: Tensor
    /// Share of the first clip as heard.
    let ratio: Double

    /// Nil when this micro-batch is not mixed.
    init?(_ mixup: BetweenClassMixup, _ count: Int, _ key: KeyedRandom) throws {
        var random = key
        guard mixup.probability > 0, count > 1, random.uniform() < mixup.probability else { return nil }
        ratio = max(1e-6, mixup.lowestRatio) + (1 - max(1e-6, mixup.lowestRatio)) * random.uniform()
        partners = try Tensor((0..<count).shuffled(using: &random).map { Int64($0) })
    }

    func mix(_ wave_BN: Tensor, _ mixup: BetweenClassMixup, _ sampleRateHz: Double) throws -> Tensor {
        try withoutGradients {
            try mixup.mix(
                wave_BN, partners: partners.to(wave_BN.device),
                ratio_B1: Tensor.full([1, 1], ratio, on: wave_BN.device), sampleRateHz: sampleRateHz)
        }
    }

    /// y = r · y1 + (1 − r) · y2
    func mix(labels_BTC: Tensor) throws -> Tensor {
        try labels_BTC * ratio + labels_BTC.selected(0, partners.to(labels_BTC.device)) * (1 - ratio)
    }
}
