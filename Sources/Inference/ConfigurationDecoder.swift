// Configuration trees to Codable values, with the whole path and the place in every complaint.
import Foundation

extension ConfigurationNode {
    /// The value that this tree describes. Throws `ConfigurationError` for wrong types, missing and unknown keys.
    package func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let log = KeyLog()
        let value = try NodeReader(node: self, path: [], log: log).value(type)
        let faults = log.unknownKeys
        if !faults.isEmpty {
            let paths = leaves().map(\.path)
            throw ConfigurationError(faults.map { $0.fault(among: paths) })
        }
        return value
    }
}

/// Which keys a type asked for: the others in the text are unknown. This finds those inside lists too, of which the defaults
/// know nothing.
private final class KeyLog {
    private var asked: [String: [String]] = [:]
    private var present: [String: [ConfigurationEntry]] = [:]

    func visit(_ path: String, _ entries: [ConfigurationEntry]) { present[path] = entries }
    func ask(_ path: String, _ key: String) {
        if asked[path]?.contains(key) != true { asked[path, default: []].append(key) }
    }

    var unknownKeys: [UnknownKey] {
        present.sorted { $0.key < $1.key }.flatMap { path, entries in
            let known = asked[path] ?? []
            return entries.filter { !known.contains($0.key) }.map {
                UnknownKey(path: path.isEmpty ? $0.key : "\(path).\($0.key)", origin: $0.node.origin, siblings: known)
            }
        }
    }
}

private struct NodeReader: Decoder {
    let node: ConfigurationNode
    let path: [any CodingKey]
    let log: KeyLog

    var codingPath: [any CodingKey] { path }
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var pathText: String {
        path.reduce("") { text, key in
            if let index = key.intValue { return "\(text)[\(index)]" }
            return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
        }
    }

    func child(_ node: ConfigurationNode, _ key: any CodingKey) -> NodeReader {
        NodeReader(node: node, path: path + [key], log: log)
    }

    func wrong(_ expected: String) -> ConfigurationError {
        ConfigurationError(pathText, origin: node.origin, "\(expected) is expected, found \(node.summary)")
    }

    func value<T: Decodable>(_ type: T.Type) throws -> T {
        if type == String.self {
            guard case .scalar(let text, _) = node.value else { throw wrong("a text") }
            return text as! T
        }
        if type == Bool.self {
            guard case .scalar(let text, _) = node.value, let flag = Bool(text.lowercased()) else {
                throw wrong("true or false")
            }
            return flag as! T
        }
        if let type = type as? any FixedWidthInteger.Type { return try integer(type) as! T }
        if type == Double.self { return try number() as! T }
        if type == Float.self { return Float(try number()) as! T }
        do {
            return try T(from: self)
        } catch DecodingError.dataCorrupted(let context) {
            if let allowed = allowedValues(T.self) { throw wrong("one of \(allowed.joined(separator: ", "))") }
            throw ConfigurationError(pathText, origin: node.origin, context.debugDescription)
        } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
            throw ConfigurationError(pathText, origin: node.origin, context.debugDescription)
        }
    }

    private func integer<I: FixedWidthInteger>(_ type: I.Type) throws -> I {
        guard case .scalar(let text, _) = node.value else { throw wrong("a whole number") }
        if let value = I(text.replacing("_", with: "")) { return value }
        // 4e5 is a whole number too.
        guard let number = Double(text), let value = I(exactly: number) else {
            throw wrong("a whole number from \(I.min) to \(I.max)")
        }
        return value
    }

    private func number() throws -> Double {
        guard case .scalar(let text, _) = node.value else { throw wrong("a number") }
        switch text.lowercased() {
        case ".inf", "+.inf": return .infinity
        case "-.inf": return -.infinity
        case ".nan": return .nan
        default: break
        }
        // Double(_:) takes "inf", "nan" and hexadecimal too, which nobody means.
        guard text.allSatisfy({ "0123456789+-.eE_".contains($0) }), let value = Double(text.replacing("_", with: "")),
            value.isFinite
        else { throw wrong("a number") }
        return value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .map(let entries, _) = node.value else { throw wrong("a group of settings") }
        log.visit(pathText, entries)
        return KeyedDecodingContainer(NodeKeyed<Key>(reader: self, entries: entries))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .list(let nodes) = node.value else { throw wrong("a list") }
        return NodeUnkeyed(reader: self, nodes: nodes)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { NodeSingle(reader: self) }
}

/// The texts of all cases of an enum, nil for other types.
private func allowedValues(_ type: Any.Type) -> [String]? {
    func texts<C: CaseIterable>(_ type: C.Type) -> [String] {
        type.allCases.compactMap { ($0 as? any RawRepresentable).map { "\($0.rawValue)" } }
    }
    guard let type = type as? any CaseIterable.Type else { return nil }
    let result = texts(type)
    return result.isEmpty ? nil : result
}

private struct NodeSingle: SingleValueDecodingContainer {
    let reader: NodeReader
    var codingPath: [any CodingKey] { reader.path }

    func decodeNil() -> Bool { reader.node.value == .null }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try reader.value(type) }
}

private struct NodeUnkeyed: UnkeyedDecodingContainer {
    let reader: NodeReader
    let nodes: [ConfigurationNode]
    var currentIndex = 0
    var codingPath: [any CodingKey] { reader.path }
    var count: Int? { nodes.count }
    var isAtEnd: Bool { currentIndex >= nodes.count }

    private struct Index: CodingKey {
        var intValue: Int?
        var stringValue: String { "\(intValue ?? 0)" }
        init(intValue: Int) { self.intValue = intValue }
        init?(stringValue: String) { nil }
    }

    private mutating func next() throws -> NodeReader {
        guard !isAtEnd else {
            throw ConfigurationError(
                reader.pathText, origin: reader.node.origin, "the list is too short with \(nodes.count) values")
        }
        defer { currentIndex += 1 }
        return reader.child(nodes[currentIndex], Index(intValue: currentIndex))
    }

    mutating func decodeNil() -> Bool {
        guard !isAtEnd, nodes[currentIndex].value == .null else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().value(type) }
    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}

private struct NodeKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let reader: NodeReader
    let entries: [ConfigurationEntry]
    var codingPath: [any CodingKey] { reader.path }
    var allKeys: [Key] { entries.compactMap { Key(stringValue: $0.key) } }

    func contains(_ key: Key) -> Bool {
        reader.log.ask(reader.pathText, key.stringValue)
        return entries.contains { $0.key == key.stringValue }
    }

    private func child(_ key: Key) throws -> NodeReader {
        guard contains(key), let node = reader.node[key.stringValue] else {
            let path = reader.pathText.isEmpty ? key.stringValue : "\(reader.pathText).\(key.stringValue)"
            throw ConfigurationError(path, origin: reader.node.origin, "is missing")
        }
        return reader.child(node, key)
    }

    func decodeNil(forKey key: Key) throws -> Bool { try child(key).node.value == .null }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try child(key).value(type) }
    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try child(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try child(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { reader }
    func superDecoder(forKey key: Key) throws -> any Decoder { try child(key) }
}
