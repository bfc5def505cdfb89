// AdaGC (arXiv 2502.11034): every parameter has a limit of its own, a little above what its gradients used to be.
import Neural
import Torch

/// Limits the gradients of single parameters by their own past.
public struct AdaptiveClipping: Codable, Sendable, Hashable {
    /// How the past is kept.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Whether it is used. The largest gradient norm then limits all gradients together only while limits are learned.
        public var isOn = false
        /// Decay of the mean of the norms.
        public var decay = 0.99
        /// How far above that mean a norm may lie.
        public var factor = 1.04
        /// Updates during which the smallest norm of each parameter is looked for.
        public var warmupUpdates = 100

        /// The published numbers.
        public init() {}
    }

    /// The usual norm of every parameter's gradients so far.
    public private(set) var norms: [String: Double] = [:]
    /// Updates that were seen.
    public private(set) var updates = 0

    /// No past yet.
    public init() {}

    /// The factor for each gradient of this update, which is then part of the past.
    ///
    /// - Parameters:
    ///   - gradientNorms: of each parameter, as the update would use them.
    ///   - globalFactor: what brings all gradients together under the largest norm.
    public mutating func factors(
        _ gradientNorms: [String: Double], globalFactor: Double, _ configuration: Configuration
    ) -> [String: Double] {
        let isLearning = updates < configuration.warmupUpdates
        updates += 1
        var factors: [String: Double] = [:]
        for (name, norm) in gradientNorms {
            if isLearning {
                factors[name] = globalFactor
                norms[name] = min(norms[name] ?? .infinity, norm * globalFactor)
                continue
            }
            // A parameter that was frozen has no past.
            let usual = norms[name] ?? norm
            let limit = configuration.factor * usual
            let factor = norm > limit && norm > 0 ? limit / norm : 1
            factors[name] = factor
            norms[name] = configuration.decay * usual + (1 - configuration.decay) * norm * factor
        }
        return factors
    }
}

extension ParameterStore {
    /// Euclidean norm of each parameter's gradient.
    func gradientNorms() throws(TorchError) -> [String: Double] {
        var (names, gradients): ([String], [Tensor]) = ([], [])
        for parameter in parameters {
            guard let gradient = try parameter.working.gradient else { continue }
            names.append(parameter.name)
            gradients.append(gradient)
        }
        guard !gradients.isEmpty else { return [:] }
        let norms = try withoutGradients { () throws(TorchError) in
            try Tensor.stacked(
                operateMany("aten::_foreach_norm.Scalar", .tensors(gradients), .double(2), .scalarType(.float32)), 0)
        }
        return Dictionary(uniqueKeysWithValues: zip(names, try norms.array(Double.self)))
    }

    /// Multiplies the gradients of parameters by their factors.
    func scaleGradients(_ factors: [String: Double]) throws(TorchError) {
        try withoutGradients { () throws(TorchError) in
            for (name, factor) in factors where factor != 1 {
                try self[name]?.working.gradient?.multiply(inPlace: factor)
            }
        }
    }
}
