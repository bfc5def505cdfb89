/// Everything that decides what supervised training does. Defaults are those of the published MeerKAT model with all labels.
public struct FineTuningRecipe<Model: ModelConfiguration>: Codable, Sendable, Hashable {
    /// Seed of all randomness.
    public var seed: UInt64 = 1
    /// The network with its head, its masks, its mixup and its loss.
    public var model: Model
    /// What windows are cut from the recordings.
    public var data = Recipe.Data()
    /// How many windows go into an update.
    public var batch = Recipe.Batch(clips: 5, accumulation: 36)
    /// How gradients become steps.
    public var optimizer: Recipe.Optimizer = {
        var optimizer = Recipe.Optimizer()
        optimizer.learningRate = 3e-5
        optimizer.epsilon = 1e-8
        optimizer.weightDecay = 0
        optimizer.largestGradientNorm = nil
        return optimizer
    }()
    /// How the learning rate changes and how long training lasts.
    public var schedule: Recipe.Schedule = {
        var schedule = Recipe.Schedule()
        schedule.totalUpdates = 30_000
        schedule.warmupUpdates = 2_000
        schedule.initialLearningRate = 1e-10
        schedule.finalLearningRate = 5e-6
        return schedule
    }()
    /// What does not learn, and for how long.
    public var freeze = Recipe.Freeze()
    /// When the model is tried on held-out recordings.
    public var validation = Recipe.Validation()
    /// How numbers are held.
    public var precision: Recipe.Precision = {
        var precision = Recipe.Precision()
        precision.initialLossScale = 128
        return precision
    }()
    /// What happens when something goes wrong.
    public var recovery = Recovery.Configuration()
    /// When the state is saved.
    public var checkpoint = Recipe.Checkpoint()
    /// What is logged.
    public var log = Recipe.Log()

    /// The defaults around a model's configuration.
    public init(model: Model) { self.model = model }

    /// The recipe that this one becomes under layers of YAML and `key=value` overrides, checked.
    public func under(_ layers: [RecipeLayer], overrides: [String] = []) throws(RecipeError) -> Self {
        let recipe = try RecipeDecoder.decode(Self.self, defaults: self, layers: layers, overrides: overrides)
        try RecipeCheck.run { check in
            check.data(recipe.data)
            check.batch(recipe.batch)
            check.optimizer(recipe.optimizer)
            check.schedule(recipe.schedule)
            check.precision(recipe.precision)
            check.recovery(recipe.recovery)
            check.checkpoint(recipe.checkpoint)
            check.log(recipe.log)
            check.atLeast("freeze.encoderUpdates", recipe.freeze.encoderUpdates, 0)
            check.atLeast("validation.everyUpdates", recipe.validation.everyUpdates, 1)
            check.atLeast("validation.afterUpdates", recipe.validation.afterUpdates, 0)
        }
        return recipe
    }
}
