// Codable values to configuration trees. Unlike the usual encoders this one keeps keys whose value is nil, so that the tree
// of the defaults names every key there is.

extension ConfigurationNode {
    /// The tree of a value, every key included.
    package init(encoding value: some Encodable) throws {
        self = try Self.tree(of: value, path: [])
    }

    fileprivate static func tree<T: Encodable>(of value: T, path: [any CodingKey]) throws -> ConfigurationNode {
        switch value {
        case let text as String: return ConfigurationNode(.scalar(text, isText: true))
        case let flag as Bool: return ConfigurationNode(.scalar(flag ? "true" : "false", isText: false))
        case let number as any BinaryInteger: return ConfigurationNode(.scalar("\(number)", isText: false))
        case let number as Double: return ConfigurationNode(.scalar(text(number), isText: false))
        case let number as Float: return ConfigurationNode(.scalar(text(number), isText: false))
        default: break
        }
        let encoder = TreeEncoder(codingPath: path)
        try value.encode(to: encoder)
        var node = encoder.storage.node
        // A struct without any stored property encodes nothing.
        if encoder.storage.isEmpty { node.value = .map([], hasFreeKeys: false) }
        if value is any StringKeyed, case .map(let entries, _) = node.value {
            node.value = .map(entries.sorted { $0.key < $1.key }, hasFreeKeys: true)
        }
        return node
    }

    /// A number as every YAML reader takes it for one: 1.0e-06, never 1e-06.
    private static func text<Number: BinaryFloatingPoint & CustomStringConvertible>(_ number: Number) -> String {
        guard number.isFinite else { return number.isNaN ? ".nan" : number < 0 ? "-.inf" : ".inf" }
        let text = number.description
        guard !text.contains("."), let exponent = text.firstIndex(of: "e") else { return text }
        return text[..<exponent] + ".0" + text[exponent...]
    }
}

/// A dictionary: its keys are data, not names of settings.
protocol StringKeyed {}
extension Dictionary: StringKeyed where Key == String {}

/// What is being built; containers share it with their encoder.
private final class TreeStorage {
    enum Shape {
        case empty
        case single(ConfigurationNode)
        case list([TreeStorage])
        case map([(key: String, value: TreeStorage)])
    }

    var shape = Shape.empty

    var isEmpty: Bool {
        if case .empty = shape { true } else { false }
    }

    var node: ConfigurationNode {
        switch shape {
        case .empty: ConfigurationNode(.null)
        case .single(let node): node
        case .list(let children): ConfigurationNode(.list(children.map(\.node)))
        case .map(let children):
            ConfigurationNode(
                .map(children.map { ConfigurationEntry(key: $0.key, node: $0.value.node) }, hasFreeKeys: false))
        }
    }

    func child(_ key: String) -> TreeStorage {
        guard case .map(var children) = shape else { preconditionFailure("no keyed container") }
        let child = TreeStorage()
        children.append((key, child))
        shape = .map(children)
        return child
    }

    func element() -> TreeStorage {
        guard case .list(var children) = shape else { preconditionFailure("no unkeyed container") }
        let child = TreeStorage()
        children.append(child)
        shape = .list(children)
        return child
    }

    func set(_ node: ConfigurationNode) { shape = .single(node) }
}

private struct TreeEncoder: Encoder {
    var codingPath: [any CodingKey]
    let storage: TreeStorage
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(codingPath: [any CodingKey], storage: TreeStorage = TreeStorage()) {
        self.codingPath = codingPath
        self.storage = storage
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if storage.isEmpty { storage.shape = .map([]) }
        return KeyedEncodingContainer(TreeKeyed<Key>(codingPath: codingPath, storage: storage))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if storage.isEmpty { storage.shape = .list([]) }
        return TreeUnkeyed(codingPath: codingPath, storage: storage)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        TreeSingle(codingPath: codingPath, storage: storage)
    }
}

private struct TreeSingle: SingleValueEncodingContainer {
    let codingPath: [any CodingKey]
    let storage: TreeStorage

    func encodeNil() { storage.set(ConfigurationNode(.null)) }
    func encode<T: Encodable>(_ value: T) throws {
        storage.set(try ConfigurationNode.tree(of: value, path: codingPath))
    }
}

private struct TreeUnkeyed: UnkeyedEncodingContainer {
    let codingPath: [any CodingKey]
    let storage: TreeStorage
    var count: Int {
        if case .list(let children) = storage.shape { children.count } else { 0 }
    }

    func encodeNil() { storage.element().set(ConfigurationNode(.null)) }
    func encode<T: Encodable>(_ value: T) throws {
        storage.element().set(try ConfigurationNode.tree(of: value, path: codingPath))
    }
    func nestedContainer<Key: CodingKey>(keyedBy keyType: Key.Type) -> KeyedEncodingContainer<Key> {
        TreeEncoder(codingPath: codingPath, storage: storage.element()).container(keyedBy: keyType)
    }
    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        TreeEncoder(codingPath: codingPath, storage: storage.element()).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { TreeEncoder(codingPath: codingPath, storage: storage.element()) }
}

private struct TreeKeyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let codingPath: [any CodingKey]
    let storage: TreeStorage

    func encodeNil(forKey key: Key) { storage.child(key.stringValue).set(ConfigurationNode(.null)) }
    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        storage.child(key.stringValue).set(try ConfigurationNode.tree(of: value, path: codingPath + [key]))
    }
    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        TreeEncoder(codingPath: codingPath + [key], storage: storage.child(key.stringValue)).container(keyedBy: keyType)
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        TreeEncoder(codingPath: codingPath + [key], storage: storage.child(key.stringValue)).unkeyedContainer()
    }
    func superEncoder() -> any Encoder { TreeEncoder(codingPath: codingPath, storage: storage.child("super")) }
    func superEncoder(forKey key: Key) -> any Encoder {
        TreeEncoder(codingPath: codingPath + [key], storage: storage.child(key.stringValue))
    }

    // The defaults of these leave a nil out. Each must be named: a generic one would not replace them.
    func encodeIfPresent<T: Encodable>(_ value: T?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: String?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try keep(value, key) }
    func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try keep(value, key) }

    private func keep<T: Encodable>(_ value: T?, _ key: Key) throws {
        if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
    }
}
