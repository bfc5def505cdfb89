// What a recipe of DINO holds beside the sections that all methods share.
import Inference
import Models

/// The model section of a pretraining recipe for DINO.
public struct DINOPretrainingModel: PretrainingModel {
    /// Waveform to picture.
    public var spectrogram = MelSpectrogram.Configuration()
    /// The views that are made of a picture.
    public var views = SoundViews.Configuration()
    /// The backbone. Its pictures are the global views: `imageHeight` x `imageWidth` is what they are brought to.
    public var network = VisionTransformer.Configuration()
    /// What compares features with prototypes.
    public var head = DINOConfiguration.Head()
    /// What the student learns from.
    public var loss = DINOConfiguration.Loss()
    /// Epochs during which the prototypes do not learn.
    public var frozenPrototypeEpochs = 1.0
    /// Learning rate of a block over that of the block after it; 1 gives all the same. DINOv2: 0.9.
    public var layerRateDecay = 1.0
    /// How often it is looked whether features still tell things apart.
    public var health = Health()

    /// DINO with ViT-S/16.
    public init() {}

    /// The check-ups.
    public struct Health: Codable, Sendable, Hashable {
        /// Updates between two; 0 for none.
        public var everyUpdates = 500
        /// Windows that are looked at, always the same.
        public var windows = 256
        /// Labelled windows that are named by their neighbours, where there are labels.
        public var labelledWindows = 400

        /// The defaults.
        public init() {}
    }

    /// When training is held to have collapsed. Entropies are shares of the largest that the prototypes allow.
    public struct Collapse: Codable, Sendable, Hashable, Defaulted {
        /// Updates before anything is guarded.
        public var afterUpdates = 1_000
        /// Below this the teacher says the same of all windows.
        public var smallestMeanEntropy = 0.02
        /// Above this it says nothing of any window.
        public var largestSampleEntropy = 0.995
        /// Below this the features of all windows are alike (1 fills all directions).
        public var smallestFeatureDeviation = 0.02
        /// Below this the features lie on a line.
        public var smallestEffectiveRank = 1.5

        /// The defaults.
        public init() {}
    }

    /// Network, head and loss.
    public var configuration: DINOConfiguration {
        var configuration = DINOConfiguration()
        (configuration.network, configuration.head, configuration.loss) = (network, head, loss)
        return configuration
    }
}

/// Recipe of DINO.
public typealias DINORecipe = PretrainingRecipe<DINOPretrainingModel>

extension DINOPretrainingModel: PretrainingMethod {
    /// As published, but for what depends on the corpus.
    package static var defaults: DINORecipe {
        var recipe = DINORecipe(method: .dino, model: .init())
        (recipe.optimizer.learningRate, recipe.optimizer.beta2, recipe.optimizer.epsilon) = (5e-4, 0.999, 1e-8)
        recipe.optimizer.epsilonBeforeCorrection = false
        (recipe.optimizer.weightDecay, recipe.optimizer.finalWeightDecay) = (0.04, 0.4)
        recipe.optimizer.decayExemption = .vectors
        (recipe.optimizer.largestGradientNorm, recipe.optimizer.limitsEachGradient) = (3, true)
        recipe.schedule.finalLearningRate = 1e-6
        (recipe.teacher.initialDecay, recipe.teacher.finalDecay, recipe.teacher.ramp) = (0.996, 1, .cosine)
        recipe.data.windowSeconds = 6
        (recipe.batch.clips, recipe.batch.accumulation) = (32, 8)
        return recipe
    }

    package static func settle(_ recipe: inout DINORecipe) throws {
        recipe.settleHabits(.none)
        let (model, data) = (recipe.model, recipe.data)
        try RecipeCheck.run { check in
            check.found(model.spectrogram.faults(rateHz: data.sampleRateHz).map { "model.spectrogram.\($0)" })
            check.found(model.network.faults().map { "model.network.\($0)" })
            check.found(model.views.faults(patch: model.network.patch).map { "model.views.\($0)" })
            for (name, value) in [
                ("layers", model.head.layers), ("hidden", model.head.hidden), ("bottleneck", model.head.bottleneck),
            ] { check.atLeast("model.head.\(name)", value, 1) }
            check.atLeast("model.head.prototypes", model.head.prototypes, 2)
            check.share("model.loss.centreMomentum", model.loss.centreMomentum)
            check.positive("model.loss.studentTemperature", model.loss.studentTemperature)
            check.positive("model.loss.teacherTemperature", model.loss.teacherTemperature)
            check.positive("model.loss.finalTeacherTemperature", model.loss.finalTeacherTemperature)
            check.atLeast("model.loss.temperatureWarmupEpochs", model.loss.temperatureWarmupEpochs, 0)
            check.notNegative("model.loss.koleoWeight", model.loss.koleoWeight)
            check.notNegative("model.loss.patches.weight", model.loss.patches.weight)
            check.share("model.loss.patches.probability", model.loss.patches.probability)
            check.share("model.loss.patches.leastShare", model.loss.patches.leastShare)
            check.share("model.loss.patches.greatestShare", model.loss.patches.greatestShare)
            check.notNegative("model.frozenPrototypeEpochs", model.frozenPrototypeEpochs)
            check.positive("model.layerRateDecay", model.layerRateDecay)
            check.atLeast("model.health.everyUpdates", model.health.everyUpdates, 0)
            check.atLeast("model.health.windows", model.health.windows, 2)
            check.atLeast("model.health.labelledWindows", model.health.labelledWindows, 0)
        }
        let faults = description(recipe).faults()
        if !faults.isEmpty { throw RecipeError(faults) }
    }

    package static func description(_ recipe: DINORecipe) -> SpectrogramModelDescription {
        SpectrogramModelDescription(
            spectrogram: recipe.model.spectrogram, network: recipe.model.network,
            sampleRateHz: recipe.data.sampleRateHz, windowSeconds: recipe.data.windowSeconds,
            channels: recipe.data.channels)
    }

    package static func objective(_ recipe: DINORecipe, _ scene: PretrainingScene) throws -> any TrainingObjective {
        let probe = ProbeWindows(recipe.data, recipe.model.health, scene.recordings, scene.labelled)
        return try DINOPretraining(
            recipe, device: scene.device, windowsPerEpoch: scene.windowsPerEpoch, probe: probe,
            backgrounds: scene.mixer(recipe)
        ) { weights, url, _ in
            var description = description(recipe)
            description.provenance.recipe = scene.recipeFingerprint
            description.provenance.corpus = scene.corpusName
            try ModelFolder.write(description, weights: weights, to: url)
        }
    }
}
