// What Python would look up by name and call. The names that describe plain data are understood; all others are noted
// down.

extension PickleReader {
    /// The steps that make Python look up names and call them.
    mutating func meaning(_ code: UInt8) throws(PyTorchFileFault) {
        switch UnicodeScalar(code) {
        case "c":
            let module = try lineText()
            try global("\(module).\(try lineText())")
        case "\u{93}":
            guard let name = text(try pop()), let module = text(try pop()) else {
                throw PyTorchFileFault("a pickle with a name that is no text")
            }
            try global("\(module).\(name)")
        case "R", "\u{81}":
            let arguments = try pop()
            try call(try pop(), arguments, makesObject: code == 0x81)
        case "\u{92}":
            _ = try pop()
            let arguments = try pop()
            try call(try pop(), arguments, makesObject: true)
        case "i":
            let module = try lineText()
            let name = try lineText()
            let arguments = try popToMark()
            nodes.append(PickleNode(kind: .tuple, items: arguments))
            push(
                PickleNode(kind: .object, number: try nameIndex("\(module).\(name)"), arguments: .node(nodes.count - 1))
            )
        case "o":
            let values = try popToMark()
            guard let callee = values.first else { throw PyTorchFileFault("a pickle with an object of no class") }
            nodes.append(PickleNode(kind: .tuple, items: Array(values.dropFirst())))
            try call(callee, .node(nodes.count - 1), makesObject: true)
        case "b":
            let state = try pop()
            let index = try container(try top())
            // PyTorch puts a note on versions on dictionaries of parameters; it is of no use.
            if nodes[index].kind == .object { nodes[index].state = state }
        case "Q": try persistent(try pop())
        default:
            throw PyTorchFileFault("a pickle with the step 0x\(String(code, radix: 16)), which no PyTorch file has")
        }
    }

    mutating func nameIndex(_ name: String) throws(PyTorchFileFault) -> Int {
        if let index = nameIndices[name] { return index }
        guard names.count < 10_000, name.utf8.count <= 1_024,
            name.unicodeScalars.allSatisfy({ $0 > " " && $0 != "\u{7F}" })
        else { throw PyTorchFileFault("a pickle with a senseless name of a class, or with too many of them") }
        names.append(name)
        nameIndices[name] = names.count - 1
        return names.count - 1
    }

    mutating func global(_ name: String) throws(PyTorchFileFault) {
        push(PickleNode(kind: .global, number: try nameIndex(name)))
    }

    func name(_ value: PickleValue) -> String? {
        guard case .node(let index) = value, nodes[index].kind == .global else { return nil }
        return names[nodes[index].number]
    }

    func items(_ value: PickleValue) -> [PickleValue]? {
        guard case .node(let index) = value, nodes[index].kind == .tuple || nodes[index].kind == .list else {
            return nil
        }
        return nodes[index].items
    }

    /// What a call of `callee` with `arguments` would give, if it is one of the few that describe plain data; otherwise a
    /// note of the call.
    mutating func call(
        _ callee: PickleValue, _ arguments: PickleValue, makesObject: Bool
    ) throws(PyTorchFileFault) {
        guard let name = name(callee) else { throw PyTorchFileFault("a pickle that calls what is no class") }
        guard let values = items(arguments) else { throw PyTorchFileFault("a pickle with a call of nothing") }
        switch name {
        case "collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict":
            push(.dictionary)
            guard name != "collections.defaultdict", let pairs = values.first.flatMap({ items($0) }) else { return }
            try count(2 * pairs.count)
            for pair in pairs {
                guard let pair = items(pair), pair.count == 2 else {
                    throw PyTorchFileFault("a dictionary that is made of no pairs")
                }
                try setEntries(try top(), pair)
            }
        case "builtins.set", "__builtin__.set", "builtins.frozenset", "__builtin__.frozenset":
            try pushCopy(.set, values)
        case "torch.Size": try pushCopy(.tuple, values)
        case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
            stack.append(try tensor(values, name))
        case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
            guard let data = values.first else { throw PyTorchFileFault("a parameter without a tensor") }
            stack.append(data)
        case "torch._tensor._rebuild_from_type_v2":
            guard values.count == 4, let inner = self.name(values[0]), inner.hasPrefix("torch._utils._rebuild_tensor"),
                let tensorValues = items(values[2])
            else { return push(object(name, arguments)) }
            stack.append(try tensor(tensorValues, inner))
        case "copy_reg._reconstructor", "copyreg._reconstructor":
            guard let made = values.first.flatMap({ self.name($0) }) else {
                throw PyTorchFileFault("a pickle with an object of no class")
            }
            push(object(made, .none))
        default: push(object(name, arguments))
        }
    }

    mutating func pushCopy(_ kind: PickleNode.Kind, _ arguments: [PickleValue]) throws(PyTorchFileFault) {
        let elements = arguments.first.flatMap { items($0) } ?? []
        try count(elements.count)
        push(kind, elements)
    }

    func object(_ name: String, _ arguments: PickleValue) -> PickleNode {
        PickleNode(kind: .object, number: nameIndices[name]!, arguments: arguments)
    }

    mutating func tensor(_ values: [PickleValue], _ maker: String) throws(PyTorchFileFault) -> PickleValue {
        func integers(_ value: PickleValue) throws(PyTorchFileFault) -> [Int] {
            guard let values = items(value), values.count <= 64 else {
                throw PyTorchFileFault("a tensor without a shape, or with one of more than 64 dimensions")
            }
            var result: [Int] = []
            for value in values {
                guard case .integer(let number) = value else { throw PyTorchFileFault("a tensor without a shape") }
                result.append(Int(number))
            }
            return result
        }
        guard values.count >= 4, case .node(let node) = values[0], nodes[node].kind == .storage,
            case .integer(let offset) = values[1]
        else { throw PyTorchFileFault("a tensor without numbers") }
        guard tensors.count < Self.largestTensorCount else {
            throw PyTorchFileFault(
                "a pickle of more than \(Self.largestTensorCount) tensors: no checkpoint is like that")
        }
        let number = nodes[node].number
        let storage = storages[number]
        var (type, typeName) = (storage.elementType, storage.typeName)
        if maker.hasSuffix("_v3") {
            // The type stands apart, and is one that has no storage class.
            (type, typeName) = (nil, values.count > 6 ? name(values[6]) ?? "unknown" : "unknown")
        }
        tensors.append(
            try PyTorchTensor(
                type, typeName, storage: number, available: storage.count, offset: Int(offset),
                shape: try integers(values[2]), strides: try integers(values[3])))
        nodes.append(PickleNode(kind: .tensor, number: tensors.count - 1))
        return .node(nodes.count - 1)
    }

    /// What lies outside of the pickle: the numbers of tensors.
    mutating func persistent(_ value: PickleValue) throws(PyTorchFileFault) {
        guard let values = items(value), let kind = values.first.flatMap({ text($0) }) else {
            throw PyTorchFileFault("a pickle that refers to something outside that PyTorch has not")
        }
        // Very old files keep the source text of classes with them.
        if kind == "module", values.count >= 2 { return stack.append(values[1]) }
        guard kind == "storage", values.count == 5 || (values.count == 6 && values[5] == .none),
            let type = name(values[1]), let key = text(values[2]), case .integer(let count) = values[4]
        else { throw PyTorchFileFault("a pickle that refers to something outside that PyTorch has not") }
        let storage = try PickledStorage(key: key, className: type, count: Int(count))
        let index = storageIndices[key] ?? storages.count
        if index == storages.count {
            storages.append(storage)
            storageIndices[key] = index
        }
        guard storages[index] == storage else {
            throw PyTorchFileFault("the storage \(key) is described in two ways")
        }
        push(PickleNode(kind: .storage, number: index))
    }
}
