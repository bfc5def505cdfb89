// What to do when something goes wrong. State and event in, state and actions out; whoever drives it does the actions, and
// reports what came of them as further events.
import Terminal

/// Decides how a run survives trouble.
public struct Recovery: Sendable, Hashable, Codable {
    /// The limits.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Steps without a finite result in a row until the run goes back to the last checkpoint.
        public var nonFiniteLimit = 3
        /// How often the run may go back before the learning rate is lowered, and again before it gives up.
        public var rewindLimit = 2
        /// Updates' worth of data that is jumped over after going back.
        public var jumpUpdates = 200
        /// What the learning rate is multiplied with, once.
        public var learningRateFactor = 0.5

        /// The defaults.
        public init() {}
    }

    /// Something that happened.
    public enum Event: Sendable, Hashable {
        /// A step was finite and was applied.
        case stepApplied
        /// A step was not finite and was left out; these samples were in it.
        case stepNotFinite(samples: [Int])
        /// The device has no memory left for a step.
        case outOfMemory
        /// The targets or predictions have collapsed, in words.
        case collapsed(String)
        /// The first request to stop.
        case stopRequested(StopSignal.Kind)
        /// A second request, or the time for an orderly stop is over.
        case stopAtOnce
        /// The recipe's interval says that it is time to save.
        case saveDue
        /// A checkpoint lies on disk, proven by loading its manifest and checksums.
        case saved
        /// A checkpoint could not be written, in words.
        case saveFailed(String)
        /// The state of a checkpoint is in place.
        case rewound
        /// There is no checkpoint to go back to, in words.
        case rewindFailed(String)
        /// The last update is done.
        case finished
    }

    /// Something to do, in the order given.
    public enum Action: Sendable, Hashable {
        /// Print a warning.
        case warn(String)
        /// Keep these samples out of what follows.
        case quarantine(samples: [Int])
        /// Write a checkpoint.
        case save
        /// Load the newest good checkpoint, then jump over this many updates' worth of data.
        case rewind(jumpUpdates: Int)
        /// Multiply the learning rate of the schedule with this from now on.
        case scaleLearningRate(Double)
        /// Give cached memory back to the device.
        case freeCaches
        /// Use this batch from now on; windows per update stay the same.
        case useBatch(Recipe.Batch)
        /// Do the step again from its start.
        case retryStep
        /// End the run with this exit status; the report says why, nil where it is plain.
        case leave(status: Int32, report: String?)
    }

    /// What the run is doing.
    public enum Phase: String, Sendable, Hashable, Codable {
        /// Training.
        case running
        /// Writing a checkpoint, to go on afterwards.
        case saving
        /// Writing the last checkpoint because of a request to stop.
        case savingToLeave
        /// Writing the last checkpoint because all updates are done.
        case savingToFinish
        /// Loading a checkpoint.
        case rewinding
        /// Over.
        case over
    }

    /// Exit status of a run that a launcher shall start again (EX_TEMPFAIL).
    public static let resumable: Int32 = 75
    /// Exit status of a run that needs somebody to look at it.
    public static let failed: Int32 = 2
    /// Exit status after Ctrl-C.
    public static let interrupted: Int32 = 130

    /// What the run is doing.
    public private(set) var phase = Phase.running
    /// The batch in use.
    public private(set) var batch: Recipe.Batch
    /// What the learning rate of the schedule is multiplied with.
    public private(set) var learningRateScale = 1.0
    /// Samples that were in several steps without a finite result.
    public private(set) var quarantine: [Int] = []
    /// Steps without a finite result in the whole run.
    public private(set) var skippedSteps = 0

    private let configuration: Configuration
    private var nonFiniteInARow = 0
    private var rewinds = 0
    private var suspects: [Int: Int] = [:]
    private var failedSaves = 0
    private var savesToSkip = 0
    private var stopStatus = Recovery.resumable

    /// The state at the start of a run.
    public init(_ configuration: Configuration = Configuration(), batch: Recipe.Batch) {
        self.configuration = configuration
        self.batch = batch
    }

    /// The state of a saved run that goes on: it is running, and what it learnt about bad data and memory is kept.
    public func resumed() -> Recovery {
        var copy = self
        copy.phase = .running
        copy.nonFiniteInARow = 0
        (copy.failedSaves, copy.savesToSkip) = (0, 0)
        return copy
    }

    /// Takes an event in and says what to do.
    public mutating func handle(_ event: Event) -> [Action] {
        guard phase != .over else { return [] }
        switch event {
        case .stepApplied:
            nonFiniteInARow = 0
            return []
        case .stepNotFinite(let samples): return skip(samples)
        case .outOfMemory: return shrink()
        case .collapsed(let report): return leave(Self.failed, report)
        case .stopRequested(let signal): return stop(signal)
        case .stopAtOnce: return leave(phase == .savingToFinish ? Self.resumable : stopStatus, nil)
        case .saveDue: return save()
        case .saved: return saved()
        case .saveFailed(let reason): return saveFailed(reason)
        case .rewound:
            if phase == .rewinding { phase = .running }
            return []
        case .rewindFailed(let reason):
            return leave(Self.failed, "there is no checkpoint to go back to: \(reason)")
        case .finished:
            if phase == .running { phase = .savingToFinish }
            return [.save]
        }
    }

    private mutating func leave(_ status: Int32, _ report: String?) -> [Action] {
        phase = .over
        return [.leave(status: status, report: report)]
    }

    private mutating func skip(_ samples: [Int]) -> [Action] {
        skippedSteps += 1
        nonFiniteInARow += 1
        for sample in samples { suspects[sample, default: 0] += 1 }
        let guilty = samples.filter { suspects[$0] == 2 && !quarantine.contains($0) }.sorted()
        quarantine += guilty
        var actions: [Action] = [.warn("a step was not finite and is left out; samples \(list(samples))")]
        if !guilty.isEmpty { actions.append(.quarantine(samples: guilty)) }
        guard nonFiniteInARow >= configuration.nonFiniteLimit else { return actions }
        nonFiniteInARow = 0
        rewinds += 1
        if rewinds > configuration.rewindLimit {
            guard learningRateScale == 1 else {
                return actions
                    + leave(
                        Self.failed,
                        "\(skippedSteps) steps were not finite, going back and a lower learning rate did not help; look at the "
                            + "samples \(list(quarantine)), lower optimizer.learningRate or take precision.compute=fp32"
                    )
            }
            rewinds = 1
            learningRateScale = configuration.learningRateFactor
            actions.append(.warn("going back did not help: the learning rate is multiplied with \(learningRateScale)"))
            actions.append(.scaleLearningRate(learningRateScale))
        }
        phase = .rewinding
        // Each further rewind jumps further, or it would come to the same data.
        let jump = configuration.jumpUpdates * rewinds
        actions.append(
            .warn("\(configuration.nonFiniteLimit) steps in a row were not finite: back to the last checkpoint"))
        return actions + [.rewind(jumpUpdates: jump)]
    }

    private func list(_ samples: [Int]) -> String {
        samples.prefix(20).map(String.init).joined(separator: ", ") + (samples.count > 20 ? ", …" : "")
    }

    private mutating func shrink() -> [Action] {
        let total = batch.clipsPerUpdate
        let half = (1...max(1, batch.clips / 2)).last { total.isMultiple(of: $0) } ?? 1
        guard batch.clips > 1 else {
            return leave(
                Self.failed,
                "the device has too little memory for one window at a time; take a smaller model, data.windowSeconds or "
                    + "precision.compute=bf16")
        }
        batch = batch.regrouped(clips: half)
        return [
            .freeCaches,
            .warn(
                "out of memory: from now on \(batch.clips) windows at a time, \(batch.accumulation) times per update"),
            .useBatch(batch), .retryStep,
        ]
    }

    private mutating func stop(_ signal: StopSignal.Kind) -> [Action] {
        stopStatus = signal == .interrupt ? Self.interrupted : Self.resumable
        switch phase {
        case .running:
            phase = .savingToLeave
            return [.save]
        case .saving:
            // The checkpoint that is being written is fresh enough.
            phase = .savingToLeave
            return []
        case .rewinding: return leave(stopStatus, nil)
        case .savingToLeave, .savingToFinish, .over: return []
        }
    }

    private mutating func save() -> [Action] {
        guard phase == .running else { return [] }
        if savesToSkip > 0 {
            savesToSkip -= 1
            return []
        }
        phase = .saving
        return [.save]
    }

    private mutating func saved() -> [Action] {
        failedSaves = 0
        switch phase {
        case .savingToLeave: return leave(stopStatus, nil)
        case .savingToFinish: return leave(0, nil)
        case .saving: phase = .running
        default: break
        }
        return []
    }

    private mutating func saveFailed(_ reason: String) -> [Action] {
        failedSaves += 1
        switch phase {
        case .savingToLeave, .savingToFinish:
            return leave(Self.failed, "the last checkpoint could not be written: \(reason)")
        default:
            phase = .running
            // 0, 1, 3, 7, … further due saves are passed over: a full disk is not asked at every step.
            savesToSkip = (1 << min(failedSaves - 1, 5)) - 1
            return [.warn("no checkpoint was written, training goes on with the older ones: \(reason)")]
        }
    }
}
