// The loop of all methods: batches to losses to an update, with a checkpoint of everything that affects what follows, so
// that a run which is stopped at any moment ends with the same bits as one that is not.
import Corpus
import Foundation
import Neural
import Randomness
import Storage
import Terminal
import Torch

/// Runs a method to its last update, through stops, bad steps and lack of memory.
public final class Trainer {
    /// What the loop needs of a recipe.
    public struct Plan {
        /// Seed of the run.
        public var seed: UInt64
        /// Windows per pass and per update.
        public var batch: Recipe.Batch
        /// How gradients become steps.
        public var optimizer: Recipe.Optimizer
        /// How the learning rate changes.
        public var schedule: Recipe.Schedule
        /// How numbers are held.
        public var precision: Recipe.Precision
        /// What happens when something goes wrong.
        public var recovery: Recovery.Configuration
        /// When the state is saved.
        public var checkpoint: Recipe.Checkpoint
        /// What is logged.
        public var log: Recipe.Log
        /// Updates between two trials on held-out recordings, and before the first; nil never tries.
        public var validation: (everyUpdates: Int, afterUpdates: Int)?
        /// Fingerprint of the recipe.
        public var recipeHash: String
    }

    /// How a run ended.
    public enum Outcome: Sendable, Equatable {
        /// All updates are done.
        case finished
        /// It was stopped or gave up, with this exit status and, where it is not plain, a report.
        case left(status: Int32, report: String?)
    }

    /// Everything that changes from update to update, beside tensors.
    struct State: Codable {
        var update = 0
        var position = 0
        var recovery: Recovery
        var lossScale: Double
        var updatesSinceOverflow = 0
        var bestScore: Double?
        var optimizerCounts: [String: Int] = [:]
        /// What windows were drawn from.
        var corpus: String?
        var clipping = AdaptiveClipping()
    }

    private let run: RunFolder
    let plan: Plan
    let objective: any TrainingObjective
    let loader: Loader
    let optimizer: AdamW
    let checkpoints: CheckpointFolder
    private let learningRate: LearningRate
    private let weightDecay: Ramp
    var state: State
    private var metricsLog: MetricsLog?
    private var events: EventFile?
    var lastSave = ContinuousClock.now
    var waiting = DataWaiting()
    private var warned: Set<String> = []

    /// A trainer for a run; `run()` continues where its folder stands.
    package init(run: RunFolder, plan: Plan, objective: any TrainingObjective, loader: Loader) throws {
        self.run = run
        self.plan = plan
        self.objective = objective
        self.loader = loader
        optimizer = try AdamW(
            objective.learning.parameters, AdamW.Configuration(plan.optimizer), rateFactor: objective.rateFactor)
        checkpoints = CheckpointFolder(run.checkpoints, retention: .init(plan.checkpoint))
        learningRate = LearningRate(plan.schedule, peak: plan.optimizer.learningRate)
        weightDecay = Ramp(weightDecayOf: plan.optimizer, totalUpdates: plan.schedule.totalUpdates)
        state = State(
            recovery: Recovery(plan.recovery, batch: plan.batch),
            lossScale: plan.precision.compute == .fp16 ? plan.precision.initialLossScale : 1)
    }

    /// Trains to the last update or to the first reason to leave.
    public func run(progress: ProgressLine) throws -> Outcome {
        try checkpoints.removeLeftovers()
        if let loaded = try checkpoints.loadNewest() {
            for error in loaded.skipped { progress.print("warning: \(error); going on from an older checkpoint") }
            try restore(loaded.checkpoint)
            state.recovery = state.recovery.resumed()
            progress.print("continuing after update \(state.update)")
            if let corpus = state.corpus, corpus != loader.sampler.corpusFingerprint {
                progress.print(
                    "warning: the corpus is not the one this run learned from so far (\(corpus); now "
                        + "\(loader.sampler.corpusFingerprint)): it was scanned or split anew; windows from here on come "
                        + "from the corpus as it is")
            }
        }
        state.corpus = loader.sampler.corpusFingerprint
        metricsLog = try MetricsLog(run.metrics, resumingAfter: state.update)
        if plan.log.tensorBoard { events = try EventFile(in: run.url, firstStep: state.update) }
        lastSave = .now
        if state.update == 0 { _ = try save() }
        defer { if let summary = waiting.summary { progress.print(summary) } }
        while state.update < plan.schedule.totalUpdates {
            if let signal = StopSignal.received {
                if let outcome = try act(on: .stopRequested(signal), progress) { return outcome }
            }
            if let outcome = try step(progress) { return outcome }
            if isSaveDue, let outcome = try act(on: .saveDue, progress) { return outcome }
        }
        return try act(on: .finished, progress) ?? .finished
    }

    private var isSaveDue: Bool {
        state.update.isMultiple(of: plan.checkpoint.everyUpdates)
            || ContinuousClock.now - lastSave > .seconds(plan.checkpoint.everySeconds)
    }

    // MARK: One update

    private func step(_ progress: ProgressLine) throws -> Outcome? {
        let started = ContinuousClock.now
        let isLogged = (state.update + 1).isMultiple(of: plan.log.everyUpdates) || state.update == 0
        let pass: Pass
        do {
            pass = try accumulate(wantsMetrics: isLogged, progress)
        } catch let error as TorchError where error.code == .outOfMemory {
            return try act(on: .outOfMemory, progress)
        }
        let (loss, norm) = (pass.loss / pass.weight, pass.norm / (pass.weight * state.lossScale))
        guard loss.isFinite, norm.isFinite else {
            let samples = Array(state.position..<state.position + plan.batch.clipsPerUpdate)
            state.position += plan.batch.clipsPerUpdate
            if plan.precision.compute == .fp16, halveLossScale() { return nil }
            return try act(on: .stepNotFinite(samples: samples), progress)
        }
        let rate = learningRate.value(after: state.update) * state.recovery.learningRateScale
        let clip = try limitGradients(norm: norm, scale: 1 / (pass.weight * state.lossScale))
        try optimizer.step(
            learningRate: rate, weightDecay: weightDecay.value(after: state.update),
            gradientFactor: clip / (pass.weight * state.lossScale),
            frozen: objective.frozenPrefixes(update: state.update))
        try objective.learning.refreshWorkingCopies()
        state.update += 1
        state.position += plan.batch.clipsPerUpdate
        growLossScale()
        try objective.updateApplied(state.update)
        _ = state.recovery.handle(.stepApplied)

        let seconds = (ContinuousClock.now - started).seconds
        waiting.add(waitingSeconds: pass.waiting.seconds, seconds: seconds)
        progress.update(
            Double(state.update * plan.batch.clipsPerUpdate),
            note: "loss \(loss.formatted(.number.precision(.significantDigits(4)))), \(waiting.note)")
        if isLogged, let outcome = try report(pass, loss: loss, norm: norm, rate: rate, seconds: seconds, progress) {
            return outcome
        }
        if let outcome = try checkUpIfDue(progress) { return outcome }
        try validateIfDue(progress)
        return nil
    }

    /// Scales gradients that have limits of their own; the factor for all of them that is left to apply.
    private func limitGradients(norm: Double, scale: Double) throws -> Double {
        let largest = plan.optimizer.largestGradientNorm
        if let largest, plan.optimizer.limitsEachGradient {
            try objective.learning.limitEachGradient(to: largest / scale)
            return 1
        }
        let global = largest.map { min(1, $0 / (norm + 1e-6)) } ?? 1
        guard plan.optimizer.adaptiveClipping.isOn else { return global }
        let norms = try objective.learning.gradientNorms().mapValues { $0 * scale }
        try objective.learning.scaleGradients(
            state.clipping.factors(norms, globalFactor: global, plan.optimizer.adaptiveClipping))
        return 1
    }

    private typealias Pass = (loss: Double, weight: Double, norm: Double, waiting: Duration, metrics: [String: Double])

    /// Logs an update; an outcome ends the run, because it has collapsed.
    private func report(
        _ pass: Pass, loss: Double, norm: Double, rate: Double, seconds: Double, _ progress: ProgressLine
    ) throws -> Outcome? {
        var values = pass.metrics
        values["loss"] = loss
        values["gradient_norm"] = norm
        values["learning_rate"] = rate
        values["clips_per_second"] = Double(plan.batch.clipsPerUpdate) / seconds
        values["waiting_for_data"] = pass.waiting.seconds / seconds
        if plan.precision.compute == .fp16 { values["loss_scale"] = state.lossScale }
        try log(values)
        if let report = objective.collapse(update: state.update, metrics: pass.metrics) {
            return try act(on: .collapsed(report), progress)
        }
        return nil
    }

    /// Forward and backward passes of all micro-batches of an update.
    private func accumulate(
        wantsMetrics: Bool, _ progress: ProgressLine
    ) throws -> Pass {
        try objective.learning.clearGradients()
        objective.updateBegins(state.update)
        let clips = state.recovery.batch.clips
        var (loss, weight) = (0.0, 0.0)
        var waiting = Duration.zero
        var metrics: [String: Double] = [:]
        for start in stride(from: 0, to: plan.batch.clipsPerUpdate, by: clips) {
            let asked = ContinuousClock.now
            let count = min(clips, plan.batch.clipsPerUpdate - start)
            let batch = try loader.batch(at: state.position + start, count: count)
            waiting += ContinuousClock.now - asked
            for replacement in batch.replacements where warned.insert(replacement.path).inserted {
                progress.print("warning: \(replacement.path): \(replacement.reason); other windows take its place")
            }
            // Dropout is a function of seed and position: nothing of libtorch's generator needs saving.
            try Runtime.seed(dropoutSeed(at: state.position + start))
            let pass = try objective.forward(batch, update: state.update)
            loss += try pass.loss.item()
            weight += pass.weight
            try (state.lossScale == 1 ? pass.loss : pass.loss * state.lossScale).backward()
            if wantsMetrics, start == 0 { metrics = try pass.metrics() }
        }
        return (loss, weight, try objective.learning.gradientNorm(), waiting, metrics)
    }

    private func dropoutSeed(at position: Int) -> UInt64 {
        var random = KeyedRandom(seed: plan.seed, sample: position, purpose: .dropout)
        return random.next()
    }

    private func halveLossScale() -> Bool {
        state.lossScale /= 2
        state.updatesSinceOverflow = 0
        return state.lossScale >= plan.precision.smallestLossScale
    }

    private func growLossScale() {
        guard plan.precision.compute == .fp16 else { return }
        state.updatesSinceOverflow += 1
        if state.updatesSinceOverflow.isMultiple(of: plan.precision.lossScaleGrowthUpdates) { state.lossScale *= 2 }
    }

    private func log(_ values: [String: Double]) throws {
        try metricsLog?.write(step: state.update, values)
        try events?.write(step: state.update, scalars: values)
        try events?.flush()
    }

    private func checkUpIfDue(_ progress: ProgressLine) throws -> Outcome? {
        guard let checkUp = try objective.checkUp(update: state.update) else { return nil }
        try log(checkUp.metrics)
        progress.print("update \(state.update): \(checkUp.line)")
        guard let report = objective.collapse(update: state.update, metrics: checkUp.metrics) else { return nil }
        return try act(on: .collapsed(report), progress)
    }

    private func validateIfDue(_ progress: ProgressLine) throws {
        guard let due = plan.validation, state.update >= due.afterUpdates,
            state.update.isMultiple(of: due.everyUpdates) || state.update == plan.schedule.totalUpdates,
            let trial = try objective.validate(update: state.update)
        else { return }
        var values = trial.metrics
        values["validation_score"] = trial.score
        try log(values)
        if trial.score > state.bestScore ?? -.infinity {
            state.bestScore = trial.score
            try objective.export(to: run.bestModel, update: state.update)
        }
    }

    // MARK: Trouble

    /// Lets the recovery judge an event and does what it says; an outcome ends the run.
    private func act(on event: Recovery.Event, _ progress: ProgressLine) throws -> Outcome? {
        var pending = state.recovery.handle(event)
        var outcome: Outcome?
        while !pending.isEmpty {
            let action = pending.removeFirst()
            switch action {
            case .warn(let text): progress.print("warning: \(text)")
            case .quarantine(let samples): progress.print("warning: \(describe(samples))")
            case .save:
                if event == .finished { try objective.export(to: run.lastModel, update: state.update) }
                pending += state.recovery.handle(saveEvent(progress))
            case .rewind(let jump): pending += state.recovery.handle(rewind(jumpUpdates: jump))
            case .scaleLearningRate, .useBatch: break  // kept by the recovery's own state
            case .freeCaches: Runtime.releaseFreedMemory()
            case .retryStep: break
            case .leave(let status, let report):
                outcome = status == 0 ? .finished : .left(status: status, report: report)
            }
        }
        return outcome
    }

    /// Where windows come from that were in several bad steps.
    private func describe(_ positions: [Int]) -> String {
        let places = positions.prefix(5).map { position in
            let window = loader.sampler.window(at: position)
            let recording = loader.sampler.recordings.first { $0.recording.id == window.recordingID }
            return "\(recording?.recording.relativePath ?? "?") at \(window.startSeconds) s"
        }
        return "these windows were in several steps that were not finite: \(places.joined(separator: ", "))"
    }

    private func saveEvent(_ progress: ProgressLine) -> Recovery.Event {
        do {
            for trouble in try save() { progress.print("warning: \(trouble)") }
            return .saved
        } catch {
            return .saveFailed("\(error)")
        }
    }

    private func rewind(jumpUpdates: Int) -> Recovery.Event {
        do {
            guard let loaded = try checkpoints.loadNewest() else { return .rewindFailed("none was written yet") }
            let (recovery, position) = (state.recovery, state.position)
            try restore(loaded.checkpoint)
            state.recovery = recovery
            state.position = position + jumpUpdates * plan.batch.clipsPerUpdate
            return .rewound
        } catch {
            return .rewindFailed("\(error)")
        }
    }
}

extension Duration {
    /// In seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
