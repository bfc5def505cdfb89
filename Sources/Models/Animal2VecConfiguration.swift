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
    /// Convolutions that tell a frame where it is: number, total kernel, groups.
    public var positions = Positions()
    /// What rebuilds the masked frames.
    public var decoder = Decoder()
    /// What the student does not see.
    public var masking = Masking()
    /// Last blocks averaged for targets and for fine-tuning; 0 takes all.
    public var averagedLayers = 0
    /// Whether the strength of the distance penalty is learned for every head; a fixed one lets attention run fused.
    public var learnsAlibi = true
    /// Dropout while pretraining.
    public var dropout = DropoutRates()

    /// Positional convolutions.
    public struct Positions: Codable, Sendable, Hashable {
        /// Number of convolutions.
        public var layers = 5
        /// Kernel of all together; each has max(3, kernel / layers) taps.
        public var kernel = 95
        /// Groups of channels.
        public var groups = 16
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

    /// Span masks.
    public struct Masking: Codable, Sendable, Hashable {
        /// Frames hidden over frames there are, if spans never met.
        public var probability = 1.5
        /// Frames of one span.
        public var length = 2
        /// Masks drawn for each clip.
        public var clones = 8
        /// Standard deviation of the numbers that stand for masked frames.
        public var noise = 0.01
    }

    /// animal2vec base.
    public init() {}

    /// Blocks averaged, at most all of them.
    var averaged: Int { averagedLayers == 0 ? depth : min(averagedLayers, depth) }
}
