import Foundation
import Inference
import Models
import Neural
import Testing
import Training

@Suite struct ShippedRecipeTests {
    private func names(_ folder: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).map { $0.replacing(".yaml", with: "") }
            .sorted()
    }

    private func pretraining(_ name: String) throws -> Animal2VecRecipe {
        let layer = try RecipeLayer.find(name, in: ShippedRecipes.pretraining)
        var recipe = try Animal2VecRecipe(method: .animal2vec, model: .init()).under([layer])
        recipe.model.network.frontEnd.sampleRateHz = recipe.data.sampleRateHz
        recipe.settleHabits(recipe.model.network.compatibility)
        return recipe
    }

    private func fineTuning(_ name: String) throws -> FrameClassifierRecipe {
        try FrameClassifierRecipe(model: .init()).under([RecipeLayer.find(name, in: ShippedRecipes.fineTuning)])
    }

    @Test func `Every pretraining recipe describes a network that can be built`() throws {
        let found = try names(ShippedRecipes.pretraining)
        #expect(Set(found).isSuperset(of: ["tiny", "base", "large", "large-modern", "large-xenocanto"]))
        for name in found where name == "tiny" || name.hasPrefix("base") || name.hasPrefix("large") {
            let recipe = try pretraining(name)
            let description = ModelDescription(
                kind: .pretrained, encoder: recipe.model.network, windowSeconds: recipe.data.windowSeconds)
            #expect(description.faults() == [], "\(name)")
            #expect(abs(description.framesPerSecond - 200) < 1, "\(name)")
            #expect(try ModelDescription(yaml: description.yaml(), name: name) == description)
        }
    }

    @Test func `Every fine-tuning recipe describes a model together with a network it is for`() throws {
        let found = try names(ShippedRecipes.fineTuning)
        #expect(
            Set(found).isSuperset(
                of: ["tiny", "base", "large", "large-1", "large-25", "large-modern", "large-nips4bplus", "probe"]))
        for name in found {
            let network = try pretraining(name.hasPrefix("base") ? "base" : name == "large-modern" ? name : "large")
            var recipe = try fineTuning(name)
            recipe.settleHabits(network.model.network.compatibility)
            let description = ModelDescription(
                kind: .frameClassifier, encoder: network.model.network, windowSeconds: recipe.data.windowSeconds,
                head: recipe.model.head, classes: ["a", "b"], decoding: recipe.decoding)
            #expect(description.faults() == [], "\(name)")
        }
    }

    @Test func `The published recipes have the published numbers`() throws {
        let large = try pretraining("large")
        #expect(large.batch.clipsPerUpdate == 100)
        #expect((large.schedule.totalUpdates, large.schedule.warmupUpdates) == (384_230, 10_000))
        #expect(large.optimizer.learningRate == 1e-4)
        #expect(large.model.network.masking.clones == 12)
        #expect(large.model.network.frontEnd.samplesPerFrame == 40)
        #expect(large.optimizer.decayExemption == Recipe.Optimizer.DecayExemption.none)
        #expect(large.schedule.usesPreviousUpdate == true)
        let base = try pretraining("base")
        #expect(base.batch.clipsPerUpdate == 96)
        #expect(base.model.network.frontEnd.frameCount(samples: 240_000) == 2001)
        #expect((base.schedule.totalUpdates, base.optimizer.learningRate) == (1_417_431, 2.5e-4))
        for (name, updates, rate, probability, length, every) in [
            ("large", 30_000, 3e-5, 0.825, 4, 5_000), ("large-25", 18_000, 7.5e-5, 1.0, 3, 750),
            ("large-1", 13_000, 1e-4, 1.1, 2, 250), ("base", 30_000, 1e-4, 0.825, 4, 5_000),
            ("large-nips4bplus", 12_000, 1e-4, 1.1, 2, 125),
        ] {
            let recipe = try fineTuning(name)
            #expect(recipe.schedule.totalUpdates == updates, "\(name)")
            #expect(recipe.optimizer.learningRate == rate, "\(name)")
            #expect(recipe.model.timeMask.probability == probability && recipe.model.timeMask.length == length)
            #expect(recipe.validation.everyUpdates == every && recipe.validation.afterUpdates == 10_000)
            #expect(recipe.freeze.encoderUpdates == 10_000 && recipe.freeze.frontEnd)
            let rates = recipe.model.dropout
            #expect([rates.attention, rates.activation, rates.layer, rates.prenetLayer] == [0.2, 0.1, 0.1, 0.1])
        }
        #expect(try fineTuning("base").model.channelMask.probability == 0)
        #expect(try fineTuning("large").batch.clipsPerUpdate == 180)
    }

    @Test func `The modern recipe has what its paper trail names`() throws {
        let recipe = try pretraining("large-modern")
        let network = recipe.model.network
        #expect(network.distances.kind == .rotary && network.distances.rotaryBase == 1e4)
        #expect(network.classToken && network.loss.classToken == 1 && network.loss.classTokenTarget == .token)
        #expect(network.feedForward == .geglu && network.residuals == .deepScale)
        #expect(recipe.optimizer.weightDecay == 0.0075 && recipe.optimizer.finalWeightDecay == 0.0125)
        let clipping = recipe.optimizer.adaptiveClipping
        #expect(clipping.isOn && clipping.decay == 0.99 && clipping.factor == 1.04 && clipping.warmupUpdates == 100)
        #expect(recipe.precision.compute == .bf16 && recipe.batch.recomputesLayers)
        #expect(network.compatibility == .none && recipe.optimizer.decayExemption == .vectors)
    }

    @Test(arguments: [
        ("model.network.distances.kind=rotaryy", "one of alibi, rotary, none"),
        ("model.network.targets.norms=[size]", "model.network.targets.norms[0]"),
        ("model.network.loss.betta=1", "model.network.loss.beta"),
        ("model.network.compatibility=animal2vec", "one of none, animal2vec-1.0"),
        ("model.mixup.sameRatios=true", "model.mixup.sameRatio"),
        ("batch.clips=auto", "batch.windowsPerUpdate: is needed"),
        ("batch.windowsPerUpdate=7", "leave it out, or give clips: auto"),
        ("batch.clips=many", "batch.clips"),
    ])
    func `Options that make no sense are refused with their path`(setting: String, message: String) throws {
        let error = #expect(throws: RecipeError.self) {
            try Animal2VecRecipe(method: .animal2vec, model: .init()).under([], overrides: [setting])
        }
        #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }

    @Test func `Options that do not go together are refused`() {
        var network = Animal2VecConfiguration()
        network.loss.classToken = 1
        (network.width, network.heads, network.distances.kind) = (36, 12, .rotary)
        (network.positions.groups, network.masking.inverse, network.dropout.attention) = (4, true, 1)
        var head = ClassifierHead.Configuration()
        head.scope = .clipToken
        let faults = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: 1, head: head, classes: ["a"]
        ).faults().joined(separator: "\n")
        for path in [
            "encoder.loss.classToken", "encoder.distances.kind", "encoder.masking.inverse", "encoder.dropout.attention",
            "head.scope",
        ] { #expect(faults.contains("\(path):"), "\(path) in \(faults)") }
    }
}
