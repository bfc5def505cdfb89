import Inference
import Models

/// Looks for values that no run can work with, and collects what it finds.
struct RecipeCheck {
    private var faults: [String] = []

    /// Throws all faults that `body` finds.
    static func run(_ body: (inout RecipeCheck) -> Void) throws(RecipeError) {
        var check = RecipeCheck()
        body(&check)
        if !check.faults.isEmpty { throw RecipeError(check.faults) }
    }

    mutating func atLeast(_ path: String, _ value: Int, _ bound: Int) {
        if value < bound { faults.append("\(path): at least \(bound) is expected, found \(value)") }
    }

    mutating func positive(_ path: String, _ value: Double) {
        if !(value > 0 && value.isFinite) { faults.append("\(path): a number above 0 is expected, found \(value)") }
    }

    mutating func notNegative(_ path: String, _ value: Double) {
        if !(value >= 0 && value.isFinite) {
            faults.append("\(path): a number of at least 0 is expected, found \(value)")
        }
    }

    mutating func share(_ path: String, _ value: Double) {
        if !(0...1).contains(value) { faults.append("\(path): a number from 0 to 1 is expected, found \(value)") }
    }

    mutating func data(_ data: Recipe.Data) {
        positive("data.windowSeconds", data.windowSeconds)
        notNegative("data.shortestSeconds", data.shortestSeconds)
        atLeast("data.decoderThreads", data.decoderThreads, 0)
        atLeast("data.prefetchedBatches", data.prefetchedBatches, 1)
        if data.sampleRateHz != 0, !(100...10_000_000).contains(data.sampleRateHz) {
            faults.append(
                "data.sampleRateHz: a rate from 100 Hz to 10 MHz is expected, or 0 to take that of the data or the model, "
                    + "found \(data.sampleRateHz)")
        }
    }

    mutating func rate(_ path: String, _ value: Double) {
        if !(0..<1).contains(value) { faults.append("\(path): a number from 0 to below 1 is expected, found \(value)") }
    }

    mutating func dropout(_ path: String, _ rates: DropoutRates) {
        for (name, value) in rates.named { rate("\(path).\(name)", value) }
    }

    mutating func loss(_ path: String, _ loss: FocalLoss) {
        if loss.alpha > 1 { faults.append("\(path).alpha: a number up to 1 is expected, found \(loss.alpha)") }
        notNegative("\(path).gamma", loss.gamma)
        rate("\(path).smoothing", loss.smoothing)
    }

    mutating func mixup(_ mixup: BetweenClassMixup) {
        share("model.mixup.probability", mixup.probability)
        share("model.mixup.lowestRatio", mixup.lowestRatio)
        positive("model.mixup.windowSeconds", mixup.windowSeconds)
    }

    mutating func backgrounds(_ backgrounds: Recipe.Backgrounds) {
        share("backgrounds.probability", backgrounds.probability)
        let (low, high) = (backgrounds.decibels.low, backgrounds.decibels.high)
        if !(low <= high && low >= -60 && high <= 120) {
            found(["backgrounds.decibels: from -60 to 120, low before high, is expected, found \(low) to \(high)"])
        }
    }

    mutating func batch(_ batch: Recipe.Batch) {
        atLeast("batch.clips", batch.clips, 0)
        atLeast("batch.accumulation", batch.accumulation, 1)
        share("batch.memoryShare", batch.memoryShare)
        if let windows = batch.windowsPerUpdate {
            atLeast("batch.windowsPerUpdate", windows, 1)
            if !batch.isAutomatic, windows != batch.clipsPerUpdate {
                faults.append(
                    "batch.windowsPerUpdate: is \(windows), but clips \(batch.clips) times accumulation "
                        + "\(batch.accumulation) is \(batch.clipsPerUpdate); leave it out, or give clips: auto")
            }
        } else if batch.isAutomatic {
            faults.append("batch.windowsPerUpdate: is needed with clips: auto, which only says how many pass at a time")
        }
    }

    mutating func optimizer(_ optimizer: Recipe.Optimizer) {
        positive("optimizer.learningRate", optimizer.learningRate)
        positive("optimizer.epsilon", optimizer.epsilon)
        notNegative("optimizer.weightDecay", optimizer.weightDecay)
        if let final = optimizer.finalWeightDecay { notNegative("optimizer.finalWeightDecay", final) }
        if let norm = optimizer.largestGradientNorm { positive("optimizer.largestGradientNorm", norm) }
        share("optimizer.adaptiveClipping.decay", optimizer.adaptiveClipping.decay)
        positive("optimizer.adaptiveClipping.factor", optimizer.adaptiveClipping.factor)
        atLeast("optimizer.adaptiveClipping.warmupUpdates", optimizer.adaptiveClipping.warmupUpdates, 1)
        for (name, beta) in [("beta1", optimizer.beta1), ("beta2", optimizer.beta2)] where !(0..<1).contains(beta) {
            faults.append("optimizer.\(name): a number from 0 to below 1 is expected, found \(beta)")
        }
    }

    mutating func schedule(_ schedule: Recipe.Schedule) {
        atLeast("schedule.totalUpdates", schedule.totalUpdates, 1)
        atLeast("schedule.warmupUpdates", schedule.warmupUpdates, 0)
        atLeast("schedule.holdUpdates", schedule.holdUpdates, 0)
        notNegative("schedule.initialLearningRate", schedule.initialLearningRate)
        notNegative("schedule.finalLearningRate", schedule.finalLearningRate)
        if schedule.warmupUpdates + schedule.holdUpdates > schedule.totalUpdates {
            faults.append(
                "schedule: warmupUpdates \(schedule.warmupUpdates) and holdUpdates \(schedule.holdUpdates) do not fit into "
                    + "totalUpdates \(schedule.totalUpdates)")
        }
        if schedule.kind == .triStage { positive("schedule.finalLearningRate", schedule.finalLearningRate) }
    }

    mutating func epochs(_ epochs: Recipe.Epochs) {
        for (name, value) in [("total", epochs.total), ("warmup", epochs.warmup), ("teacher", epochs.teacher)] {
            if let value { name == "warmup" ? notNegative("epochs.\(name)", value) : positive("epochs.\(name)", value) }
        }
    }

    /// Faults found elsewhere, by the names that the settings have in a recipe.
    mutating func found(_ others: [String]) { faults += others }

    mutating func precision(_ precision: Recipe.Precision) {
        positive("precision.initialLossScale", precision.initialLossScale)
        positive("precision.smallestLossScale", precision.smallestLossScale)
        atLeast("precision.lossScaleGrowthUpdates", precision.lossScaleGrowthUpdates, 1)
    }

    mutating func recovery(_ recovery: Recovery.Configuration) {
        atLeast("recovery.nonFiniteLimit", recovery.nonFiniteLimit, 1)
        atLeast("recovery.rewindLimit", recovery.rewindLimit, 0)
        atLeast("recovery.jumpUpdates", recovery.jumpUpdates, 0)
        share("recovery.learningRateFactor", recovery.learningRateFactor)
        positive("recovery.learningRateFactor", recovery.learningRateFactor)
    }

    mutating func checkpoint(_ checkpoint: Recipe.Checkpoint) {
        atLeast("checkpoint.everyUpdates", checkpoint.everyUpdates, 1)
        positive("checkpoint.everySeconds", checkpoint.everySeconds)
        atLeast("checkpoint.keepLast", checkpoint.keepLast, 2)
        if let every = checkpoint.keepEvery { atLeast("checkpoint.keepEvery", every, 1) }
    }

    mutating func log(_ log: Recipe.Log) {
        atLeast("log.everyUpdates", log.everyUpdates, 1)
    }
}

extension ModelDescription {
    /// Throws what no model can have, by the names that the settings have in a recipe: before the run begins, not when its
    /// model is written.
    func checkRecipe() throws(RecipeError) {
        let faults = faults().map { fault in
            let named = fault.replacing("encoder.", with: "model.network.")
            if named.hasPrefix("head.") { return "model.\(named)" }
            return named.hasPrefix("windowSeconds:") ? "data.\(named)" : named
        }
        if !faults.isEmpty { throw RecipeError(faults) }
    }
}
