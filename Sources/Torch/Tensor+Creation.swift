import CTorch

extension Tensor {
    /// A tensor of `shape` with the row-major `values`, on the CPU.
    public init<Element: TensorElement>(_ values: [Element], shape: [Int]? = nil) throws(TorchError) {
        let sizes = (shape ?? [values.count]).map(Int64.init)
        var raw: OpaquePointer?
        let error = values.withUnsafeBytes { bytes in
            ctorch_tensor_from_host(
                bytes.baseAddress, bytes.count, sizes, Int64(sizes.count), Element.scalarType.rawValue, &raw)
        }
        try TorchError.check(error, "Tensor.init")
        self.init(owning: raw!)
    }

    /// A tensor of `shape` with row-major `bytes` of elements of type `type`, on the CPU.
    public init(bytes: UnsafeRawBufferPointer, type: ScalarType, shape: [Int]) throws(TorchError) {
        var raw: OpaquePointer?
        let sizes = shape.map(Int64.init)
        try TorchError.check(
            ctorch_tensor_from_host(bytes.baseAddress, bytes.count, sizes, Int64(sizes.count), type.rawValue, &raw),
            "Tensor.init")
        self.init(owning: raw!)
    }

    /// Zeros.
    public static func zeros(_ shape: [Int], _ type: ScalarType = .float32, on device: Device = .cpu) throws(TorchError)
        -> Tensor
    {
        try operate("aten::zeros", .ints(shape), .scalarType(type), nil, .device(device))
    }

    /// Ones.
    public static func ones(_ shape: [Int], _ type: ScalarType = .float32, on device: Device = .cpu) throws(TorchError)
        -> Tensor
    {
        try operate("aten::ones", .ints(shape), .scalarType(type), nil, .device(device))
    }

    /// The same number everywhere.
    public static func full(
        _ shape: [Int], _ value: Double, _ type: ScalarType = .float32, on device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try operate("aten::full", .ints(shape), .double(value), .scalarType(type), nil, .device(device))
    }

    /// 0, 1, … count − 1.
    public static func arange(_ count: Int, _ type: ScalarType = .float32, on device: Device = .cpu) throws(TorchError)
        -> Tensor
    {
        try operate("aten::arange", .int(count), .scalarType(type), nil, .device(device))
    }

    /// Room for numbers that are all still to be written.
    public static func empty(_ shape: [Int], _ type: ScalarType = .float32, on device: Device = .cpu) throws(TorchError)
        -> Tensor
    {
        try operate("aten::empty.memory_format", .ints(shape), .scalarType(type), nil, .device(device))
    }

    /// Normally distributed numbers around 0 from libtorch's generator; see `withSeed`.
    public static func randomNormal(
        _ shape: [Int], standardDeviation: Double = 1, _ type: ScalarType = .float32, on device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        let numbers = try empty(shape, type, on: device)
        return try operate("aten::normal_", .tensor(numbers), .double(0), .double(standardDeviation))
    }

    /// Numbers in [0, 1) from libtorch's generator; see `withSeed`.
    public static func randomUniform(
        _ shape: [Int], _ type: ScalarType = .float32, on device: Device = .cpu
    ) throws(TorchError) -> Tensor {
        try operate("aten::rand", .ints(shape), .scalarType(type), nil, .device(device))
    }

    /// Zeros of the same shape, type and device.
    public func zerosLike() throws(TorchError) -> Tensor { try operate("aten::zeros_like", .tensor(self)) }

    /// The numbers in row-major order. Converts to `Element`'s type and moves to the CPU first.
    public func array<Element: TensorElement>(_ type: Element.Type = Element.self) throws(TorchError) -> [Element] {
        let source = try detached().to(.cpu).to(Element.scalarType).contiguous()
        let count = source.count
        var failure: UnsafeMutablePointer<ctorch_error>?
        let values = withExtendedLifetime(source) {
            [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
                failure = ctorch_tensor_to_host(
                    source.handle.raw, buffer.baseAddress, count * MemoryLayout<Element>.stride)
                initialized = failure == nil ? count : 0
            }
        }
        try TorchError.check(failure, "Tensor.array", [description])
        return values
    }

    /// The only element.
    public func item() throws(TorchError) -> Double {
        guard count == 1 else {
            throw TorchError(operation: "item", message: "needs one element", arguments: [description])
        }
        return try array(Double.self)[0]
    }

    /// The bytes of a contiguous CPU copy, in row-major order, of whatever element type.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let source = try detached().to(.cpu).contiguous()
        return try withExtendedLifetime(source) {
            try body(
                UnsafeRawBufferPointer(
                    start: ctorch_tensor_data(source.handle.raw), count: source.count * source.scalarType.byteCount))
        }
    }
}
