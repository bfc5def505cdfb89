// What one update of DINO means: make views, compare the student's with the teacher's, let teacher and centre follow.
import Corpus
import Foundation
import Models
import Neural
import Randomness
import Torch

/// Pretraining by DINO.
package final class DINOPretraining: TrainingObjective {
    private let recipe: DINORecipe
    private let model: DINO
    private let views: SoundViews
    private let device: Device
    private let teacherDecay: Ramp
    private let windowsPerEpoch: Int
    private let probe: ProbeWindows
    private let backgrounds: BackgroundMixer?
    private let export: ([(name: String, tensor: Tensor)], URL, Int) throws -> Void
    /// What the teacher said in the micro-batches of this update; the centre moves when the update is applied.
    private var said: (summaries: [(sum: Tensor, rows: Int)], patches: [(sum: Tensor, rows: Int)]) = ([], [])

    /// A new model.
    ///
    /// - Parameters:
    ///   - windowsPerEpoch: what an epoch is, for lengths that are published in epochs.
    ///   - probe: windows for check-ups.
    ///   - backgrounds: what is mixed behind the student's windows.
    ///   - export: writes the teacher's backbone to a model folder.
    package init(
        _ recipe: DINORecipe, device: Device, windowsPerEpoch: Int, probe: ProbeWindows,
        backgrounds: BackgroundMixer? = nil,
        export: @escaping ([(name: String, tensor: Tensor)], URL, Int) throws -> Void
    ) throws {
        (self.recipe, self.device, self.windowsPerEpoch) = (recipe, device, windowsPerEpoch)
        (self.probe, self.backgrounds, self.export) = (probe, backgrounds, export)
        teacherDecay = Ramp(recipe.teacher)
        model = try DINO(
            recipe.model.configuration, seed: recipe.seed, precision: recipe.precision.compute, device: device)
        let spectrogram = try MelSpectrogram(
            recipe.model.spectrogram, rateHz: recipe.data.sampleRateHz, device: device)
        views = SoundViews(
            recipe.model.views, spectrogram, height: recipe.model.network.imageHeight,
            width: recipe.model.network.imageWidth)
    }

    package var learning: ParameterStore { model.student }
    package var companions: [(file: String, store: ParameterStore)] {
        [("teacher.safetensors", model.teacher), ("centres.safetensors", model.centres)]
    }

    private func epochs(_ update: Int) -> Double {
        Double(update * recipe.batch.clipsPerUpdate) / Double(windowsPerEpoch)
    }

    private func temperature(_ update: Int) -> Double {
        recipe.model.loss.teacherTemperature(epoch: Int(epochs(update)))
    }

    package func frozenPrefixes(update: Int) -> [String] {
        epochs(update) < recipe.model.frozenPrototypeEpochs ? DINO.prototypeNames : []
    }

    package func rateFactor(_ parameter: String) -> Double {
        recipe.model.network.rateFactor(parameter, decay: recipe.model.layerRateDecay)
    }

    package func updateBegins(_ update: Int) { said = ([], []) }

    package func forward(_ batch: Batch, update: Int) throws -> ForwardPass {
        let type = recipe.precision.compute.scalarType
        let wave = try batch.waves(.unitVariance).sent(to: device)
        let heard = try backgrounds.map { try $0.mixed(batch).waves(.unitVariance).sent(to: device) }
        let (seed, keys) = (recipe.seed, batch.positions)
        let views = try withoutGradients { () throws(TorchError) in
            try self.views(heard ?? wave, seed: seed, keys: keys)
        }
        let clean = heard == nil ? nil : try withoutGradients { try self.views.global(wave, seed: seed, keys: keys) }
        let step = try model.step(
            global: views.global.to(type), local: views.local?.to(type), teacherGlobal: clean?.to(type),
            hidden_GN: hiddenPatches(batch.positions),
            pictures: batch.count, temperature: temperature(update),
            mode: .learning(seed: splitmix64(recipe.seed ^ UInt64(batch.positions[0]))))
        said.summaries.append(step.teacherSum)
        if let patches = step.patchSum { said.patches.append(patches) }
        return ForwardPass(loss: step.loss, weight: Double(step.pictureCount)) {
            try step.figures().merging([
                "teacher_decay": self.teacherDecay.value(after: update),
                "teacher_temperature": self.temperature(update), "epoch": self.epochs(update),
            ]) { first, _ in first }
        }
    }

    /// Which patches of the global views are hidden, view by view; nil where none ever is.
    private func hiddenPatches(_ positions: [Int]) -> [Bool]? {
        guard recipe.model.configuration.hidesPatches else { return nil }
        let (patches, grid) = (recipe.model.loss.patches, recipe.model.network.grid)
        let views = recipe.model.views.global.count
        return (0..<views).flatMap { view in
            positions.flatMap { position in
                var random = KeyedRandom(seed: recipe.seed, sample: position * views + view, purpose: .mask)
                return patches.hidden(rows: grid.rows, columns: grid.columns, &random)
            }
        }
    }

    package func updateApplied(_ update: Int) throws {
        try model.moveTeacher(decay: teacherDecay.value(after: update - 1))
        try model.moveCentre(towards: said.summaries, patches: said.patches)
    }

    // MARK: Health

    package func checkUp(update: Int) throws -> CheckUp? {
        let interval = recipe.model.health.everyUpdates
        let isLast = update == recipe.schedule.totalUpdates
        guard interval > 0, isLast || update.isMultiple(of: interval) else { return nil }
        let unlabelled = try look(probe.windows())
        let health = try EmbeddingHealth(features_ND: unlabelled.features, shares_NK: unlabelled.shares)
        var metrics = health.metrics
        var line = String(
            format: "health: teacher's entropy %.2f per window, %.2f of the mean (of at most %.2f); feature deviation "
                + "%.2f (1 is best), effective rank %.1f of %d", health.sampleEntropy, health.meanEntropy,
            health.largestEntropy, health.deviation, health.effectiveRank, min(health.width, health.windowCount - 1))
        let labelled = try probe.labelledWindows()
        if let accuracy = try neighbours(labelled) {
            metrics["health_neighbour_accuracy"] = accuracy
            let counts = Dictionary(grouping: labelled.labels) { $0 }.map(\.value.count)
            let chance = Double(counts.max() ?? 0) / Double(labelled.labels.count)
            line += String(
                format: "; neighbours name %.0f %% rightly (%.0f %% by chance)", 100 * accuracy, 100 * chance)
        }
        return CheckUp(metrics: metrics, line: line)
    }

    private func neighbours(_ probe: ProbeWindows.Labelled) throws -> Double? {
        guard Set(probe.labels).count > 1, Set(probe.recordings).count > 1 else { return nil }
        return try NearestNeighbours.accuracy(
            look(probe.windows).features, labels: probe.labels, groups: probe.recordings)
    }

    /// What the teacher makes of whole windows, a micro-batch at a time.
    private func look(_ windows: [[Float]]) throws -> (features: Tensor, shares: Tensor) {
        let temperature = recipe.model.loss.teacherTemperature(epoch: .max)
        var (features, shares): ([Tensor], [Tensor]) = ([], [])
        for start in stride(from: 0, to: windows.count, by: recipe.batch.clips) {
            let some = windows[start..<min(start + recipe.batch.clips, windows.count)]
            let wave = try Tensor(some.flatMap(\.self), shape: [some.count, some[start].count]).to(device)
            let pictures = try withoutGradients { try views.whole(wave) }
            let seen = try model.look(pictures.to(recipe.precision.compute.scalarType), temperature: temperature)
            features.append(try seen.features.to(.cpu))
            shares.append(try seen.shares.to(.cpu))
        }
        return (try .concatenated(features, 0), try .concatenated(shares, 0))
    }

    package func collapse(update: Int, metrics: [String: Double]) -> String? {
        let limits = recipe.collapse
        let largest = log(Double(recipe.model.head.prototypes))
        guard update > limits.afterUpdates, let sample = metrics["health_sample_entropy"],
            let mean = metrics["health_mean_entropy"], let deviation = metrics["health_feature_deviation"],
            let rank = metrics["health_effective_rank"]
        else { return nil }
        let rest = "and begin a new run"
        if mean < limits.smallestMeanEntropy * largest {
            return "training has collapsed: the teacher says the same of all windows (entropy of its mean \(mean), "
                + "limit \(limits.smallestMeanEntropy) of \(largest)); lower model.loss.centreMomentum or take "
                + "model.loss.centering=sinkhorn, raise model.loss.teacherTemperature a little, \(rest)"
        }
        if sample > limits.largestSampleEntropy * largest {
            return "training has collapsed: the teacher says nothing of any window (entropy \(sample), limit "
                + "\(limits.largestSampleEntropy) of \(largest)); lower model.loss.teacherTemperature, lower "
                + "optimizer.learningRate or warm it up longer, take 4096 to 8192 model.head.prototypes, \(rest)"
        }
        if deviation < limits.smallestFeatureDeviation || rank < limits.smallestEffectiveRank {
            return "training has collapsed: the features of all windows are alike (deviation \(deviation), limit "
                + "\(limits.smallestFeatureDeviation); effective rank \(rank), limit \(limits.smallestEffectiveRank)); "
                + "set model.loss.koleoWeight=0.1, lower optimizer.learningRate, take teacher.initialDecay=0.99 for "
                + "little data, \(rest)"
        }
        return nil
    }

    package func validate(update: Int) throws -> (score: Double, metrics: [String: Double])? { nil }

    package func export(to folder: URL, update: Int) throws { try export(model.backbone, folder, update) }
}

extension DINOConfiguration.Loss {
    /// τt in an epoch, counted from 0; as published it changes from epoch to epoch and not within one.
    public func teacherTemperature(epoch: Int) -> Double {
        guard epoch < temperatureWarmupEpochs - 1 else { return finalTeacherTemperature }
        let share = Double(epoch) / Double(temperatureWarmupEpochs - 1)
        return teacherTemperature + (finalTeacherTemperature - teacherTemperature) * share
    }
}

extension DINOConfiguration.Patches {
    /// Which patches of one view are hidden: rectangles of time and frequency until a share drawn for the view is reached.
    package func hidden(rows: Int, columns: Int, _ random: inout KeyedRandom) -> [Bool] {
        var flags = [Bool](repeating: false, count: rows * columns)
        guard random.uniform() < probability else { return flags }
        let share = leastShare + (greatestShare - leastShare) * random.uniform()
        var wanted = Int((share * Double(flags.count)).rounded())
        // Rectangles that hit what is hidden already add nothing; a few tries are enough.
        for _ in 0..<64 where wanted > 0 {
            let height = 1 + random.below(max(1, rows / 2))
            let width = 1 + random.below(max(1, columns / 2))
            let (top, left) = (random.below(rows - height + 1), random.below(columns - width + 1))
            for row in top..<top + height {
                for column in left..<left + width where wanted > 0 && !flags[row * columns + column] {
                    flags[row * columns + column] = true
                    wanted -= 1
                }
            }
        }
        return flags
    }
}

extension VisionTransformer.Configuration {
    /// decayᵏ for a parameter k blocks below the end: 1 for the head, the least for the patches.
    package func rateFactor(_ parameter: String, decay: Double) -> Double {
        guard decay != 1, parameter.hasPrefix("backbone."), !parameter.hasPrefix("backbone.norm.") else { return 1 }
        let parts = parameter.split(separator: ".")
        let layer = parts[1] == "blocks" ? (Int(parts[2]) ?? 0) + 1 : 0
        return pow(decay, Double(depth + 1 - layer))
    }
}
