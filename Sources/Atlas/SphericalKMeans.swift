// Spherical k-means: every row has length 1, likeness is the cosine, a centre is the direction of the sum of its rows
// (Dhillon & Modha 2001). Starts by greedy k-means++ (Arthur & Vassilvitskii 2007) on a sample. One round is a matrix product
// per block, and two passes over what the cache still holds: the two best centres of each row, the sums of the rows.
//
// N rows, D numbers of a row, K centres
import CVectors
import Foundation
import Randomness
import Torch

/// Groups of rows.
public struct SphericalKMeans: Sendable {
    /// How groups are found.
    public struct Configuration: Sendable, Hashable, Codable {
        /// K
        public var k = 100
        /// The seed of the first centres.
        public var seed: UInt64 = 0
        /// Rounds at most.
        public var maximumRounds = 60
        /// It ends when a smaller share of the rows changes its group.
        public var tolerance = 0.0005
        /// Rows on which the first centres are chosen.
        public var sampleRows = 30_000
        /// How often first centres are chosen on the sample; the best go on.
        public var starts = 4
        /// Rows that need more bytes than this are not kept in memory: centres then move after every batch.
        public var memoryBytes = 6 << 30

        /// The usual settings.
        public init() {}
    }

    /// The group of every row, from 0; 0 is the largest.
    public internal(set) var assignment: [Int32]
    /// The cosine of every row with its centre.
    public internal(set) var cosines: [Float]
    /// The cosine of every row with the second closest centre.
    public internal(set) var seconds: [Float]
    /// The centres, of length 1, K × D.
    public internal(set) var centres: [Float]
    /// Rows in each group.
    public internal(set) var sizes: [Int]
    /// Rounds over all rows.
    public internal(set) var rounds: Int
    /// Centres that lost all their rows and were put elsewhere.
    public internal(set) var repairs: Int

    /// The mean cosine of rows with their centres: what k-means makes large.
    public var meanCosine: Double {
        cosines.reduce(0) { $0 + Double($1) } / Double(max(1, cosines.count))
    }

    /// The silhouette of a row against the centres: (b − a) / max(a, b) with a and b its distances (1 − cosine) from its own
    /// and from the next centre. For k-means it follows the true silhouette closely and costs nothing (Hruschka 2004).
    public func silhouette(ofRow row: Int) -> Double {
        let a = Double(1 - cosines[row])
        let b = Double(1 - seconds[row])
        return max(a, b) > 0 && seconds[row] > -2 ? (b - a) / max(a, b) : 0
    }

    /// The mean silhouette.
    public var silhouette: Double {
        cosines.indices.reduce(0) { $0 + silhouette(ofRow: $1) } / Double(max(1, cosines.count))
    }

    /// Groups rows that are given, row-major; they are brought to length 1.
    public static func fit(
        _ rows: [Float], dimension: Int, configuration: Configuration = .init()
    ) throws -> SphericalKMeans {
        try fit(UnitRows(rows, dimension: dimension), configuration)
    }

    /// Groups the sounds of an atlas; row r is the r-th of `ids` (nil: all that are shown).
    ///
    /// - Parameter progress: called after every round (or batch) with its number and the share of rows that moved.
    public static func fit(
        _ atlas: Atlas, ids: [Int]? = nil, configuration: Configuration = .init(),
        progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> SphericalKMeans {
        let ids = if let ids { ids } else { try atlas.visibleIDs() }
        return try fit(
            UnitRows(atlas, ids: ids, memoryBytes: configuration.memoryBytes), configuration, progress: progress)
    }

    static func fit(
        _ rows: UnitRows, _ configuration: Configuration, progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> SphericalKMeans {
        guard configuration.k >= 1, configuration.k <= rows.count else {
            throw AtlasError(
                "k = \(configuration.k)", "cannot divide \(rows.count) sounds",
                remedy: "choose a number from 1 to \(rows.count)")
        }
        return try withoutGradients {
            let sampleRows = max(configuration.sampleRows, 64 * configuration.k)
            if rows.count <= sampleRows { return try bestStart(rows, configuration, progress) }
            // The first centres are found on a sample: that costs little, and saves rounds over everything.
            let permutation = Permutation(count: rows.count, seed: configuration.seed, epoch: 0)
            let places = (0..<sampleRows).map { permutation[$0] }.sorted()
            let sample = UnitRows(try rows.rows(places).array(Float.self), dimension: rows.dimension)
            var state = Rounds(rows, configuration)
            state.centres = try bestStart(sample, configuration).centres
            if rows.fitsInMemory {
                try state.iterate(progress)
            } else {
                try state.passBatches(progress)
            }
            return state.sorted()
        }
    }

    private static func bestStart(
        _ rows: UnitRows, _ configuration: Configuration, _ progress: (Int, Double) throws -> Void = { _, _ in }
    ) throws -> SphericalKMeans {
        var best: SphericalKMeans?
        for start in 0..<max(1, configuration.starts) {
            var state = Rounds(rows, configuration)
            try state.chooseCentres(start)
            try state.iterate(progress)
            let result = state.sorted()
            if result.meanCosine > best?.meanCosine ?? -.infinity { best = result }
        }
        return best!
    }
}

/// The work of one k-means.
private struct Rounds {
    let rows: UnitRows
    let configuration: SphericalKMeans.Configuration
    var centres: [Float] = []
    var assignment: [Int32]
    var cosines: [Float]
    var seconds: [Float]
    var sums: [Float]
    var counts: [Int]
    var rounds = 0
    var repairs = 0

    init(_ rows: UnitRows, _ configuration: SphericalKMeans.Configuration) {
        (self.rows, self.configuration) = (rows, configuration)
        assignment = [Int32](repeating: -1, count: rows.count)
        cosines = [Float](repeating: 0, count: rows.count)
        seconds = cosines
        sums = [Float](repeating: 0, count: configuration.k * rows.dimension)
        counts = [Int](repeating: 0, count: configuration.k)
    }

    // MARK: Start

    /// Greedy k-means++: of a few rows drawn by their distance from all centres so far, the one that helps most.
    mutating func chooseCentres(_ start: Int) throws {
        let k = configuration.k
        let sample = try rows.rows(0..<rows.count)
        let sampleCount = rows.count
        var random = KeyedRandom(seed: configuration.seed, sample: start, purpose: .cluster)
        let candidates = 2 + Int(log(Double(k)))
        var chosen = [random.below(sampleCount)]
        var distances = [Float](repeating: .infinity, count: sampleCount)
        func distance(_ candidates: [Int]) throws -> [Float] {
            let targets = try sample.selected(0, Tensor(candidates.map(Int64.init)))
            return try sample.matmul(targets.transposed(0, 1)).array(Float.self)
        }
        func lower(_ column: Int, of cosines: [Float], width: Int) {
            for row in 0..<sampleCount {
                distances[row] = min(distances[row], max(0, 1 - cosines[row * width + column]))
            }
        }
        lower(0, of: try distance(chosen), width: 1)
        while chosen.count < k {
            var cumulative = [Double](repeating: 0, count: sampleCount)
            var total = 0.0
            for row in 0..<sampleCount {
                total += Double(distances[row])
                cumulative[row] = total
            }
            let drawn = (0..<candidates).map { _ in
                // Rows that are all alike leave nothing to be drawn by distance.
                total > 0 ? firstIndex(cumulative, above: random.uniform() * total) : random.below(sampleCount)
            }
            let cosines = try distance(drawn)
            var best = (column: 0, sum: Double.infinity)
            for column in drawn.indices {
                var sum = 0.0
                cosines.withUnsafeBufferPointer { cosines in
                    distances.withUnsafeBufferPointer { distances in
                        for row in 0..<sampleCount {
                            let own = max(0, 1 - cosines[row * candidates + column])
                            sum += Double(min(distances[row], own))
                        }
                    }
                }
                if sum < best.sum { best = (column, sum) }
            }
            chosen.append(drawn[best.column])
            lower(best.column, of: cosines, width: candidates)
        }
        centres = try sample.selected(0, Tensor(chosen.map(Int64.init))).array(Float.self)
    }

    private func firstIndex(_ cumulative: [Double], above value: Double) -> Int {
        var (low, high) = (0, cumulative.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }

    // MARK: Rounds

    /// Rounds over all rows until hardly any moves.
    mutating func iterate(_ progress: (Int, Double) throws -> Void) throws {
        for round in 1...max(1, configuration.maximumRounds) {
            let before = assignment
            try assign(summing: true)
            rounds = round
            var moved = 0
            for row in assignment.indices where assignment[row] != before[row] { moved += 1 }
            let share = Double(moved) / Double(rows.count)
            try progress(round, share)
            // An empty group is never an answer, however little moves.
            let repaired = try repairEmpty()
            if share <= configuration.tolerance && !repaired { break }
            moveCentres()
        }
        // The last centres may have moved after the rows were assigned.
        try assign(summing: false)
        try repairAll()
    }

    /// For rows beyond memory: centres move after every batch by what it brings, less the more they have seen (Sculley
    /// 2010); batches are blocks in random order. Two passes, then every row gets its group.
    mutating func passBatches(_ progress: (Int, Double) throws -> Void) throws {
        let dimension = rows.dimension
        var seen = [Double](repeating: 0, count: configuration.k)
        let passes = 2
        for pass in 0..<passes {
            let order = Permutation(count: rows.blockCount, seed: configuration.seed, epoch: pass)
            let blocksPerBatch = max(1, configuration.k * 50 / UnitRows.blockRows)
            var position = 0
            while position < rows.blockCount {
                let batch = (position..<min(position + blocksPerBatch, rows.blockCount)).map { order[$0] }
                position += batch.count
                clearSums()
                let centres_DK = try centresTransposed()
                for block in batch { try assign(block: block, centres_DK, summing: true) }
                for centre in 0..<configuration.k where counts[centre] > 0 {
                    seen[centre] += Double(counts[centre])
                    let weight = Float(Double(counts[centre]) / seen[centre])
                    let scale = 1 / Float(counts[centre])
                    for j in centre * dimension..<(centre + 1) * dimension {
                        centres[j] += weight * (sums[j] * scale - centres[j])
                    }
                }
                normalizeCentres()
                try progress(pass + 1, 1 - Double(position) / Double(rows.blockCount))
            }
        }
        rounds = passes
        try assign(summing: false)
        try repairAll()
    }

    /// No group stays empty: where rows are alike, so that none is closest to a centre of its own, one is given to it.
    private mutating func repairAll() throws {
        for _ in 0..<3 {
            guard try repairEmpty() else { return }
            try assign(summing: false)
        }
        _ = try repairEmpty()
    }

    private mutating func clearSums() {
        for index in sums.indices { sums[index] = 0 }
        for index in counts.indices { counts[index] = 0 }
    }

    private func centresTransposed() throws -> Tensor {
        try Tensor(centres, shape: [configuration.k, rows.dimension]).transposed(0, 1).contiguous()
    }

    /// Every row to its closest centre.
    private mutating func assign(summing: Bool) throws {
        clearSums()
        let centres_DK = try centresTransposed()
        for block in 0..<rows.blockCount { try assign(block: block, centres_DK, summing: summing) }
    }

    private mutating func assign(block: Int, _ centres_DK: Tensor, summing: Bool) throws {
        let (k, dimension) = (configuration.k, rows.dimension)
        let range = rows.range(ofBlock: block)
        let tensor = try rows.block(block)
        let scores_NK = try tensor.matmul(centres_DK)
        try assignment.withUnsafeMutableBufferPointer { assignment in
            try cosines.withUnsafeMutableBufferPointer { cosines in
                try seconds.withUnsafeMutableBufferPointer { seconds in
                    nonisolated(unsafe) let nearest = assignment.baseAddress! + range.lowerBound
                    nonisolated(unsafe) let best = cosines.baseAddress! + range.lowerBound
                    nonisolated(unsafe) let second = seconds.baseAddress! + range.lowerBound
                    try scores_NK.withBytes { bytes in
                        nonisolated(unsafe) let scores = bytes.baseAddress!.assumingMemoryBound(to: Float.self)
                        Runtime.inParallel(range.count, grain: 64) { part in
                            let from = part.lowerBound
                            cvectors_best_two(
                                scores + from * k, part.count, k, nearest + from, best + from, second + from)
                        }
                    }
                    for row in 0..<range.count { counts[Int(nearest[row])] += 1 }
                    guard summing else { return }
                    try tensor.withBytes { bytes in
                        nonisolated(unsafe) let values = bytes.baseAddress!.assumingMemoryBound(to: Float.self)
                        sums.withUnsafeMutableBufferPointer { sums in
                            nonisolated(unsafe) let target = sums.baseAddress!
                            // Columns are divided, not rows: the sums are the same for any number of threads.
                            Runtime.inParallel(dimension, grain: 64) { columns in
                                cvectors_add_rows(
                                    values, nearest, range.count, dimension, columns.lowerBound, columns.upperBound,
                                    target)
                            }
                        }
                    }
                }
            }
        }
    }

    private mutating func moveCentres() {
        for centre in 0..<configuration.k where counts[centre] > 0 {
            for j in centre * rows.dimension..<(centre + 1) * rows.dimension { centres[j] = sums[j] }
        }
        normalizeCentres()
    }

    private mutating func normalizeCentres() {
        let dimension = rows.dimension
        for centre in 0..<configuration.k {
            let range = centre * dimension..<(centre + 1) * dimension
            let length = centres[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard length > 0 else { continue }
            for j in range { centres[j] /= length }
        }
    }

    /// Gives every empty group the row that fits its own group worst; true if there was one.
    private mutating func repairEmpty() throws -> Bool {
        let empty = counts.indices.filter { counts[$0] == 0 }
        guard !empty.isEmpty else { return false }
        // Only rows of groups that keep another one; the worst first, equal ones in their order.
        var worst = BestHits(count: empty.count + configuration.k)
        for row in cosines.indices { worst.offer(row, -cosines[row]) }
        var candidates = worst.sorted.map(\.id)[...]
        let dimension = rows.dimension
        for centre in empty {
            guard let place = candidates.firstIndex(where: { counts[Int(assignment[$0])] > 1 }) else { break }
            let row = candidates[place]
            candidates = candidates[(place + 1)...]
            let values = try rows.rows([row]).array(Float.self)
            // It leaves its old group, also in the sums that the centres move to.
            let old = Int(assignment[row])
            counts[old] -= 1
            counts[centre] = 1
            assignment[row] = Int32(centre)
            for j in 0..<dimension {
                sums[old * dimension + j] -= values[j]
                sums[centre * dimension + j] = values[j]
                centres[centre * dimension + j] = values[j]
            }
            repairs += 1
        }
        return true
    }

    /// The result, largest group first.
    func sorted() -> SphericalKMeans {
        let order = counts.indices.sorted { (counts[$1], $0) < (counts[$0], $1) }
        var place = [Int32](repeating: 0, count: order.count)
        for (new, old) in order.enumerated() { place[old] = Int32(new) }
        var sortedCentres: [Float] = []
        for old in order { sortedCentres += centres[old * rows.dimension..<(old + 1) * rows.dimension] }
        return SphericalKMeans(
            assignment: assignment.map { place[Int($0)] }, cosines: cosines, seconds: seconds, centres: sortedCentres,
            sizes: order.map { counts[$0] }, rounds: rounds, repairs: repairs)
    }
}
