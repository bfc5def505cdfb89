// Object headers and groups of HDF5 files.

/// One message of an object header: its kind and where its content lies.
struct HDF5Message {
    enum Kind: Int {
        case dataspace = 0x01
        case linkInfo = 0x02
        case datatype = 0x03
        case link = 0x06
        case layout = 0x08
        case filters = 0x0B
        case continuation = 0x10
        case symbolTable = 0x11
    }

    var kind: Kind
    var offset: Int
    var size: Int
}

/// Reads object headers of both versions.
enum HDF5Header {
    // No object of a label file has more; a damaged one may lead in circles.
    private static let greatestBlockCount = 64
    private static let greatestMessageCount = 4_096

    static func messages(in bytes: HDF5Bytes, at header: Int) throws(StorageError) -> [HDF5Message] {
        var messages: [HDF5Message] = []
        var blocks: [(offset: Int, size: Int)] = []
        let isNew = bytes.holds(Array("OHDR".utf8), at: header)
        var hasOrder = false
        if isNew {
            let flags = try bytes.number(header + 5, 1)
            hasOrder = flags & 4 != 0
            let sizeBytes = 1 << (flags & 3)
            let place = header + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
            blocks = [(place + sizeBytes, try bytes.number(place, sizeBytes))]
        } else {
            guard try bytes.number(header, 1) == 1 else { throw bytes.damaged("has no object at byte \(header)") }
            blocks = [(header + 16, try bytes.number(header + 8, 4))]
        }
        var done = 0
        while done < blocks.count {
            var (offset, left) = blocks[done]
            done += 1
            _ = try bytes.slice(offset, left)
            let prefix = isNew ? (hasOrder ? 6 : 4) : 8
            while left >= prefix {
                let kind = try bytes.number(offset, isNew ? 1 : 2)
                let size = try bytes.number(offset + (isNew ? 1 : 2), 2)
                let flags = try bytes.number(offset + (isNew ? 3 : 4), 1)
                guard size <= left - prefix else { throw bytes.damaged("has a message longer than its object") }
                if let kind = HDF5Message.Kind(rawValue: kind) {
                    guard flags & 2 == 0 else { throw bytes.unsupported("shared messages") }
                    let message = HDF5Message(kind: kind, offset: offset + prefix, size: size)
                    if kind == .continuation {
                        guard size >= 16, let place = try bytes.address(message.offset) else {
                            throw bytes.damaged("has an object that ends in nothing")
                        }
                        let length = try bytes.number(message.offset + 8, 8)
                        if isNew {
                            try bytes.require("OCHK", at: place)
                            guard length >= 8 else { throw bytes.damaged("has an object that ends in nothing") }
                            blocks.append((place + 4, length - 8))
                        } else {
                            blocks.append((place, length))
                        }
                    } else {
                        messages.append(message)
                    }
                }
                offset += prefix + size
                left -= prefix + size
                guard messages.count <= greatestMessageCount, blocks.count <= greatestBlockCount else {
                    throw bytes.damaged("has an object without end")
                }
            }
        }
        return messages
    }
}

/// Reads groups of both kinds: symbol tables, and links in the header.
enum HDF5Group {
    private static let greatestNodeCount = 4_096

    /// Where the object headers of the members lie, by name.
    static func objects(in bytes: HDF5Bytes, header: Int) throws(StorageError) -> [String: Int] {
        var objects: [String: Int] = [:]
        for message in try HDF5Header.messages(in: bytes, at: header) {
            switch message.kind {
            case .symbolTable:
                guard message.size >= 16, let tree = try bytes.address(message.offset),
                    let heap = try bytes.address(message.offset + 8)
                else { throw bytes.damaged("has no root group") }
                try bytes.require("HEAP", at: heap)
                guard let names = try bytes.address(heap + 24) else { throw bytes.damaged("has no names") }
                var nodes = 0
                try readTree(tree, names, bytes, &nodes, depth: 0, into: &objects)
            case .linkInfo:
                let hasIndex = try bytes.number(message.offset + 1, 1) & 1 != 0
                if try bytes.address(message.offset + (hasIndex ? 10 : 2)) != nil {
                    throw bytes.unsupported("a group with an index of its links")
                }
            case .link: try readLink(message, bytes, into: &objects)
            default: continue
            }
        }
        return objects
    }

    private static func readTree(
        _ node: Int, _ names: Int, _ bytes: HDF5Bytes, _ nodes: inout Int, depth: Int, into objects: inout [String: Int]
    ) throws(StorageError) {
        nodes += 1
        guard nodes <= greatestNodeCount, depth < 16 else { throw bytes.damaged("has a group without end") }
        if bytes.holds(Array("TREE".utf8), at: node) {
            for index in 0..<(try bytes.number(node + 6, 2)) {
                guard let child = try bytes.address(node + 32 + 16 * index) else { continue }
                try readTree(child, names, bytes, &nodes, depth: depth + 1, into: &objects)
            }
            return
        }
        try bytes.require("SNOD", at: node)
        for index in 0..<(try bytes.number(node + 6, 2)) {
            let entry = node + 8 + 40 * index
            let name = try bytes.text(names + bytes.number(entry, 8))
            // Cache type 2 is a symbolic link, which leads nowhere here.
            guard try bytes.number(entry + 16, 4) != 2, let header = try bytes.address(entry + 8) else { continue }
            objects[name] = header
        }
    }

    private static func readLink(
        _ message: HDF5Message, _ bytes: HDF5Bytes, into objects: inout [String: Int]
    ) throws(StorageError) {
        let flags = try bytes.number(message.offset + 1, 1)
        var place = message.offset + 2
        if flags & 8 != 0 {
            guard try bytes.number(place, 1) == 0 else { return }
            place += 1
        }
        if flags & 4 != 0 { place += 8 }
        if flags & 16 != 0 { place += 1 }
        let sizeBytes = 1 << (flags & 3)
        let length = try bytes.number(place, sizeBytes)
        let name = String(decoding: try bytes.slice(place + sizeBytes, length), as: UTF8.self)
        guard let header = try bytes.address(place + sizeBytes + length) else { return }
        objects[name] = header
    }
}
