// What the descriptions of all kinds of models have in common: text that is read with every key checked, and sizes.
import Storage

/// What can stand in `model.yaml`.
public protocol ModelFolderDescription: Codable, Sendable, Hashable {
    /// The version that this program writes, and the newest that it reads.
    static var currentFormatVersion: Int { get }
    /// CRC-32C of `weights.safetensors`, hexadecimal; filled in when the folder is written.
    var weightsChecksum: String { get set }
    /// The large tensors of the model, which make up its size.
    var sizes: [(name: String, shape: [Int])] { get }

    /// What no model can have, one line per fault with the path of the setting.
    func faults() -> [String]
}

extension ModelFolderDescription {
    /// The YAML text.
    public func yaml() throws -> String { try ConfigurationNode(encoding: self).yaml }

    /// Reads YAML text; `name` is what messages call it. Throws `ConfigurationError` for unknown and missing keys, wrong types
    /// and values that no model can have.
    public init(yaml: String, name: String) throws {
        let node = try ConfigurationNode(yaml: yaml, name: name)
        guard case .map = node.value else {
            throw ConfigurationError("", origin: name, "settings (key: value) are expected, found \(node.summary)")
        }
        // First of all, so that a newer format is not reported as a heap of unknown keys.
        if case .scalar(let text, _)? = node["formatVersion"]?.value, let version = Int(text),
            version > Self.currentFormatVersion
        {
            throw ConfigurationError(
                "formatVersion", origin: node["formatVersion"]?.origin,
                "is \(version), and this program reads up to \(Self.currentFormatVersion); use a newer animal2vec")
        }
        self = try node.decode(Self.self)
        let faults = faults()
        if !faults.isEmpty { throw ConfigurationError(faults.map { "\(name): \($0)" }) }
    }
}

// Building a network takes as much memory as its description asks for. Therefore the description is first held against the
// sizes in the weights file, which cannot promise more than the file holds.
extension ModelFolderDescription {
    /// Throws `ModelFolderError` if the tensors that make up a model's size are not those that the description speaks of.
    func checkSizes(_ weights: SafetensorsFile) throws(ModelFolderError) {
        for (name, shape) in sizes {
            guard let entry = weights[name] else {
                throw ModelFolderError(
                    file: weights.path, problem: "lacks '\(name)'",
                    remedy: "the weights and \(ModelFolder.descriptionName) belong to different models; copy the whole "
                        + "folder again")
            }
            guard entry.shape.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }) else {
                throw ModelFolderError(
                    file: weights.path,
                    problem:
                        "'\(name)' has the shape \(entry.shape), but \(ModelFolder.descriptionName) asks for \(shape)",
                    remedy: "the weights and \(ModelFolder.descriptionName) belong to different models; copy the whole "
                        + "folder again")
            }
        }
    }
}
