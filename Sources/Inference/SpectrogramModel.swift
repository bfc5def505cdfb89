// A model that hears through spectrograms: windows of sound to one vector each. Trained by DINO, used for search and clusters.
import Foundation
import Models
import Neural
import Storage
import Torch

/// The content of `model.yaml` of a model on spectrograms: all that lies between a waveform and a vector.
public struct SpectrogramModelDescription: ModelFolderDescription {
    /// The version that this program writes, and the newest that it reads.
    public static let currentFormatVersion = 1

    /// What a model does.
    public enum Kind: String, Codable, Sendable, CaseIterable {
        /// It turns windows into vectors.
        case spectrogramEncoder
    }

    /// The version of this format.
    public var formatVersion = Self.currentFormatVersion
    /// What the model does.
    public var kind = Kind.spectrogramEncoder
    /// Waveform to picture. The picture is then brought to the size of the network's by averaging or interpolation.
    public var spectrogram: MelSpectrogram.Configuration
    /// Picture to vector.
    public var network: VisionTransformer.Configuration
    /// The rate that recordings are resampled to, in hertz.
    public var sampleRateHz: Double
    /// The length of the windows that the model learned from, in seconds.
    public var windowSeconds: Double
    /// What becomes of recordings with several channels.
    public var channels: ModelDescription.Channels
    /// How the samples of a window are scaled.
    public var normalization = ClipNormalization.unitVariance
    /// Where the model comes from.
    public var provenance = ModelDescription.Provenance()
    /// CRC-32C of `weights.safetensors`, hexadecimal; filled in when the folder is written.
    public var weightsChecksum = ""

    /// A description of a model that learned from windows of `windowSeconds` at `sampleRateHz`.
    public init(
        spectrogram: MelSpectrogram.Configuration, network: VisionTransformer.Configuration, sampleRateHz: Double,
        windowSeconds: Double, channels: ModelDescription.Channels
    ) {
        (self.spectrogram, self.network) = (spectrogram, network)
        (self.sampleRateHz, self.windowSeconds, self.channels) = (sampleRateHz, windowSeconds, channels)
    }

    /// What no model can have, one line per fault with the path of the setting.
    public func faults() -> [String] {
        var faults: [String] = []
        if formatVersion < 1 { faults.append("formatVersion: at least 1 is expected, found \(formatVersion)") }
        if !(100...10_000_000).contains(sampleRateHz) {
            faults.append("sampleRateHz: a number from 100 to 10000000 is expected, found \(sampleRateHz)")
        } else {
            faults += spectrogram.faults(rateHz: sampleRateHz).map { "spectrogram.\($0)" }
        }
        faults += network.faults().map { "network.\($0)" }
        if !(0.001...3600).contains(windowSeconds) || windowSeconds * sampleRateHz > 1e9 {
            faults.append("windowSeconds: a number from 0.001 to 3600 is expected, found \(windowSeconds)")
        }
        return faults
    }

    /// The large tensors of the network.
    public var sizes: [(name: String, shape: [Int])] {
        let (width, patches) = (network.width, network.grid.rows * network.grid.columns)
        var sizes: [(name: String, shape: [Int])] = [
            ("patches.weight", [width, network.patch, network.patch]), ("positions", [1 + patches, width]),
        ]
        if network.registers > 0 { sizes.append(("registers", [network.registers, width])) }
        for block in 0..<network.depth {
            sizes.append(("blocks.\(block).attention.qkv.weight", [3 * width, width]))
            sizes.append(("blocks.\(block).expand.weight", [network.feedForwardRatio * width, width]))
        }
        return sizes
    }

    /// The pictures that the network sees, made on a device.
    public func pictures(on device: Device) throws(TorchError) -> SoundViews {
        try SoundViews(
            SoundViews.Configuration(), MelSpectrogram(spectrogram, rateHz: sampleRateHz, device: device),
            height: network.imageHeight, width: network.imageWidth)
    }
}

/// Windows of sound to vectors, ready for use.
public struct SpectrogramEmbedder {
    /// What the model hears.
    public let description: SpectrogramModelDescription
    /// A short text that two models share only if description and weights are the same.
    public let fingerprint: String
    private let network: VisionTransformer
    private let store: ParameterStore
    private let pictures: SoundViews

    /// Whether the folder of a model or of a run holds a model on spectrograms. Throws `ModelFolderError` where there is none.
    public static func isThere(_ url: URL) throws -> Bool {
        let folder = try ModelFolder.find(url)
        // What is wrong with a description is said by those who read it.
        guard let text = try? ModelFolder.text(folder.appending(path: ModelFolder.descriptionName)),
            let kind = try? ConfigurationNode(yaml: text, name: folder.path)["kind"]?.value
        else { return false }
        return kind == .scalar(SpectrogramModelDescription.Kind.spectrogramEncoder.rawValue, isText: false)
    }

    /// Loads the model in a folder. In the folder of a run that is `model/best`, or else `model/last`.
    ///
    /// Throws `ModelFolderError`, `ConfigurationError` or `StorageError`, each naming the file, what is wrong and what helps.
    public init(_ url: URL, precision: Precision = .fp32, device: Device = .cpu) throws {
        let content = try ModelFolder.content(of: url, SpectrogramModelDescription.self)
        (description, fingerprint) = (content.description, content.fingerprint)
        store = ParameterStore(precision: precision, purpose: .prediction, device: device)
        network = try VisionTransformer(store.root, description.network)
        let coverage = try store.load(content.weights)
        try ModelFolder.refuse(missing: coverage.missing, unexpected: coverage.unexpected, in: content.folder)
        pictures = try description.pictures(on: device)
    }

    /// Length of a vector.
    public var width: Int { description.network.width }

    /// Patches of its pictures.
    public var patchCount: Int { description.network.grid.rows * description.network.grid.columns }

    /// One vector for each waveform: [batch, samples] to [batch, width] in float32, on the model's device.
    ///
    /// - Parameter waveforms: at `description.sampleRateHz`, scaled as `description.normalization` says. Other lengths than
    ///   `description.windowSeconds` are squeezed or stretched into the picture.
    public func embed(_ waveforms: Tensor) throws -> Tensor { try look(waveforms).summary_BD.to(.float32) }

    /// The vectors of all patches of the picture, band by band, one after the other: [batch, samples] to
    /// [batch, patches · width] in float32. What is where in time and frequency stays apart.
    public func embedPatches(_ waveforms: Tensor) throws -> Tensor {
        let patches_BND = try look(waveforms).patches_BND
        return try patches_BND.reshaped([patches_BND.size(0), -1]).to(.float32)
    }

    private func look(_ waveforms: Tensor) throws -> VisionTransformer.Features {
        try withoutGradients {
            try network(pictures.whole(waveforms.to(store.device)).to(store.precision.scalarType))
        }
    }
}
