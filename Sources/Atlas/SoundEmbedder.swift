// What turns sounds into vectors. A model of any kind becomes usable for atlases by one of these.
//
// B clips, N samples, D numbers of a vector
import Audio
import Foundation
import Inference
import Models
import Neural
import Torch

/// Clips of one length, each with a sound somewhere in it.
public struct SoundClips: Sendable {
    /// The samples of all clips, one after the other: B × N.
    public var samples: [Float]
    /// N
    public var clipSamples: Int
    /// Where in each clip the sound lies; around it is what the recording holds there, and silence outside.
    public var spans: [Range<Int>]

    /// Clips of `clipSamples` samples.
    public init(samples: [Float], clipSamples: Int, spans: [Range<Int>]) {
        precondition(samples.count == clipSamples * spans.count, "\(spans.count) clips of \(clipSamples) samples")
        (self.samples, self.clipSamples, self.spans) = (samples, clipSamples, spans)
    }

    /// B
    public var count: Int { spans.count }
}

/// What of a sound its vector keeps apart.
public enum VectorDetail: String, Sendable, Codable, CaseIterable {
    /// Nothing: one vector for the whole sound, small, and the same wherever in it things happen.
    case whole
    /// What is where. animal2vec: its beginning, middle and end; DINO: the patches of its picture.
    case parts
}

/// Gives a vector for every sound. Used by one thread at a time.
public protocol SoundEmbedder {
    /// What people call it.
    var name: String { get }
    /// A text that two embedders share only if they give the same vectors.
    var fingerprint: String { get }
    /// D
    var dimension: Int { get }
    /// The rate that recordings are resampled to.
    var sampleRateHz: Double { get }
    /// Which channels are heard, unless the user says otherwise.
    var channels: ChannelSelection { get }
    /// The length of clips that it must have; nil if any length will do.
    var clipSeconds: Double? { get }
    /// The length of windows that it learned from; nil if it knows of none.
    var windowSeconds: Double? { get }
    /// The sound around an event that it wants to hear on each side.
    var contextSeconds: Double { get }
    /// How its vectors are best scaled before they are compared.
    var scaling: VectorScaling.Method { get }
    /// One vector for every clip, B × D in row-major order.
    func embed(_ clips: SoundClips) throws -> [Float]
}

extension SoundEmbedder {
    /// The mean of all channels.
    public var channels: ChannelSelection { .mean }
    /// Any length.
    public var clipSeconds: Double? { nil }
    /// The length of its clips.
    public var windowSeconds: Double? { clipSeconds }
    /// Nothing but the sound itself.
    public var contextSeconds: Double { 0 }
    /// The mean is taken away and every number divided by its deviation.
    public var scaling: VectorScaling.Method { .standardize }
}

/// Vectors from the encoder of an animal2vec model: the mean of its last layers over the frames of the sound, or of each third.
public struct Animal2VecEmbedder: SoundEmbedder {
    /// The folder's name.
    public let name: String
    /// That of the model folder.
    public let fingerprint: String
    /// Width of the encoder, times the parts.
    public let dimension: Int
    private let parts: Int
    /// The model's rate.
    public let sampleRateHz: Double
    /// The model's channels.
    public let channels: ChannelSelection
    /// That of the windows that the model learned from.
    public var windowSeconds: Double? { description.windowSeconds }
    /// What the encoder sees on each side of an event: sounds without surroundings are unlike what it learned from.
    public let contextSeconds: Double
    private let classifier: FrameClassifier
    private let description: ModelDescription

    /// The encoder of a model folder, pretrained or fine-tuned.
    ///
    /// - Parameters:
    ///   - detail: what is kept apart.
    ///   - contextSeconds: sound heard on each side of an event; nil for a quarter of the model's window, at most half a
    ///     second.
    public init(
        _ folder: ModelFolder, detail: VectorDetail = .whole, contextSeconds: Double? = nil,
        precision: Precision = .fp32, device: Device = .cpu
    ) throws {
        name = folder.url.standardizedFileURL.lastPathComponent
        parts = detail == .parts ? 3 : 1
        fingerprint = folder.fingerprint + (detail == .parts ? " in parts" : "")
        description = folder.description
        dimension = folder.description.encoder.width * parts
        sampleRateHz = folder.description.sampleRateHz
        channels = folder.description.channels.selection
        self.contextSeconds = contextSeconds ?? min(0.5, folder.description.windowSeconds / 4)
        if folder.description.kind == .frameClassifier {
            classifier = try folder.classifier(precision: precision, device: device)
        } else {
            // The head is a formality: only the encoder is asked.
            classifier = try FrameClassifier(
                folder.description.encoder, classCount: 1, rates: .none, precision: precision, purpose: .prediction,
                device: device)
            try folder.loadEncoder(into: classifier.store)
        }
    }

    /// One vector for every clip.
    public func embed(_ clips: SoundClips) throws -> [Float] {
        let shortest = description.encoder.frontEnd.receptiveFieldSamples
        let clipSamples = max(clips.clipSamples, shortest)
        var samples = [Float](repeating: 0, count: clipSamples * clips.count)
        samples.withUnsafeMutableBufferPointer { samples in
            for row in 0..<clips.count {
                for index in 0..<clips.clipSamples {
                    samples[row * clipSamples + index] = clips.samples[row * clips.clipSamples + index]
                }
                description.normalization.apply(
                    UnsafeMutableBufferPointer(rebasing: samples[row * clipSamples..<(row + 1) * clipSamples]),
                    count: clips.clipSamples)
            }
        }
        let samplesPerFrame = description.encoder.frontEnd.samplesPerFrame
        let pooled = try withoutGradients { () throws(TorchError) in
            let store = classifier.store
            let wave_BN = try Tensor(samples, shape: [clips.count, clipSamples])
            let encoded = try classifier.encode(wave_BN.to(store.device).to(store.precision.scalarType))
            let features_BTD = try classifier.pooledFeatures(encoded).to(.float32)
            let frames = features_BTD.size(1)
            var weights = [Float](repeating: 0, count: clips.count * parts * frames)
            for (row, span) in clips.spans.enumerated() {
                for part in 0..<parts {
                    let from = span.lowerBound + span.count * part / parts
                    let to = span.lowerBound + span.count * (part + 1) / parts
                    let first = min(from / samplesPerFrame, frames - 1)
                    let end = min(max(first + 1, (to + samplesPerFrame - 1) / samplesPerFrame), frames)
                    let place = (row * parts + part) * frames
                    for frame in first..<end { weights[place + frame] = 1 / Float(end - first) }
                }
            }
            let weights_BPT = try Tensor(weights, shape: [clips.count, parts, frames]).to(features_BTD.device)
            return try weights_BPT.matmul(features_BTD).reshaped([clips.count, dimension])
        }
        return try pooled.array(Float.self)
    }
}

/// Vectors from any network that takes whole clips of one length, such as a vision transformer over spectrograms.
public struct ClipEmbedder: SoundEmbedder {
    /// What people call it.
    public let name: String
    /// A text that two embedders share only if they give the same vectors.
    public let fingerprint: String
    /// D
    public let dimension: Int
    /// The rate of the clips.
    public let sampleRateHz: Double
    /// Which channels are heard.
    public let channels: ChannelSelection
    /// The length of the clips; nil if any length will do.
    public let clipSeconds: Double?
    /// How its vectors are best scaled.
    public let scaling: VectorScaling.Method
    private let normalization: ClipNormalization
    private let device: Device
    private let network: (Tensor) throws -> Tensor

    /// An embedder around a network.
    ///
    /// - Parameters:
    ///   - clipSeconds: the length of the clips that the network learned from; nil if any length will do.
    ///   - network: [B, N] to [B, D]; runs without recording gradients.
    public init(
        name: String, fingerprint: String, dimension: Int, sampleRateHz: Double, channels: ChannelSelection = .mean,
        clipSeconds: Double?, normalization: ClipNormalization = .none, scaling: VectorScaling.Method = .centre,
        device: Device = .cpu, network: @escaping (Tensor) throws -> Tensor
    ) {
        (self.name, self.fingerprint, self.dimension) = (name, fingerprint, dimension)
        (self.sampleRateHz, self.channels, self.clipSeconds) = (sampleRateHz, channels, clipSeconds)
        (self.normalization, self.scaling, self.device, self.network) = (normalization, scaling, device, network)
    }

    /// The model on spectrograms of a folder, such as one that DINO has trained: it hears an event in the middle of a window
    /// of the length that it learned from.
    public init(
        _ folder: URL, detail: VectorDetail = .whole, precision: Precision = .fp32, device: Device = .cpu
    ) throws {
        let model = try SpectrogramEmbedder(folder, precision: precision, device: device)
        let isWhole = detail == .whole
        self.init(
            name: folder.standardizedFileURL.lastPathComponent,
            fingerprint: model.fingerprint + (isWhole ? "" : " in parts"),
            dimension: isWhole ? model.width : model.width * model.patchCount,
            sampleRateHz: model.description.sampleRateHz, channels: model.description.channels.selection,
            clipSeconds: model.description.windowSeconds, normalization: model.description.normalization,
            device: device, network: isWhole ? model.embed : model.embedPatches)
    }

    /// One vector for every clip.
    public func embed(_ clips: SoundClips) throws -> [Float] {
        var samples = clips.samples
        samples.withUnsafeMutableBufferPointer { samples in
            for row in 0..<clips.count {
                let range = row * clips.clipSamples..<(row + 1) * clips.clipSamples
                normalization.apply(
                    UnsafeMutableBufferPointer(rebasing: samples[range]), count: clips.clipSamples)
            }
        }
        return try withoutGradients {
            let output = try network(Tensor(samples, shape: [clips.count, clips.clipSamples]).to(device))
            guard output.shape == [clips.count, dimension] else {
                throw AtlasError(
                    name, "gave \(output.description) for \(clips.count) sounds, not [\(clips.count), \(dimension)]",
                    remedy: "check the model's description")
            }
            return try output.array(Float.self)
        }
    }
}
