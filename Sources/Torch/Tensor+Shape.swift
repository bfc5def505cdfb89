// Shapes, slices, joins, types and devices. One line per operator.

extension Tensor {
    /// The same numbers in another shape; −1 once for the length that follows.
    public func reshaped(_ shape: [Int]) throws(TorchError) -> Tensor {
        try operate("aten::reshape", .tensor(self), .ints(shape))
    }
    /// Two dimensions exchanged.
    public func transposed(_ a: Int, _ b: Int) throws(TorchError) -> Tensor {
        try operate("aten::transpose.int", .tensor(self), .int(a), .int(b))
    }
    /// Dimensions in a new order.
    public func permuted(_ order: [Int]) throws(TorchError) -> Tensor {
        try operate("aten::permute", .tensor(self), .ints(order))
    }
    /// A dimension of length 1 inserted.
    public func unsqueezed(_ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::unsqueeze", .tensor(self), .int(dimension))
    }
    /// A dimension of length 1 removed.
    public func squeezed(_ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::squeeze.dim", .tensor(self), .int(dimension))
    }
    /// Dimensions of length 1 stretched without copying.
    public func expanded(_ shape: [Int]) throws(TorchError) -> Tensor {
        try operate("aten::expand", .tensor(self), .ints(shape))
    }
    /// Row-major memory; self when it already is.
    public func contiguous() throws(TorchError) -> Tensor { try operate("aten::contiguous", .tensor(self)) }
    /// A copy in memory of its own.
    public func cloned() throws(TorchError) -> Tensor { try operate("aten::clone", .tensor(self)) }
    /// Every slice repeated `times` times in a row along a dimension.
    public func repeatInterleaved(_ times: Int, _ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::repeat_interleave.self_int", .tensor(self), .int(times), .int(dimension))
    }
    /// `length` slices from `start` along a dimension, without copying.
    public func narrowed(_ dimension: Int, _ start: Int, _ length: Int) throws(TorchError) -> Tensor {
        try operate("aten::narrow", .tensor(self), .int(dimension), .int(start), .int(length))
    }
    /// One slice, the dimension removed.
    public func slice(_ dimension: Int, _ index: Int) throws(TorchError) -> Tensor {
        try operate("aten::select.int", .tensor(self), .int(dimension), .int(index))
    }
    /// `count` pieces of equal length along a dimension.
    public func chunked(_ count: Int, _ dimension: Int) throws(TorchError) -> [Tensor] {
        try operateMany("aten::chunk", .tensor(self), .int(count), .int(dimension))
    }
    /// The dimension cut out, one tensor per slice.
    public func unbound(_ dimension: Int) throws(TorchError) -> [Tensor] {
        try operateMany("aten::unbind.int", .tensor(self), .int(dimension))
    }
    /// Slices by number along a dimension.
    public func selected(_ dimension: Int, _ indices: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::index_select", .tensor(self), .int(dimension), .tensor(indices))
    }
    /// result[i][j] = self[i][index[i][j]] along dimension 1, and likewise for others.
    public func gathered(_ dimension: Int, _ index: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::gather", .tensor(self), .int(dimension), .tensor(index))
    }
    /// Elements where a truth tensor is true, as one row.
    public func selected(_ mask: Tensor) throws(TorchError) -> Tensor {
        try operate("aten::masked_select", .tensor(self), .tensor(mask))
    }
    /// Order reversed along dimensions.
    public func flipped(_ dimensions: [Int]) throws(TorchError) -> Tensor {
        try operate("aten::flip", .tensor(self), .ints(dimensions))
    }
    /// Zeros added: pairs (before, after) from the last dimension on.
    public func padded(_ amounts: [Int], value: Double = 0) throws(TorchError) -> Tensor {
        try operate("aten::constant_pad_nd", .tensor(self), .ints(amounts), .double(value))
    }
    /// Mirrored at both ends of the last dimension, the edge itself not repeated.
    public func reflectionPadded(_ before: Int, _ after: Int) throws(TorchError) -> Tensor {
        try operate("aten::reflection_pad1d", .tensor(self), .ints([before, after]))
    }
    /// Overlapping windows along a dimension; the window becomes the last dimension.
    public func unfolded(_ dimension: Int, size: Int, step: Int) throws(TorchError) -> Tensor {
        try operate("aten::unfold", .tensor(self), .int(dimension), .int(size), .int(step))
    }
    /// Joined along an existing dimension.
    public static func concatenated(_ tensors: [Tensor], _ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::cat", .tensors(tensors), .int(dimension))
    }
    /// Joined along a new dimension.
    public static func stacked(_ tensors: [Tensor], _ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::stack", .tensors(tensors), .int(dimension))
    }
    /// Converted to another element type; self when it already is.
    public func to(_ type: ScalarType) throws(TorchError) -> Tensor {
        scalarType == type ? self : try operate("aten::to.dtype", .tensor(self), .scalarType(type))
    }
    /// Moved to a device; self when it already is there.
    public func to(_ device: Device) throws(TorchError) -> Tensor {
        self.device == device
            ? self : try operate("aten::to.device", .tensor(self), .device(device), .scalarType(scalarType))
    }
    /// The same on another device; from the CPU to a CUDA device by way of page-locked memory, and without waiting for the
    /// copy, which the device does in its turn. libtorch keeps the memory until then.
    public func sent(to device: Device) throws(TorchError) -> Tensor {
        guard device.isCUDA, self.device == .cpu else { return try to(device) }
        let pinned = try operate("aten::pin_memory", .tensor(self))
        return try operate("aten::to.device", .tensor(pinned), .device(device), .scalarType(scalarType), .bool(true))
    }
    /// The same numbers, unknown to the tape.
    public func detached() throws(TorchError) -> Tensor { try operate("aten::detach", .tensor(self)) }
}
