/// What an import took from a checkpoint, what it left there, and what it missed.
public struct ImportReport: Codable, Sendable {
    /// A parameter and where it came from.
    public struct Used: Codable, Sendable, Hashable {
        /// Its name here.
        public let parameter: String
        /// Its published name.
        public let source: String
        /// Its shape in the checkpoint.
        public let shape: [Int]
        /// The type of its numbers in the checkpoint.
        public let type: String
    }

    /// Something that was left in the checkpoint.
    public struct Ignored: Codable, Sendable, Hashable {
        /// Its published name.
        public let name: String
        /// Why.
        public let reason: String
    }

    /// Path of the checkpoint.
    public let file: String
    /// How the file is built: `zip`, `legacy` or `safetensors`.
    public let layout: String
    /// `pretraining` or `finetuning`.
    public let stage: String
    /// The number of updates that had been made; nil if it is not known.
    public let update: Int?
    /// Whose weights stand under the names of the network: `student` or `teacher`.
    public let weights: String
    /// The published settings that the model was described from.
    public internal(set) var settings: [String: String] = [:]
    /// Labels of the head.
    public internal(set) var classes: [String] = []
    /// Learned numbers of the network.
    public internal(set) var parameterCount = 0
    /// Parameters and where they came from.
    public internal(set) var used: [Used] = []
    /// What was left in the checkpoint, and why.
    public internal(set) var ignored: [Ignored] = []
    /// Parameters that the checkpoint lacks.
    public internal(set) var missing: [String] = []
    /// Tensors that the network has no place for.
    public internal(set) var unexpected: [String] = []
    /// Tensors of another shape than the network's, in words.
    public internal(set) var mismatched: [String] = []
    /// What people should know.
    public internal(set) var notes: [String] = []
    /// Bytes of the tensors that were used.
    public internal(set) var usedBytes = 0
    /// Bytes of all tensors in the checkpoint.
    public let fileBytes: Int

    /// Whether every parameter was found in its shape, and nothing was left over.
    public var isComplete: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }

    /// The report as lines of text.
    public var text: String {
        var lines = [
            "\(file): \(stage) checkpoint of animal2vec 1.0 (\(layout))" + (update.map { ", \($0) updates" } ?? ""),
            "  used        \(used.count) tensors, \(Self.size(usedBytes)) of \(Self.size(fileBytes)); "
                + "a network of \(parameterCount) parameters with the weights of the \(weights)",
        ]
        if !classes.isEmpty { lines.append("  classes     \(classes.joined(separator: ", "))") }
        // Of many alike, one line.
        for (reason, items) in Dictionary(grouping: ignored, by: \.reason).sorted(by: { $0.key < $1.key }) {
            lines.append("  ignored     \(Self.list(items.map(\.name))): \(reason)")
        }
        if !missing.isEmpty { lines.append("  missing     \(Self.list(missing))") }
        if !unexpected.isEmpty { lines.append("  unexpected  \(Self.list(unexpected))") }
        lines += mismatched.prefix(8).map { "  mismatched  \($0)" }
        lines += notes.map { "  note        \($0)" }
        return lines.joined(separator: "\n")
    }

    private static func list(_ names: [String]) -> String {
        names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
    }

    private static func size(_ bytes: Int) -> String {
        bytes < 10_000_000
            ? "\(bytes / 1_000) kB" : bytes < 10_000_000_000 ? "\(bytes / 1_000_000) MB" : "\(bytes / 1_000_000_000) GB"
    }
}
