// Values that change with the number of updates done, as pure functions of that number: nothing to save, nothing to restore.
import Foundation

/// The learning rate as a function of the updates done so far.
public struct LearningRate: Sendable, Hashable {
    /// Shape and lengths.
    public let schedule: Recipe.Schedule
    /// The rate at the end of the warm-up.
    public let peak: Double

    /// The schedule of a recipe with its peak.
    public init(_ schedule: Recipe.Schedule, peak: Double) {
        self.schedule = schedule
        self.peak = peak
    }

    /// The rate for the update that follows after `updates` updates: that of its own number, or of the number before.
    public func value(after updates: Int) -> Double {
        value(at: schedule.usesPreviousUpdate == true ? updates : updates + 1)
    }

    private func value(at updates: Int) -> Double {
        if updates < schedule.warmupUpdates {
            let initial = schedule.initialLearningRate
            return initial + Double(updates) * (peak - initial) / Double(schedule.warmupUpdates)
        }
        let position = updates - schedule.warmupUpdates
        switch schedule.kind {
        case .constant: return peak
        case .cosine: return cosine(position)
        case .triStage: return triStage(position)
        }
    }

    /// To the final rate; with fairseq's habits a new period begins after the last update, with a tenth of both rates.
    private func cosine(_ position: Int) -> Double {
        let period = max(1, schedule.totalUpdates - schedule.warmupUpdates)
        if schedule.usesPreviousUpdate != true, position >= period { return schedule.finalLearningRate }
        let shrink = pow(0.1, Double(position / period))
        let (low, high) = (schedule.finalLearningRate * shrink, peak * shrink)
        let share = Double(position % period) / Double(period)
        return low + 0.5 * (high - low) * (1 + cos(.pi * share))
    }

    private func triStage(_ position: Int) -> Double {
        let decayUpdates = schedule.totalUpdates - schedule.warmupUpdates - schedule.holdUpdates
        let decayed = position - schedule.holdUpdates
        if decayed <= 0 { return peak }
        if decayed >= decayUpdates { return schedule.finalLearningRate }
        return peak * pow(schedule.finalLearningRate / peak, Double(decayed) / Double(decayUpdates))
    }
}

/// A value that goes from one number to another and stays there.
public struct Ramp: Sendable, Hashable {
    /// The way from the first to the last value.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// A straight line.
        case linear
        /// Half a cosine: slow at both ends.
        case cosine
    }

    /// The way.
    public let kind: Kind
    /// The value before the first update.
    public let initial: Double
    /// The value after the last update.
    public let final: Double
    /// How many updates the way takes.
    public let updates: Int

    /// A way from `initial` to `final` over `updates` updates.
    public init(_ kind: Kind, from initial: Double, to final: Double, updates: Int) {
        self.kind = kind
        self.initial = initial
        self.final = final
        self.updates = updates
    }

    /// The teacher's decay of a recipe. At 1 the teacher stands still, and its update can be left out.
    public init(_ teacher: Recipe.Teacher) {
        self.init(teacher.ramp, from: teacher.initialDecay, to: teacher.finalDecay, updates: teacher.annealUpdates)
    }

    /// The weight decay of a recipe.
    public init(weightDecayOf optimizer: Recipe.Optimizer, totalUpdates: Int) {
        self.init(
            .cosine, from: optimizer.weightDecay, to: optimizer.finalWeightDecay ?? optimizer.weightDecay,
            updates: totalUpdates)
    }

    /// The value after `done` updates.
    public func value(after done: Int) -> Double {
        guard done < updates else { return final }
        let share = Double(done) / Double(updates)
        return switch kind {
        case .linear: final - (final - initial) * (1 - share)
        case .cosine: final + 0.5 * (initial - final) * (1 + cos(.pi * share))
        }
    }
}
