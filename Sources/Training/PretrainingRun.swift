// From a recipe, a corpus and a folder to a pretrained model.
import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Terminal
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

    /// The complete recipe as YAML.
    public func resolvedRecipe() throws -> String {
        switch try method() {
        case .animal2vec: try RecipeDecoder.yaml(resolve(Animal2VecPretrainingModel.self).recipe)
        case .dino: try RecipeDecoder.yaml(resolve(DINOPretrainingModel.self).recipe)
        }
    }

    /// Trains to the end, or to the first reason to leave.
    public func train(on device: Device) throws -> Trainer.Outcome {
        switch try method() {
        case .animal2vec: try train(Animal2VecPretrainingModel.self, on: device)
        case .dino: try train(DINOPretrainingModel.self, on: device)
        }
    }

    private func layer() throws -> RecipeLayer { try RecipeLayer.find(recipe, in: ShippedRecipes.pretraining) }

    /// The method that the recipe names: it decides which settings there are.
    private func method() throws -> Recipe.Method {
        guard let text = try RecipeDecoder.text(at: "method", layers: [layer()], overrides: settings) else {
            return .animal2vec
        }
        guard let method = Recipe.Method(rawValue: text) else {
            let known = Recipe.Method.allCases.map(\.rawValue).joined(separator: ", ")
            throw RecipeError("method", origin: recipe, "one of \(known) is expected, found \"\(text)\"")
        }
        return method
    }

    /// A recipe, and what of the corpus it means.
    private struct Resolved<Model: PretrainingMethod> {
        let recipe: PretrainingRecipe<Model>
        let recordings: [LabelledRecording]
        let backgrounds: [LabelledRecording]
        let windowsPerEpoch: Int
    }

    private func resolve<Model: PretrainingMethod>(
        _ model: Model.Type
    ) throws -> Resolved<Model> {
        var resolved = try Model.defaults.under([layer()], overrides: settings)
        let (recordings, backgrounds) = try resolved.backgrounds.parts(
            resolved.data.recordings(Catalogue(folder: corpus), labelled: false))
        if resolved.data.sampleRateHz == 0 { resolved.data.sampleRateHz = Recipe.Data.commonestRateHz(recordings) }
        try Model.settle(&resolved)
        let windows = try resolved.data.sampler(recordings, seed: resolved.seed, labelled: false).windowsPerEpoch
        try resolved.resolveEpochs(windowsPerEpoch: windows)
        return Resolved(recipe: resolved, recordings: recordings, backgrounds: backgrounds, windowsPerEpoch: windows)
    }

    private func train<Model: PretrainingMethod>(_ model: Model.Type, on device: Device) throws -> Trainer.Outcome {
        let found = try resolve(Model.self)
        let (resolved, recordings) = (found.recipe, found.recordings)
        let labelled = try resolved.data.labels(Catalogue(folder: corpus))
        func scene(_ recipe: PretrainingRecipe<Model>) throws -> PretrainingScene {
            PretrainingScene(
                recordings: recordings, labelled: labelled, backgrounds: found.backgrounds,
                windowsPerEpoch: found.windowsPerEpoch,
                corpusName: corpus.lastPathComponent, recipeFingerprint: try RecipeDecoder.fingerprint(recipe),
                device: device)
        }
        let run = try RunFolder(folder)
        var recipe = resolved
        if recipe.batch.isAutomatic {
            recipe.batch =
                try run.batch(of: resolved, \.batch)
                ?? MemoryProbe(device: device).batch(
                    resolved.batch, seconds: resolved.data.windowSeconds, rateHz: resolved.data.sampleRateHz,
                    Model.objective(resolved, scene(resolved)))
        }
        try run.settle(recipe)
        let objective = try Model.objective(recipe, scene(recipe))
        let loader = try recipe.data.loader(recordings, seed: recipe.seed, clips: recipe.batch.clips, labelled: false)
        let plan = Trainer.Plan(
            seed: recipe.seed, batch: recipe.batch, optimizer: recipe.optimizer, schedule: recipe.schedule,
            precision: recipe.precision, recovery: recipe.recovery, checkpoint: recipe.checkpoint, log: recipe.log,
            validation: nil, recipeHash: try RecipeDecoder.fingerprint(recipe))
        let trainer = try Trainer(run: run, plan: plan, objective: objective, loader: loader)
        return try trainer.runWithProgress("pretrain")
    }
}

extension Animal2VecPretrainingModel: PretrainingMethod {
    package static var defaults: Animal2VecRecipe { Animal2VecRecipe(method: .animal2vec, model: .init()) }

    package static func settle(_ recipe: inout Animal2VecRecipe) throws {
        recipe.model.network.frontEnd.sampleRateHz = recipe.data.sampleRateHz
        recipe.settleHabits(recipe.model.network.compatibility)
        try description(recipe).checkRecipe()
        let model = recipe.model
        try RecipeCheck.run { check in
            check.mixup(model.mixup)
            check.loss("model.probe.loss", model.probe.loss)
        }
    }

    package static func objective(
        _ recipe: Animal2VecRecipe, _ scene: PretrainingScene
    ) throws -> any TrainingObjective {
        let vocabulary = Vocabulary(events: scene.recordings.flatMap(\.events))
        guard !recipe.model.probe.isOn || !vocabulary.isEmpty else {
            throw RunError(
                description:
                    "model.probe.isOn: there is nothing to probe, \(scene.corpusName) holds no labelled event of the "
                    + "part \(recipe.data.split.rawValue); scan with --labels, or leave it off")
        }
        var description = description(recipe)
        description.provenance.recipe = scene.recipeFingerprint
        description.provenance.corpus = scene.corpusName
        return try Animal2VecPretraining(
            recipe, description: description, classes: vocabulary.labels, device: scene.device,
            backgrounds: scene.mixer(recipe)
        ) { [description] weights, url, _ in try ModelFolder.write(description, weights: weights, to: url) }
    }

    private static func description(_ recipe: Animal2VecRecipe) -> ModelDescription {
        ModelDescription(
            kind: .pretrained, encoder: recipe.model.network, windowSeconds: recipe.data.windowSeconds,
            channels: recipe.data.channels)
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
