// Adam with decoupled weight decay (arXiv 1711.05101) on libtorch's fused kernel.
import Torch

/// The optimizer of all methods. Moments are kept by parameter name.
public final class AdamW {
    /// What stays the same during a run.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Decay of the mean of gradients.
        public var beta1 = 0.9
        /// Decay of the mean of squared gradients.
        public var beta2 = 0.98
        /// Added to the root of the second moment.
        public var epsilon = 1e-6
        /// Share of every weight taken off per unit of learning rate.
        public var weightDecay = 0.01
        /// Whether weight decay stays apart from the gradient (AdamW) or is added to it (Adam).
        public var decoupled = true
        /// Adds epsilon before the bias correction, as fairseq does, instead of after it, as PyTorch does.
        public var epsilonBeforeCorrection = true
        /// Spares one-dimensional parameters, biases, ALiBi scales and PSwish from weight decay.
        public var sparesVectors = true

        /// Defaults of animal2vec's pretraining.
        public init() {}
    }

    /// One parameter with its moments and the number of its updates: a frozen one rests and keeps its count.
    private final class Slot {
        let parameter: Parameter
        let mean: Tensor
        let square: Tensor
        let decays: Bool
        let rateFactor: Double
        var updates = 0

        init(_ parameter: Parameter, decays: Bool, rateFactor: Double) throws(TorchError) {
            self.parameter = parameter
            self.decays = decays
            self.rateFactor = rateFactor
            mean = try parameter.master.zerosLike()
            square = try parameter.master.zerosLike()
        }
    }

    /// What stays the same during a run.
    public let configuration: Configuration
    private let slots: [Slot]

    /// An optimizer for `parameters`.
    ///
    /// - Parameter rateFactor: what the learning rate is multiplied with for the parameter of a name.
    public init(
        _ parameters: [Parameter], _ configuration: Configuration = .init(), rateFactor: (String) -> Double = { _ in 1 }
    ) throws(TorchError) {
        self.configuration = configuration
        var slots: [Slot] = []
        for parameter in parameters {
            slots.append(
                try Slot(
                    parameter, decays: !(configuration.sparesVectors && Self.isSpared(parameter)),
                    rateFactor: rateFactor(parameter.name)))
        }
        self.slots = slots
    }

    /// One-dimensional parameters, biases, ALiBi scales and PSwish have no weight decay in animal2vec.
    private static func isSpared(_ parameter: Parameter) -> Bool {
        let name = parameter.name
        return parameter.master.rank == 1 || name.hasSuffix("bias") || name.hasSuffix("alibi_scale")
            || name.contains(".activation.")
    }

    /// One update with the gradients of the working copies times `gradientFactor`; parameters without a gradient rest.
    ///
    /// - Parameters:
    ///   - weightDecay: instead of the configuration's.
    ///   - frozen: parameters whose name starts with one of these rest too.
    public func step(
        learningRate: Double, weightDecay: Double? = nil, gradientFactor: Double = 1, frozen: [String] = []
    ) throws(TorchError) {
        var moving: [Kind: [(slot: Slot, gradient: Tensor)]] = [:]
        for slot in slots where !frozen.contains(where: slot.parameter.name.hasPrefix) {
            guard let gradient = try slot.parameter.working.gradient else { continue }
            slot.updates += 1
            let kind = Kind(decays: slot.decays, rateFactor: slot.rateFactor, updates: slot.updates)
            moving[kind, default: []].append((slot, try gradient.to(.float32)))
        }
        for (kind, entries) in moving {
            try update(
                entries, kind.updates, kind.decays ? weightDecay ?? configuration.weightDecay : 0,
                learningRate * kind.rateFactor, gradientFactor)
        }
    }

    /// What parameters must share to be moved by one call of the kernel.
    private struct Kind: Hashable {
        let decays: Bool
        let rateFactor: Double
        let updates: Int
    }

    private func update(
        _ entries: [(slot: Slot, gradient: Tensor)], _ count: Int, _ weightDecay: Double, _ learningRate: Double,
        _ gradientFactor: Double
    ) throws(TorchError) {
        let correction = 1 - Double.power(configuration.beta2, count)
        let epsilon = configuration.epsilon / (configuration.epsilonBeforeCorrection ? correction.squareRoot() : 1)
        let gradients = entries.map(\.gradient)
        // The kernel expects step tensors that already count this update.
        let steps = try Tensor.full([], Double(count), on: gradients[0].device)
        try withoutGradients { () throws(TorchError) in
            if gradientFactor != 1 {
                try perform("aten::_foreach_mul_.Scalar", .tensors(gradients), .double(gradientFactor))
            }
            let arguments: [OperatorArgument] = [
                .tensors(entries.map(\.slot.parameter.master)), .tensors(gradients), .tensors(entries.map(\.slot.mean)),
                .tensors(entries.map(\.slot.square)), .tensors([]),
                .tensors([Tensor](repeating: steps, count: entries.count)), .double(learningRate),
                .double(configuration.beta1), .double(configuration.beta2), .double(weightDecay), .double(epsilon),
                false, false,
            ]
            if configuration.decoupled {
                try perform("aten::_fused_adamw_", arguments)
            } else {
                try perform("aten::_fused_adam_", arguments)
            }
        }
    }

    /// Moments by name, for a checkpoint: `mean.<parameter>` and `square.<parameter>`.
    public var moments: [(name: String, tensor: Tensor)] {
        slots.flatMap { [("mean.\($0.parameter.name)", $0.mean), ("square.\($0.parameter.name)", $0.square)] }
    }

    /// Number of updates of every parameter, for a checkpoint.
    public var updateCounts: [String: Int] {
        get { Dictionary(uniqueKeysWithValues: slots.map { ($0.parameter.name, $0.updates) }) }
        set { for slot in slots { slot.updates = newValue[slot.parameter.name] ?? 0 } }
    }
}

extension Double {
    /// baseⁿ for whole n, the same on every platform.
    static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        var factor = base
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result *= factor }
            factor *= factor
            rest >>= 1
        }
        return result
    }
}
