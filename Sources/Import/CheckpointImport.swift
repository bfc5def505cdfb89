// A checkpoint of animal2vec 1.0 becomes a model folder. First everything is planned and compared without touching a
// number: names, shapes, settings. Then the numbers go through, a tensor at a time.
import Foundation
import Inference
import Labels
import Models
import Neural
import PyTorchFiles
import Storage
import Torch

/// A planned import.
public struct CheckpointImport {
    /// What the user may choose.
    public struct Configuration: Sendable {
        /// Whose weights stand under the names of the network.
        public var weights = ModelFolder.Network.student
        /// Length of the windows that the model learned from; the checkpoint does not tell.
        public var windowSeconds = 10.0
        /// Labels of the head instead of those in the checkpoint; empty for those.
        public var classes: [String] = []
        /// Published settings, by their path, over those in the checkpoint.
        public var settings: [String: String] = [:]

        /// The defaults.
        public init() {}
    }

    /// What is used, ignored and missing.
    public private(set) var report: ImportReport
    /// What will stand in the model's description.
    public private(set) var description: ModelDescription

    private let path: String
    private var sources: [(parameter: String, shape: [Int], tensor: PublishedTensor)] = []

    /// Opens a checkpoint and compares it with the network that its configuration describes.
    ///
    /// Throws `ImportError` for a file that is no checkpoint of animal2vec 1.0 or describes a network that this program
    /// has not, `PyTorchFileError` and `StorageError` for a file that is damaged or hostile. Parameters that are missing,
    /// left over or of another shape stand in the report.
    public init(_ url: URL, configuration: Configuration = Configuration()) throws {
        let checkpoint = try PublishedCheckpoint(url)
        path = url.path
        let published: PublishedConfiguration
        do {
            published = try PublishedConfiguration(checkpoint, overrides: configuration.settings)
        } catch let fault as StoredSettings.Fault {
            throw ImportError(
                path, "\(fault.path) \(fault.problem)",
                remedy: "give \(fault.path)=… at the end of the command if you know better")
        }
        if let unknown = configuration.settings.keys.sorted().first(where: { !published.asked.contains($0) }) {
            throw ImportError(
                path, "\(unknown) is no setting that matters",
                remedy: "known are \(published.asked.sorted().joined(separator: ", "))")
        }
        description = try Self.description(checkpoint, published, configuration)
        report = ImportReport(
            file: path, layout: checkpoint.layout, stage: checkpoint.stage.rawValue, update: checkpoint.update,
            weights: configuration.weights.rawValue, fileBytes: checkpoint.byteCount)
        report.settings = published.settings
        report.classes = description.classes
        report.notes = published.notes
        report.notes.append(
            "windows of \(configuration.windowSeconds) s are assumed; the checkpoint does not tell their length")
        report.ignored = checkpoint.ignored.map { ImportReport.Ignored(name: $0.name, reason: $0.reason) }
        try compare(checkpoint, weights: configuration.weights)
    }

    private static func description(
        _ checkpoint: PublishedCheckpoint, _ published: PublishedConfiguration, _ configuration: Configuration
    ) throws -> ModelDescription {
        var classes = configuration.classes.isEmpty ? published.classes : configuration.classes
        if checkpoint.stage == .finetuning {
            let rows = checkpoint.head.first { $0.name.hasSuffix(".weight") }?.shape.first ?? 0
            guard rows == classes.count else {
                throw ImportError(
                    checkpoint.path, "its head has \(rows) classes, but \(classes.count) labels are known",
                    remedy: "give the \(rows) labels in their order with --classes")
            }
        } else {
            classes = []
        }
        var description = ModelDescription(
            kind: checkpoint.stage == .finetuning ? .frameClassifier : .pretrained, encoder: published.encoder,
            windowSeconds: configuration.windowSeconds, channels: .loudest, normalization: published.normalization,
            head: published.head, classes: classes, decoding: published.decoding)
        // The published program names a call of the animal with the recorder by a class of its own, the last one.
        if classes.last == Event.focalColumn { description.decoding.focal = .init() }
        // The published program counts frame k of a clip as the time of sample k · stride.
        description.firstFrameCentreSeconds = 0
        description.provenance.program = "animal2vec 1.0"
        description.provenance.version = checkpoint.update.map { "\($0) updates" } ?? ""
        description.provenance.startedFrom = URL(fileURLWithPath: checkpoint.path).lastPathComponent
        let faults = description.faults()
        guard faults.isEmpty else {
            throw ImportError(
                checkpoint.path, "describes a model that cannot be: \(faults.joined(separator: "; "))",
                remedy: "correct the options or the settings at the end of the command, or use another checkpoint")
        }
        return description
    }

    // MARK: Names and shapes

    /// Names and shapes of the network's and of the teacher's parameters, of which no number is made.
    private func expected(_ stage: PublishedCheckpoint.Stage) throws -> (
        network: ParameterStore, teacher: ParameterStore?
    ) {
        if stage == .finetuning {
            let classifier = try FrameClassifier(
                description.encoder, classCount: description.classes.count, purpose: .prediction, device: .meta)
            return (classifier.store, nil)
        }
        let model = try Animal2Vec(description.encoder, device: .meta)
        return (model.student, model.teacher)
    }

    private static let spared: [(prefix: String, reason: String)] = [
        ("linear_eval_projection.", "linear probe of pretraining"),
        ("shared_decoder.", "decoder of several modalities"), ("recon_proj.", "reconstruction of patches"),
    ]

    private mutating func compare(_ checkpoint: PublishedCheckpoint, weights: ModelFolder.Network) throws {
        let (network, teacher) = try expected(checkpoint.stage)
        guard weights == .student || checkpoint.stage == .pretraining else {
            throw ImportError(path, "is fine-tuned, and has no teacher", remedy: "leave --weights out")
        }
        guard weights == .student || !checkpoint.teacher.isEmpty else {
            throw ImportError(path, "holds no weights of a teacher", remedy: "leave --weights out")
        }
        var chosen: [String: PublishedTensor] = [:]
        var duplicates: Set<String> = []
        func choose(_ parameter: String, _ tensor: PublishedTensor) {
            if chosen.updateValue(tensor, forKey: parameter) != nil { duplicates.insert(tensor.name) }
        }
        for tensor in checkpoint.network {
            let plain = PublishedCheckpoint.plainName(tensor.name)
            let parameter = PublishedCheckpoint.parameter(tensor.name)
            if let parameter, network[parameter] != nil {
                choose(parameter, tensor)
            } else if checkpoint.stage == .finetuning, parameter?.hasPrefix("decoder.") == true {
                ignore(tensor, "of use for pretraining only")
            } else if let spared = Self.spared.first(where: { plain.hasPrefix($0.prefix) }) {
                ignore(tensor, spared.reason)
            } else {
                report.unexpected.append(tensor.name)
            }
        }
        for tensor in checkpoint.head {
            let parameter = PublishedCheckpoint.headParameter(tensor.name)
            if network[parameter] != nil { choose(parameter, tensor) } else { report.unexpected.append(tensor.name) }
        }
        report.unexpected += duplicates.sorted()
        try compareTeacher(checkpoint.teacher, teacher, weights, &chosen)
        for parameter in network.parameters {
            // The teacher has no decoder of its own, and a network with its weights needs none.
            if weights == .teacher, parameter.name.hasPrefix("decoder.") {
                if let tensor = chosen[parameter.name] { ignore(tensor, "belongs to the student") }
                continue
            }
            take(parameter.name, as: parameter.name, parameter.master.shape, from: chosen[parameter.name])
            report.parameterCount += parameter.master.count
        }
        report.missing.sort()
    }

    private mutating func compareTeacher(
        _ tensors: [PublishedTensor], _ teacher: ParameterStore?, _ weights: ModelFolder.Network,
        _ chosen: inout [String: PublishedTensor]
    ) throws {
        guard let teacher, !tensors.isEmpty else {
            for tensor in tensors { ignore(tensor, "moving average of the encoder, of use for pretraining only") }
            if teacher != nil { report.notes.append("there is no teacher in the checkpoint; it would start anew") }
            return
        }
        // A teacher of the main blocks alone counts them by mere numbers; all before them is the student's.
        let prefix = description.encoder.targets.follows == .blocks ? "blocks." : ""
        var found: [String: PublishedTensor] = [:]
        for tensor in tensors {
            guard let parameter = PublishedNames.ours(prefix + tensor.name), teacher[parameter] != nil,
                found.updateValue(tensor, forKey: parameter) == nil
            else {
                report.unexpected.append("_ema.\(tensor.name)")
                continue
            }
        }
        for parameter in teacher.parameters where parameter.name.hasPrefix(prefix) {
            guard let tensor = found[parameter.name] else {
                report.missing.append(ModelFolder.teacherPrefix + parameter.name)
                continue
            }
            if weights == .teacher {
                if let student = chosen.updateValue(tensor, forKey: parameter.name) {
                    ignore(student, "the teacher's is taken instead")
                }
            } else {
                take(
                    parameter.name, as: ModelFolder.teacherPrefix + parameter.name, parameter.master.shape, from: tensor
                )
            }
        }
    }

    private mutating func ignore(_ tensor: PublishedTensor, _ reason: String) {
        report.ignored.append(.init(name: tensor.name, reason: reason))
    }

    /// Plans to write a tensor under `name` if it has the shape of the parameter, dimensions of length 1 aside.
    private mutating func take(_ parameter: String, as name: String, _ shape: [Int], from tensor: PublishedTensor?) {
        guard let tensor else { return report.missing.append(name) }
        let isSpread = parameter == "alibi_scale" && tensor.count == 1
        guard tensor.shape.filter({ $0 != 1 }) == shape.filter({ $0 != 1 }) || isSpread else {
            report.mismatched.append("\(tensor.name) has the shape \(tensor.shape), but '\(name)' needs \(shape)")
            return
        }
        sources.append((name, shape, tensor))
        report.used.append(.init(parameter: name, source: tensor.name, shape: tensor.shape, type: tensor.typeName))
        report.usedBytes += tensor.byteCount
    }

    // MARK: Numbers

    /// Why the checkpoint cannot become a model; nil if it can, as far as names and shapes tell.
    public var fault: ImportError? {
        guard !report.isComplete else { return nil }
        let faults = [
            report.missing.first.map { "lacks '\($0)'" },
            report.unexpected.first.map { "holds '\($0)', which the network has no place for" },
            report.mismatched.first,
        ]
        let others = report.missing.count + report.unexpected.count + report.mismatched.count - 1
        return ImportError(
            path, faults.compactMap(\.self)[0] + (others > 0 ? " (and \(others) more)" : ""),
            remedy:
                "the configuration and the weights belong to different networks; correct the settings at the end of "
                + "the command, or use another checkpoint")
    }

    /// Writes the model folder, whole or not at all.
    public func write(to url: URL) throws {
        if let fault { throw fault }
        let entries = sources.map { source in
            SafetensorsWriter.Entry(source.parameter, .float32, shape: source.shape) { body in
                if source.parameter.hasSuffix(".filters.taps") {
                    return try Self.withoutWindow(source.tensor, taps: source.shape[2]).withUnsafeBytes(body)
                }
                // One scale for all heads is written once for each of them.
                let count = source.shape.reduce(1, *)
                let copies = source.tensor.count == 1 ? count : 1
                for _ in 0..<copies { try source.tensor.readSinglePrecision(body) }
            }
        }
        try ModelFolder.write(description, entries: entries, to: url)
    }

    /// Filters [C, 1, K] as they are before their window: the published program keeps them as they come out of it.
    private static func withoutWindow(_ tensor: PublishedTensor, taps: Int) throws -> [Float] {
        var values: [Float] = []
        try tensor.readSinglePrecision { bytes in
            for offset in stride(from: 0, to: bytes.count, by: 4) {
                values.append(bytes.loadUnaligned(fromByteOffset: offset, as: Float.self))
            }
        }
        let window = SincConvolution.window(taps: taps, .animal2vec1)
        for index in values.indices { values[index] /= window[index % taps] }
        return values
    }
}
