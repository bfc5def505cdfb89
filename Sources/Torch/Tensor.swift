import CTorch

/// An array of numbers that libtorch owns. Copies share the same memory; reference counts free it at once.
///
/// Not Sendable on purpose: all tensors live on the one torch thread; values cross threads, tensors do not.
public struct Tensor {
    let handle: TensorHandle

    /// Takes over one reference.
    init(owning raw: OpaquePointer) {
        handle = TensorHandle(raw)
    }

    /// Length of every dimension.
    public var shape: [Int] {
        withExtendedLifetime(handle) {
            let count = Int(ctorch_tensor_dimension_count(handle.raw))
            return [Int](unsafeUninitializedCapacity: count) { buffer, initialized in
                if let base = buffer.baseAddress {
                    base.withMemoryRebound(to: Int64.self, capacity: count) { ctorch_tensor_sizes(handle.raw, $0) }
                }
                initialized = count
            }
        }
    }

    /// Number of dimensions.
    public var rank: Int { withExtendedLifetime(handle) { Int(ctorch_tensor_dimension_count(handle.raw)) } }

    /// Number of elements.
    public var count: Int { withExtendedLifetime(handle) { Int(ctorch_tensor_element_count(handle.raw)) } }

    /// Element type.
    public var scalarType: ScalarType {
        withExtendedLifetime(handle) {
            guard let type = ScalarType(rawValue: ctorch_tensor_scalar_type(handle.raw)) else {
                preconditionFailure("a tensor of libtorch type \(ctorch_tensor_scalar_type(handle.raw)) reached Swift")
            }
            return type
        }
    }

    /// Where it lives.
    public var device: Device {
        withExtendedLifetime(handle) {
            Device(type: ctorch_tensor_device_type(handle.raw), index: ctorch_tensor_device_index(handle.raw))
        }
    }

    /// Length of one dimension; negative counts from the end.
    public func size(_ dimension: Int) -> Int {
        let shape = shape
        return shape[dimension < 0 ? shape.count + dimension : dimension]
    }
}

/// Owns one reference of a libtorch tensor.
final class TensorHandle {
    let raw: OpaquePointer
    init(_ raw: OpaquePointer) { self.raw = raw }
    deinit { ctorch_tensor_release(raw) }
}

extension Tensor: CustomStringConvertible {
    /// `float32[2, 3]`
    public var description: String { "\(scalarType)\(shape)" }
}
