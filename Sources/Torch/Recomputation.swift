// Memory for time: what a part of a network computes on its way is forgotten, and computed again for its gradients
// (arXiv 1604.06174).
import CTorch

/// The results of `body` on `inputs`, of which only inputs and results are kept; when gradients are asked for, `body` runs
/// again with the same random numbers.
///
/// - Parameter body: must use no other tensor that learns but leaves, such as parameters, whose gradients are added up as
///   ever.
public func recomputed(
    _ inputs: [Tensor], _ body: @escaping ([Tensor]) throws(TorchError) -> [Tensor]
) throws(TorchError) -> [Tensor] {
    guard ctorch_grad_mode() else { return try body(inputs) }
    let device = inputs[0].device
    let state = try GeneratorState(of: device)
    let outputs = try withoutGradients { () throws(TorchError) in try body(inputs) }
    let context = Unmanaged.passRetained(Recomputation(inputs: inputs, state: state, body: body))
    var attached = [OpaquePointer?](repeating: nil, count: outputs.count)
    let error = withExtendedLifetime((inputs, outputs)) {
        let given: [OpaquePointer?] = inputs.map(\.handle.raw)
        let made: [OpaquePointer?] = outputs.map(\.handle.raw)
        return ctorch_attach_backward(
            given, given.count, made, made.count, context.toOpaque(), backward, release, &attached)
    }
    try TorchError.check(error, "recomputed", inputs.map(\.description))
    return attached.map { Tensor(owning: $0!) }
}

/// The result of one step of a network, forgotten and computed again if `isOn`; `body` as above.
public func recomputed(
    _ input: Tensor, if isOn: Bool, _ body: @escaping (Tensor) throws(TorchError) -> Tensor
) throws(TorchError) -> Tensor {
    guard isOn else { return try body(input) }
    return try recomputed([input]) { (inputs) throws(TorchError) in [try body(inputs[0])] }[0]
}

/// What the second run needs.
private final class Recomputation {
    let inputs: [Tensor]
    let state: GeneratorState
    let body: ([Tensor]) throws(TorchError) -> [Tensor]

    init(inputs: [Tensor], state: GeneratorState, body: @escaping ([Tensor]) throws(TorchError) -> [Tensor]) {
        (self.inputs, self.state, self.body) = (inputs, state, body)
    }

    /// Gradients of the inputs; nil for one that needs none.
    func gradients(_ gradients: [Tensor?]) throws(TorchError) -> [Tensor?] {
        var leaves: [Tensor] = []
        for input in inputs {
            leaves.append(try input.detached().requiringGradient(input.requiresGradient))
        }
        let now = try GeneratorState(of: inputs[0].device)
        try state.restore()
        let before = ctorch_grad_mode()
        ctorch_set_grad_mode(true)
        defer { ctorch_set_grad_mode(before) }
        let outputs = try body(leaves)
        try now.restore()
        // The derivative of Σ output · gradient is the gradient itself: one backward pass for all outputs.
        var sum: Tensor?
        for (output, gradient) in zip(outputs, gradients) {
            guard let gradient, output.requiresGradient else { continue }
            let product = try (output * gradient).sum()
            sum = if let sum { try sum + product } else { product }
        }
        try sum?.backward()
        var result: [Tensor?] = []
        for leaf in leaves { result.append(leaf.requiresGradient ? try leaf.gradient : nil) }
        return result
    }
}

private func backward(
    _ context: UnsafeMutableRawPointer?, _ gradients: UnsafePointer<OpaquePointer?>?, _ count: Int,
    _ wanted: UnsafeMutablePointer<OpaquePointer?>?, _ wantedCount: Int
) -> UnsafeMutablePointer<ctorch_error>? {
    let recomputation = Unmanaged<Recomputation>.fromOpaque(context!).takeUnretainedValue()
    let given = (0..<count).map { index in
        gradients![index].map { raw -> Tensor in
            ctorch_tensor_retain(raw)
            return Tensor(owning: raw)
        }
    }
    do throws(TorchError) {
        for (index, gradient) in try recomputation.gradients(given).enumerated() {
            guard let gradient else { continue }
            ctorch_tensor_retain(gradient.handle.raw)
            wanted![index] = gradient.handle.raw
        }
        return nil
    } catch {
        let code = error.code == .outOfMemory ? CTORCH_ERROR_OUT_OF_MEMORY : CTORCH_ERROR_OPERATOR
        return ctorch_error_make(code, error.description)
    }
}

private func release(_ context: UnsafeMutableRawPointer?) {
    Unmanaged<Recomputation>.fromOpaque(context!).release()
}

/// Where a device's random generator stands.
struct GeneratorState {
    private let device: Device
    private let state: Tensor

    /// Where it stands now.
    init(of device: Device) throws(TorchError) {
        var raw: OpaquePointer?
        try TorchError.check(ctorch_generator_state(device.type, device.index, &raw), "generator state")
        self.device = device
        state = Tensor(owning: raw!)
    }

    /// Puts the generator back there.
    func restore() throws(TorchError) {
        let error = withExtendedLifetime(state.handle) {
            ctorch_set_generator_state(device.type, device.index, state.handle.raw)
        }
        try TorchError.check(error, "generator state")
    }
}
