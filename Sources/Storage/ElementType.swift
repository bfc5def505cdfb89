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
