import Corpus
import Foundation
import Torch

/// A method of pretraining: what differs beside the loop. One conformance per method, chosen by the recipe's `method`.
package protocol PretrainingMethod: PretrainingModel {
    /// The recipe that layers are put over.
    static var defaults: PretrainingRecipe<Self> { get }

    /// Completes a recipe whose rate is known, and throws what no model can have.
    static func settle(_ recipe: inout PretrainingRecipe<Self>) throws

    /// What an update means, for a new model.
    static func objective(
        _ recipe: PretrainingRecipe<Self>, _ scene: PretrainingScene
    ) throws -> any TrainingObjective
}

/// Where a pretraining happens.
package struct PretrainingScene {
    /// The recordings that are learned from.
    package let recordings: [LabelledRecording]
    /// The same recordings as far as they have labels, which nothing is learned from.
    package let labelled: [LabelledRecording]
    /// Recordings that are background; none where the recipe names none.
    package let backgrounds: [LabelledRecording]
    /// Windows in one epoch.
    package let windowsPerEpoch: Int
    /// Name of the corpus, for the description of the model.
    package let corpusName: String
    /// Fingerprint of the recipe.
    package let recipeFingerprint: String
    /// What computes.
    package let device: Device

    /// Mixes the recipe's backgrounds; nil where there are none.
    func mixer<Model>(_ recipe: PretrainingRecipe<Model>) throws -> BackgroundMixer? {
        try BackgroundMixer(
            recipe.backgrounds, backgrounds, recipe.data, seed: recipe.seed, clips: recipe.batch.clips)
    }
}
