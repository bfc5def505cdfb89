// A model that can be mailed: a folder of two files. It appears by one rename when both are on the disk; a model that it
// replaces stands under <name>.replaced until its successor is in place, and is found there should the program stop between.
import Foundation
import Labels
import Models
import Neural
import Storage
import Torch

/// A folder with `model.yaml` and `weights.safetensors`, checked.
public struct ModelFolder: Sendable {
    /// The name of the description in the folder.
    public static let descriptionName = "model.yaml"
    /// The name of the weights in the folder.
    public static let weightsName = "weights.safetensors"

    /// The folder.
    public let url: URL
    /// What the model hears and says.
    public let description: ModelDescription
    /// Its weights, mapped: numbers are read when they are used.
    public let weights: SafetensorsFile
    /// A short text that two models share only if description and weights are the same.
    public let fingerprint: String

    private init(_ url: URL, _ description: ModelDescription, _ weights: SafetensorsFile, _ fingerprint: String) {
        (self.url, self.description, self.weights, self.fingerprint) = (url, description, weights, fingerprint)
    }

    // MARK: Reading

    /// Loads the model in a folder. In the folder of a run that is `model/best`, or else `model/last`.
    ///
    /// Throws `ModelFolderError`, `ConfigurationError` or `StorageError`, each naming the file, what is wrong with it and
    /// what helps: no model, unknown and missing keys, wrong types, another checksum, tensors that do not fit.
    public static func load(_ url: URL) throws -> ModelFolder {
        guard try !SpectrogramEmbedder.isThere(url) else {
            throw ModelFolderError(
                file: url.path,
                problem:
                    "is a \(SpectrogramModelDescription.Kind.spectrogramEncoder.rawValue), which turns windows into "
                    + "vectors and names nothing in them",
                remedy: "embed with it, or give a model of animal2vec")
        }
        let content = try content(of: url, ModelDescription.self)
        return ModelFolder(content.folder, content.description, content.weights, content.fingerprint)
    }

    /// Description and weights of a folder, held against each other.
    static func content<Description: ModelFolderDescription>(of url: URL, _ type: Description.Type) throws -> (
        folder: URL, description: Description, weights: SafetensorsFile, fingerprint: String
    ) {
        let folder = try find(url)
        let descriptionFile = folder.appending(path: descriptionName)
        let text = try text(descriptionFile)
        let description = try Description(yaml: text, name: descriptionFile.path)

        let weightsFile = folder.appending(path: weightsName)
        let checksum = hexadecimal(try MappedFile(weightsFile).checksum)
        guard checksum == description.weightsChecksum else {
            throw ModelFolderError(
                file: weightsFile.path,
                problem: "has the checksum \(checksum), but \(descriptionName) says \(description.weightsChecksum)",
                remedy: "copy the whole folder again")
        }
        let weights = try SafetensorsFile.open(weightsFile)
        try description.checkSizes(weights)
        return (folder, description, weights, hexadecimal(CRC32C.of(Array(text.utf8)).value))
    }

    /// The model folder that `url` means: itself, or the best or else the last model of a run.
    public static func find(_ url: URL) throws(ModelFolderError) -> URL {
        for place in ["", "model/best", "model/last"] {
            let folder = place.isEmpty ? url : url.appending(path: place)
            for candidate in [folder, replaced(folder)]
            where FileManager.default.fileExists(atPath: candidate.appending(path: descriptionName).path) {
                return candidate
            }
        }
        let isThere = FileManager.default.fileExists(atPath: url.path)
        throw ModelFolderError(
            file: url.path,
            problem: isThere
                ? "holds no \(descriptionName), nor model/best or model/last as a run does" : "does not exist",
            remedy: "give the folder of a model, or of a run that has saved one")
    }

    /// The classifier with its weights, for prediction: it does not learn.
    public func classifier(precision: Precision = .fp32, device: Device = .cpu) throws -> FrameClassifier {
        guard description.kind == .frameClassifier else {
            throw ModelFolderError(
                file: url.path, problem: "is a \(description.kind.rawValue) model, which names no classes",
                remedy: "finetune it on labels first")
        }
        let classifier = try FrameClassifier(
            description.encoder, classCount: description.classes.count, head: description.head, rates: .none,
            precision: precision, purpose: .prediction, device: device)
        let coverage = try classifier.store.load(weights)
        try refuse(missing: coverage.missing, unexpected: coverage.unexpected)
        return classifier
    }

    /// Which of a pretrained model's two networks is meant.
    public enum Network: String, Codable, Sendable, CaseIterable {
        /// The one that learned by gradients.
        case student
        /// The moving average of the student, where it has one; the rest is the student's.
        case teacher
    }

    /// Copies the encoder's weights into a store of the same architecture, such as that of a `FrameClassifier` that is to
    /// learn from here. A head and a decoder are left alone on both sides.
    ///
    /// - Parameter network: the teacher's weights are there if the model was written with `teacher.` names.
    public func loadEncoder(into store: ParameterStore, network: Network = .student) throws {
        let others = ["head.", "decoder.", "class_predictor.", "reconstruction.", "probe."]
        let isOurs = { (name: String) in !others.contains(where: name.hasPrefix) }
        let coverage = try store.load(weights) { name in isOurs(name) && store[name] != nil ? name : nil }
        try refuse(missing: coverage.missing.filter(isOurs), unexpected: [])
        guard network == .teacher else { return }
        guard weights.names.contains(where: { $0.hasPrefix(Self.teacherPrefix) }) else {
            throw ModelFolderError(
                file: url.path, problem: "holds no weights of a teacher", remedy: "start from the student")
        }
        try store.load(weights, prefix: Self.teacherPrefix) { isOurs($0) ? $0 : nil }
    }

    /// How the names of a teacher's weights begin.
    public static let teacherPrefix = "teacher."

    private func refuse(missing: [String], unexpected: [String]) throws {
        try Self.refuse(missing: missing, unexpected: unexpected, in: url)
    }

    static func refuse(missing: [String], unexpected: [String], in url: URL) throws {
        guard let name = missing.first ?? unexpected.first else { return }
        let others = missing.count + unexpected.count - 1
        throw ModelFolderError(
            file: url.appending(path: weightsName).path,
            problem: (missing.isEmpty ? "holds '\(name)', which the model has not" : "lacks '\(name)'")
                + (others > 0 ? " (and \(others) more)" : ""),
            remedy: "the weights and \(descriptionName) belong to different models; copy the whole folder again")
    }

    // MARK: Writing

    /// Writes a model folder, whole or not at all; an older model of that name stands until then.
    ///
    /// - Parameters:
    ///   - description: `weightsChecksum` is filled in.
    ///   - weights: the parameters by name, as `ParameterStore.masters` gives them; those of a teacher with
    ///     `teacherPrefix`.
    ///   - fileSystem: for tests.
    public static func write(
        _ description: some ModelFolderDescription, weights: [(name: String, tensor: Tensor)], to url: URL,
        fileSystem: FileSystem = .live
    ) throws {
        try write(description, entries: safetensorsEntries(weights), to: url, fileSystem: fileSystem)
    }

    /// The same from entries that hand their numbers over one after the other, so that they need not all be in memory.
    public static func write(
        _ description: some ModelFolderDescription, entries: [SafetensorsWriter.Entry], to url: URL,
        fileSystem: FileSystem = .live
    ) throws {
        var description = description
        let faults = description.faults()
        guard faults.isEmpty else { throw ConfigurationError(faults.map { "\(url.path): \($0)" }) }
        let parent = url.deletingLastPathComponent()
        try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
        let temporary = parent.appending(path: "\(url.lastPathComponent)\(AtomicFile.unfinishedSuffix)")
        do {
            try fileSystem.remove(temporary)
            try fileSystem.makeFolder(temporary)
            let summary = try SafetensorsWriter.write(
                entries, to: temporary.appending(path: weightsName), fileSystem: fileSystem)
            description.weightsChecksum = hexadecimal(summary.checksum)
            try AtomicFile.write(
                try description.yaml(), to: temporary.appending(path: descriptionName), fileSystem: fileSystem)
            if FileManager.default.fileExists(atPath: url.appending(path: descriptionName).path) {
                try fileSystem.remove(replaced(url))
                try fileSystem.rename(url, to: replaced(url))
            } else {
                // What lies there is no model: an empty folder at best. Anything else makes the rename fail.
                rmdir(url.path)
            }
            try fileSystem.rename(temporary, to: url)
            try fileSystem.synchronizeFolder(parent)
        } catch {
            try? fileSystem.remove(temporary)
            throw error
        }
        // The new model is in place; an old one that cannot be removed does no harm.
        try? fileSystem.remove(replaced(url))
    }

    /// Replaces how the model of a folder makes events of probabilities; its weights stay as they are.
    public func rewrite(decoding: EventDecoder.Configuration) throws {
        var description = description
        description.decoding = decoding
        let faults = description.faults()
        guard faults.isEmpty else { throw ConfigurationError(faults.map { "\(url.path): \($0)" }) }
        try AtomicFile.write(try description.yaml(), to: url.appending(path: Self.descriptionName))
    }

    private static func replaced(_ url: URL) -> URL {
        url.deletingLastPathComponent().appending(path: "\(url.lastPathComponent).replaced")
    }

    private static func hexadecimal(_ checksum: UInt32) -> String { String(format: "%08x", checksum) }

    /// More than any description holds: a file of another kind under that name.
    private static let largestDescription = 16 << 20

    static func text(_ url: URL) throws -> String {
        let file = try MappedFile(url)
        guard file.byteCount <= largestDescription,
            let text = file.withUnsafeBytes({ String(validating: $0, as: UTF8.self) })
        else {
            throw ModelFolderError(
                file: url.path, problem: "is no text in UTF-8 of a sensible size (\(file.byteCount) bytes)",
                remedy: "copy the whole folder again")
        }
        return text
    }
}

/// What is wrong with a model folder.
public struct ModelFolderError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The file or folder concerned.
    public let file: String
    /// What is wrong with it.
    public let problem: String
    /// What helps.
    public let remedy: String

    /// File, problem and remedy in one line.
    public var description: String { "\(file): \(problem); \(remedy)" }
}
