import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Randomness
import TestSupport
import Testing
import Torch
import Training

@Suite struct HabitsTests {
    @Test func `An update uses its own learning rate, or that of the update before on request`() {
        var schedule = Recipe.Schedule()
        (schedule.totalUpdates, schedule.warmupUpdates) = (100, 10)
        let corrected = LearningRate(schedule, peak: 1)
        schedule.usesPreviousUpdate = true
        let published = LearningRate(schedule, peak: 1)
        #expect((corrected.value(after: 0), published.value(after: 0)) == (0.1, 0))
        for update in 0..<99 { #expect(corrected.value(after: update) == published.value(after: update + 1)) }
        // The last update ends the cosine; the published schedule begins a new period one update later.
        #expect(corrected.value(after: 99) == 0)
        #expect(abs(published.value(after: 100) - 0.1) < 1e-12)
    }

    @Test func `What a recipe leaves open is chosen by the model's habits, what it says stays`() throws {
        for (compatibility, exemption, previous) in [
            (Compatibility.none, Recipe.Optimizer.DecayExemption.vectors, false), (.animal2vec1, .none, true),
        ] {
            var recipe = Animal2VecRecipe(method: .animal2vec, model: .init())
            recipe.settleHabits(compatibility)
            #expect(recipe.optimizer.decayExemption == exemption)
            #expect(AdamW.Configuration(recipe.optimizer).sparesVectors == (exemption == .vectors))
            #expect(recipe.schedule.usesPreviousUpdate == previous)
            let opposite: Recipe.Optimizer.DecayExemption = exemption == .vectors ? .none : .vectors
            (recipe.optimizer.decayExemption, recipe.schedule.usesPreviousUpdate) = (opposite, !previous)
            recipe.settleHabits(compatibility)
            #expect(recipe.optimizer.decayExemption == opposite)
            #expect(recipe.schedule.usesPreviousUpdate == !previous)
        }
    }

    @Test func `A model of animal2vec 1.0 hears and times as that does`() {
        var network = Animal2VecConfiguration()
        let corrected = ModelDescription(kind: .pretrained, encoder: network, windowSeconds: 10)
        #expect(corrected.normalization == .unitVariance && corrected.firstFrameCentreSeconds != 0)
        network.compatibility = .animal2vec1
        let published = ModelDescription(kind: .pretrained, encoder: network, windowSeconds: 10)
        #expect(published.normalization == .layerNorm)
        // Labels: frame k at sample 40 k. Times: n frames over the whole duration, both ends included.
        #expect(abs(published.grid(frames: 2000).centreSeconds(1999) - 1999 * 0.005) < 1e-12)
        let event = Event(recording: "r", startSeconds: 1999 * 0.005, endSeconds: 10, label: "a")
        #expect(abs(published.timed([event], frames: 2000)[0].startSeconds - 10) < 1e-12)
        #expect(published.timed([event], frames: 2000)[0].endSeconds == 10)
        #expect(corrected.timed([event], frames: 2000)[0] == event)
    }
}

@Suite struct MixingTests {
    private func mixing(_ sample: Int, _ change: (inout BetweenClassMixup) -> Void) -> Mixing? {
        var mixup = BetweenClassMixup()
        change(&mixup)
        return Mixing(mixup, 8, KeyedRandom(seed: 1, sample: sample, purpose: .mixup), on: .cpu)
    }

    @Test func `One ratio holds for all clips, or each has its own`() throws {
        let same = try #require(mixing(0) { _ in })
        #expect(Set(same.ratios).count == 1 && (0.5..<1).contains(same.ratios[0]))
        #expect(Set(same.partners) == Set(0..<8))
        let own = try #require(mixing(0) { $0.sameRatio = false })
        #expect(Set(own.ratios).count == 8 && own.ratios.allSatisfy { (0.5..<1).contains($0) })
    }

    @Test func `As many clips are mixed as asked for, the others stay as they are with their labels`() throws {
        var mixed = 0
        for sample in 0..<300 {
            guard let mixing = mixing(sample, { $0.probability = 0.3 }) else { continue }
            for (row, ratio) in mixing.ratios.enumerated() {
                if ratio == 1 { #expect(mixing.partners[row] == row) } else { mixed += 1 }
            }
        }
        #expect(abs(Double(mixed) / 2400 - 0.3) < 0.03)
        let mixing = try #require(mixing(3) { $0.probability = 0.5 })
        let wave = try Tensor.randomNormal([8, 4000])
        let labels = try Tensor.randomUniform([8, 5, 2])
        let heard = try mixing.mix(wave, sampleRateHz: 8000, .none)
        let told = try mixing.mix(labels_BTC: labels)
        for row in 0..<8 where mixing.ratios[row] == 1 {
            #expect(try (heard.slice(0, row) - wave.slice(0, row)).absolute().maximum([0]).item() < 1e-5)
            #expect(try (told.slice(0, row) - labels.slice(0, row)).absolute().sum().item() == 0)
        }
        let row = try #require(mixing.ratios.firstIndex { $0 < 1 })
        let expected =
            try labels.slice(0, row) * mixing.ratios[row]
            + labels.slice(0, mixing.partners[row]) * (1 - mixing.ratios[row])
        #expect(try (told.slice(0, row) - expected).absolute().maximum([0, 1]).item() < 1e-6)
    }

    @Test func `Labels stay as they are where they shall not be mixed`() throws {
        let mixing = try #require(mixing(0) { $0.mixesLabels = false })
        let labels = try Tensor.randomUniform([8, 5, 2])
        #expect(try (mixing.mix(labels_BTC: labels) - labels).absolute().sum().item() == 0)
        #expect(try mixing.mix(known: labels).array(Float.self) == labels.array(Float.self))
    }
}

@Suite struct AdaptiveClippingTests {
    @Test func `Limits follow the smallest norm of the warm-up and then their own mean`() {
        var configuration = AdaptiveClipping.Configuration()
        (configuration.decay, configuration.factor, configuration.warmupUpdates) = (0.9, 1.5, 2)
        var clipping = AdaptiveClipping()
        #expect(clipping.factors(["a": 4, "b": 1], globalFactor: 0.5, configuration) == ["a": 0.5, "b": 0.5])
        #expect(clipping.factors(["a": 3, "b": 1], globalFactor: 1, configuration) == ["a": 1, "b": 1])
        #expect(clipping.norms == ["a": 2, "b": 0.5])
        // a: 6 above 1.5 · 2; b: 0.6 below 1.5 · 0.5.
        #expect(clipping.factors(["a": 6, "b": 0.6], globalFactor: 0.1, configuration) == ["a": 0.5, "b": 1])
        #expect(abs(clipping.norms["a"]! - (0.9 * 2 + 0.1 * 3)) < 1e-12)
        #expect(abs(clipping.norms["b"]! - (0.9 * 0.5 + 0.1 * 0.6)) < 1e-12)
        // A parameter that begins to learn later is not clipped at first.
        #expect(clipping.factors(["c": 9], globalFactor: 0.1, configuration) == ["c": 1])
        #expect(clipping.updates == 4)
    }
}

@Suite(.serialized) struct BatchTests {
    @Test func `An automatic batch is written and read as a word`() throws {
        let defaults = Animal2VecRecipe(method: .animal2vec, model: .init())
        let recipe = try defaults.under([], overrides: ["batch.clips=auto", "batch.windowsPerUpdate=96"])
        #expect(recipe.batch.isAutomatic)
        let yaml = try RecipeDecoder.yaml(recipe)
        #expect(yaml.contains("clips: auto"))
        #expect(try defaults.under([.text(yaml, name: "again")]).batch == recipe.batch)
        let batch = try JSONDecoder().decode(
            Recipe.Batch.self, from: JSONEncoder().encode(Recipe.Batch(clips: 3, accumulation: 2)))
        #expect(batch == Recipe.Batch(clips: 3, accumulation: 2))
    }

    private func tiny() -> Animal2VecRecipe {
        var recipe = Animal2VecRecipe(method: .animal2vec, model: .init())
        let network = TinyNetwork.configuration
        recipe.model.network = network
        return recipe
    }

    @Test func `The number of windows that pass at a time keeps to the memory it may take`() throws {
        let recipe = tiny()
        let description = ModelDescription(kind: .pretrained, encoder: recipe.model.network, windowSeconds: 2)
        let objective = try Animal2VecPretraining(recipe, description: description, device: .cpu) { _, _, _ in }
        var batch = Recipe.Batch()
        (batch.clips, batch.windowsPerUpdate) = (0, 12)
        // All of an update fits; in a millionth of the memory nothing does but one window, which always runs.
        let all = try MemoryProbe(device: .cpu).batch(batch, seconds: 2, rateHz: 8000, objective)
        #expect((all.clips, all.accumulation) == (12, 1))
        batch.memoryShare = 1e-6
        let one = try MemoryProbe(device: .cpu).batch(batch, seconds: 2, rateHz: 8000, objective)
        #expect((one.clips, one.accumulation) == (1, 12))
        // It leaves no gradients behind.
        #expect(try objective.learning.gradients().isEmpty)
    }
}

@Suite struct ClassBalanceTests {
    @Test func `Rare classes weigh more, by seconds and up to ten times`() {
        let events = [("often", 0.0, 90.0), ("seldom", 0, 9), ("hardly", 0, 0.01)].map {
            Event(recording: "r", startSeconds: $0.1, endSeconds: $0.2, label: $0.0)
        }
        let vocabulary = Vocabulary(["hardly", "often", "seldom"])
        let weights = FineTuningRun.balancedWeights(events, vocabulary)
        #expect(weights[0] == 10)
        #expect(abs(weights[1] - 33.0033 / 90) < 1e-4)
        #expect(abs(weights[2] - 33.0033 / 9) < 1e-3)
    }

    private func objective(_ change: (inout FineTuningModel) -> Void, weights: [Float] = []) throws -> FineTuning {
        var recipe = FrameClassifierRecipe(model: .init())
        recipe.model.dropout = .none
        recipe.model.mixup.probability = 0
        (recipe.model.timeMask.probability, recipe.model.channelMask.probability) = (0, 0)
        recipe.freeze.encoderUpdates = 0
        change(&recipe.model)
        let network = TinyNetwork.configuration
        let model = try FrameClassifier(
            network, classCount: 2, head: recipe.model.head, rates: recipe.model.dropout, seed: 3)
        let description = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: 1, head: recipe.model.head, classes: ["a", "b"])
        return FineTuning(
            recipe, model: model, description: description, classWeights: weights, device: .cpu, trial: { _, _ in nil },
            export: { _, _, _ in })
    }

    private func batch(known: [Range<Double>]) -> Batch {
        let samples = (0..<8000).map { (index: Int) -> Float in Float((index * 7919) % 1000) / 500 - 1 }
        let event = Event(recording: "r", startSeconds: 0.2, endSeconds: 0.4, label: "b")
        return Batch(
            samples_BS: samples, count: 1, windowFrames: 8000, rateHz: 8000, windows: [], positions: [0],
            validFrames: [8000], events: [[event]], known: [known], replacements: [])
    }

    @Test func `A class weight counts where the class is, not where it is not`() throws {
        let plain = try objective { $0.loss.gamma = 0 }.forward(batch(known: [0..<1]), update: 0)
        let same = try objective({ $0.loss.gamma = 0 }, weights: [5, 1]).forward(batch(known: [0..<1]), update: 0)
        // Class a is nowhere.
        #expect(try abs(plain.loss.item() - same.loss.item()) < 1e-3)
        let more = try objective({ $0.loss.gamma = 0 }, weights: [1, 3]).forward(batch(known: [0..<1]), update: 0)
        let positives = try objective({
            $0.loss.gamma = 0
            $0.loss.alpha = 1
        }).forward(batch(known: [0..<1]), update: 0)
        // Alpha 1 counts positives only, alpha 0.25 a quarter of them.
        let added = try more.loss.item() - plain.loss.item()
        let ofPositives = try positives.loss.item()
        #expect(abs(added - 0.5 * ofPositives) < 1e-2)
        // The middle of the last frame lies past the end.
        #expect(plain.weight == 199)
    }

    @Test func `A clip is labelled by what is anywhere in it, as far as that is known`() throws {
        func loss(_ known: [Range<Double>]) throws -> ForwardPass {
            try objective { $0.head.scope = .clipMean }.forward(batch(known: known), update: 0)
        }
        let whole = try loss([0..<1])
        #expect(whole.weight == 1)
        // Where half of the clip is unknown, class b is known to be there and a is not known to be missing.
        let half = try loss([0..<0.5])
        #expect(try half.loss.item() > 0 && half.loss.item() < whole.loss.item())
    }
}

/// A network that computes in no time.
enum TinyNetwork {
    static var configuration: Animal2VecConfiguration {
        var configuration = Animal2VecConfiguration()
        (configuration.frontEnd.channels, configuration.frontEnd.filters) = (8, 8)
        (configuration.width, configuration.heads, configuration.depth) = (16, 2, 2)
        configuration.feedForwardRatio = 2
        (configuration.positions.layers, configuration.positions.kernel, configuration.positions.groups) = (1, 9, 4)
        (configuration.decoder.layers, configuration.decoder.width, configuration.decoder.groups) = (1, 8, 4)
        configuration.masking.clones = 2
        return configuration
    }
}
