extension Tensor {
    /// Sum of everything.
    public func sum() throws(TorchError) -> Tensor { try operate("aten::sum", .tensor(self)) }
    /// Sum over dimensions.
    public func sum(_ dimensions: [Int], keep: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::sum.dim_IntList", .tensor(self), .ints(dimensions), .bool(keep))
    }
    /// Mean of everything.
    public func mean() throws(TorchError) -> Tensor { try operate("aten::mean", .tensor(self)) }
    /// Mean over dimensions.
    public func mean(_ dimensions: [Int], keep: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::mean.dim", .tensor(self), .ints(dimensions), .bool(keep))
    }
    /// Variance over dimensions; `correction` 1 is the unbiased one, 0 the biased one.
    public func variance(_ dimensions: [Int], correction: Int = 1, keep: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::var.correction", .tensor(self), .ints(dimensions), .int(correction), .bool(keep))
    }
    /// Largest over dimensions.
    public func maximum(_ dimensions: [Int], keep: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::amax", .tensor(self), .ints(dimensions), .bool(keep))
    }
    /// Smallest over dimensions.
    public func minimum(_ dimensions: [Int], keep: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::amin", .tensor(self), .ints(dimensions), .bool(keep))
    }
    /// Euclidean norm of everything.
    public func norm() throws(TorchError) -> Tensor { try operate("aten::linalg_vector_norm", .tensor(self)) }
    /// Positions that sort a dimension; equal elements keep their order.
    public func argsort(_ dimension: Int, descending: Bool = false) throws(TorchError) -> Tensor {
        try operate("aten::argsort.stable", .tensor(self), .bool(true), .int(dimension), .bool(descending))
    }
    /// Position of the largest element of a dimension.
    public func argmax(_ dimension: Int) throws(TorchError) -> Tensor {
        try operate("aten::argmax", .tensor(self), .int(dimension))
    }
    /// Whether every element is true.
    public func all() throws(TorchError) -> Tensor { try operate("aten::all", .tensor(self)) }
}
