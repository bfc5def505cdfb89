import Storage

/// A tensor that a file describes; its numbers stay in the file until they are asked for.
public struct PyTorchTensor: Sendable, Hashable {
    /// Type of its elements; nil for those that no safetensors file can hold.
    public let elementType: ElementType?
    /// The name of that type, or of the class of its storage.
    public let typeName: String
    /// Length of every dimension.
    public let shape: [Int]
    /// The number of the storage that it is a view of; several tensors may share one.
    public let storage: Int
    /// Number of elements.
    public let count: Int

    let strides: [Int]
    let offset: Int

    /// A view of elements 0 to `available` of a storage, which must contain it.
    init(
        _ elementType: ElementType?, _ typeName: String, storage: Int, available: Int, offset: Int, shape: [Int],
        strides: [Int]
    ) throws(PyTorchFileFault) {
        guard shape.count == strides.count, offset >= 0, shape.allSatisfy({ $0 >= 0 }) else {
            throw PyTorchFileFault("a tensor of the impossible shape \(shape) with strides \(strides)")
        }
        guard strides.allSatisfy({ $0 >= 0 }) else {
            throw PyTorchFileFault("a tensor with the negative strides \(strides)")
        }
        var count = 1
        var last = offset
        for (size, step) in zip(shape, strides) {
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
            let (reach, isTooFar) = max(size - 1, 0).multipliedReportingOverflow(by: step)
            let (end, isBehind) = last.addingReportingOverflow(reach)
            guard !isTooLarge, !isTooFar, !isBehind else {
                throw PyTorchFileFault("a tensor of the impossible shape \(shape) with strides \(strides)")
            }
            (count, last) = (product, end)
        }
        guard count == 0 ? offset <= available : last < available else {
            throw PyTorchFileFault(
                "a tensor of shape \(shape) with strides \(strides) at \(offset) in a storage of \(available) elements")
        }
        (self.elementType, self.typeName, self.storage, self.shape) = (elementType, typeName, storage, shape)
        (self.count, self.offset) = (count, offset)
        // The step along a dimension of length 1 is never taken, and may be any number.
        self.strides = zip(shape, strides).map { $0 > 1 ? $1 : 0 }
    }

    /// Whether its elements follow each other in the file.
    var isContiguous: Bool {
        guard count > 0 else { return true }
        var expected = 1
        for (size, step) in zip(shape, strides).reversed() where size != 1 {
            if step != expected { return false }
            expected *= size
        }
        return true
    }
}

/// The numbers behind one or several tensors, as a pickle announces them.
struct PickledStorage: Sendable, Hashable {
    let key: String
    let elementType: ElementType?
    let typeName: String
    /// Bytes of one element; nil where it is not known.
    let elementBytes: Int?
    /// Number of elements.
    let count: Int

    /// Types that PyTorch has storage classes for, and the bytes of an element. `UntypedStorage` counts in bytes.
    static let types: [String: (ElementType?, Int)] = [
        "FloatStorage": (.float32, 4), "DoubleStorage": (.float64, 8), "HalfStorage": (.float16, 2),
        "BFloat16Storage": (.bfloat16, 2), "LongStorage": (.int64, 8), "IntStorage": (.int32, 4),
        "ShortStorage": (.int16, 2), "CharStorage": (.int8, 1), "ByteStorage": (.uint8, 1), "BoolStorage": (.bool, 1),
        "ComplexFloatStorage": (nil, 8), "ComplexDoubleStorage": (nil, 16), "QInt8Storage": (nil, 1),
        "QUInt8Storage": (nil, 1), "QInt32Storage": (nil, 4), "UntypedStorage": (nil, 1),
    ]

    init(key: String, className: String, count: Int) throws(PyTorchFileFault) {
        // Keys become names of zip entries.
        guard !key.isEmpty, key.utf8.count <= 64,
            key.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x41...0x5A).contains($0 & 0xDF) || $0 == 0x5F })
        else { throw PyTorchFileFault("a storage of the impossible name \(key.prefix(80).debugDescription)") }
        guard (0...(1 << 48)).contains(count) else {
            throw PyTorchFileFault("a storage of the impossible size of \(count) elements")
        }
        let type = className.split(separator: ".").last.flatMap { Self.types[String($0)] }
        guard className.hasPrefix("torch."), className.hasSuffix("Storage") else {
            throw PyTorchFileFault("numbers in a \(className.prefix(80)), which is no storage of PyTorch")
        }
        (self.key, self.count, elementType, elementBytes) = (key, count, type?.0, type?.1)
        typeName = elementType?.rawValue ?? className
    }
}
