// Python's pickle machine (Lib/pickletools.py describes it), with everything taken out that could act: a name stays a
// name, a call stays a description of a call. There is no recursion, and every step of the machine takes at least a byte
// of the file and a bounded amount of memory, so the number of steps bounds everything.

/// Reads pickles of the protocols 0 to 5 into plain data.
struct PickleReader {
    /// More steps than any checkpoint takes: one of 300 million parameters takes a hundred thousand.
    static let largestStepCount = 3_000_000
    /// More tensors than any checkpoint holds.
    static let largestTensorCount = 100_000

    let bytes: UnsafeRawBufferPointer
    /// Where reading goes on.
    var position = 0
    var nodes: [PickleNode] = []
    var spans: [PickleSpan] = []
    var names: [String] = []
    var storages: [PickledStorage] = []
    var tensors: [PyTorchTensor] = []

    var stack: [PickleValue] = []
    var marks: [Int] = []
    var memo: [Int: PickleValue] = [:]
    var steps = 0
    var nameIndices: [String: Int] = [:]
    var storageIndices: [String: Int] = [:]
    var isFinished = false

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Reads the pickle at `position` to its end, and returns what it describes.
    mutating func read() throws(PyTorchFileFault) -> PickleValue {
        (stack, marks, memo, isFinished) = ([], [], [:], false)
        while !isFinished {
            try count(1)
            try step(try byte())
        }
        guard stack.count == 1, marks.isEmpty else { throw PyTorchFileFault("a pickle that ends in the middle") }
        return stack[0]
    }

    /// Counts steps, and what a single step copies.
    mutating func count(_ more: Int) throws(PyTorchFileFault) {
        steps += more
        guard steps <= Self.largestStepCount else {
            throw PyTorchFileFault("a pickle of more than \(Self.largestStepCount) steps: no checkpoint is like that")
        }
    }

    // MARK: Bytes

    mutating func byte() throws(PyTorchFileFault) -> UInt8 {
        guard position < bytes.count else { throw PyTorchFileFault("a pickle that ends in the middle") }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) throws(PyTorchFileFault) -> Int {
        guard MemoryLayout<Number>.size <= bytes.count - position else {
            throw PyTorchFileFault("a pickle that ends in the middle")
        }
        defer { position += MemoryLayout<Number>.size }
        let value = Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
        guard let result = Int(exactly: value) else { throw PyTorchFileFault("a pickle with an impossible size") }
        return result
    }

    mutating func span(_ count: Int) throws(PyTorchFileFault) -> Int {
        guard count >= 0, count <= bytes.count - position else {
            throw PyTorchFileFault("a pickle with a text that ends behind the end of the file")
        }
        spans.append(PickleSpan(start: position, count: count))
        position += count
        return spans.count - 1
    }

    /// The place of a line, without its end.
    mutating func line(_ limit: Int = 1 << 20) throws(PyTorchFileFault) -> PickleSpan {
        let start = position
        while position < bytes.count, bytes[position] != 0x0A {
            guard position - start < limit else { throw PyTorchFileFault("a pickle with a line without end") }
            position += 1
        }
        guard position < bytes.count else { throw PyTorchFileFault("a pickle that ends in the middle") }
        defer { position += 1 }
        return PickleSpan(start: start, count: position - start)
    }

    mutating func lineText(_ limit: Int = 1_024) throws(PyTorchFileFault) -> String {
        let place = try line(limit)
        guard let text = String(validating: bytes[place.start..<place.start + place.count], as: UTF8.self) else {
            throw PyTorchFileFault("a pickle with a name that is no UTF-8")
        }
        return text
    }

    func text(_ value: PickleValue, limit: Int = 1_024) -> String? {
        guard case .text(let span) = value, spans[span].count <= limit else { return nil }
        let place = spans[span]
        return String(validating: bytes[place.start..<place.start + place.count], as: UTF8.self)
    }

    // MARK: The stack

    mutating func pop() throws(PyTorchFileFault) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
            throw PyTorchFileFault("a pickle that takes more than it has put")
        }
        return value
    }

    func top() throws(PyTorchFileFault) -> PickleValue {
        guard stack.count > (marks.last ?? 0), let value = stack.last else {
            throw PyTorchFileFault("a pickle that takes more than it has put")
        }
        return value
    }

    mutating func popToMark() throws(PyTorchFileFault) -> [PickleValue] {
        guard let mark = marks.popLast() else { throw PyTorchFileFault("a pickle that takes more than it has put") }
        let values = Array(stack[mark...])
        stack.removeLast(stack.count - mark)
        return values
    }

    mutating func push(_ node: PickleNode) {
        nodes.append(node)
        stack.append(.node(nodes.count - 1))
    }

    mutating func push(_ kind: PickleNode.Kind, _ items: [PickleValue] = []) {
        push(PickleNode(kind: kind, items: items))
    }

    mutating func remember(_ index: Int) throws(PyTorchFileFault) { memo[index] = try top() }

    mutating func recall(_ index: Int) throws(PyTorchFileFault) {
        guard let value = memo[index] else { throw PyTorchFileFault("a pickle that refers to what it has not kept") }
        stack.append(value)
    }

    mutating func index(_ text: String) throws(PyTorchFileFault) -> Int {
        guard let index = Int(text), index >= 0 else { throw PyTorchFileFault("a pickle with an impossible reference") }
        return index
    }

    /// The index of the node that collects elements or gets a state.
    func container(_ value: PickleValue) throws(PyTorchFileFault) -> Int {
        guard case .node(let index) = value else { throw PyTorchFileFault("a pickle that fills what holds nothing") }
        return index
    }

    // MARK: Steps

    mutating func step(_ code: UInt8) throws(PyTorchFileFault) {
        switch UnicodeScalar(code) {
        case "(": marks.append(stack.count)
        case ".": isFinished = true
        case "0":
            if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
        case "1": _ = try popToMark()
        case "2": stack.append(try top())
        case "N": stack.append(.none)
        case "\u{88}", "\u{89}": stack.append(.boolean(code == 0x88))
        case "J": stack.append(.integer(Int64(try number(Int32.self))))
        case "K": stack.append(.integer(Int64(try byte())))
        case "M": stack.append(.integer(Int64(try number(UInt16.self))))
        case "G":
            let bits = try number(Int64.self)
            stack.append(.number(Double(bitPattern: UInt64(bitPattern: Int64(bits)).byteSwapped)))
        case "I", "L", "F", "S", "V": try oldLiteral(code)
        case "\u{8A}": try longInteger(Int(try byte()))
        case "\u{8B}": try longInteger(try number(Int32.self))
        case "X": stack.append(.text(try span(try number(UInt32.self))))
        case "\u{8C}", "U": stack.append(.text(try span(Int(try byte()))))
        case "T": stack.append(.text(try span(try number(Int32.self))))
        case "\u{8D}": stack.append(.text(try span(try number(UInt64.self))))
        case "B": stack.append(.bytes(try span(try number(UInt32.self))))
        case "C": stack.append(.bytes(try span(Int(try byte()))))
        case "\u{8E}", "\u{96}": stack.append(.bytes(try span(try number(UInt64.self))))
        case "]": push(.list)
        case "}": push(.dictionary)
        case ")": push(.tuple)
        case "\u{8F}": push(.set)
        case "l": push(.list, try popToMark())
        case "t": push(.tuple, try popToMark())
        case "\u{91}": push(.set, try popToMark())
        case "d":
            push(.dictionary)
            let items = try popBelowTop()
            try setEntries(try top(), items)
        case "\u{85}", "\u{86}", "\u{87}":
            var items: [PickleValue] = []
            for _ in 0..<(code - 0x84) { items.append(try pop()) }
            push(.tuple, items.reversed())
        case "a":
            let element = try pop()
            try append(to: try top(), [element])
        case "e", "\u{90}":
            let elements = try popToMark()
            try append(to: try top(), elements)
        case "s":
            let value = try pop()
            let key = try pop()
            try setEntries(try top(), [key, value])
        case "u":
            let entries = try popToMark()
            try setEntries(try top(), entries)
        case "p": try remember(try index(try lineText(24)))
        case "q": try remember(Int(try byte()))
        case "r": try remember(try number(UInt32.self))
        case "\u{94}": try remember(memo.count)
        case "g": try recall(try index(try lineText(24)))
        case "h": try recall(Int(try byte()))
        case "j": try recall(try number(UInt32.self))
        case "\u{80}":
            guard try byte() <= 5 else { throw PyTorchFileFault("a pickle of a newer protocol than 5") }
        case "\u{95}":
            // The length of a frame is of use to whoever reads from a stream only.
            _ = try number(UInt64.self)
        default: try meaning(code)
        }
    }

    /// Numbers and texts of protocol 0, one a line.
    mutating func oldLiteral(_ code: UInt8) throws(PyTorchFileFault) {
        guard code != UInt8(ascii: "S"), code != UInt8(ascii: "V") else {
            var place = try line()
            if code == UInt8(ascii: "S") {
                guard place.count >= 2, bytes[place.start] == bytes[place.start + place.count - 1] else {
                    throw PyTorchFileFault("a pickle with a text without quotation marks")
                }
                place = PickleSpan(start: place.start + 1, count: place.count - 2)
            }
            spans.append(place)
            stack.append(.text(spans.count - 1))
            return
        }
        let text = try lineText()
        switch (code, text) {
        case (UInt8(ascii: "I"), "01"): stack.append(.boolean(true))
        case (UInt8(ascii: "I"), "00"): stack.append(.boolean(false))
        case (UInt8(ascii: "F"), _):
            guard let value = Double(text) else { throw PyTorchFileFault("a pickle with a number that is none") }
            stack.append(.number(value))
        default:
            guard let value = Int64(text.hasSuffix("L") ? String(text.dropLast()) : text) else {
                throw PyTorchFileFault("a pickle with a number that is none, or too large")
            }
            stack.append(.integer(value))
        }
    }

    mutating func longInteger(_ count: Int) throws(PyTorchFileFault) {
        let span = try span(count)
        guard count <= 8 else { return stack.append(.longInteger(span)) }
        var value: UInt64 = 0
        let start = spans[span].start
        for index in (0..<count).reversed() { value = value << 8 | UInt64(bytes[start + index]) }
        let unused = UInt64(64 - 8 * count)
        stack.append(.integer(count == 0 ? 0 : Int64(bitPattern: value << unused) >> Int64(unused)))
    }

    /// What lies between the mark and the value on top, which stays.
    mutating func popBelowTop() throws(PyTorchFileFault) -> [PickleValue] {
        let value = try pop()
        let values = try popToMark()
        stack.append(value)
        return values
    }

    mutating func append(to value: PickleValue, _ elements: [PickleValue]) throws(PyTorchFileFault) {
        let index = try container(value)
        switch nodes[index].kind {
        case .list, .set, .object: nodes[index].items.append(contentsOf: elements)
        default: throw PyTorchFileFault("a pickle that appends to what is no list")
        }
    }

    mutating func setEntries(_ value: PickleValue, _ entries: [PickleValue]) throws(PyTorchFileFault) {
        guard entries.count % 2 == 0 else { throw PyTorchFileFault("a pickle with a key without a value") }
        let index = try container(value)
        switch nodes[index].kind {
        case .dictionary: nodes[index].items.append(contentsOf: entries)
        case .object: nodes[index].entries.append(contentsOf: entries)
        default: throw PyTorchFileFault("a pickle that sets a key of what is no dictionary")
        }
    }
}
