import Foundation

/// Any JSON, for formats whose fields come in several types.
enum JSONValue: Codable, Hashable {
    case null, bool(Bool), number(Double), string(String), array([JSONValue]), object([String: JSONValue])

    /// Parses a text; a byte order mark has been taken off before.
    static func parse(_ bytes: some Sequence<UInt8>, file: String, line: Int? = nil) throws(LabelError) -> JSONValue {
        do {
            return try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
        } catch {
            throw LabelError(
                file: file, line: line, reason: "is not valid JSON", remedy: "check that the file is whole")
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value):
            if value == value.rounded(), abs(value) < 1e15 {
                try container.encode(Int64(value))
            } else {
                try container.encode(value)
            }
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    /// The bytes of a file, keys sorted so that equal labels give equal files.
    func bytes(pretty: Bool = true) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            pretty
            ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            : [
                .sortedKeys, .withoutEscapingSlashes,
            ]
        // Encoding strings and finite numbers cannot fail.
        return [UInt8](try! encoder.encode(self)) + [0x0A]
    }

    subscript(_ key: String) -> JSONValue? {
        guard case .object(let members) = self, let value = members[key], value != .null else { return nil }
        return value
    }

    var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    var object: [String: JSONValue]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// A finite number, or a text that is one.
    var number: Double? {
        switch self {
        case .number(let value) where value.isFinite: value
        case .string(let text): NumberText.read(text)
        default: nil
        }
    }

    /// A text, or a number or truth value as text; whole numbers without decimals.
    var text: String? {
        switch self {
        case .string(let text): text
        case .number(let value): value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
        case .bool(let value): "\(value)"
        case .null, .array, .object: nil
        }
    }
}

extension TableBuilder {
    /// The number under a key, which must be there. `entry` counts from 1 and stands in for a line.
    func number(_ value: JSONValue, _ key: String, entry: Int) throws(LabelError) -> Double {
        if let number = value[key]?.number { return number }
        throw error(
            line: nil, column: key, value: value[key]?.text, "is missing or not a number in entry \(entry)",
            remedy: "correct the entry, or leave it out with --skip-bad-rows")
    }
}
