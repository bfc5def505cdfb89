import Foundation
import Models
import PyTorchFiles
import Storage

/// A checkpoint of the published animal2vec 1.0, opened and sorted, but with no number read yet.
struct PublishedCheckpoint {
    /// What the checkpoint was saved by.
    enum Stage: String, Codable, Sendable {
        case pretraining
        case finetuning
    }

    let path: String
    /// How the file is built, for people.
    let layout: String
    let stage: Stage
    /// The network's tensors, without the prefix that fine-tuning puts before them.
    let network: [PublishedTensor]
    /// The teacher's tensors; empty where there are none.
    let teacher: [PublishedTensor]
    /// The layer that fine-tuning adds: `head.weight` and `head.bias`.
    let head: [PublishedTensor]
    /// What else is in the file, and why it is left there.
    private(set) var ignored: [(name: String, reason: String)] = []
    /// The configuration of the run that saved it, then of the pretraining before it.
    let configurations: [PickleItem]
    /// The number of updates that had been made; nil if it is not known.
    let update: Int?
    /// Bytes of all tensors in the file.
    let byteCount: Int

    private static let finetuningPrefix = "w2v_encoder.w2v_model."
    private static let headPrefix = "w2v_encoder.proj."

    /// Opens a PyTorch or safetensors file.
    init(_ url: URL) throws {
        path = url.path
        let start = try? FileHandle(forReadingFrom: url).read(upToCount: 9)
        let looksLikeSafetensors = url.pathExtension == "safetensors" || (start?.count == 9 && start?.last == 0x7B)
        var tensors: [PublishedTensor] = []
        var teacher: [PublishedTensor] = []
        if looksLikeSafetensors {
            let file = try SafetensorsFile.open(url)
            layout = "safetensors"
            for name in file.names { tensors.append(PublishedTensor(name, in: file, entry: file[name]!)) }
            byteCount = tensors.reduce(0) { $0 + $1.byteCount }
            (configurations, update) = ([], nil)
        } else {
            let file = try PyTorchFile.open(url)
            layout = file.layout.rawValue
            byteCount = file.storageByteCount
            let model = try Self.parameters(of: file)
            for (key, value) in model.entries ?? [] {
                guard let name = key.text else { continue }
                if let tensor = value.tensor {
                    tensors.append(PublishedTensor(name, tensor, in: file))
                } else if name == "_ema" || name.hasSuffix("._ema"), let entries = value.entries {
                    teacher += entries.compactMap { key, value in
                        guard let name = key.text, let tensor = value.tensor else { return nil }
                        return PublishedTensor(name, tensor, in: file)
                    }
                } else {
                    ignored.append((name, "is no tensor, but \(value.summary)"))
                }
            }
            configurations = Self.configurations(file.root)
            update = file.root["optimizer_history"]?.elements?.last?["num_updates"]?.integer
            ignored += Self.others(file.root)
        }
        stage = tensors.contains { $0.name.hasPrefix(Self.headPrefix) } ? .finetuning : .pretraining
        var (network, head): ([PublishedTensor], [PublishedTensor]) = ([], [])
        for tensor in tensors {
            if tensor.name.hasPrefix(Self.headPrefix) { head.append(tensor) } else { network.append(tensor) }
        }
        (self.network, self.teacher, self.head) = (network, teacher, head)
        try checkKind(tensors)
    }

    /// The published name without the prefix of fine-tuning.
    static func plainName(_ name: String) -> String {
        name.hasPrefix(finetuningPrefix) ? String(name.dropFirst(finetuningPrefix.count)) : name
    }

    /// The parameter here of a published tensor of the network.
    static func parameter(_ name: String) -> String? { PublishedNames.ours(plainName(name)) }

    /// The parameter here of a tensor of the published head.
    static func headParameter(_ name: String) -> String { "head." + name.dropFirst(headPrefix.count) }

    /// The dictionary that holds the parameters.
    private static func parameters(of file: PyTorchFile) throws -> PickleItem {
        let root = file.root
        let candidates = [root["model"], root["state_dict"], root["model_state_dict"], root].compactMap(\.self)
        for candidate in candidates where candidate.entries?.contains(where: { $0.value.tensor != nil }) == true {
            return candidate
        }
        throw ImportError(
            file.path, "holds no dictionary of parameters, but \(root.summary)",
            remedy: "give a checkpoint of fairseq, or save model.state_dict()")
    }

    /// Whether a name may be shown to people as it is: it neither is endless nor steers a terminal.
    static func isPrintable(_ name: String) -> Bool {
        name.utf8.count <= 1_024
            && name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control && $0 != "\u{FEFF}" }
    }

    /// Says clearly what a file is that was not written by animal2vec 1.0.
    private func checkKind(_ tensors: [PublishedTensor]) throws {
        let names = (tensors + teacher).map(\.name) + ignored.map(\.name)
        guard names.allSatisfy(Self.isPrintable) else {
            throw ImportError(
                path, "holds a parameter whose name cannot be printed",
                remedy: "fetch it again, from a source that you trust")
        }
        if tensors.contains(where: { $0.name.hasPrefix("front_end.layers.") }) {
            throw ImportError(
                path, "holds weights of this program already", remedy: "give its model folder to finetune or predict")
        }
        let known = tensors.count { Self.parameter($0.name) != nil }
        guard known == 0 || known < tensors.count / 4 else { return }
        let examples = tensors.prefix(3).map(\.name).joined(separator: ", ")
        throw ImportError(
            path,
            "is no animal2vec 1.0 network: of its \(tensors.count) tensors (\(examples), …) "
                + (known == 0 ? "none" : "only \(known)") + " bear the names of one",
            remedy: "import reads the checkpoints that animal2vec 1.0 saved when it pretrained or fine-tuned")
    }

    private static func configurations(_ root: PickleItem) -> [PickleItem] {
        let outer = [root["cfg"], root["args"]].compactMap(\.self).filter { !$0.isNone }
        // A fine-tuned model keeps the configuration of its pretraining.
        let inner = outer.compactMap { StoredSettings([$0]).group("model.w2v_args") }
        return outer + inner
    }

    private static let reasons = [
        "last_optimizer_state": "state of the optimizer: training goes on from weights only",
        "optimizer_history": "history of the optimizer", "extra_state": "state of the published trainer",
        "task_state": "state of the published task", "criterion": "state of the published loss",
    ]

    private static func others(_ root: PickleItem) -> [(name: String, reason: String)] {
        guard root["model"] != nil else { return [] }
        return (root.entries ?? []).compactMap { key, value in
            guard let name = key.text, name != "model", name != "cfg", name != "args", !value.isNone else { return nil }
            return (String(name.prefix(80)), reasons[name] ?? "is \(value.summary), of no use here")
        }
    }
}
