/// A value that a PyTorch file describes, with everything that it refers to. Values may refer to each other in circles:
/// whoever walks through them must stop at some depth.
public struct PickleItem: Sendable {
    let graph: PickleGraph
    let value: PickleValue

    private var node: PickleNode? { if case .node(let index) = value { graph.nodes[index] } else { nil } }

    private func item(_ value: PickleValue) -> PickleItem { PickleItem(graph: graph, value: value) }

    /// Whether it is None.
    public var isNone: Bool { value == .none }

    /// A truth value.
    public var boolean: Bool? { if case .boolean(let value) = value { value } else { scalar?.boolean } }

    /// An integer, also one of NumPy's.
    public var integer: Int? {
        if case .integer(let value) = value { return Int(value) }
        return scalar?.integer
    }

    /// A number, also one of NumPy's.
    public var number: Double? {
        switch value {
        case .number(let value): value
        case .integer(let value): Double(value)
        default: scalar?.number
        }
    }

    /// A text of less than a million bytes.
    public var text: String? { if case .text(let span) = value { graph.text(span) } else { nil } }

    /// The elements of a list, a tuple or a set.
    public var elements: [PickleItem]? {
        guard let node else { return nil }
        switch node.kind {
        case .list, .tuple, .set: return node.items.map(item)
        default: return nil
        }
    }

    /// Keys and values of a dictionary, in its order.
    public var entries: [(key: PickleItem, value: PickleItem)]? {
        guard let node, node.kind == .dictionary else { return nil }
        return stride(from: 0, to: node.items.count, by: 2).map { (item(node.items[$0]), item(node.items[$0 + 1])) }
    }

    /// The last value of a dictionary with this key.
    public subscript(key: String) -> PickleItem? {
        guard let node, node.kind == .dictionary else { return nil }
        return Self.find(key, in: node.items, graph).map(item)
    }

    /// The name of the class of an object, or of a class or function itself, such as `argparse.Namespace`.
    public var name: String? {
        guard let node, node.kind == .object || node.kind == .global else { return nil }
        return graph.names[node.number]
    }

    /// What an object was made from.
    public var arguments: [PickleItem] { node.map { item($0.arguments).elements ?? [] } ?? [] }

    /// An attribute of an object.
    public func attribute(_ name: String) -> PickleItem? {
        guard let node, node.kind == .object else { return nil }
        // With slots, the state is a pair of dictionaries.
        let states = item(node.state).elements ?? [item(node.state)]
        return states.lazy.compactMap { $0[name] }.first
    }

    /// A tensor.
    public var tensor: PyTorchTensor? {
        guard let node, node.kind == .tensor else { return nil }
        return graph.tensors[node.number]
    }

    /// What it is, in words for messages.
    public var summary: String {
        switch value {
        case .none: return "nothing"
        case .boolean(let value): return "\(value)"
        case .integer(let value): return "\(value)"
        case .number(let value): return "\(value)"
        case .text: return text.map { String($0.prefix(60)).debugDescription } ?? "a text"
        case .bytes: return "bytes"
        case .longInteger: return "a very large integer"
        case .node: break
        }
        guard let node else { return "nothing" }
        switch node.kind {
        case .list: return "a list of \(node.items.count)"
        case .tuple: return "a tuple of \(node.items.count)"
        case .set: return "a set of \(node.items.count)"
        case .dictionary: return "a dictionary of \(node.items.count / 2)"
        case .global: return graph.names[node.number]
        case .object: return "an object of \(graph.names[node.number])"
        case .storage: return "the numbers of a tensor"
        case .tensor: return "a tensor of shape \(graph.tensors[node.number].shape)"
        }
    }

    private static func find(_ key: String, in items: [PickleValue], _ graph: PickleGraph) -> PickleValue? {
        var index = items.count - 2
        while index >= 0 {
            if case .text(let span) = items[index], graph.spans[span].count == key.utf8.count, graph.text(span) == key {
                return items[index + 1]
            }
            index -= 2
        }
        return nil
    }

    // MARK: NumPy

    private enum Scalar {
        case whole(Int), real(Double), truth(Bool)

        var integer: Int? { if case .whole(let value) = self { value } else { nil } }
        var boolean: Bool? { if case .truth(let value) = self { value } else { nil } }
        var number: Double? {
            switch self {
            case .whole(let value): Double(value)
            case .real(let value): value
            case .truth: nil
            }
        }
    }

    /// A NumPy number: its type, and its bytes, which older pickles hide in a text.
    private var scalar: Scalar? {
        guard let node, node.kind == .object, name?.hasSuffix(".multiarray.scalar") == true else { return nil }
        let arguments = arguments
        guard arguments.count == 2, arguments[0].name == "numpy.dtype",
            let code = arguments[0].arguments.first?.text, var bytes = arguments[1].rawBytes
        else { return nil }
        let type = code.drop { $0 == "<" || $0 == ">" || $0 == "=" || $0 == "|" }
        let order = item(arguments[0].node?.state ?? .none).elements?.dropFirst().first?.text
        if order == ">" || code.hasPrefix(">") { bytes.reverse() }
        guard let size = Int(type.dropFirst()), size == bytes.count, (1...8).contains(size) else { return nil }
        let bits = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        let unused = UInt64(64 - 8 * size)
        switch (type.first, size) {
        case ("f", 8): return .real(Double(bitPattern: bits))
        case ("f", 4): return .real(Double(Float(bitPattern: UInt32(bits))))
        case ("f", 2): return .real(Double(Float16(bitPattern: UInt16(bits))))
        case ("i", _): return .whole(Int(Int64(bitPattern: bits << unused) >> Int64(unused)))
        case ("u", _): return Int(exactly: bits).map { .whole($0) }
        case ("b", 1): return .truth(bits != 0)
        default: return nil
        }
    }

    /// A few bytes, as such or as a text of the characters 0 to 255.
    private var rawBytes: [UInt8]? {
        if case .bytes(let span) = value { return graph.shortBytes(span) }
        guard name == "_codecs.encode", let text = arguments.first?.text, text.utf8.count <= 64 else { return nil }
        let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
        return bytes.count == text.unicodeScalars.count ? bytes : nil
    }
}
