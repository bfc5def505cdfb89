// From a recipe, a corpus and a folder to a pretrained model.
import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Torch

/// A pretraining run: begins, or continues where its folder stands.
public struct PretrainingRun {
    private let recipe: String
    private let settings: [String]
    private let corpus: URL
    private let folder: URL

    /// A run of a recipe (a name or a YAML file) with settings over it, on a corpus, in a folder.
    public init(recipe: String, settings: [String], corpus: URL, folder: URL) {
        (self.recipe, self.settings, self.corpus, self.folder) = (recipe, settings, corpus, folder)
    }

    private func resolve() throws -> (recipe: Animal2VecRecipe, recordings: [LabelledRecording]) {
        let layer = try RecipeLayer.find(recipe, in: ShippedRecipes.pretraining)
        var resolved = try Animal2VecRecipe(method: .animal2vec, model: .init()).under([layer], overrides: settings)
        guard resolved.method == .animal2vec else {
            throw RunError(
                description: "\(recipe): method: \(resolved.method.rawValue) is not in this version; use animal2vec")
        }
        let recordings = try resolved.data.recordings(Catalogue(folder: corpus), labelled: false)
        if resolved.data.sampleRateHz == 0 { resolved.data.sampleRateHz = Recipe.Data.commonestRateHz(recordings) }
        resolved.model.network.frontEnd.sampleRateHz = resolved.data.sampleRateHz
        resolved.settleHabits(resolved.model.network.compatibility)
        try description(resolved).checkRecipe()
        let model = resolved.model
        try RecipeCheck.run { check in
            check.mixup(model.mixup)
            check.loss("model.probe.loss", model.probe.loss)
        }
        return (resolved, recordings)
    }

    private func description(_ recipe: Animal2VecRecipe) -> ModelDescription {
        ModelDescription(
            kind: .pretrained, encoder: recipe.model.network, windowSeconds: recipe.data.windowSeconds,
            channels: recipe.data.channels)
    }

    private func makeObjective(
        _ recipe: Animal2VecRecipe, _ vocabulary: Vocabulary, device: Device
    ) throws -> Animal2VecPretraining {
        var description = description(recipe)
        description.provenance.recipe = try RecipeDecoder.fingerprint(recipe)
        description.provenance.corpus = corpus.lastPathComponent
        return try Animal2VecPretraining(
            recipe, description: description, classes: vocabulary.labels, device: device
        ) { [description] weights, url, _ in try ModelFolder.write(description, weights: weights, to: url) }
    }

    private func settledBatch(
        _ recipe: Animal2VecRecipe, _ vocabulary: Vocabulary, _ run: RunFolder, _ device: Device
    ) throws -> Recipe.Batch {
        guard recipe.batch.isAutomatic else { return recipe.batch }
        if let settled = try run.batch(of: recipe, \.batch) { return settled }
        return try MemoryProbe(device: device).batch(
            recipe.batch, seconds: recipe.data.windowSeconds, rateHz: recipe.data.sampleRateHz,
            makeObjective(recipe, vocabulary, device: device))
    }

    /// The complete recipe as YAML.
    public func resolvedRecipe() throws -> String { try RecipeDecoder.yaml(resolve().recipe) }

    /// Trains to the end, or to the first reason to leave.
    public func train(on device: Device) throws -> Trainer.Outcome {
        let (resolved, recordings) = try resolve()
        let vocabulary = Vocabulary(events: recordings.flatMap(\.events))
        guard !resolved.model.probe.isOn || !vocabulary.isEmpty else {
            throw RunError(
                description:
                    "model.probe.isOn: there is nothing to probe, \(corpus.path) holds no labelled event of the "
                    + "part \(resolved.data.split.rawValue); scan with --labels, or leave it off")
        }
        let run = try RunFolder(folder)
        var recipe = resolved
        recipe.batch = try settledBatch(resolved, vocabulary, run, device)
        try run.settle(recipe)
        let fingerprint = try RecipeDecoder.fingerprint(recipe)
        let objective = try makeObjective(recipe, vocabulary, device: device)
        let loader = try recipe.data.loader(recordings, seed: recipe.seed, clips: recipe.batch.clips, labelled: false)
        let plan = Trainer.Plan(
            seed: recipe.seed, batch: recipe.batch, optimizer: recipe.optimizer, schedule: recipe.schedule,
            precision: recipe.precision, recovery: recipe.recovery, checkpoint: recipe.checkpoint, log: recipe.log,
            validation: nil, recipeHash: fingerprint)
        let trainer = try Trainer(run: run, plan: plan, objective: objective, loader: loader)
        return try trainer.runWithProgress("pretrain")
    }
}

extension Trainer {
    /// Runs with a progress line that counts windows.
    func runWithProgress(_ title: String) throws -> Outcome {
        let line = ProgressLine(
            title, total: Double(plan.schedule.totalUpdates * plan.batch.clipsPerUpdate), measure: .items("clips"))
        let outcome = try run(progress: line)
        line.finish()
        return outcome
    }
}
