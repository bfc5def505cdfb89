// One data set of an HDF5 file: its type, its length, and its elements, wherever they lie.

/// Reads the values of a data set of one dimension.
struct HDF5Dataset {
    private enum Element {
        case integer(isSigned: Bool, isBigEndian: Bool)
        case real(isBigEndian: Bool)
        case fixedText
        case variableText
    }

    /// No label file holds more; a compressed one could otherwise fill the memory.
    private static let greatestByteCount = 256 << 20

    let name: String
    let bytes: HDF5Bytes
    private var element: Element?
    private var elementSize = 0
    private var count: Int?
    private var layout: HDF5Message?
    private var filters: [HDF5Filter] = []

    init(name: String, bytes: HDF5Bytes, header: Int) throws(StorageError) {
        self.name = name
        self.bytes = bytes
        for message in try HDF5Header.messages(in: bytes, at: header) {
            switch message.kind {
            case .datatype: try readType(message)
            case .dataspace: count = try elementCount(message)
            case .layout: layout = message
            case .filters: filters = try HDF5Filter.pipeline(message, bytes)
            default: continue
            }
        }
    }

    func values() throws(StorageError) -> HDF5File.Values {
        guard let element, let count, let layout else { throw bytes.damaged("\(name) is no data set") }
        let data = try content(layout, count: count)
        switch element {
        case .integer(let isSigned, let isBigEndian):
            return .numbers(
                data.elements(elementSize, count).map { word in
                    let value = Self.word(word, isBigEndian)
                    guard isSigned else { return Double(value) }
                    let shift = 64 - 8 * elementSize
                    return Double(Int64(bitPattern: value << shift) >> shift)
                })
        case .real(let isBigEndian):
            return .numbers(
                data.elements(elementSize, count).map { word in
                    let value = Self.word(word, isBigEndian)
                    return elementSize == 4 ? Double(Float(bitPattern: UInt32(value))) : Double(bitPattern: value)
                })
        case .fixedText:
            return .texts(
                data.elements(elementSize, count).map { text in
                    var text = text.prefix { $0 != 0 }
                    while text.last == 0x20 { text.removeLast() }
                    return String(decoding: text, as: UTF8.self)
                })
        case .variableText:
            var heaps = HDF5TextHeaps(bytes: bytes)
            var texts: [String] = []
            texts.reserveCapacity(count)
            for reference in data.elements(16, count) { texts.append(try heaps.text(Array(reference))) }
            return .texts(texts)
        }
    }

    // MARK: Header

    private mutating func readType(_ message: HDF5Message) throws(StorageError) {
        let (kind, bits) = (try bytes.number(message.offset, 1) & 15, try bytes.number(message.offset + 1, 3))
        elementSize = try bytes.number(message.offset + 4, 4)
        switch kind {
        case 0 where (1...8).contains(elementSize):
            element = .integer(isSigned: bits & 8 != 0, isBigEndian: bits & 1 != 0)
        case 1 where elementSize == 4 || elementSize == 8: element = .real(isBigEndian: bits & 1 != 0)
        case 3 where (1...65_536).contains(elementSize): element = .fixedText
        case 9 where elementSize == 16 && bits & 15 == 1: element = .variableText
        default: throw bytes.unsupported("the type \(kind) of \(elementSize) bytes in \(name)")
        }
    }

    private func elementCount(_ message: HDF5Message) throws(StorageError) -> Int {
        let version = try bytes.number(message.offset, 1)
        let rank = try bytes.number(message.offset + 1, 1)
        guard version == 1 || version == 2 else { throw bytes.damaged("\(name) has no length") }
        if version == 2, try bytes.number(message.offset + 3, 1) == 2 { return 0 }
        guard rank <= 1 else { throw bytes.unsupported("\(rank) dimensions in \(name)") }
        return rank == 0 ? 1 : try bytes.number(message.offset + (version == 1 ? 8 : 4), 8)
    }

    // MARK: Content

    private func content(_ layout: HDF5Message, count: Int) throws(StorageError) -> ArraySlice<UInt8> {
        if count == 0 { return [] }
        guard count <= Self.greatestByteCount / elementSize else {
            throw bytes.damaged("\(name) claims \(count) elements")
        }
        let total = count * elementSize
        let version = try bytes.number(layout.offset, 1)
        guard version == 3 || version == 4 else { throw bytes.unsupported("layout version \(version) in \(name)") }
        let data: ArraySlice<UInt8>
        switch try bytes.number(layout.offset + 1, 1) {
        case 0: data = try bytes.slice(layout.offset + 4, try bytes.number(layout.offset + 2, 2))
        case 1:
            guard let address = try bytes.address(layout.offset + 2) else {
                throw bytes.damaged("\(name) has a length but no content")
            }
            data = try bytes.slice(address, total)
        case 2: data = try chunks(layout, version: version, total: total)[...]
        default: throw bytes.unsupported("another layout in \(name)")
        }
        guard data.count >= total else { throw bytes.damaged("\(name) holds less than it claims") }
        return data.prefix(total)
    }

    private func chunks(_ layout: HDF5Message, version: Int, total: Int) throws(StorageError) -> [UInt8] {
        guard version == 3, try bytes.number(layout.offset + 2, 1) == 2 else {
            throw bytes.unsupported("chunks of a newer kind in \(name)")
        }
        let chunkSize = try bytes.number(layout.offset + 11, 4) * elementSize
        guard chunkSize > 0, chunkSize <= Self.greatestByteCount else {
            throw bytes.damaged("\(name) claims chunks of \(chunkSize) bytes")
        }
        guard let tree = try bytes.address(layout.offset + 3) else {
            throw bytes.damaged("\(name) has a length but no content")
        }
        var places: [Int: (address: Int, size: Int, mask: Int)] = [:]
        var nodes = 0
        try readTree(tree, &nodes, depth: 0, into: &places)
        var data: [UInt8] = []
        while data.count < total {
            guard let place = places[data.count / elementSize] else {
                throw bytes.damaged("\(name) holds less than it claims")
            }
            var chunk = Array(try bytes.slice(place.address, place.size))
            for (index, filter) in filters.enumerated().reversed() where place.mask & 1 << index == 0 {
                guard let undone = filter.undo(chunk, elementSize: elementSize, greatestCount: chunkSize + 4) else {
                    throw bytes.damaged("\(name) holds packed data that cannot be unpacked")
                }
                chunk = undone
            }
            guard chunk.count == chunkSize else { throw bytes.damaged("\(name) holds a chunk of another size") }
            data += chunk
        }
        return data
    }

    private func readTree(
        _ node: Int, _ nodes: inout Int, depth: Int, into places: inout [Int: (address: Int, size: Int, mask: Int)]
    ) throws(StorageError) {
        nodes += 1
        guard nodes <= 65_536, depth < 16 else { throw bytes.damaged("\(name) has chunks without end") }
        try bytes.require("TREE", at: node)
        let level = try bytes.number(node + 5, 1)
        for index in 0..<(try bytes.number(node + 6, 2)) {
            // A key of one dimension: size, mask, and where the chunk begins, in elements and in bytes of an element.
            let key = node + 24 + 32 * index
            guard let child = try bytes.address(key + 24) else { continue }
            if level > 0 {
                try readTree(child, &nodes, depth: depth + 1, into: &places)
            } else {
                places[try bytes.number(key + 8, 8)] = (
                    child, try bytes.number(key, 4), try bytes.number(key + 4, 4)
                )
            }
        }
    }

    private static func word(_ bytes: ArraySlice<UInt8>, _ isBigEndian: Bool) -> UInt64 {
        isBigEndian
            ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

extension ArraySlice<UInt8> {
    /// The elements of a size.
    fileprivate func elements(_ size: Int, _ count: Int) -> [ArraySlice<UInt8>] {
        (0..<count).map { self[startIndex + $0 * size..<startIndex + ($0 + 1) * size] }
    }
}

/// Texts of variable length lie in heaps that are read once.
private struct HDF5TextHeaps {
    let bytes: HDF5Bytes
    private var heaps: [Int: [Int: (offset: Int, size: Int)]] = [:]
    private static let greatestByteCount = 16 << 20
    private var given = 0

    init(bytes: HDF5Bytes) { self.bytes = bytes }

    /// The text that a reference of 16 bytes points to: its length, the heap's address, and its number there.
    mutating func text(_ reference: [UInt8]) throws(StorageError) -> String {
        let reference = HDF5Bytes(path: bytes.path, bytes: reference)
        let length = try reference.number(0, 4)
        if length == 0 { return "" }
        let address = try reference.number(4, 8) + bytes.base
        if heaps[address] == nil { heaps[address] = try read(address) }
        // Many references to one long text would fill the memory.
        given += length
        guard let place = heaps[address]?[try reference.number(12, 4)], length <= place.size,
            given <= Self.greatestByteCount
        else { throw bytes.damaged("holds a text that is nowhere") }
        return String(decoding: try bytes.slice(place.offset, length).prefix { $0 != 0 }, as: UTF8.self)
    }

    private func read(_ address: Int) throws(StorageError) -> [Int: (offset: Int, size: Int)] {
        try bytes.require("GCOL", at: address)
        let end = address + (try bytes.slice(address, bytes.number(address + 8, 8)).count)
        var places: [Int: (offset: Int, size: Int)] = [:]
        var offset = address + 16
        while offset + 16 <= end {
            let (index, size) = (try bytes.number(offset, 2), try bytes.number(offset + 8, 8))
            if index == 0 { break }
            guard size <= end - offset - 16 else { throw bytes.damaged("holds a text without end") }
            places[index] = (offset + 16, size)
            offset += 16 + (size + 7) / 8 * 8
        }
        return places
    }
}
