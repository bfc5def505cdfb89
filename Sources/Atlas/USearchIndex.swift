// The index files of USearch 2.x, without its library: vectors with keys, and the graph through which it searches.
//
// UInt32 rows, UInt32 bytes per row, the rows; 64 bytes: "usearch", UInt16 version × 3, kinds of metric, scalar, key and slot
// (one byte each), UInt64 present, deleted, dimensions, one byte multi; UInt64 size, connectivity, connectivity of the base,
// highest level, entry; Int16 level of every node; the nodes: UInt64 key, Int16 level, then for each level UInt32 count and
// room for so many UInt32 neighbours. All little-endian.
import CVectors
import Foundation
import Storage

/// The vectors of a USearch index by their keys.
struct USearchIndex {
    /// Numbers per vector.
    let dimension: Int
    /// The place of every key's vector.
    private(set) var places: [UInt64: Int] = [:]
    private let file: MappedFile
    private let scalar: Scalar
    private let rowBytes: Int

    /// Kinds of numbers, by USearch's own codes.
    private enum Scalar: UInt8 {
        case bfloat16 = 4
        case float32 = 11
        case float16 = 12

        var byteCount: Int { self == .float32 ? 4 : 2 }
    }

    private static let magic = Array("usearch".utf8)
    private static let headBytes = 64

    /// Opens an index file; every length in it is checked before it is believed.
    init(_ url: URL) throws {
        let file = try MappedFile(url)
        self.file = file
        func refuse(_ problem: String) -> AtlasError {
            AtlasError(url.path, problem, remedy: "give the usearch.index of a perch-hoplite 1.x database")
        }
        let count = file.byteCount
        func number<Value: FixedWidthInteger>(_ offset: Int, _ type: Value.Type) -> Value {
            file.withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
        }
        guard count >= 8 + Self.headBytes + 40 else { throw refuse("is too short for an index of vectors") }
        let rows = Int(number(0, UInt32.self))
        rowBytes = Int(number(4, UInt32.self))
        let head = 8 + rows * rowBytes
        guard rowBytes > 0, head <= count - Self.headBytes - 40,
            file.withUnsafeBytes({ $0[head..<head + 7].elementsEqual(Self.magic) })
        else { throw refuse("is no index of USearch that holds its vectors") }
        let kind = number(head + 14, UInt8.self)
        guard let scalar = Scalar(rawValue: kind) else { throw refuse("holds numbers of the unknown kind \(kind)") }
        let wide = number(head + 33, UInt64.self)
        guard wide > 0, wide < 1 << 20, Int(wide) * scalar.byteCount == rowBytes, number(head + 15, UInt8.self) == 14
        else { throw refuse("holds \(wide) numbers in \(rowBytes) bytes, or keys that are no integers") }
        dimension = Int(wide)
        self.scalar = scalar
        let graph = head + Self.headBytes
        let (size, links, baseLinks) = (
            number(graph, UInt64.self), number(graph + 8, UInt64.self), number(graph + 16, UInt64.self)
        )
        guard size == rows, links < 1 << 16, baseLinks < 1 << 16, graph + 40 + 2 * rows <= count else {
            throw refuse("has a graph of \(size) nodes for \(rows) vectors")
        }
        var offset = graph + 40 + 2 * rows
        places.reserveCapacity(rows)
        for row in 0..<rows {
            let level = Int(number(graph + 40 + 2 * row, Int16.self))
            let length = 10 + 4 + 4 * Int(baseLinks) + level * (4 + 4 * Int(links))
            guard level >= 0, offset + length <= count else { throw refuse("ends in the middle of its graph") }
            places[number(offset, UInt64.self)] = row
            offset += length
        }
    }

    /// The vector of a key; nil where there is none.
    func vector(_ key: UInt64) -> [Float]? {
        guard let place = places[key] else { return nil }
        return file.withUnsafeBytes { bytes in
            let row = UnsafeRawBufferPointer(rebasing: bytes[8 + place * rowBytes..<8 + (place + 1) * rowBytes])
            return (0..<dimension).map { index in
                switch scalar {
                case .float32: row.loadUnaligned(fromByteOffset: 4 * index, as: Float.self)
                case .float16: Float(row.loadUnaligned(fromByteOffset: 2 * index, as: Float16.self))
                case .bfloat16:
                    Float(
                        bitPattern: UInt32(row.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)) << 16)
                }
            }
        }
    }

    /// Writes an index in half precision for the inner product, with a graph on one level.
    ///
    /// - Parameters:
    ///   - ids: the sounds whose vectors are written, in this order.
    ///   - keys: their keys.
    static func write(
        _ vectors: VectorStore, ids: [Int], keys: [UInt64], to url: URL,
        progress: (Int) throws -> Void = { _ in }
    ) throws {
        precondition(ids.count == keys.count && ids.count < Int(UInt32.max))
        let graph = try LinkGraph(vectors, ids: ids, progress: progress)
        try AtomicFile.write(to: url) { writer in
            func put<Number: FixedWidthInteger>(_ numbers: Number...) throws {
                for number in numbers { try withUnsafeBytes(of: number.littleEndian) { try writer.write($0) } }
            }
            try put(UInt32(ids.count), UInt32(vectors.dimension * 2))
            for id in ids {
                try vectors.forEachPiece(id..<id + 1) { _, _, halves in
                    try writer.write(UnsafeRawBufferPointer(start: halves, count: vectors.dimension * 2))
                }
            }
            try writer.write(magic)
            try put(UInt16(2), UInt16(16), UInt16(0))
            try put(UInt8(ascii: "i"), Scalar.float16.rawValue, UInt8(14), UInt8(15))
            try put(UInt64(ids.count), UInt64(0), UInt64(vectors.dimension))
            try writer.write([UInt8](repeating: 0, count: headBytes - 41))
            try put(
                UInt64(ids.count), UInt64(LinkGraph.links / 2), UInt64(LinkGraph.links), UInt64(0), UInt64(graph.entry))
            for _ in ids { try put(Int16(0)) }
            for (node, key) in keys.enumerated() {
                try put(key)
                try put(Int16(0))
                let links = graph.links[node]
                try put(UInt32(links.count))
                for place in 0..<LinkGraph.links { try put(place < links.count ? UInt32(links[place]) : UInt32(0)) }
            }
        }
    }
}

/// Links through which a search walks towards the most similar vectors: the base of HNSW (Malkov & Yashunin 2018), larger
/// inner product being closer.
private struct LinkGraph {
    static let links = 32
    private static let width = 64

    private(set) var links: [[Int32]]
    let entry = 0
    private let vectors: VectorStore
    private let ids: [Int]
    private var visits: [Int32]

    init(_ vectors: VectorStore, ids: [Int], progress: (Int) throws -> Void) throws {
        (self.vectors, self.ids) = (vectors, ids)
        links = []
        links.reserveCapacity(ids.count)
        visits = [Int32](repeating: -1, count: ids.count)
        for node in ids.indices {
            let vector = vectors.rows(ids[node]..<ids[node] + 1)
            let found = node == 0 ? [] : search(vector, for: node)
            let chosen = diverse(found, most: Self.links / 2)
            links.append(chosen)
            for other in chosen { link(Int(other), to: node) }
            if node % 1000 == 999 { try progress(node + 1) }
        }
    }

    private func likeness(_ vector: [Float], _ node: Int) -> Float {
        var product: Float = 0
        vectors.forEachPiece(ids[node]..<ids[node] + 1) { _, _, halves in
            cvectors_products(halves, 1, vectors.dimension, vector, &product)
        }
        return product
    }

    /// The nodes that are found closest when one walks from the entry, closest first.
    private mutating func search(_ vector: [Float], for node: Int) -> [SearchHit] {
        var best = BestHits(count: Self.width)
        var open = [SearchHit(id: entry, score: likeness(vector, entry))]
        best.offer(entry, open[0].score)
        visits[entry] = Int32(node)
        while let place = open.indices.max(by: { open[$0].score < open[$1].score }) {
            let current = open.remove(at: place)
            if current.score < best.threshold { break }
            for other in links[current.id] where visits[Int(other)] != Int32(node) {
                visits[Int(other)] = Int32(node)
                let score = likeness(vector, Int(other))
                guard score > best.threshold else { continue }
                best.offer(Int(other), score)
                open.append(SearchHit(id: Int(other), score: score))
            }
        }
        return best.sorted
    }

    /// Close nodes of which none is closer to another chosen one: links in all directions.
    private func diverse(_ found: [SearchHit], most: Int) -> [Int32] {
        var chosen: [(id: Int, vector: [Float])] = []
        var passed: [Int] = []
        for hit in found where chosen.count < most {
            let vector = vectors.rows(ids[hit.id]..<ids[hit.id] + 1)
            if chosen.allSatisfy({ likeness(vector, $0.id) < hit.score }) {
                chosen.append((hit.id, vector))
            } else {
                passed.append(hit.id)
            }
        }
        return (chosen.map(\.id) + passed.prefix(most - chosen.count)).map(Int32.init)
    }

    private mutating func link(_ node: Int, to other: Int) {
        links[node].append(Int32(other))
        guard links[node].count > Self.links else { return }
        let vector = vectors.rows(ids[node]..<ids[node] + 1)
        let all = links[node].map { SearchHit(id: Int($0), score: likeness(vector, Int($0))) }
            .sorted { ($1.score, $0.id) < ($0.score, $1.id) }
        links[node] = diverse(all, most: Self.links)
    }
}
