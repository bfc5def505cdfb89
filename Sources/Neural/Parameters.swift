// Parameters come from a path in a store, so names, loading, freezing, decay groups and the teacher follow from the path.
// No reflection, no registration calls.
import Torch

/// In which numbers a model computes. Weights are kept in float32 whatever the choice.
public enum Precision: String, Codable, Sendable, CaseIterable {
    /// Single precision.
    case fp32
    /// The upper half of single precision; no loss scaling.
    case bf16
    /// Half precision with loss scaling.
    case fp16

    /// The element type of activations and working weights.
    public var scalarType: ScalarType {
        switch self {
        case .fp32: .float32
        case .bf16: .bfloat16
        case .fp16: .float16
        }
    }
}

/// One learned tensor.
public struct Parameter {
    /// Its path, such as `blocks.0.attention.qkv.weight`.
    public let name: String
    /// The float32 numbers that the optimizer moves.
    public let master: Tensor
    /// What layers compute with: the master itself, or its copy in the model's precision.
    public let working: Tensor
}

/// What the numbers of a store are for.
public enum ParameterPurpose: Sendable {
    /// They learn: gradients are recorded.
    case learning
    /// They follow numbers that learn, or are counted from what passes.
    case teaching
    /// They stay as they were loaded, so layers may keep them in another order too.
    case prediction
}

/// All parameters of one model, by name, in the order of their registration.
public final class ParameterStore {
    /// Where the parameters live.
    public let device: Device
    /// Precision of the working copies.
    public let precision: Precision
    /// What they are for.
    public let purpose: ParameterPurpose
    /// Seed of the initialisation; a parameter's first numbers depend on this and on its name only.
    public let seed: UInt64
    /// In the order of registration.
    public private(set) var parameters: [Parameter] = []
    private var indices: [String: Int] = [:]
    /// How often the working copies have been renewed.
    private(set) var renewals = 0

    /// An empty store.
    public init(
        seed: UInt64 = 0, precision: Precision = .fp32, purpose: ParameterPurpose = .learning, device: Device = .cpu
    ) {
        self.seed = seed
        self.precision = precision
        self.purpose = purpose
        self.device = device
    }

    /// The path that names start from.
    public var root: ParameterPath { ParameterPath(store: self, name: "") }

    /// The parameter of that name.
    public subscript(name: String) -> Parameter? { indices[name].map { parameters[$0] } }

    /// Number of learned numbers.
    public var count: Int { parameters.reduce(0) { $0 + $1.master.count } }

    fileprivate func register(
        _ name: String, _ shape: [Int], _ initialization: Initialization, alwaysFloat32: Bool
    ) throws(TorchError) -> Tensor {
        if let existing = self[name] {
            throw TorchError(operation: name, message: "is registered twice", arguments: [existing.master.description])
        }
        let master = try withoutGradients { () throws(TorchError) in
            // Where there are no numbers, none are drawn.
            device == .meta
                ? try .zeros(shape, on: device) : try initialization.tensor(shape, seed: seed, name: name).to(device)
        }
        let keepsMaster = precision == .fp32 || alwaysFloat32
        let working = keepsMaster ? master : try master.to(precision.scalarType)
        if purpose == .learning { try working.requiringGradient() }
        indices[name] = parameters.count
        parameters.append(Parameter(name: name, master: master, working: working))
        return working
    }

    /// Copies the masters into the working copies; after an optimizer step, when the precision is not float32.
    public func refreshWorkingCopies() throws(TorchError) {
        guard precision != .fp32 else { return }
        renewals += 1
        let copies = parameters.filter { $0.working.scalarType != .float32 }
        try withoutGradients { () throws(TorchError) in
            try perform("aten::_foreach_copy_", .tensors(copies.map(\.working)), .tensors(copies.map(\.master)))
        }
    }

    /// Moves every parameter of this store that `other` also has towards it: self ← decay · self + (1 − decay) · other.
    public func follow(_ other: ParameterStore, decay: Double) throws(TorchError) {
        let pairs = parameters.compactMap { parameter in other[parameter.name].map { (parameter.master, $0.master) } }
        try withoutGradients { () throws(TorchError) in
            try perform(
                "aten::_foreach_lerp_.Scalar", .tensors(pairs.map(\.0)), .tensors(pairs.map(\.1)), .double(1 - decay))
        }
        try refreshWorkingCopies()
    }

    /// Copies every parameter that `other` also has.
    public func copy(from other: ParameterStore) throws(TorchError) {
        for parameter in parameters {
            guard let source = other[parameter.name] else { continue }
            try withoutGradients { () throws(TorchError) in try parameter.master.copy(inPlace: source.master) }
        }
        try refreshWorkingCopies()
    }
}

/// A place in a store under which a layer finds its parameters.
public struct ParameterPath {
    let store: ParameterStore
    /// The dotted name so far.
    public let name: String

    /// The path one step further down.
    public subscript(_ part: String) -> ParameterPath {
        ParameterPath(store: store, name: name.isEmpty ? part : "\(name).\(part)")
    }

    /// The path of a numbered layer.
    public subscript(_ index: Int) -> ParameterPath { self["\(index)"] }

    /// Creates the parameter `name.part`.
    ///
    /// - Parameter alwaysFloat32: keeps its working copy in float32 in every precision.
    public func parameter(
        _ part: String, _ shape: [Int], _ initialization: Initialization, alwaysFloat32: Bool = false
    ) throws(TorchError) -> Tensor {
        try store.register(self[part].name, shape, initialization, alwaysFloat32: alwaysFloat32)
    }
}
