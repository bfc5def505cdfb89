// The files that torch.save writes: zip files with data.pkl and data/0, data/1, … in a folder, and before PyTorch 1.6 four
// pickles (a magic number, a version, a few facts about the machine, the object), a list of storages and the storages.
import Foundation
import Storage

/// A PyTorch file, mapped and checked: every storage that it speaks of is there in its full size, and every tensor lies
/// inside its storage. Nothing in it is executed, and no numbers are read before they are asked for.
public struct PyTorchFile: Sendable {
    /// How the file is built.
    public enum Layout: String, Sendable, Codable {
        /// A zip file, from PyTorch 1.6 on.
        case zip
        /// Pickles in a row.
        case legacy
    }

    /// Path of the file.
    public var path: String { file.path }
    /// How the file is built.
    public let layout: Layout
    /// The object that was saved.
    public let root: PickleItem
    /// Number of tensors, wherever they are in the object.
    public var tensorCount: Int { graph.tensors.count }
    /// Bytes of all storages.
    public var storageByteCount: Int { places.reduce(0) { $0 + $1.byteCount } }

    private let file: MappedFile
    private let graph: PickleGraph
    private let places: [StoragePlace]

    /// The largest pickle that is inflated; others lie in the file as they are, and may be of any size.
    static let largestInflatedPickle = 256 << 20
    /// The largest compressed storage that is inflated.
    static let largestInflatedStorage = 1 << 30

    /// Opens and checks the file at `url`.
    ///
    /// Throws `PyTorchFileError` or `StorageError`.
    public static func open(_ url: URL) throws -> PyTorchFile {
        let file = try MappedFile(url)
        do throws(PyTorchFileFault) {
            let start = file.withUnsafeBytes { Array($0.prefix(8)) }
            if start.starts(with: [0x50, 0x4B]) { return try PyTorchFile(zip: file) }
            guard start.first == 0x80 || start.first == UInt8(ascii: "(") || start.first == UInt8(ascii: "L") else {
                throw PyTorchFileFault("is no file of torch.save: it begins neither like a zip file nor like a pickle")
            }
            return try PyTorchFile(legacy: file)
        } catch {
            throw PyTorchFileError(file.path, error.problem)
        }
    }

    /// Where the numbers of a storage lie.
    private struct StoragePlace: Sendable {
        let range: Range<Int>
        let byteCount: Int
        var isDeflated = false
        /// CRC-32 of the numbers; 0 if it is not known.
        var checksum: UInt32 = 0
    }

    // MARK: Opening

    private init(zip file: MappedFile) throws(PyTorchFileFault) {
        let archive = try ZipArchive(file)
        let pickles = archive.entries.keys.filter { $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }
        guard let name = pickles.first, pickles.count == 1, let entry = archive.entries[name] else {
            throw PyTorchFileFault("is a zip file with \(pickles.count) data.pkl in it: torch.save writes one")
        }
        let folder = String(name.dropLast("data.pkl".count))
        let read = { (entry: ZipArchive.Entry, limit: Int) throws(PyTorchFileFault) -> PickleBytes in
            try Self.content(of: entry, in: file, limit: limit)
        }
        if let order = archive.entries["\(folder)byteorder"] {
            let isLittle = try read(order, 1_024).withUnsafeBytes { $0.elementsEqual("little".utf8) }
            guard isLittle else {
                throw PyTorchFileFault("was written on a big-endian machine, which is not supported")
            }
        }
        let bytes = try read(entry, Self.largestInflatedPickle)
        let (graph, root) = try bytes.withUnsafeBytes { (pickle) throws(PyTorchFileFault) in
            if entry.checksum != 0 {
                guard Inflation.checksum(pickle) == entry.checksum else {
                    throw PyTorchFileFault("is damaged: the checksum of \(name) is another one")
                }
            }
            var reader = PickleReader(pickle)
            let root = try reader.read()
            guard reader.position == pickle.count else { throw PyTorchFileFault("there is more behind its pickle") }
            return (PickleGraph(bytes, reader), root)
        }
        var places: [StoragePlace] = []
        for storage in graph.storages {
            guard let entry = archive.entries["\(folder)data/\(storage.key)"] else {
                throw PyTorchFileFault("lacks the storage \(storage.key)")
            }
            let needed = storage.count * (storage.elementBytes ?? 0)
            guard storage.elementBytes == nil || entry.byteCount == needed else {
                throw PyTorchFileFault(
                    "the storage \(storage.key) has \(entry.byteCount) bytes, but its \(storage.count) elements "
                        + "(\(storage.typeName)) need \(needed)")
            }
            places.append(
                StoragePlace(
                    range: entry.range, byteCount: entry.byteCount, isDeflated: entry.isDeflated,
                    checksum: entry.checksum))
        }
        (self.file, layout, self.graph, self.places) = (file, .zip, graph, places)
        self.root = PickleItem(graph: graph, value: root)
    }

    private static func content(
        of entry: ZipArchive.Entry, in file: MappedFile, limit: Int
    ) throws(PyTorchFileFault) -> PickleBytes {
        guard entry.isDeflated else { return .mapped(file, entry.range) }
        return .inflated(
            try file.withUnsafeBytes { (bytes) throws(PyTorchFileFault) in
                try Inflation.bytes(
                    UnsafeRawBufferPointer(rebasing: bytes[entry.range]), count: entry.byteCount, limit: limit)
            })
    }

    /// 0x1950A86A20F9469CFC6C, lowest byte first.
    private static let magic: [UInt8] = [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]

    private init(legacy file: MappedFile) throws(PyTorchFileFault) {
        let bytes = PickleBytes.mapped(file, 0..<file.byteCount)
        let (graph, root, places) = try file.withUnsafeBytes { (whole) throws(PyTorchFileFault) in
            var reader = PickleReader(whole)
            guard case .longInteger(let span) = try reader.read(), reader.spans[span].count == Self.magic.count,
                whole[reader.spans[span].start...].starts(with: Self.magic)
            else { throw PyTorchFileFault("is a pickle, but not one that torch.save has written") }
            guard try reader.read() == .integer(1001) else {
                throw PyTorchFileFault("has another version than 1001 of PyTorch's old layout")
            }
            let facts = try reader.read()
            let root = try reader.read()
            let keys = try reader.read()
            let graph = PickleGraph(bytes, reader)
            guard PickleItem(graph: graph, value: facts)["little_endian"]?.boolean != false else {
                throw PyTorchFileFault("was written on a big-endian machine, which is not supported")
            }
            let names = (PickleItem(graph: graph, value: keys).elements ?? []).map(\.text)
            return (graph, root, try Self.places(names, graph.storages, in: whole, from: reader.position))
        }
        (self.file, layout, self.graph, self.places) = (file, .legacy, graph, places)
        self.root = PickleItem(graph: graph, value: root)
    }

    /// Storages in a row, each after its number of elements.
    private static func places(
        _ keys: [String?], _ storages: [PickledStorage], in bytes: UnsafeRawBufferPointer, from start: Int
    ) throws(PyTorchFileFault) -> [StoragePlace] {
        guard keys.count == storages.count else {
            throw PyTorchFileFault("holds \(keys.count) storages, but speaks of \(storages.count)")
        }
        let indices = Dictionary(uniqueKeysWithValues: storages.enumerated().map { ($1.key, $0) })
        var places: [Int: StoragePlace] = [:]
        var position = start
        for key in keys {
            guard let key, let index = indices[key], places[index] == nil, let size = storages[index].elementBytes
            else {
                throw PyTorchFileFault("holds a storage that it does not speak of, or one of an unknown type")
            }
            let storage = storages[index]
            guard bytes.count - position >= 8,
                Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Int64.self)) == storage.count,
                storage.count * size <= bytes.count - position - 8
            else {
                throw PyTorchFileFault("the storage \(key) has another size than announced, or the file is truncated")
            }
            let range = position + 8..<position + 8 + storage.count * size
            places[index] = StoragePlace(range: range, byteCount: range.count)
            position = range.upperBound
        }
        guard position == bytes.count else { throw PyTorchFileFault("there is more behind its last storage") }
        return storages.indices.map { places[$0]! }
    }

    // MARK: Numbers

    /// Bytes that are handed over at a time.
    private static let pieceBytes = 4 << 20

    /// Hands the elements of a tensor over in row-major order, little-endian, some whole elements at a time. The memory
    /// behind them is let go of afterwards.
    ///
    /// Throws what `body` throws, or `PyTorchFileError` for a type that safetensors has not and for a view that repeats
    /// its elements.
    public func read(_ tensor: PyTorchTensor, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        guard let size = tensor.elementType?.byteCount else {
            throw PyTorchFileError(
                path, "holds a tensor of \(tensor.typeName)", remedy: "convert it to float32 with PyTorch")
        }
        guard tensor.count <= graph.storages[tensor.storage].count else {
            throw PyTorchFileError(
                path, "holds a tensor of shape \(tensor.shape) that repeats the elements of a smaller one",
                remedy: "save it again as a tensor of its own (.contiguous())")
        }
        let place = places[tensor.storage]
        if place.isDeflated {
            try inflated(place).withUnsafeBytes { try read(tensor, size, $0, release: { _ in }, body) }
        } else {
            try file.withUnsafeBytes { bytes in
                try read(
                    tensor, size, UnsafeRawBufferPointer(rebasing: bytes[place.range]),
                    release: {
                        file.release(place.range.lowerBound + $0.lowerBound..<place.range.lowerBound + $0.upperBound)
                    },
                    body)
            }
        }
    }

    /// Compares the storage behind a tensor with its checksum, where the file has one.
    public func checkStorage(of tensor: PyTorchTensor) throws {
        let place = places[tensor.storage]
        guard place.checksum != 0 else { return }
        var checksum: UInt32 = 0
        if place.isDeflated {
            checksum = try inflated(place).withUnsafeBytes { Inflation.checksum($0) }
        } else {
            file.withUnsafeBytes { bytes in
                for start in stride(from: place.range.lowerBound, to: place.range.upperBound, by: Self.pieceBytes) {
                    let piece = start..<min(start + Self.pieceBytes, place.range.upperBound)
                    checksum = Inflation.checksum(UnsafeRawBufferPointer(rebasing: bytes[piece]), from: checksum)
                    file.release(piece)
                }
            }
        }
        guard checksum == place.checksum else {
            throw PyTorchFileError(
                path, "is damaged: the checksum of storage \(graph.storages[tensor.storage].key) is another one")
        }
    }

    private func inflated(_ place: StoragePlace) throws -> [UInt8] {
        do throws(PyTorchFileFault) {
            return try file.withUnsafeBytes { (bytes) throws(PyTorchFileFault) in
                try Inflation.bytes(
                    UnsafeRawBufferPointer(rebasing: bytes[place.range]), count: place.byteCount,
                    limit: Self.largestInflatedStorage)
            }
        } catch {
            throw PyTorchFileError(path, error.problem)
        }
    }

    private func read(
        _ tensor: PyTorchTensor, _ size: Int, _ bytes: UnsafeRawBufferPointer, release: (Range<Int>) -> Void,
        _ body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard tensor.count > 0 else { return }
        if tensor.isContiguous {
            let range = tensor.offset * size..<(tensor.offset + tensor.count) * size
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceBytes) {
                let piece = start..<min(start + Self.pieceBytes, range.upperBound)
                try body(UnsafeRawBufferPointer(rebasing: bytes[piece]))
                release(piece)
            }
            return
        }
        // Element by element, counting like an odometer.
        let rank = tensor.shape.count
        var index = [Int](repeating: 0, count: rank)
        var source = tensor.offset
        var piece: [UInt8] = []
        let capacity = Self.pieceBytes / size * size
        for _ in 0..<tensor.count {
            piece.append(contentsOf: bytes[source * size..<source * size + size])
            if piece.count >= capacity {
                try piece.withUnsafeBytes(body)
                piece.removeAll(keepingCapacity: true)
            }
            var dimension = rank - 1
            while dimension >= 0 {
                index[dimension] += 1
                source += tensor.strides[dimension]
                if index[dimension] < tensor.shape[dimension] { break }
                source -= tensor.strides[dimension] * tensor.shape[dimension]
                index[dimension] = 0
                dimension -= 1
            }
        }
        if !piece.isEmpty { try piece.withUnsafeBytes(body) }
        release(0..<bytes.count)
    }
}
