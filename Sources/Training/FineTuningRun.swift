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
        let tuning = resolved.model
        try RecipeCheck.run { check in
            check.dropout("model.dropout", tuning.dropout)
            check.loss("model.loss", tuning.loss)
            check.mixup(tuning.mixup)
            for (name, hiding) in [("timeMask", tuning.timeMask), ("channelMask", tuning.channelMask)] {
                check.notNegative("model.\(name).probability", hiding.probability)
                check.atLeast("model.\(name).length", hiding.length, 1)
            }
            check.notNegative("model.separationSeconds", tuning.separationSeconds)
        }
        resolved.settleHabits(model.description.encoder.compatibility)
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
        let resolved = try resolve(source)
        let catalogue = try Catalogue(folder: corpus)
        let recordings = try resolved.data.recordings(catalogue, labelled: true)
        let vocabulary = Vocabulary(events: recordings.flatMap(\.events), includesFocal: resolved.model.learnsFocal)
        guard !vocabulary.isEmpty else {
            throw RunError(
                description:
                    "\(corpus.path): the recordings of the part \(resolved.data.split.rawValue) have no labelled event")
        }
        let network = source.description.encoder
        var description = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: resolved.data.windowSeconds,
            channels: resolved.data.channels, normalization: source.description.normalization,
            head: resolved.model.head,
            classes: vocabulary.labels, decoding: resolved.decoding)
        description.firstFrameCentreSeconds = source.description.firstFrameCentreSeconds
        if resolved.model.learnsFocal, vocabulary.labels.last == Event.focalColumn, description.decoding.focal == nil {
            description.decoding.focal = .init()
        }
        try description.checkRecipe()
        let run = try RunFolder(folder)
        let weights =
            resolved.model.classWeights == .balanced
            ? Self.balancedWeights(recordings.flatMap(\.events), vocabulary) : []
        var recipe = resolved
        recipe.batch = try settledBatch(resolved, description, run, device)
        try run.settle(recipe)
        let classifier = try makeClassifier(recipe, description, device)
        if recipe.model.start != .random {
            try source.loadEncoder(
                into: classifier.store, network: recipe.model.start == .teacher ? .teacher : .student)
        }

        description.provenance.recipe = try RecipeDecoder.fingerprint(recipe)
        description.provenance.corpus = corpus.lastPathComponent
        description.provenance.startedFrom = recipe.model.start == .random ? "random weights" : source.fingerprint
        let validation = try validationRecordings(recipe, catalogue)
        let objective = FineTuning(
            recipe, model: classifier, description: description, classWeights: weights, device: device,
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

    private func makeClassifier(
        _ recipe: FrameClassifierRecipe, _ description: ModelDescription, _ device: Device
    ) throws -> FrameClassifier {
        try FrameClassifier(
            description.encoder, classCount: description.classes.count, head: recipe.model.head,
            rates: recipe.model.dropout, recomputes: recipe.batch.recomputesLayers, seed: recipe.seed,
            precision: recipe.precision.compute, device: device)
    }

    private func settledBatch(
        _ recipe: FrameClassifierRecipe, _ description: ModelDescription, _ run: RunFolder, _ device: Device
    ) throws -> Recipe.Batch {
        guard recipe.batch.isAutomatic else { return recipe.batch }
        if let settled = try run.batch(of: recipe, \.batch) { return settled }
        // What learns later takes its memory now.
        var thawed = recipe
        if recipe.freeze.encoderUpdates < recipe.schedule.totalUpdates { thawed.freeze.encoderUpdates = 0 }
        let objective = FineTuning(
            thawed, model: try makeClassifier(recipe, description, device), description: description, device: device,
            trial: { _, _ in nil }, export: { _, _, _ in })
        return try MemoryProbe(device: device).batch(
            recipe.batch, seconds: recipe.data.windowSeconds, rateHz: recipe.data.sampleRateHz, objective)
    }

    /// Mean seconds of a class over the seconds of each, from a tenth to ten.
    package static func balancedWeights(_ events: [Event], _ vocabulary: Vocabulary) -> [Float] {
        var seconds = [Double](repeating: 0, count: vocabulary.count)
        let focal = vocabulary.index(of: Event.focalColumn)
        for event in events {
            let columns = Set([vocabulary.index(of: event.label), event.isFocal == true ? focal : nil])
            for column in columns.compactMap(\.self) { seconds[column] += event.durationSeconds }
        }
        let mean = seconds.reduce(0, +) / Double(max(seconds.count, 1))
        return seconds.map { Float(min(max(mean / max($0, 1e-9), 0.1), 10)) }
    }

    private func validationRecordings(_ recipe: FrameClassifierRecipe, _ catalogue: Catalogue) throws
        -> [LabelledRecording]
    {
        try catalogue.labelledRecordings(RecordingFilter(isAnnotated: true, part: recipe.validation.split))
    }
}
