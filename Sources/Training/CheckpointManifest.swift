// The manifest is one line of JSON: {"crc32c":"xxxxxxxx","manifest":{…}}, the checksum being that of the bytes of the inner
// object. So a flipped bit in a counter is found like one in a weight.
import Foundation
import Storage

/// What a checkpoint holds and where the run stood.
public struct CheckpointManifest: Codable, Sendable, Hashable {
    /// Size and checksum of a file of the checkpoint.
    public struct File: Codable, Sendable, Hashable {
        /// Size in bytes.
        public let byteCount: Int
        /// CRC-32C.
        public let checksum: UInt32
    }

    /// The form of checkpoints that this program writes, and the newest that it reads.
    public static let currentFormatVersion = 1

    /// Form of the checkpoint.
    public var formatVersion = currentFormatVersion
    /// Updates done.
    public var step: Int
    /// Epoch of the next window.
    public var epoch: Int
    /// Position in that epoch of the next window.
    public var position: Int
    /// Fingerprint of the recipe.
    public var recipeHash: String
    /// Versions of program and libraries.
    public var versions: [String: String]
    /// Whatever else a run must remember.
    public var state: JSONValue
    /// The files of the checkpoint by name; filled in by the writer.
    public internal(set) var files: [String: File] = [:]

    /// Where a run stands.
    public init(
        step: Int, epoch: Int, position: Int, recipeHash: String = "", versions: [String: String] = [:],
        state: JSONValue = .null
    ) {
        self.step = step
        self.epoch = epoch
        self.position = position
        self.recipeHash = recipeHash
        self.versions = versions
        self.state = state
    }

    static let fileName = "manifest.json"
    private static let prefix = "{\"crc32c\":\"", separator = "\",\"manifest\":", suffix = "}\n"

    func encoded(path: String) throws(StorageError) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let body = try? encoder.encode(self) else {
            throw StorageError(.invalid, path: path, "the state of the run holds a number that is not finite")
        }
        let checksum = String(format: "%08x", CRC32C.of([UInt8](body)).value)
        return Data("\(Self.prefix)\(checksum)\(Self.separator)".utf8) + body + Data(Self.suffix.utf8)
    }

    init(_ url: URL) throws(StorageError) {
        guard let data = try? Data(contentsOf: url) else {
            throw StorageError(.notFound, path: url.path, "cannot be read")
        }
        let bytes = [UInt8](data)
        let start = Self.prefix.utf8.count + 8 + Self.separator.utf8.count
        let end = bytes.count - Self.suffix.utf8.count
        let opening = String(decoding: bytes.prefix(start), as: UTF8.self)
        guard start < end, opening.hasPrefix(Self.prefix), opening.hasSuffix(Self.separator),
            let checksum = UInt32(opening.dropFirst(Self.prefix.count).prefix(8), radix: 16),
            bytes[end...].elementsEqual(Self.suffix.utf8)
        else { throw StorageError(.corrupt, path: url.path, "is no manifest of a checkpoint") }
        let body = [UInt8](bytes[start..<end])
        guard CRC32C.of(body).value == checksum else {
            throw StorageError(.corrupt, path: url.path, "does not match its checksum")
        }
        struct Version: Decodable { let formatVersion: Int }
        if let found = try? JSONDecoder().decode(Version.self, from: Data(body)),
            found.formatVersion > Self.currentFormatVersion
        {
            throw StorageError(
                .invalid, path: url.path,
                "is of form \(found.formatVersion), this program reads up to \(Self.currentFormatVersion); use a newer one"
            )
        }
        guard let manifest = try? JSONDecoder().decode(Self.self, from: Data(body)) else {
            throw StorageError(.corrupt, path: url.path, "lacks something that a manifest must have")
        }
        self = manifest
    }

    /// Compares every file with its size and checksum.
    func verify(in folder: URL) throws(StorageError) {
        for (name, record) in files.sorted(by: { $0.key < $1.key }) {
            let file = try MappedFile(folder.appending(path: name))
            guard file.byteCount == record.byteCount else {
                throw StorageError(
                    .corrupt, path: file.path, "has \(file.byteCount) bytes, its manifest says \(record.byteCount)")
            }
            guard file.checksum == record.checksum else {
                throw StorageError(.corrupt, path: file.path, "does not match the checksum in its manifest")
            }
        }
    }
}
