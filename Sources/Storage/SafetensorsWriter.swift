import Foundation

/// Writes safetensors files, one tensor in memory at a time.
public enum SafetensorsWriter {
    /// A tensor to be written.
    public struct Entry {
        /// Name of the tensor.
        public let name: String
        /// Type of the elements.
        public let elementType: ElementType
        /// Sizes of the dimensions; empty for a scalar.
        public let shape: [Int]
        let provide: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

        /// A tensor whose bytes, row-major and little-endian, `provide` hands over when their turn comes.
        public init(
            _ name: String, _ elementType: ElementType, shape: [Int],
            provide: @escaping ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
        ) {
            self.name = name
            self.elementType = elementType
            self.shape = shape
            self.provide = provide
        }

        /// A tensor of values that are in memory already.
        public init<Element: SafetensorsElement>(_ name: String, _ values: [Element], shape: [Int]) {
            self.init(name, Element.elementType, shape: shape) { take in try values.withUnsafeBytes { try take($0) } }
        }

        var byteCount: Int { shape.reduce(elementType.byteCount, *) }
    }

    /// What was written.
    public struct Summary: Sendable, Hashable {
        /// Size of the file in bytes.
        public let byteCount: Int
        /// CRC-32C of the whole file.
        public let checksum: UInt32
    }

    /// Writes all entries to the file at `url`, which appears whole or not at all.
    ///
    /// Wide types come first, then by name, as in the original implementation: every tensor is aligned, and the same
    /// tensors give the same bytes in whatever order they come.
    @discardableResult
    public static func write(
        _ entries: [Entry], metadata: [String: String] = [:], to url: URL, fileSystem: FileSystem = .live
    ) throws -> Summary {
        try AtomicFile.write(to: url, fileSystem: fileSystem) { writer in
            try write(entries, metadata: metadata, to: writer, path: url.path)
            return Summary(byteCount: writer.byteCount, checksum: writer.checksum)
        }
    }

    /// Writes all entries to an open file; `path` is for messages.
    public static func write(
        _ entries: [Entry], metadata: [String: String] = [:], to writer: FileWriter, path: String
    ) throws {
        let order = Dictionary(uniqueKeysWithValues: ElementType.allCases.enumerated().map { ($1, $0) })
        let sorted = entries.sorted { a, b in
            let (left, right) = (order[a.elementType]!, order[b.elementType]!)
            return left != right ? left > right : a.name < b.name
        }
        try writer.write(header(sorted, metadata, path))
        for entry in sorted {
            var received = 0
            try entry.provide { bytes in
                received += bytes.count
                try writer.write(bytes)
            }
            guard received == entry.byteCount else {
                throw StorageError(
                    .invalid, path: path,
                    "tensor \"\(entry.name)\": \(entry.elementType.rawValue) of shape \(entry.shape) needs "
                        + "\(entry.byteCount) bytes, \(received) were given")
            }
        }
    }

    private static func header(
        _ entries: [Entry], _ metadata: [String: String], _ path: String
    ) throws(StorageError) -> Data {
        var parts: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
            parts.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var seen: Set<String> = ["__metadata__"]
        var offset = 0
        for entry in entries {
            guard seen.insert(entry.name).inserted else {
                throw StorageError(.invalid, path: path, "two tensors of the name \"\(entry.name)\"")
            }
            guard entry.shape.count <= SafetensorsHeader.largestRank, entry.shape.allSatisfy({ $0 >= 0 }) else {
                throw StorageError(.invalid, path: path, "tensor \"\(entry.name)\": impossible shape \(entry.shape)")
            }
            let shape = entry.shape.map(String.init).joined(separator: ",")
            parts.append(
                "\(quoted(entry.name)):{\"dtype\":\"\(entry.elementType.rawValue)\",\"shape\":[\(shape)],"
                    + "\"data_offsets\":[\(offset),\(offset + entry.byteCount)]}")
            offset += entry.byteCount
        }
        var json = Data("{\(parts.joined(separator: ","))}".utf8)
        json.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8))
        guard json.count <= SafetensorsFile.largestHeader else {
            throw StorageError(
                .invalid, path: path,
                "a header of \(json.count) bytes, at most \(SafetensorsFile.largestHeader) are allowed: shorten the metadata"
            )
        }
        return withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) } + json
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case ..<" ": result += "\\u" + String(format: "%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
