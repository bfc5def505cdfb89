// Data sets of an HDF5 file (“HDF5 File Format Specification”, versions 1 to 3), as h5py, MATLAB and the library write
// small ones. Read here and not through the library because label files come from damaged disks and from strangers: one
// wrong byte in three hundred lets the library read outside its memory or run for ever. Here every address and every size
// is checked against the file before it is used. The tests hold both against each other.
import Foundation

/// The data sets in the root group of an HDF5 file that lies in memory.
public struct HDF5File: Sendable {
    /// The values of a data set.
    public enum Values: Sendable, Hashable {
        /// Numbers of any type.
        case numbers([Double])
        /// Text of any kind, as UTF-8.
        case texts([String])

        /// How many there are.
        public var count: Int {
            switch self {
            case .numbers(let values): values.count
            case .texts(let values): values.count
            }
        }
    }

    /// The bytes every HDF5 file begins with.
    public static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

    let bytes: HDF5Bytes
    private let objects: [String: Int]

    /// Reads the table of contents. `path` is for messages. Throws `StorageError` with code `corrupt` for a damaged file and
    /// `invalid` for one that uses parts of the format that are not read here.
    public init(path: String, bytes: [UInt8]) throws(StorageError) {
        var bytes = HDF5Bytes(path: path, bytes: bytes)
        var start = 0
        while !bytes.holds(Self.signature, at: start) {
            start = start == 0 ? 512 : start * 2
            guard start < bytes.count else { throw bytes.damaged("is not an HDF5 file") }
        }
        let version = try bytes.number(start + 8, 1)
        let header: Int
        switch version {
        case 0, 1:
            try bytes.requireWideAddresses(start + 13)
            let place = start + (version == 0 ? 24 : 28)
            bytes.base = try bytes.number(place, 8)
            header = try bytes.address(place + 40) ?? -1
        case 2, 3:
            try bytes.requireWideAddresses(start + 9)
            bytes.base = try bytes.number(start + 12, 8)
            header = try bytes.address(start + 36) ?? -1
        default: throw bytes.unsupported("superblock version \(version)")
        }
        self.bytes = bytes
        objects = try HDF5Group.objects(in: bytes, header: header)
    }

    /// The names in the root group, sorted.
    public var names: [String] { objects.keys.sorted() }

    /// The values of a data set of one dimension or none; nil if there is none of that name.
    public func values(_ name: String) throws(StorageError) -> Values? {
        guard let header = objects[name] else { return nil }
        return try HDF5Dataset(name: name, bytes: bytes, header: header).values()
    }
}

/// The bytes of a file with checked access. Numbers are little-endian.
struct HDF5Bytes: Sendable {
    let path: String
    private let bytes: [UInt8]
    /// What addresses in the file count from.
    var base = 0

    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    func damaged(_ reason: String) -> StorageError {
        StorageError(.corrupt, path: path, "\(reason); the file is damaged or not whole: fetch or write it again")
    }

    func unsupported(_ what: String) -> StorageError {
        StorageError(
            .invalid, path: path, "uses \(what), which is not read here; write it again with h5repack --low=0 --high=1")
    }

    func holds(_ text: [UInt8], at offset: Int) -> Bool {
        offset >= 0 && text.count <= count && offset <= count - text.count
            && bytes[offset..<offset + text.count].elementsEqual(text)
    }

    func require(_ text: String, at offset: Int) throws(StorageError) {
        guard holds(Array(text.utf8), at: offset) else { throw damaged("has no \(text) at byte \(offset)") }
    }

    /// The bytes of a range that lies in the file.
    func slice(_ offset: Int, _ length: Int) throws(StorageError) -> ArraySlice<UInt8> {
        guard offset >= 0, length >= 0, length <= count, offset <= count - length else {
            throw damaged("speaks of bytes behind its end")
        }
        return bytes[offset..<offset + length]
    }

    /// A number of 1 to 8 bytes that must fit into 62 bits: sizes and addresses that do not are damaged.
    func number(_ offset: Int, _ size: Int) throws(StorageError) -> Int {
        var value: UInt64 = 0
        for byte in try slice(offset, size).reversed() { value = value << 8 | UInt64(byte) }
        guard value < 1 << 62 else { throw damaged("holds an impossible number at byte \(offset)") }
        return Int(value)
    }

    /// An address of 8 bytes, with the base added; nil for the undefined one. It lies in the file.
    func address(_ offset: Int) throws(StorageError) -> Int? {
        if try slice(offset, 8).allSatisfy({ $0 == 0xFF }) { return nil }
        let address = try number(offset, 8) + base
        guard address < count else { throw damaged("speaks of bytes behind its end") }
        return address
    }

    /// The text that ends with a zero byte.
    func text(_ offset: Int) throws(StorageError) -> String {
        let rest = try slice(offset, max(0, count - offset)).prefix(4096)
        guard let end = rest.firstIndex(of: 0) else { throw damaged("holds a name without end") }
        return String(decoding: rest[..<end], as: UTF8.self)
    }

    func requireWideAddresses(_ offset: Int) throws(StorageError) {
        let (offsets, lengths) = (try number(offset, 1), try number(offset + 1, 1))
        guard offsets == 8, lengths == 8 else { throw unsupported("addresses of \(offsets) and \(lengths) bytes") }
    }
}
