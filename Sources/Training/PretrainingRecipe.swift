/// What a model's configuration must be able to do to stand in a recipe.
public typealias ModelConfiguration = Codable & Hashable & Sendable

/// Settings that have defaults.
public protocol Defaulted {
    /// The defaults.
    init()
}

/// The model section of a pretraining recipe, and with it the method.
public protocol PretrainingModel: ModelConfiguration {
    /// When training of such a model is held to have collapsed.
    associatedtype Collapse: ModelConfiguration, Defaulted
}

/// Everything that decides what self-supervised training does. Defaults are those of the published MeerKAT model.
public struct PretrainingRecipe<Model: PretrainingModel>: Codable, Sendable, Hashable {
    /// Which method is used; it decides what `model` and `collapse` are.
    public var method: Recipe.Method
    /// Seed of all randomness.
    public var seed: UInt64 = 1
    /// The network, its masks and its loss.
    public var model: Model
    /// What windows are cut from the recordings.
    public var data = Recipe.Data()
    /// Sound that is mixed behind what the student hears.
    public var backgrounds = Recipe.Backgrounds()
    /// How many windows go into an update.
    public var batch = Recipe.Batch()
    /// How gradients become steps.
    public var optimizer = Recipe.Optimizer()
    /// How the learning rate changes and how long training lasts.
    public var schedule = Recipe.Schedule()
    /// How the teacher follows the student.
    public var teacher = Recipe.Teacher()
    /// Lengths in epochs, over those in updates.
    public var epochs = Recipe.Epochs()
    /// How numbers are held.
    public var precision = Recipe.Precision()
    /// When training is held to have collapsed.
    public var collapse = Model.Collapse()
    /// What happens when something goes wrong.
    public var recovery = Recovery.Configuration()
    /// When the state is saved.
    public var checkpoint = Recipe.Checkpoint()
    /// What is logged.
    public var log = Recipe.Log()

    /// The defaults around a model's configuration.
    public init(method: Recipe.Method, model: Model) {
        self.method = method
        self.model = model
    }

    /// The recipe that this one becomes under layers of YAML and `key=value` overrides, checked.
    public func under(_ layers: [RecipeLayer], overrides: [String] = []) throws(RecipeError) -> Self {
        let recipe = try RecipeDecoder.decode(Self.self, defaults: self, layers: layers, overrides: overrides)
        try RecipeCheck.run { check in
            check.data(recipe.data)
            check.backgrounds(recipe.backgrounds)
            check.batch(recipe.batch)
            check.optimizer(recipe.optimizer)
            // Lengths in epochs become updates when the corpus is known; what stands there until then counts for nothing.
            if recipe.epochs == Recipe.Epochs() { check.schedule(recipe.schedule) }
            check.epochs(recipe.epochs)
            check.precision(recipe.precision)
            check.recovery(recipe.recovery)
            check.checkpoint(recipe.checkpoint)
            check.log(recipe.log)
            check.share("teacher.initialDecay", recipe.teacher.initialDecay)
            check.share("teacher.finalDecay", recipe.teacher.finalDecay)
            check.atLeast("teacher.annealUpdates", recipe.teacher.annealUpdates, 0)
        }
        return recipe
    }

    /// Turns lengths in epochs into updates, for a corpus that gives so many windows in an epoch.
    mutating func resolveEpochs(windowsPerEpoch: Int) throws(RecipeError) {
        guard epochs != Recipe.Epochs() else { return }
        let windowsPerUpdate = batch.isAutomatic ? batch.windowsPerUpdate ?? 1 : batch.clipsPerUpdate
        func updates(_ epochs: Double) -> Int {
            max(1, Int((epochs * Double(windowsPerEpoch) / Double(windowsPerUpdate)).rounded(.up)))
        }
        if let total = epochs.total { schedule.totalUpdates = updates(total) }
        if let warmup = epochs.warmup { schedule.warmupUpdates = updates(warmup) }
        if let teacher = epochs.teacher { self.teacher.annealUpdates = updates(teacher) }
        let schedule = schedule
        try RecipeCheck.run { $0.schedule(schedule) }
    }
}
