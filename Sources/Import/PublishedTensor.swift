import PyTorchFiles
import Storage

/// A tensor in a checkpoint, under its published name.
struct PublishedTensor {
    /// Where its numbers are.
    enum Source {
        case pyTorch(PyTorchFile, PyTorchTensor)
        case safetensors(SafetensorsFile)
    }

    let name: String
    let shape: [Int]
    let elementType: ElementType?
    let typeName: String
    let source: Source

    init(_ name: String, _ tensor: PyTorchTensor, in file: PyTorchFile) {
        self.name = name
        (shape, elementType, typeName) = (tensor.shape, tensor.elementType, tensor.typeName)
        source = .pyTorch(file, tensor)
    }

    init(_ name: String, in file: SafetensorsFile, entry: SafetensorsEntry) {
        self.name = name
        (shape, elementType, typeName) = (entry.shape, entry.elementType, entry.elementType.rawValue)
        source = .safetensors(file)
    }

    /// Number of elements.
    var count: Int { shape.reduce(1, *) }
    /// Bytes that it takes in the checkpoint.
    var byteCount: Int { count * (elementType?.byteCount ?? 0) }

    private var path: String {
        switch source {
        case .pyTorch(let file, _): file.path
        case .safetensors(let file): file.path
        }
    }

    /// Hands the numbers over in single precision, row-major, some at a time.
    ///
    /// Throws what `body` throws, or an error for numbers of another kind, NaN, infinity and damage.
    func readSinglePrecision(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let elementType, [.float32, .float16, .bfloat16, .float64].contains(elementType) else {
            throw ImportError(
                path, "'\(name)' holds numbers of the type \(typeName)", remedy: "weights are floating-point numbers")
        }
        let take = { (bytes: UnsafeRawBufferPointer) in
            try SinglePrecision.convert(bytes, from: elementType) { converted in
                guard SinglePrecision.isFinite(converted) else {
                    throw ImportError(path, "'\(name)' holds NaN or infinity", remedy: "use another checkpoint")
                }
                try body(converted)
            }
        }
        switch source {
        case .pyTorch(let file, let tensor):
            try file.checkStorage(of: tensor)
            try file.read(tensor, take)
        case .safetensors(let file): try file.withUnsafeBytes(name, take)
        }
    }
}

/// Floating-point numbers of any width in single precision, as raw bytes without alignment.
enum SinglePrecision {
    /// Whether there is neither NaN nor infinity among them.
    static func isFinite(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress else { return true }
        // An exponent of ones, and only that, carries over into the sign.
        var carried: UInt32 = 0
        for index in 0..<bytes.count / 4 {
            let bits = base.loadUnaligned(fromByteOffset: index &* 4, as: UInt32.self)
            carried |= (bits & 0x7F80_0000) &+ 0x0080_0000
        }
        return carried & 0x8000_0000 == 0
    }

    static func convert(
        _ bytes: UnsafeRawBufferPointer, from type: ElementType, _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard type != .float32, let base = bytes.baseAddress else { return try body(bytes) }
        let count = bytes.count / type.byteCount
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            let target = buffer.baseAddress!
            switch type {
            case .float16:
                for index in 0..<count {
                    target[index] = Float(base.loadUnaligned(fromByteOffset: index &* 2, as: Float16.self))
                }
            case .bfloat16:
                for index in 0..<count {
                    let bits = base.loadUnaligned(fromByteOffset: index &* 2, as: UInt16.self)
                    target[index] = Float(bitPattern: UInt32(bits) << 16)
                }
            default:
                for index in 0..<count {
                    target[index] = Float(base.loadUnaligned(fromByteOffset: index &* 8, as: Double.self))
                }
            }
            initialized = count
        }
        try values.withUnsafeBytes(body)
    }
}
