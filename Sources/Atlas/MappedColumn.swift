// A few numbers for every sound, in a file of their own: written whole or not at all, mapped for reading.
import Foundation
import Storage
import Synchronization

/// Single-precision numbers, `width` for every sound.
final class MappedColumn: Sendable {
    let width: Int
    let count: Int
    private let file: MappedFile
    private static let magic = Array("A2VCOLM1".utf8)
    private static let headerBytes = 32

    init(_ url: URL) throws {
        let file = try MappedFile(url)
        let fields = file.withUnsafeBytes { bytes -> (Int, Int, UInt32)? in
            guard bytes.count >= Self.headerBytes, bytes.prefix(8).elementsEqual(Self.magic) else { return nil }
            return (
                Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self))),
                Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))),
                UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
            )
        }
        guard let fields, fields.0 > 0, file.byteCount == Self.headerBytes + fields.0 * fields.1 * 4,
            file.withUnsafeBytes({
                CRC32C.of(UnsafeRawBufferPointer(rebasing: $0[Self.headerBytes...])).value
            }) == fields.2
        else {
            throw AtlasError(url.path, "is damaged", remedy: "run `animal2vec cluster` again")
        }
        (width, count) = (fields.0, fields.1)
        self.file = file
    }

    func withValues<Result>(_ body: (UnsafeBufferPointer<Float>) throws -> Result) rethrows -> Result {
        try file.withUnsafeBytes { bytes in
            try body(UnsafeRawBufferPointer(rebasing: bytes[Self.headerBytes...]).bindMemory(to: Float.self))
        }
    }

    static func write(_ values: [Float], width: Int, to url: URL, fileSystem: FileSystem) throws {
        try AtomicFile.write(to: url, fileSystem: fileSystem) { writer in
            var header = magic
            let sum = values.withUnsafeBytes { CRC32C.of($0).value }
            for number in [UInt32(width), sum, UInt32(values.count / width)] {
                withUnsafeBytes(of: number.littleEndian) { header += $0 }
            }
            header += [UInt8](repeating: 0, count: headerBytes - header.count)
            try writer.write(header)
            try values.withUnsafeBytes { try writer.write($0) }
        }
    }
}

extension Atlas {
    private func columnFile(_ name: String) -> URL { folder.appending(path: "columns/\(name).f32") }

    /// The column of that name, mapped once; nil where there is none.
    func column(_ name: String) throws -> MappedColumn? {
        if let known = cached.withLock({ $0.columns[name] }) { return known }
        let url = columnFile(name)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        let column = try MappedColumn(url)
        cached.withLock { $0.columns[name] = column }
        return column
    }

    func setColumn(_ name: String, _ values: [Float], width: Int = 1) throws {
        try FileManager.default.createDirectory(
            at: folder.appending(path: "columns"), withIntermediateDirectories: true)
        let url = columnFile(name)
        try MappedColumn.write(values, width: width, to: url, fileSystem: fileSystem)
        let column = try MappedColumn(url)
        cached.withLock { $0.columns[name] = column }
    }

    /// The cluster of every sound, in order of their numbers, −1 for sounds that came after the clustering; nil before the
    /// first clustering.
    public func clusterOfSounds() throws -> [Int32]? {
        guard let clustering = try currentClustering(), let column = try column("clusters-\(clustering.id)") else {
            return nil
        }
        var clusters = column.withValues { $0.map { Int32($0) } }
        clusters += [Int32](repeating: -1, count: max(0, count - clusters.count))
        return clusters
    }

    /// The places of the sounds on the map, x and y by turns, each from −1 to 1, NaN for sounds that came after it was
    /// drawn; nil before the first map.
    public func mapOfSounds() throws -> [Float]? {
        guard let column = try column("map") else { return nil }
        var places = column.withValues(Array.init)
        places += [Float](repeating: .nan, count: max(0, 2 * count - places.count))
        return places
    }

    /// Keeps a map: x and y by turns for every sound.
    public func setMap(_ places: [Float]) throws {
        precondition(places.count == 2 * count, "\(places.count) coordinates for \(count) sounds")
        try setColumn("map", places, width: 2)
    }
}
