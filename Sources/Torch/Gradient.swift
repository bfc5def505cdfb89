import CTorch

extension Tensor {
    /// Whether the tape records what happens to it.
    public var requiresGradient: Bool { withExtendedLifetime(handle) { ctorch_tensor_requires_grad(handle.raw) } }

    /// Starts or ends recording; returns self.
    @discardableResult
    public func requiringGradient(_ value: Bool = true) throws(TorchError) -> Tensor {
        let error = withExtendedLifetime(handle) { ctorch_tensor_set_requires_grad(handle.raw, value) }
        try TorchError.check(error, "requires_grad", [description])
        return self
    }

    /// The gradient that backward passes have summed up.
    public var gradient: Tensor? {
        get throws(TorchError) {
            var raw: OpaquePointer?
            let error = withExtendedLifetime(handle) { ctorch_tensor_grad(handle.raw, &raw) }
            try TorchError.check(error, "grad", [description])
            return raw.map(Tensor.init(owning:))
        }
    }

    /// Replaces the gradient; nil forgets it.
    public func setGradient(_ gradient: Tensor?) throws(TorchError) {
        let error = withExtendedLifetime((handle, gradient)) {
            ctorch_tensor_set_grad(handle.raw, gradient?.handle.raw)
        }
        try TorchError.check(error, "set grad", [description])
    }

    /// Adds d self / d leaf to the gradient of every leaf. self has one element, or `seed` has its shape.
    public func backward(_ seed: Tensor? = nil) throws(TorchError) {
        try perform("aten::_backward", .tensor(self), .tensors([]), .optional(seed))
    }
}

/// Whether operators on tensors that learn are being recorded.
public var recordsGradients: Bool { ctorch_grad_mode() }

/// Runs `body` without recording a tape.
public func withoutGradients<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let before = ctorch_grad_mode()
    ctorch_set_grad_mode(false)
    defer { ctorch_set_grad_mode(before) }
    return try body()
}
