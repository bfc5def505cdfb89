// From a recipe, a pretrained model, a labelled corpus and a folder to a model that names calls.
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Models
import Neural
import Torch

/// A fine-tuning run: begins, or continues where its folder stands.
public struct FineTuningRun {
    private let recipe: String
    private let settings: [String]
    private let from: URL
    private let corpus: URL
    private let folder: URL

    /// A run of a recipe (a name or a YAML file) with settings over it, from a model, on a corpus, in a folder.
    public init(recipe: String, settings: [String], from: URL, corpus: URL, folder: URL) {
        (self.recipe, self.settings, self.from) = (recipe, settings, from)
        (self.corpus, self.folder) = (corpus, folder)
    }

    private func resolve(_ model: ModelFolder) throws -> FrameClassifierRecipe {
        let layer = try RecipeLayer.find(recipe, in: ShippedRecipes.fineTuning)
        var resolved = try FrameClassifierRecipe(model: .init()).under([layer], overrides: settings)
        let rate = model.description.sampleRateHz
        if resolved.data.sampleRateHz == 0 { resolved.data.sampleRateHz = rate }
        guard resolved.data.sampleRateHz == rate else {
            throw RunError(
                description:
                    "data.sampleRateHz: \(resolved.data.sampleRateHz) Hz, but \(model.url.path) was pretrained at \(rate) Hz; "
                    + "give data.sampleRateHz=0 to take the model's")
        }
        return resolved
    }

    /// The complete recipe as YAML.
    public func resolvedRecipe() throws -> String { try RecipeDecoder.yaml(resolve(ModelFolder.load(from))) }

    /// Trains to the end, or to the first reason to leave.
    public func train(on device: Device) throws -> Trainer.Outcome {
        let source = try ModelFolder.load(from)
        let recipe = try resolve(source)
        let catalogue = try Catalogue(folder: corpus)
        let recordings = try recipe.data.recordings(catalogue, labelled: true)
        let vocabulary = Vocabulary(events: recordings.flatMap(\.events))
        guard !vocabulary.isEmpty else {
            throw RunError(
                description:
                    "\(corpus.path): the recordings of the part \(recipe.data.split.rawValue) have no labelled event")
        }
        let network = source.description.encoder
        var description = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: recipe.data.windowSeconds,
            channels: recipe.data.channels, classes: vocabulary.labels, decoding: recipe.decoding)
        try description.checkRecipe()
        let run = try RunFolder(folder)
        try run.settle(recipe)
        let classifier = try FrameClassifier(
            network, classCount: vocabulary.count, rates: recipe.model.dropout, headDropout: recipe.model.headDropout,
            seed: recipe.seed, precision: recipe.precision.compute, device: device)
        if recipe.model.start == .pretrained { try source.loadEncoder(into: classifier.store) }

        description.provenance.recipe = try RecipeDecoder.fingerprint(recipe)
        description.provenance.corpus = corpus.lastPathComponent
        description.provenance.startedFrom = recipe.model.start == .random ? "random weights" : source.fingerprint
        let validation = try validationRecordings(recipe, catalogue)
        let objective = FineTuning(
            recipe, model: classifier, description: description, device: device,
            trial: { [description] model, _ in
                validation.isEmpty
                    ? nil
                    : try HeldOutTrial(validation, description).scores(of: model, resamples: 0).validation(
                        recipe.validation)
            },
            export: { [description] store, url, _ in
                try ModelFolder.write(description, weights: store.masters, to: url)
            })
        let loader = try recipe.data.loader(recordings, seed: recipe.seed, clips: recipe.batch.clips, labelled: true)
        let plan = Trainer.Plan(
            seed: recipe.seed, batch: recipe.batch, optimizer: recipe.optimizer, schedule: recipe.schedule,
            precision: recipe.precision, recovery: recipe.recovery, checkpoint: recipe.checkpoint, log: recipe.log,
            validation: validation.isEmpty
                ? nil : (recipe.validation.everyUpdates, recipe.validation.afterUpdates),
            recipeHash: description.provenance.recipe)
        let trainer = try Trainer(run: run, plan: plan, objective: objective, loader: loader)
        return try trainer.runWithProgress("finetune")
    }

    private func validationRecordings(_ recipe: FrameClassifierRecipe, _ catalogue: Catalogue) throws
        -> [LabelledRecording]
    {
        try catalogue.labelledRecordings(RecordingFilter(isAnnotated: true, part: recipe.validation.split))
    }
}
