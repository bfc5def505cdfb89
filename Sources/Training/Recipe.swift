// The sections that recipes are made of. Every field has a default; YAML keys are the names of the fields.

import Corpus
import Inference
import Neural

/// The sections of a recipe.
public enum Recipe {
    /// Which self-supervised method is used.
    public enum Method: String, Codable, Sendable, CaseIterable {
        /// Masked self-distillation on the waveform.
        case animal2vec
        /// Joint-embedding self-distillation on spectrograms.
        case dino
    }

    /// What windows are cut from the recordings.
    public struct Data: Codable, Sendable, Hashable {
        /// Rate that the model works at; recordings of other rates are resampled. 0 takes the commonest of the corpus.
        public var sampleRateHz = 8_000.0
        /// Length of a window.
        public var windowSeconds = 10.0
        /// What becomes of recordings with several channels.
        public var channels = ModelDescription.Channels.each
        /// Split of the corpus to learn from.
        public var split = SplitPart.train
        /// Few-shot subset of its labels, as `split --few-shot` names it; null takes all labels.
        public var subset: String?
        /// Share of windows drawn around events of labels chosen evenly, so that rare ones are seen.
        public var balancedShare = 0.0
        /// Recordings shorter than this are left out.
        public var shortestSeconds = 0.1
        /// Threads that decode; 0 takes one per core.
        public var decoderThreads = 0
        /// Batches decoded ahead of their use.
        public var prefetchedBatches = 4

        /// The defaults.
        public init() {}
    }

    /// How gradients become steps.
    public struct Optimizer: Codable, Sendable, Hashable {
        /// Which optimizer.
        public enum Name: String, Codable, Sendable, CaseIterable {
            /// Adam with weight decay as part of the gradient.
            case adam
            /// Adam with weight decay apart from the gradient (also what fairseq calls Adam).
            case adamw
        }

        /// Which parameters weight decay leaves alone.
        public enum DecayExemption: String, Codable, Sendable, CaseIterable {
            /// None: all parameters decay.
            case none
            /// Biases, norms and other parameters of fewer than two dimensions.
            case vectors
        }

        /// Which optimizer.
        public var name = Name.adamw
        /// Learning rate at the peak of the schedule.
        public var learningRate = 1e-4
        /// Decay of the mean of the gradients.
        public var beta1 = 0.9
        /// Decay of the mean of their squares.
        public var beta2 = 0.98
        /// Added to the root of the mean square.
        public var epsilon = 1e-6
        /// Whether epsilon is added before the bias correction, as fairseq does, or after it, as PyTorch does.
        public var epsilonBeforeCorrection = true
        /// Weight decay, multiplied by the learning rate.
        public var weightDecay = 0.01
        /// Weight decay at the end of training, reached along a cosine; null keeps it constant.
        public var finalWeightDecay: Double?
        /// Which parameters weight decay leaves alone; null takes vectors, or none of a model that keeps the habits of
        /// animal2vec 1.0.
        public var decayExemption: DecayExemption?
        /// Gradients of a larger norm over all parameters are scaled down to it; null never scales.
        public var largestGradientNorm: Double? = 1
        /// Limits of single parameters, learned from the past of their gradients.
        public var adaptiveClipping = AdaptiveClipping.Configuration()
        /// Whether that holds for the gradient of every parameter by itself, as published for DINO.
        public var limitsEachGradient = false

        /// The defaults.
        public init() {}
    }

    /// How the learning rate changes and how long training lasts.
    public struct Schedule: Codable, Sendable, Hashable {
        /// The shape of the learning rate.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            /// Linear warm-up, then constant.
            case constant
            /// Linear warm-up, then half a cosine down to the final rate.
            case cosine
            /// Linear warm-up, hold, exponential decay to the final rate.
            case triStage
        }

        /// The shape of the learning rate.
        public var kind = Kind.cosine
        /// Updates until training ends.
        public var totalUpdates = 384_230
        /// Updates until the peak.
        public var warmupUpdates = 10_000
        /// Updates at the peak, of `triStage` only.
        public var holdUpdates = 0
        /// Learning rate before the first update.
        public var initialLearningRate = 0.0
        /// Learning rate at the end.
        public var finalLearningRate = 0.0
        /// Whether an update uses the rate of the update before, as fairseq does, the first one `initialLearningRate`; null
        /// takes each update's own, or fairseq's of a model that keeps the habits of animal2vec 1.0.
        public var usesPreviousUpdate: Bool?

        /// The defaults.
        public init() {}
    }

    /// Lengths in epochs, for those who think in them. null leaves the number of updates as it is; an epoch gives every
    /// recording as many windows as fit into it.
    public struct Epochs: Codable, Sendable, Hashable {
        /// Epochs until training ends: sets schedule.totalUpdates.
        public var total: Double?
        /// Epochs until the peak of the learning rate: sets schedule.warmupUpdates.
        public var warmup: Double?
        /// Epochs until the teacher's last decay: sets teacher.annealUpdates.
        public var teacher: Double?

        /// The defaults.
        public init() {}
    }

    /// How numbers are held during training.
    public struct Precision: Codable, Sendable, Hashable {
        /// The type in which the network computes; weights are kept in fp32 in any case.
        public var compute = Neural.Precision.fp32
        /// Factor of the loss at the start, of fp16 only.
        public var initialLossScale = 1.0
        /// Training stops when the factor falls below this.
        public var smallestLossScale = 1e-6
        /// Updates without overflow until the factor is doubled.
        public var lossScaleGrowthUpdates = 819

        /// The defaults.
        public init() {}
    }

    /// How the teacher follows the student.
    public struct Teacher: Codable, Sendable, Hashable {
        /// Share of the old teacher that an update keeps, at the start.
        public var initialDecay = 0.9997
        /// The same at the end; 1 freezes the teacher.
        public var finalDecay = 1.0
        /// Updates from the first to the last value.
        public var annealUpdates = 300_000
        /// The way from the first to the last value.
        public var ramp = Ramp.Kind.linear
        /// Whether the teacher's weights are written into the model too, for those who want to start from them.
        public var isExported = true

        /// The defaults.
        public init() {}
    }

    /// When training of animal2vec is held to have collapsed.
    public struct CollapseGuard: Codable, Sendable, Hashable, Defaulted {
        /// Updates before anything is guarded.
        public var afterUpdates = 5_000
        /// Training stops when the deviation of the targets falls below this.
        public var smallestTargetDeviation = 0.1
        /// Training stops when the deviation of the predictions falls below this.
        public var smallestPredictionDeviation = 0.01

        /// The defaults.
        public init() {}
    }

    /// When the state is saved, and which saved states are kept.
    public struct Checkpoint: Codable, Sendable, Hashable {
        /// Updates between two saves at most.
        public var everyUpdates = 1_000
        /// Seconds between two saves at most.
        public var everySeconds = 600.0
        /// How many of the last are kept, at least 2.
        public var keepLast = 3
        /// Every checkpoint whose update is a multiple of this is kept; null keeps none for that reason.
        public var keepEvery: Int?

        /// The defaults.
        public init() {}
    }

    /// What is logged.
    public struct Log: Codable, Sendable, Hashable {
        /// Updates between two lines of the metrics.
        public var everyUpdates = 50
        /// Whether TensorBoard event files are written beside the JSON lines.
        public var tensorBoard = true

        /// The defaults.
        public init() {}
    }

    /// When the model is tried on held-out recordings.
    public struct Validation: Codable, Sendable, Hashable {
        /// Which score decides what the best model is. More is better.
        public enum Metric: String, Codable, Sendable, CaseIterable {
            /// F1 of events, class included.
            case eventF1
            /// Mean over classes of the average precision of frames.
            case frameAveragePrecisionMacro
            /// Average precision of all frames and classes together.
            case frameAveragePrecisionMicro
        }

        /// Split of the corpus to try the model on.
        public var split = SplitPart.valid
        /// Updates between two trials.
        public var everyUpdates = 5_000
        /// Updates before the first trial.
        public var afterUpdates = 10_000
        /// Which score decides what the best model is.
        public var metric = Metric.frameAveragePrecisionMacro

        /// The defaults.
        public init() {}
    }

    /// What does not learn, and for how long.
    public struct Freeze: Codable, Sendable, Hashable {
        /// Updates during which only the head learns.
        public var encoderUpdates = 10_000
        /// Whether the front-end on the waveform never learns.
        public var frontEnd = true

        /// The defaults.
        public init() {}
    }
}
