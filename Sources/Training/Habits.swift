import Models

extension Recipe.Optimizer {
    /// Chooses what the recipe leaves open.
    package mutating func settleHabits(_ compatibility: Compatibility) {
        let published = compatibility == .animal2vec1
        decayExemption = decayExemption ?? (published ? Recipe.Optimizer.DecayExemption.none : .vectors)
    }
}

extension Recipe.Schedule {
    /// Chooses what the recipe leaves open.
    package mutating func settleHabits(_ compatibility: Compatibility) {
        usesPreviousUpdate = usesPreviousUpdate ?? (compatibility == .animal2vec1)
    }
}

extension PretrainingRecipe {
    /// Chooses what the recipe leaves open, by the habits of the model.
    package mutating func settleHabits(_ compatibility: Compatibility) {
        optimizer.settleHabits(compatibility)
        schedule.settleHabits(compatibility)
    }
}

extension FineTuningRecipe {
    /// Chooses what the recipe leaves open, by the habits of the model.
    package mutating func settleHabits(_ compatibility: Compatibility) {
        optimizer.settleHabits(compatibility)
        schedule.settleHabits(compatibility)
    }
}
