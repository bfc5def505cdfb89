// Exact search: every vector is looked at. The scaling goes into the query, so that the mapped numbers are read once:
// (x − mean) · factor · q = x · (factor · q) − mean · (factor · q); the lengths of the scaled vectors are kept beside.
import CVectors
import Foundation
import Synchronization

/// A sound that was found.
public struct SearchHit: Sendable, Hashable, Codable {
    /// The sound's number.
    public var id: Int
    /// Its likeness to what was asked for: the cosine, at most 1; with negative examples less.
    public var score: Float
}

/// What to look for.
public struct SoundQuery: Sendable {
    /// Sounds that it should be like.
    public var like: [Int] = []
    /// Vectors, as the model gives them, that it should be like.
    public var likeVectors: [[Float]] = []
    /// Sounds that it should not be like.
    public var unlike: [Int] = []
    /// How much likeness to the sounds it should not be like counts.
    public var unlikeWeight: Float = 0.5
    /// Only these sounds; nil for all.
    public var among: Set<Int>?
    /// Not these sounds.
    public var excluding: Set<Int> = []
    /// How many to find.
    public var count = 20

    /// Nothing yet.
    public init() {}
}

extension Atlas {
    /// The sounds most like what is asked for, best first; equal ones in order of their numbers. Sounds of the question
    /// itself are among the answers unless `excluding` names them.
    ///
    /// - Parameter threads: threads that compute; nil for one per core.
    public func search(_ query: SoundQuery, threads: Int? = nil) throws -> [SearchHit] {
        let dimension = vectors.dimension
        var target = [Float](repeating: 0, count: dimension)
        func add(_ rows: [Float], _ weight: Float) {
            for row in 0..<rows.count / dimension {
                for j in 0..<dimension { target[j] += weight * rows[row * dimension + j] }
            }
        }
        let likes = query.like.count + query.likeVectors.count
        guard likes + query.unlike.count > 0 else {
            throw AtlasError("search", "nothing to look for was given", remedy: "give at least one sound")
        }
        if let bad = query.likeVectors.first(where: { $0.count != dimension }) {
            throw AtlasError(
                "search", "a vector of \(bad.count) numbers cannot be compared with vectors of \(dimension)",
                remedy: "use the model of the atlas, \(description.model)")
        }
        if let bad = (query.like + query.unlike).first(where: { !(0..<count).contains($0) }) {
            throw AtlasError(folder.path, "there is no sound \(bad)", remedy: "give a number from 0 to \(count - 1)")
        }
        let scaling = try scaling()
        add(try unitVectors(query.like), 1 / Float(max(1, likes)))
        for vector in query.likeVectors {
            var vector = vector
            vector.withUnsafeMutableBufferPointer { scaling.applyNormalized($0) }
            add(vector, 1 / Float(likes))
        }
        add(try unitVectors(query.unlike), -query.unlikeWeight / Float(max(1, query.unlike.count)))
        // Of several examples the mean is asked for: it is no longer of length 1.
        let length = target.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if length > 0 { for j in 0..<dimension { target[j] /= length } }
        return try search(
            unitVector: target, count: query.count, among: query.among, excluding: query.excluding, threads: threads)
    }

    /// The sounds whose scaled vectors have the largest cosine with a scaled vector of length 1, best first.
    public func search(
        unitVector: [Float], count wanted: Int, among: Set<Int>? = nil, excluding: Set<Int> = [], threads: Int? = nil
    ) throws -> [SearchHit] {
        let scores = try cosines(withUnitVector: unitVector, threads: threads)
        let hidden = try hiddenIDs()
        var best = BestHits(count: wanted)
        if let among {
            for id in among where id < scores.count && !excluding.contains(id) && !hidden.contains(id) {
                best.offer(id, scores[id])
            }
        } else if excluding.isEmpty && hidden.isEmpty {
            scores.withUnsafeBufferPointer { for id in $0.indices { best.offer(id, $0[id]) } }
        } else {
            for id in scores.indices
            where scores[id] > best.threshold && !excluding.contains(id) && !hidden.contains(id) {
                best.offer(id, scores[id])
            }
        }
        return best.sorted
    }

    /// The cosine of every sound's scaled vector with a scaled vector of length 1.
    public func cosines(withUnitVector vector: [Float], threads: Int? = nil) throws -> [Float] {
        precondition(vector.count == vectors.dimension, "\(vector.count) numbers, not \(vectors.dimension)")
        let scaling = try scaling()
        let inverse = try inverseNorms()
        let weights = zip(vector, scaling.factor).map { $0 * $1 }
        let offset = zip(weights, scaling.mean).reduce(0) { $0 + $1.0 * $1.1 }
        var scores = vectors.products(weights, threads: threads)
        scores.withUnsafeMutableBufferPointer { scores in
            inverse.withUnsafeBufferPointer { inverse in
                for id in scores.indices { scores[id] = (scores[id] - offset) * inverse[id] }
            }
        }
        return scores
    }

    /// 1 / length of every scaled vector, 0 for zeros; computed once and kept for the next search.
    func inverseNorms() throws -> [Float] {
        let known = cached.withLock(\.inverseNorms)
        let count = count
        if known.count == count { return known }
        if let stored = try column("inverse-norms"), stored.count == count, try isCurrent(stored) {
            let values = stored.withValues { Array($0.prefix(count)) }
            cached.withLock { $0.inverseNorms = values }
            return values
        }
        let scaling = try scaling()
        let dimension = vectors.dimension
        let blockRows = 4096
        let blocks = (count + blockRows - 1) / blockRows
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            nonisolated(unsafe) let target = buffer
            DispatchQueue.concurrentPerform(iterations: blocks) { block in
                let range = block * blockRows..<min((block + 1) * blockRows, count)
                var rows = vectors.rows(range)
                rows.withUnsafeMutableBufferPointer { rows in
                    scaling.apply(rows)
                    for row in range {
                        var sum: Float = 0
                        let base = rows.baseAddress! + (row - range.lowerBound) * dimension
                        for j in 0..<dimension { sum += base[j] * base[j] }
                        target[row] = sum > 0 ? 1 / sum.squareRoot() : 0
                    }
                }
            }
            initialized = count
        }
        cached.withLock { $0.inverseNorms = values }
        return values
    }

    /// Whether stored lengths belong to the scaling of now: one that is computed again tells.
    private func isCurrent(_ column: MappedColumn) throws -> Bool {
        let scaling = try scaling()
        for id in Set([0, count / 2, count - 1]) where id >= 0 {
            var row = vectors.rows(id..<id + 1)
            row.withUnsafeMutableBufferPointer { scaling.apply($0) }
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            let stored = column.withValues { $0[id] }
            guard abs(stored * length - (length > 0 ? 1 : 0)) < 1e-4 else { return false }
        }
        return true
    }

    /// Keeps the lengths of scaled vectors on the disk, so that the first search after opening need not compute them.
    func storeInverseNorms() throws {
        try setColumn("inverse-norms", try inverseNorms())
    }
}

extension VectorStore {
    /// The product of every row with a vector, on several threads.
    func products(_ vector: [Float], threads: Int? = nil) -> [Float] {
        let count = count
        let threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
        let blockRows = 8192
        let blocks = (count + blockRows - 1) / blockRows
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            nonisolated(unsafe) let target = buffer
            let next = Mutex(0)
            // Blocks are claimed: a thread that the system delays does not hold the others up.
            DispatchQueue.concurrentPerform(iterations: min(threads, max(1, blocks))) { _ in
                while true {
                    let block = next.withLock { value in
                        defer { value += 1 }
                        return value
                    }
                    guard block < blocks else { return }
                    forEachPiece(block * blockRows..<min((block + 1) * blockRows, count)) { first, rows, halves in
                        cvectors_products(halves, rows, dimension, vector, target.baseAddress! + first)
                    }
                }
            }
            initialized = count
        }
    }
}

/// The best of many, kept in a heap whose first is the worst that still belongs.
struct BestHits {
    private let count: Int
    private var heap: [SearchHit] = []

    init(count: Int) { self.count = count }

    /// What a score must exceed to belong.
    var threshold: Float { heap.count < count ? -.infinity : heap.first?.score ?? .infinity }

    @inline(__always)
    mutating func offer(_ id: Int, _ score: Float) {
        if heap.count < count {
            heap.append(SearchHit(id: id, score: score))
            rise(heap.count - 1)
        } else if let worst = heap.first, score > worst.score || (score == worst.score && id < worst.id) {
            heap[0] = SearchHit(id: id, score: score)
            sink(0)
        }
    }

    /// Best first; equal scores in order of the numbers.
    var sorted: [SearchHit] { heap.sorted { Self.isWorse($1, $0) } }

    private static func isWorse(_ a: SearchHit, _ b: SearchHit) -> Bool {
        a.score != b.score ? a.score < b.score : a.id > b.id
    }

    private mutating func rise(_ start: Int) {
        var place = start
        while place > 0, Self.isWorse(heap[place], heap[(place - 1) / 2]) {
            heap.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var place = start
        while true {
            var worst = place
            for child in [2 * place + 1, 2 * place + 2] where child < heap.count {
                if Self.isWorse(heap[child], heap[worst]) { worst = child }
            }
            if worst == place { return }
            heap.swapAt(place, worst)
            place = worst
        }
    }
}
