// Everything about a model that is not a number in its weights: what it hears, what it says, and where it comes from.
import Audio
import Foundation
import Labels
import Models

/// The content of `model.yaml`.
public struct ModelDescription: ModelFolderDescription {
    /// The version that this program writes, and the newest that it reads.
    public static let currentFormatVersion = 1

    /// What a model does.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// It learned without labels; others start from it.
        case pretrained
        /// It gives a probability for every class in every frame.
        case frameClassifier
    }

    /// What becomes of recordings with several channels.
    public enum Channels: String, Codable, Sendable, CaseIterable {
        /// Each channel is heard by itself.
        case each
        /// Only the first channel is heard.
        case first
        /// The mean over the channels is heard.
        case mean
        /// Only the channel of greatest power in the first minute is heard.
        case loudest

        /// The same for a reader of recordings.
        public var selection: ChannelSelection {
            switch self {
            case .each: .all
            case .first: .index(0)
            case .mean: .mean
            case .loudest: .loudest
            }
        }
    }

    /// Where a model comes from; for people, and to tell models apart. Empty is unknown.
    public struct Provenance: Codable, Sendable, Hashable {
        /// The program that wrote the model.
        public var program = "animal2vec"
        /// The version of that program.
        public var version = ""
        /// Fingerprint of the recipe.
        public var recipe = ""
        /// The corpus that it learned from.
        public var corpus = ""
        /// The model that training started from.
        public var startedFrom = ""
        /// The labels that it learned from.
        public var labels = ""
        /// When it was written (ISO 8601); nil in models that are to be the same bytes whenever they are written.
        public var createdAt: String?
        /// The licence of the weights.
        public var licence = ""

        /// Unknown in all respects.
        public init() {}
    }

    /// The version of this format.
    public var formatVersion = Self.currentFormatVersion
    /// What the model does.
    public var kind: Kind
    /// Sizes of the network.
    public var encoder: Animal2VecConfiguration
    /// The rate that recordings are resampled to, in hertz.
    public var sampleRateHz: Double
    /// The length of the windows that the model learned from, in seconds.
    public var windowSeconds: Double
    /// What becomes of recordings with several channels.
    public var channels: Channels
    /// How the samples of a window are scaled.
    public var normalization: ClipNormalization
    /// The time that frame 0 of a window stands for, in seconds from its start.
    public var firstFrameCentreSeconds: Double
    /// What names the classes.
    public var head: ClassifierHead.Configuration
    /// The labels of the head, in order; empty for a model without head.
    public var classes: [String]
    /// How frame probabilities become events.
    public var decoding: EventDecoder.Configuration
    /// Where the model comes from.
    public var provenance: Provenance
    /// CRC-32C of `weights.safetensors`, hexadecimal; filled in when the folder is written.
    public var weightsChecksum = ""

    /// A description; the rate and the time of frame 0 follow from the encoder's front-end.
    ///
    /// - Parameters:
    ///   - windowSeconds: the length of the windows that the model learned from.
    ///   - normalization: nil for what the encoder's compatibility asks for.
    ///   - classes: the labels of the head; empty for a model without.
    public init(
        kind: Kind, encoder: Animal2VecConfiguration, windowSeconds: Double, channels: Channels = .each,
        normalization: ClipNormalization? = nil, head: ClassifierHead.Configuration = .init(), classes: [String] = [],
        decoding: EventDecoder.Configuration = .init(), provenance: Provenance = Provenance()
    ) {
        self.kind = kind
        self.encoder = encoder
        sampleRateHz = encoder.frontEnd.sampleRateHz
        self.windowSeconds = windowSeconds
        self.channels = channels
        let isPublished = encoder.compatibility == .animal2vec1
        self.normalization = normalization ?? (isPublished ? .layerNorm : .unitVariance)
        firstFrameCentreSeconds =
            isPublished ? 0 : encoder.frontEnd.firstFrameCentreSamples / encoder.frontEnd.sampleRateHz
        self.head = head
        self.classes = classes
        self.decoding = decoding
        self.provenance = provenance
    }

    /// Frames per second.
    public var framesPerSecond: Double { encoder.frontEnd.frameRateHz }

    /// The times of the frames of a window or recording of `frames` frames that begins at `startSeconds`: what labels are
    /// drawn into when the model learns, and what its predictions are read by.
    public func grid(frames: Int, startSeconds: Double = 0) -> FrameGrid {
        FrameGrid(
            framesPerSecond: framesPerSecond, count: frames,
            firstCentreSeconds: startSeconds + firstFrameCentreSeconds)
    }

    /// Events of a recording of `frames` frames at the times that the model gives them: as they are, or spread so that the
    /// last frame lies at the end, as animal2vec 1.0 has it.
    public func timed(_ events: [Event], frames: Int) -> [Event] {
        events.map { event in
            var event = event
            event.startSeconds = timed(event.startSeconds, frames: frames)
            event.endSeconds = timed(event.endSeconds, frames: frames)
            return event
        }
    }

    /// The same for a time.
    func timed(_ seconds: Double, frames: Int) -> Double {
        guard encoder.compatibility == .animal2vec1, frames > 1 else { return seconds }
        let stretch = Double(frames) / Double(frames - 1)
        return min(seconds * stretch, Double(frames) / framesPerSecond)
    }
}
