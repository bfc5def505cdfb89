import CTorch

// Products, convolutions, normalisation and attention. One line per operator.

extension Tensor {
    /// Matrix product over the last two dimensions.
    public func matmul(_ other: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::matmul", .tensor(self), .tensor(other))
    }
    /// self · weightᵀ + bias; weight [out, in].
    public func linear(_ weight: Tensor, _ bias: Tensor? = nil) throws(TorchError) -> Tensor {
        try operate("aten::linear", .tensor(self), .tensor(weight), .optional(bias))
    }
    /// This weight [out, in] in the order in which oneDNN multiplies inputs of `rows` rows by it, for `linear(packed:)` alone.
    public func packed(rows: Int) throws(TorchError) -> Tensor {
        try operate("mkldnn::_reorder_linear_weight", .tensor(self), .int(rows))
    }
    /// self · weightᵀ + bias with a packed weight [out, in], and its GELU where wanted; on the CPU and without gradients.
    public func linear(packed weight: Tensor, _ bias: Tensor? = nil, gelu: Bool = false) throws(TorchError) -> Tensor {
        try operate(
            "mkldnn::_linear_pointwise", .tensor(self), .tensor(weight), .optional(bias),
            .string(gelu ? "gelu" : "none"),
            .emptyList, .string(gelu ? "none" : ""))
    }
    /// self [B, in, T] with weight [out, in / groups, K].
    public func convolved1d(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
    ) throws(TorchError) -> Tensor {
        try operate(
            "aten::conv1d", .tensor(self), .tensor(weight), .optional(bias), .ints([stride]), .ints([padding]),
            .ints([1]),
            .int(groups))
    }
    /// Grouped convolution of frames self [B, T, G · in], in float32 or bfloat16 on the CPU, with `padding` zeros at both ends, by
    /// spectra of blocks: [B, T', G · out].
    ///
    /// - Parameters:
    ///   - factors: spectra of the taps as real matrices, [F, G, 2 · in, 2 · out].
    ///   - forward: L frames to the real and imaginary parts of F frequencies, [2, F, L].
    ///   - backward: back to the K of them that are kept, [2, K, F]; the taps are L − K + 1.
    public func convolvedBySpectrum(
        factors: Tensor, _ bias: Tensor? = nil, forward: Tensor, backward: Tensor, padding: Int
    ) throws(TorchError) -> Tensor {
        var raw: OpaquePointer?
        let error = withExtendedLifetime((self, factors, bias, forward, backward)) {
            ctorch_spectral_convolution(
                handle.raw, factors.handle.raw, bias?.handle.raw, forward.handle.raw, backward.handle.raw,
                Int64(padding),
                &raw)
        }
        try TorchError.check(error, "spectral convolution", [description, factors.description])
        return Tensor(owning: raw!)
    }
    /// Layer norm over the trailing dimensions `shape`.
    public func layerNormalized(
        _ shape: [Int], weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5
    ) throws(TorchError) -> Tensor {
        try operate(
            "aten::layer_norm", .tensor(self), .ints(shape), .optional(weight), .optional(bias), .double(epsilon))
    }
    /// Whether the operators in one pass take it: float32 or bfloat16 on the CPU.
    public var fitsOnePass: Bool { !device.isCUDA && (scalarType == .float32 || scalarType == .bfloat16) }
    /// Layer norm over the last dimension D in float32, then its GELU where wanted, in one pass and with gradients added up in
    /// float32; of float32 or bfloat16 on the CPU. weight and bias [D].
    public func layerNormalizedInOnePass(
        weight: Tensor? = nil, bias: Tensor? = nil, epsilon: Double = 1e-5, gelu: Bool = false
    ) throws(TorchError) -> Tensor {
        var raw: OpaquePointer?
        let error = withExtendedLifetime((self, weight, bias)) {
            ctorch_layer_norm(handle.raw, weight?.handle.raw, bias?.handle.raw, epsilon, gelu, &raw)
        }
        try TorchError.check(error, "layer norm", [description])
        return Tensor(owning: raw!)
    }
    /// self · α · σ(β · self) in one pass, of [..., C] in float32 or bfloat16 on the CPU; alpha and beta [C].
    public func pSwishInOnePass(alpha: Tensor, beta: Tensor) throws(TorchError) -> Tensor {
        var raw: OpaquePointer?
        let error = withExtendedLifetime((self, alpha, beta)) {
            ctorch_pswish(handle.raw, alpha.handle.raw, beta.handle.raw, &raw)
        }
        try TorchError.check(error, "PSwish", [description, alpha.description, beta.description])
        return Tensor(owning: raw!)
    }
    /// softmax(self · keyᵀ / √d + bias) · value on [B, H, N, d].
    public func attended(key: Tensor, value: Tensor, bias: Tensor? = nil, dropout: Double = 0) throws(TorchError)
        -> Tensor
    {
        try operate(
            "aten::scaled_dot_product_attention", .tensor(self), .tensor(key), .tensor(value), .optional(bias),
            .double(dropout))
    }
    /// softmax(self · keyᵀ / √d − strength · distance) · value on [B, H, N, d], on the CPU and without gradients; without the work
    /// for scores that distance makes vanish.
    public func attended(key: Tensor, value: Tensor, distanceStrengths: [Float]) throws(TorchError) -> Tensor {
        guard rank == 4 && distanceStrengths.count == size(1) else {
            throw TorchError(
                operation: "distance attention",
                message: "every head of [B, H, N, d] needs a strength, found \(distanceStrengths) for \(description)")
        }
        // In float32 where the processor has no arithmetic for pairs of smaller numbers.
        let isPossible = scalarType == .float32 || (scalarType == .bfloat16 && size(3) % 2 == 0 && ctorch_has_pairs())
        guard isPossible else {
            return try to(.float32).attended(
                key: key.to(.float32), value: value.to(.float32), distanceStrengths: distanceStrengths
            ).to(scalarType)
        }
        var raw: OpaquePointer?
        let error = withExtendedLifetime((self, key, value)) {
            ctorch_distance_attention(handle.raw, key.handle.raw, value.handle.raw, distanceStrengths, &raw)
        }
        try TorchError.check(error, "distance attention", [description, key.description, value.description])
        return Tensor(owning: raw!)
    }
    /// Replaces scores [N, M], in contiguous memory on the CPU and without gradients, by the softmax of each row of
    /// scale · score − strength · |firstPlace + row − column|; computed in float32 also in half of it.
    public func becomeDistanceWeights(firstPlace: Int, scale: Double, strength: Double) throws(TorchError) {
        let error = withExtendedLifetime(handle) {
            ctorch_distance_softmax(handle.raw, Int64(firstPlace), scale, strength)
        }
        try TorchError.check(error, "distance softmax", [description])
    }
    /// Each element kept with probability 1 − p and scaled by 1 / (1 − p); which ones depends on libtorch's generator only.
    public func dropped(_ probability: Double) throws(TorchError) -> Tensor {
        guard !device.isCUDA, scalarType != .float64, probability < 1 else {
            return try operate("aten::dropout", .tensor(self), .double(probability), .bool(true))
        }
        var raw: OpaquePointer?
        let error = withExtendedLifetime(handle) { ctorch_dropout_mask(handle.raw, probability, &raw) }
        try TorchError.check(error, "dropout", [description])
        return try self * Tensor(owning: raw!)
    }
    /// Fourier transform of real numbers along the last dimension: [..., N] to complex [..., N / 2 + 1].
    public func realFourierTransformed() throws(TorchError) -> Tensor { try operate("aten::fft_rfft", .tensor(self)) }
    /// |z|² of complex numbers.
    public func squaredMagnitude() throws(TorchError) -> Tensor {
        try operate("aten::view_as_real", .tensor(self)).squared().sum([-1])
    }
}
