/// The element types in use. Raw values are libtorch's own numbers.
public enum ScalarType: Int32, Sendable, CaseIterable, CustomStringConvertible {
    case uint8 = 0
    case int8 = 1
    case int16 = 2
    case int32 = 3
    case int64 = 4
    case float16 = 5
    case float32 = 6
    case float64 = 7
    case complex64 = 9
    case bool = 11
    case bfloat16 = 15

    /// Bytes of one element.
    public var byteCount: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .int64, .float64, .complex64: 8
        }
    }

    /// Whether the numbers have a fraction.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .float32, .float64, .bfloat16: true
        default: false
        }
    }

    /// The name in messages, such as `float32`.
    public var description: String {
        switch self {
        case .uint8: "uint8"
        case .int8: "int8"
        case .int16: "int16"
        case .int32: "int32"
        case .int64: "int64"
        case .float16: "float16"
        case .float32: "float32"
        case .float64: "float64"
        case .complex64: "complex64"
        case .bool: "bool"
        case .bfloat16: "bfloat16"
        }
    }
}

/// A Swift type that has the layout of one element.
public protocol TensorElement: BitwiseCopyable, Sendable {
    /// The element type of tensors made from it.
    static var scalarType: ScalarType { get }
}

extension Float: TensorElement {
    /// `float32`
    public static var scalarType: ScalarType { .float32 }
}
extension Double: TensorElement {
    /// `float64`
    public static var scalarType: ScalarType { .float64 }
}
extension Int64: TensorElement {
    /// `int64`
    public static var scalarType: ScalarType { .int64 }
}
extension Int32: TensorElement {
    /// `int32`
    public static var scalarType: ScalarType { .int32 }
}
extension UInt8: TensorElement {
    /// `uint8`
    public static var scalarType: ScalarType { .uint8 }
}
extension Bool: TensorElement {
    /// `bool`
    public static var scalarType: ScalarType { .bool }
}
