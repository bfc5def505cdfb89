/// The sizes and rates of an animal2vec model.
public struct Animal2VecConfiguration: Codable, Sendable, Hashable {
    /// Waveform to features.
    public var frontEnd = FrontEnd.Configuration()
    /// D
    public var width = 768
    /// H
    public var heads = 12
    /// Blocks whose feed-forward outputs make the target.
    public var depth = 12
    /// Blocks before them.
    public var prenetDepth = 0
    /// Width of the feed-forward network over D.
    public var feedForwardRatio = 4
    /// What lies between the two layers of the feed-forward network.
    public var feedForward = FeedForward.gelu
    /// How a block's additions are weighed.
    public var residuals = Residuals.plain
    /// Convolutions that tell a frame where it is: number, total kernel, groups.
    public var positions = Positions()
    /// How attention knows how far frames are apart.
    public var distances = Distances()
    /// Whether a learned token, which is no frame, goes through the transformer with each clip and learns to stand for it.
    public var classToken = false
    /// What rebuilds the masked frames.
    public var decoder = Decoder()
    /// What the student does not see.
    public var masking = FrameMask.Configuration()
    /// Last blocks averaged for targets and for fine-tuning; 0 takes all.
    public var averagedLayers = 0
    /// Whether the strength of the distance penalty is learned for every head; a fixed one lets attention run fused.
    public var learnsAlibi = true
    /// What the teacher shows.
    public var targets = TeacherTargets()
    /// How far the student is from it.
    public var loss = RegressionLoss()
    /// Dropout while pretraining.
    public var dropout = DropoutRates()
    /// Whether the habits of a published program are kept.
    public var compatibility = Compatibility.none

    /// Positional convolutions.
    public struct Positions: Codable, Sendable, Hashable {
        /// Number of convolutions; 0 for none.
        public var layers = 5
        /// Kernel of all together; each has max(3, kernel / layers) taps.
        public var kernel = 95
        /// Groups of channels.
        public var groups = 16
        /// Whether a layer norm with learned numbers comes before the first.
        public var normsInput = false
    }

    /// How attention knows how far frames are apart.
    public struct Distances: Codable, Sendable, Hashable {
        /// The ways.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            /// A penalty that grows with the distance (ALiBi), as published.
            case alibi
            /// Queries and keys turned by angles that grow with the position.
            case rotary
            /// Not at all.
            case none
        }

        /// The way.
        public var kind = Kind.alibi
        /// The slowest angle of rotary positions turns once in 2π times this.
        public var rotaryBase = 10_000.0
        /// Positions are counted in this many per second, whatever the frame rate, so that they mean seconds to models of
        /// any sample rate; 0 counts frames, as published.
        public var positionsPerSecond = 0.0
    }

    /// The convolutional decoder.
    public struct Decoder: Codable, Sendable, Hashable {
        /// Channels.
        public var width = 384
        /// Convolutions.
        public var layers = 4
        /// Taps of each.
        public var kernel = 7
        /// Groups of channels.
        public var groups = 16
    }

    /// animal2vec base.
    public init() {}

    /// Blocks averaged, at most all of them.
    var averaged: Int { averagedLayers == 0 ? depth : min(averagedLayers, depth) }

    /// What frame numbers are multiplied with to make positions.
    var positionScale: Double {
        distances.positionsPerSecond > 0 ? distances.positionsPerSecond / frontEnd.frameRateHz : 1
    }
}
