/// Types of tensor elements in files, with the names that safetensors uses.
public enum ElementType: String, Sendable, Hashable, Codable, CaseIterable {
    /// One byte, 0 or 1.
    case bool = "BOOL"
    /// 8 bits without sign.
    case uint8 = "U8"
    /// 8 bits with sign.
    case int8 = "I8"
    /// 16 bits with sign.
    case int16 = "I16"
    /// IEEE half precision.
    case float16 = "F16"
    /// The upper half of single precision.
    case bfloat16 = "BF16"
    /// 32 bits with sign.
    case int32 = "I32"
    /// IEEE single precision.
    case float32 = "F32"
    /// IEEE double precision.
    case float64 = "F64"
    /// 64 bits with sign.
    case int64 = "I64"

    /// Bytes per element.
    public var byteCount: Int {
        switch self {
        case .bool, .uint8, .int8: 1
        case .int16, .float16, .bfloat16: 2
        case .int32, .float32: 4
        case .float64, .int64: 8
        }
    }
}

/// A Swift type whose memory is that of an element type in files.
public protocol SafetensorsElement: BitwiseCopyable {
    /// The type in files.
    static var elementType: ElementType { get }
}

extension UInt8: SafetensorsElement {
    /// U8
    public static var elementType: ElementType { .uint8 }
}

extension Int8: SafetensorsElement {
    /// I8
    public static var elementType: ElementType { .int8 }
}

extension Int16: SafetensorsElement {
    /// I16
    public static var elementType: ElementType { .int16 }
}

extension Int32: SafetensorsElement {
    /// I32
    public static var elementType: ElementType { .int32 }
}

extension Int64: SafetensorsElement {
    /// I64
    public static var elementType: ElementType { .int64 }
}

extension Float16: SafetensorsElement {
    /// F16
    public static var elementType: ElementType { .float16 }
}

extension Float: SafetensorsElement {
    /// F32
    public static var elementType: ElementType { .float32 }
}

extension Double: SafetensorsElement {
    /// F64
    public static var elementType: ElementType { .float64 }
}
