// https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, as far as PyTorch and archivers that repack its files use
// it. Every number in the file is taken for a lie until it fits the others: an entry lies where its header says, between
// the headers of its neighbours, and has the name and the size that the directory gives it.
import Storage

/// The entries of a zip file.
struct ZipArchive: Sendable {
    /// One entry.
    struct Entry: Sendable {
        let name: String
        let isDeflated: Bool
        /// CRC-32 of the content; 0 if the writer left it out.
        let checksum: UInt32
        /// Size of the content.
        let byteCount: Int
        /// Where the bytes lie in the file, deflated or not.
        let range: Range<Int>
    }

    /// As many entries as a file may have.
    static let largestCount = 1_000_000
    /// As long as a name may be.
    static let longestName = 4_096

    let entries: [String: Entry]

    init(_ file: MappedFile) throws(PyTorchFileFault) {
        entries = try file.withUnsafeBytes { (bytes) throws(PyTorchFileFault) in
            try ZipDirectory(bytes: bytes).entries()
        }
    }
}

private struct ZipDirectory {
    let bytes: UnsafeRawBufferPointer

    private func number<Number: FixedWidthInteger>(_ offset: Int, _ type: Number.Type) throws(PyTorchFileFault) -> Int {
        guard offset >= 0, offset <= bytes.count - MemoryLayout<Number>.size else {
            throw PyTorchFileFault("the zip directory points behind the end of the file")
        }
        let value = Number(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Number.self))
        guard let result = Int(exactly: value) else {
            throw PyTorchFileFault("an impossible size in the zip directory")
        }
        return result
    }

    private func short(_ offset: Int) throws(PyTorchFileFault) -> Int { try number(offset, UInt16.self) }
    private func word(_ offset: Int) throws(PyTorchFileFault) -> Int { try number(offset, UInt32.self) }
    private func long(_ offset: Int) throws(PyTorchFileFault) -> Int { try number(offset, UInt64.self) }

    /// Where the list of entries lies, and how many there are.
    private func list() throws(PyTorchFileFault) -> (range: Range<Int>, count: Int) {
        var end = bytes.count - 22
        let last = max(0, end - 65_535)
        while end >= last {
            if try word(end) == 0x0605_4B50, try short(end + 20) == bytes.count - end - 22 { break }
            end -= 1
        }
        guard end >= last, end >= 0 else {
            throw PyTorchFileFault("the end of the zip file is missing: it is truncated")
        }
        var (disks, count, size, start) = (
            try word(end + 4), try short(end + 10), try word(end + 12), try word(end + 16)
        )
        guard try short(end + 8) == count else { throw PyTorchFileFault("a zip file in several parts") }
        var recordStart = end
        if end >= 20, try word(end - 20) == 0x0706_4B50 {
            recordStart = try long(end - 20 + 8)
            guard try word(end - 20 + 4) == 0, recordStart <= end - 20 - 56, try word(recordStart) == 0x0606_4B50,
                try long(recordStart + 4) == end - 20 - recordStart - 12
            else { throw PyTorchFileFault("the zip directory of a large file is damaged") }
            disks = try word(recordStart + 16) | word(recordStart + 20)
            count = try long(recordStart + 32)
            guard try long(recordStart + 24) == count else { throw PyTorchFileFault("a zip file in several parts") }
            (size, start) = (try long(recordStart + 40), try long(recordStart + 48))
        }
        guard disks == 0 else { throw PyTorchFileFault("a zip file in several parts") }
        guard start <= recordStart, size == recordStart - start, count <= ZipArchive.largestCount, count * 46 <= size
        else { throw PyTorchFileFault("the zip directory does not lie where its end says") }
        return (start..<recordStart, count)
    }

    func entries() throws(PyTorchFileFault) -> [String: ZipArchive.Entry] {
        let list = try list()
        var entries: [String: ZipArchive.Entry] = [:]
        var places: [Range<Int>] = []
        entries.reserveCapacity(list.count)
        var position = list.range.lowerBound
        for _ in 0..<list.count {
            guard position + 46 <= list.range.upperBound, try word(position) == 0x0201_4B50 else {
                throw PyTorchFileFault("the zip directory is damaged")
            }
            let nameCount = try short(position + 28)
            let extraCount = try short(position + 30)
            let next = try position + 46 + nameCount + extraCount + short(position + 32)
            guard next <= list.range.upperBound else { throw PyTorchFileFault("the zip directory is damaged") }
            let (entry, place) = try entry(position, nameCount: nameCount, extraCount: extraCount)
            guard entries.updateValue(entry, forKey: entry.name) == nil else {
                throw PyTorchFileFault("two zip entries of the name \(entry.name)")
            }
            places.append(place)
            position = next
        }
        guard position == list.range.upperBound else { throw PyTorchFileFault("the zip directory is damaged") }
        // Overlapping entries make a small file hold a very large one.
        var end = 0
        for place in places.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard place.lowerBound >= end, place.upperBound <= list.range.lowerBound else {
                throw PyTorchFileFault("zip entries that overlap")
            }
            end = place.upperBound
        }
        return entries
    }

    private func entry(
        _ position: Int, nameCount: Int, extraCount: Int
    ) throws(PyTorchFileFault) -> (ZipArchive.Entry, Range<Int>) {
        let name = try name(position + 46, nameCount)
        let (flags, method) = (try short(position + 8), try short(position + 10))
        guard flags & 0x2041 == 0 else { throw PyTorchFileFault("the zip entry \(name) is encrypted") }
        guard method == 0 || method == 8 else {
            throw PyTorchFileFault("the zip entry \(name) is compressed in way \(method); only deflate is read")
        }
        var packed = try word(position + 20)
        var size = try word(position + 24)
        var header = try word(position + 42)
        var disk = try short(position + 34)
        let needed = [size, packed, header].map { $0 == 0xFFFF_FFFF } + [disk == 0xFFFF]
        if needed.contains(true) {
            var large = try largeNumbers(position + 46 + nameCount, extraCount, name)
            func next() throws(PyTorchFileFault) -> Int {
                guard let value = large.popLast() else {
                    throw PyTorchFileFault("the zip entry \(name) lacks its large sizes")
                }
                return value
            }
            if needed[0] { size = try next() }
            if needed[1] { packed = try next() }
            if needed[2] { header = try next() }
            if needed[3] { disk = 0 }
        }
        guard disk == 0 else { throw PyTorchFileFault("a zip file in several parts") }
        guard method == 8 || packed == size else {
            throw PyTorchFileFault("the zip entry \(name) has two sizes: \(packed) and \(size)")
        }
        guard header <= bytes.count - 30, try word(header) == 0x0403_4B50, try short(header + 8) == method,
            try short(header + 26) == nameCount, try self.name(header + 30, nameCount) == name
        else { throw PyTorchFileFault("the zip entry \(name) does not begin where the directory says") }
        let start = try header + 30 + nameCount + short(header + 28)
        guard start <= bytes.count, packed <= bytes.count - start else {
            throw PyTorchFileFault("the zip entry \(name) ends behind the end of the file: it is truncated")
        }
        // Sizes follow the content (flag 3) or stand in the extra field (all ones); otherwise they must agree.
        if try short(header + 6) & 8 == 0 {
            for (offset, expected) in [(18, packed), (22, size)] {
                let stated = try word(header + offset)
                guard stated == expected || stated == 0xFFFF_FFFF else {
                    throw PyTorchFileFault("the zip entry \(name) has two sizes: \(stated) and \(expected)")
                }
            }
        }
        let entry = ZipArchive.Entry(
            name: name, isDeflated: method == 8, checksum: UInt32(truncatingIfNeeded: try word(position + 16)),
            byteCount: size, range: start..<start + packed)
        return (entry, header..<start + packed)
    }

    /// The 64-bit numbers of the extra field, last one first.
    private func largeNumbers(_ start: Int, _ count: Int, _ name: String) throws(PyTorchFileFault) -> [Int] {
        var position = start
        while position + 4 <= start + count {
            let size = try short(position + 2)
            guard position + 4 + size <= start + count else { break }
            if try short(position) == 1 {
                var numbers: [Int] = []
                for offset in stride(from: 0, through: min(size, 24) - 8, by: 8) {
                    numbers.append(try long(position + 4 + offset))
                }
                return numbers.reversed()
            }
            position += 4 + size
        }
        throw PyTorchFileFault("the zip entry \(name) lacks its large sizes")
    }

    /// A name that could be a path inside a folder.
    private func name(_ start: Int, _ count: Int) throws(PyTorchFileFault) -> String {
        guard start >= 0, count <= ZipArchive.longestName, count > 0, start <= bytes.count - count,
            let name = String(validating: bytes[start..<start + count], as: UTF8.self)
        else { throw PyTorchFileFault("a zip entry without a sensible name") }
        let isSensible = name.unicodeScalars.allSatisfy { $0 >= " " && $0 != "\u{7F}" && $0 != "\\" && $0 != ":" }
        guard isSensible, !name.hasPrefix("/"),
            !name.split(separator: "/", omittingEmptySubsequences: false).contains("..")
        else { throw PyTorchFileFault("a zip entry whose name leads out of the archive: \(name.debugDescription)") }
        return name
    }
}
