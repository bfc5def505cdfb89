// The atlas folder: `atlas.sqlite` says what the sounds are, `vectors/` holds what a model makes of them, `columns/` a
// number or two for every sound (its cluster, its place on the map). Vectors and columns are mapped, so that opening
// takes the same time for ten sounds and for a million.
import Foundation
import GRDB
import Storage
import Synchronization

/// The vectors, labels, clusters and map of a set of sounds. May be used from several threads at once.
public final class Atlas: Sendable {
    /// What all sounds of an atlas have in common; fixed when it is made.
    public struct Description: Codable, Sendable, Hashable {
        /// What is cut out of the recordings.
        public enum Unit: String, Codable, Sendable, Hashable, CaseIterable {
            /// Windows of one length.
            case windows
            /// Events from label files.
            case events
        }

        /// What made the vectors, such as the name of a model folder or `log-mel`.
        public var model: String
        /// A text that two models share only if they give the same vectors.
        public var fingerprint: String
        /// Numbers per vector.
        public var dimension: Int
        /// What is cut out of the recordings.
        public var unit: Unit
        /// Length of a window in seconds; 0 for events.
        public var windowSeconds: Double
        /// From the start of a window to that of the next, in seconds; 0 for events.
        public var hopSeconds: Double
        /// How vectors are brought to a scale before they are compared.
        public var scaling: VectorScaling.Method

        /// A description.
        public init(
            model: String, fingerprint: String, dimension: Int, unit: Unit, windowSeconds: Double = 0,
            hopSeconds: Double = 0, scaling: VectorScaling.Method = .none
        ) {
            (self.model, self.fingerprint, self.dimension, self.unit) = (model, fingerprint, dimension, unit)
            (self.windowSeconds, self.hopSeconds, self.scaling) = (windowSeconds, hopSeconds, scaling)
        }
    }

    /// The name of the catalogue in the folder.
    public static let catalogueName = "atlas.sqlite"

    /// The folder.
    public let folder: URL
    /// What all sounds have in common.
    public let description: Description
    /// The vectors; row = number of the sound.
    public let vectors: VectorStore
    let database: DatabasePool
    let fileSystem: FileSystem
    let cached = Mutex(Cache())

    /// What was computed or mapped since opening, and holds until sounds or clusters change.
    struct Cache {
        var columns: [String: MappedColumn] = [:]
        var scaling: VectorScaling?
        var inverseNorms: [Float] = []
        var hidden: Set<Int>?
    }

    private init(
        _ folder: URL, _ description: Description, _ vectors: VectorStore, _ database: DatabasePool,
        _ fileSystem: FileSystem
    ) {
        (self.folder, self.description, self.vectors) = (folder, description, vectors)
        (self.database, self.fileSystem) = (database, fileSystem)
    }

    /// Sounds, those of replaced recordings included.
    public var count: Int { vectors.count }

    /// Opens the atlas in a folder. Throws `AtlasError`.
    public static func open(_ folder: URL, fileSystem: FileSystem = .live) throws -> Atlas {
        guard FileManager.default.fileExists(atPath: folder.appending(path: catalogueName).path) else {
            throw AtlasError(
                folder.path, "no atlas there (\(catalogueName) is missing)",
                remedy: "make one with `animal2vec embed MODEL PATH --atlas \(folder.path)`")
        }
        let database = try pool(folder)
        guard let description: Description = try read(folder, database, { try property("description", $0) }) else {
            throw AtlasError(folder.path, "is not finished", remedy: "embed into it once more")
        }
        let rows = try read(folder, database) {
            try Row.fetchAll($0, sql: "SELECT firstRow, rowCount FROM segments ORDER BY firstRow")
        }
        var segments: [VectorSegment] = []
        var next = 0
        for row in rows {
            let (first, count): (Int, Int) = (row["firstRow"], row["rowCount"])
            let file = segmentFile(folder, firstRow: first)
            let segment = try VectorSegment(file)
            guard first == next, segment.firstRow == first, segment.rowCount == count,
                segment.dimension == description.dimension
            else {
                throw AtlasError(
                    file.path, "does not hold the rows that the catalogue says",
                    remedy: "restore the folder from a copy")
            }
            segments.append(segment)
            next += count
        }
        let vectors = VectorStore(dimension: description.dimension, segments: segments)
        return Atlas(folder, description, vectors, database, fileSystem)
    }

    /// Opens the atlas in a folder, or makes it. One that was made with another model or other windows is refused.
    public static func open(
        _ folder: URL, makingFor description: Description, fileSystem: FileSystem = .live
    ) throws -> Atlas {
        try FileManager.default.createDirectory(
            at: folder.appending(path: "vectors"), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            at: folder.appending(path: "columns"), withIntermediateDirectories: true)
        let database = try pool(folder)
        try write(folder, database) { database in
            if try property("description", database) as Description? == nil {
                try setProperty("description", description, database)
            }
        }
        try database.close()
        let atlas = try open(folder, fileSystem: fileSystem)
        var known = atlas.description
        // The scaling can be chosen again at any time: it is no property of the vectors.
        known.scaling = description.scaling
        guard known == description else {
            throw AtlasError(
                folder.path,
                "holds \(known.unit.rawValue) of \(known.windowSeconds) s every \(known.hopSeconds) s by \(known.model) "
                    + "(\(known.fingerprint), \(known.dimension) numbers each), not \(description.unit.rawValue) of "
                    + "\(description.windowSeconds) s every \(description.hopSeconds) s by \(description.model) "
                    + "(\(description.fingerprint), \(description.dimension) numbers each)",
                remedy: "choose another folder, or the same model and windows")
        }
        return atlas
    }

    static func segmentFile(_ folder: URL, firstRow: Int) -> URL {
        let digits = String(firstRow)
        return folder.appending(
            path: "vectors/\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits).f16")
    }

    // MARK: Database

    private static func pool(_ folder: URL) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.busyMode = .timeout(30)
        configuration.foreignKeysEnabled = true
        // What was confirmed is on the disk.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA synchronous = FULL") }
        do {
            let pool = try DatabasePool(
                path: folder.appending(path: catalogueName).path, configuration: configuration)
            try AtlasSchema.migrator.migrate(pool)
            return pool
        } catch {
            throw AtlasError(
                folder.path, "the catalogue cannot be used: \(error)", remedy: "restore the folder from a copy")
        }
    }

    private static func read<Value>(
        _ folder: URL, _ database: DatabasePool, _ body: (Database) throws -> Value
    ) throws -> Value {
        do {
            return try database.read(body)
        } catch let error as DatabaseError {
            throw AtlasError(
                folder.path, "the catalogue cannot be read: \(error)", remedy: "restore the folder from a copy")
        }
    }

    private static func write<Value>(
        _ folder: URL, _ database: DatabasePool, _ body: (Database) throws -> Value
    ) throws -> Value {
        do {
            return try database.write(body)
        } catch let error as DatabaseError {
            throw AtlasError(
                folder.path, "the catalogue cannot be written: \(error)",
                remedy: "see that the disk has space and the folder may be written to")
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.read(folder, database, body)
    }

    /// One transaction, on the disk when this returns.
    func write<Value>(_ body: (Database) throws -> Value) throws -> Value {
        try Self.write(folder, database, body)
    }

    static func property<Value: Decodable>(_ name: String, _ database: Database) throws -> Value? {
        let text = try String.fetchOne(
            database, sql: "SELECT value FROM properties WHERE name = ?", arguments: [name])
        return try text.map { try JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
    }

    static func setProperty(_ name: String, _ value: some Encodable, _ database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO properties (name, value) VALUES (?, ?)", arguments: [name, json(value)])
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    /// A remark kept with the atlas; nil if there is none of that name.
    public func property<Value: Decodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value? {
        try read { try Self.property("user \(name)", $0) }
    }

    /// Keeps a remark with the atlas; it is on the disk when this returns.
    public func setProperty(_ name: String, _ value: some Encodable) throws {
        try write { try Self.setProperty("user \(name)", value, $0) }
    }
}
