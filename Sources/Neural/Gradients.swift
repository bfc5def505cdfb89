import Torch

extension ParameterStore {
    /// Gradients of the working copies that have one.
    public func gradients() throws(TorchError) -> [Tensor] {
        var gradients: [Tensor] = []
        for parameter in parameters {
            if let gradient = try parameter.working.gradient { gradients.append(gradient) }
        }
        return gradients
    }

    /// Euclidean norm of all gradients together. NaN or infinite when any of them is.
    public func gradientNorm() throws(TorchError) -> Double {
        let gradients = try gradients()
        guard !gradients.isEmpty else { return 0 }
        let norms = try withoutGradients { () throws(TorchError) in
            try operateMany("aten::_foreach_norm.Scalar", .tensors(gradients), .double(2), .scalarType(.float32))
        }
        return try Tensor.stacked(norms, 0).norm().item()
    }

    /// Forgets all gradients.
    public func clearGradients() throws(TorchError) {
        for parameter in parameters { try parameter.working.setGradient(nil) }
    }
}

extension ParameterStore {
    /// Scales the gradient of every parameter whose Euclidean norm is above `largest` down to it, each by itself.
    public func limitEachGradient(to largest: Double) throws(TorchError) {
        let gradients = try gradients()
        guard !gradients.isEmpty else { return }
        try withoutGradients { () throws(TorchError) in
            let norms = try operateMany(
                "aten::_foreach_norm.Scalar", .tensors(gradients), .double(2), .scalarType(.float32))
            let factors = try ((Tensor.stacked(norms, 0) + 1e-6).reciprocal() * largest).clamped(max: 1)
            // One multiplication per tensor: the factors stay on the device.
            for (gradient, factor) in zip(gradients, try factors.unbound(0)) {
                try perform("aten::mul_.Tensor", .tensor(gradient), .tensor(factor.to(gradient.scalarType)))
            }
        }
    }
}
