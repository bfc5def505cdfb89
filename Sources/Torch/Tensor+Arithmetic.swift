// Element by element. One line per operator; the meaning is libtorch's.

extension Tensor {
    /// a + b
    public static func + (a: Tensor, b: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::add.Tensor", .tensor(a), .tensor(b))
    }
    /// a + b
    public static func + (a: Tensor, b: Double) throws(TorchError) -> Tensor {
        try operate("aten::add.Scalar", .tensor(a), .double(b))
    }
    /// a − b
    public static func - (a: Tensor, b: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::sub.Tensor", .tensor(a), .tensor(b))
    }
    /// a − b
    public static func - (a: Tensor, b: Double) throws(TorchError) -> Tensor {
        try operate("aten::sub.Scalar", .tensor(a), .double(b))
    }
    /// a − b
    public static func - (a: Double, b: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::rsub.Scalar", .tensor(b), .double(a))
    }
    /// a · b
    public static func * (a: Tensor, b: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::mul.Tensor", .tensor(a), .tensor(b))
    }
    /// a · b
    public static func * (a: Tensor, b: Double) throws(TorchError) -> Tensor {
        try operate("aten::mul.Scalar", .tensor(a), .double(b))
    }
    /// a / b
    public static func / (a: Tensor, b: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::div.Tensor", .tensor(a), .tensor(b))
    }
    /// a / b
    public static func / (a: Tensor, b: Double) throws(TorchError) -> Tensor {
        try operate("aten::div.Scalar", .tensor(a), .double(b))
    }
    /// −a
    public static prefix func - (a: Tensor) throws(TorchError) -> Tensor { try operate("aten::neg", .tensor(a)) }

    /// selfᵉ
    public func power(_ exponent: Double) throws(TorchError) -> Tensor {
        try operate("aten::pow.Tensor_Scalar", .tensor(self), .double(exponent))
    }
    /// Square.
    public func squared() throws(TorchError) -> Tensor { try operate("aten::square", .tensor(self)) }
    /// Square root.
    public func squareRoot() throws(TorchError) -> Tensor { try operate("aten::sqrt", .tensor(self)) }
    /// 1 / self
    public func reciprocal() throws(TorchError) -> Tensor { try operate("aten::reciprocal", .tensor(self)) }
    /// eˣ
    public func exp() throws(TorchError) -> Tensor { try operate("aten::exp", .tensor(self)) }
    /// Natural logarithm.
    public func log() throws(TorchError) -> Tensor { try operate("aten::log", .tensor(self)) }
    /// Decadic logarithm.
    public func log10() throws(TorchError) -> Tensor { try operate("aten::log10", .tensor(self)) }
    /// Sine of radians.
    public func sin() throws(TorchError) -> Tensor { try operate("aten::sin", .tensor(self)) }
    /// Cosine of radians.
    public func cos() throws(TorchError) -> Tensor { try operate("aten::cos", .tensor(self)) }
    /// |self|
    public func absolute() throws(TorchError) -> Tensor { try operate("aten::abs", .tensor(self)) }
    /// Limits to [minimum, maximum]; either may be absent.
    public func clamped(min minimum: Double? = nil, max maximum: Double? = nil) throws(TorchError) -> Tensor {
        try operate(
            "aten::clamp", .tensor(self), minimum.map(OperatorArgument.double) ?? .none,
            maximum.map(OperatorArgument.double) ?? .none)
    }
    /// The larger of two.
    public func maximum(_ other: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::maximum", .tensor(self), .tensor(other))
    }

    /// 1 / (1 + e⁻ˣ)
    public func sigmoid() throws(TorchError) -> Tensor { try operate("aten::sigmoid", .tensor(self)) }
    /// log(1 / (1 + e⁻ˣ)), stable.
    public func logSigmoid() throws(TorchError) -> Tensor { try operate("aten::log_sigmoid", .tensor(self)) }
    /// x · Φ(x) with the exact error function.
    public func gelu() throws(TorchError) -> Tensor { try operate("aten::gelu", .tensor(self)) }
    /// x · σ(x)
    public func silu() throws(TorchError) -> Tensor { try operate("aten::silu", .tensor(self)) }
    /// max(x, 0)
    public func relu() throws(TorchError) -> Tensor { try operate("aten::relu", .tensor(self)) }
    /// Hyperbolic tangent.
    public func tanh() throws(TorchError) -> Tensor { try operate("aten::tanh", .tensor(self)) }
    /// Softmax over one dimension.
    public func softmax(_ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::softmax.int", .tensor(self), .int(dimension))
    }
    /// Logarithm of softmax over one dimension.
    public func logSoftmax(_ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::log_softmax.int", .tensor(self), .int(dimension))
    }

    /// `value` where `mask` is true.
    public func masked(_ mask: Tensor, fill value: Double) throws(TorchError) -> Tensor {
        try operate("aten::masked_fill.Scalar", .tensor(self), .tensor(mask), .double(value))
    }
    /// self where `condition` is true, else `other`.
    public func selected(where condition: Tensor, else other: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::where.self", .tensor(condition), .tensor(self), .tensor(other))
    }
    /// Elements greater than a number.
    public func greater(than value: Double) throws(TorchError) -> Tensor {
        try operate("aten::gt.Scalar", .tensor(self), .double(value))
    }
    /// Elements less than a number.
    public func less(than value: Double) throws(TorchError) -> Tensor {
        try operate("aten::lt.Scalar", .tensor(self), .double(value))
    }
    /// Elements equal to a number.
    public func equal(to value: Double) throws(TorchError) -> Tensor {
        try operate("aten::eq.Scalar", .tensor(self), .double(value))
    }
    /// Elements that are neither infinite nor NaN.
    public func isFinite() throws(TorchError) -> Tensor { try operate("aten::isfinite", .tensor(self)) }
    /// Not, for truth values.
    public func logicalNot() throws(TorchError) -> Tensor { try operate("aten::logical_not", .tensor(self)) }
    /// And, for truth values.
    public func logicalAnd(_ other: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::logical_and", .tensor(self), .tensor(other))
    }

    /// self += other, in place.
    public func add(inPlace other: Tensor) throws(TorchError) {
        try perform("aten::add_.Tensor", .tensor(self), .tensor(other))
    }
    /// self *= factor, in place.
    public func multiply(inPlace factor: Double) throws(TorchError) {
        try perform("aten::mul_.Scalar", .tensor(self), .double(factor))
    }
    /// Copies the numbers of `source` into self, in place, converting the type.
    public func copy(inPlace source: Tensor) throws(TorchError) {
        try perform("aten::copy_", .tensor(self), .tensor(source))
    }
}
