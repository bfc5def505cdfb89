// A map: sounds that are alike lie close together. In the manner of UMAP (McInnes, Healy & Melville 2018): a graph of the
// nearest neighbours, and forces that pull neighbours together and push others apart. Here every point moves by the forces on
// itself alone, all at once, from the places of the step before: any number of threads gives the same map.
//
// N points, P principal components, L landmarks
import Foundation
import Randomness
import Torch

/// Draws maps of vectors.
public struct SoundMap {
    /// How a map is drawn.
    public struct Configuration: Sendable, Hashable, Codable {
        /// Neighbours of a point in the graph.
        public var neighbours = 15
        /// Steps of the forces.
        public var steps = 300
        /// Points that are pushed away in a step, drawn at random.
        public var repelled = 8
        /// How strong pushing is.
        public var repulsion = 1.0
        /// Numbers that are kept of each vector for the search of neighbours.
        public var components = 48
        /// Of more points than this so many are mapped by forces, and the others placed among them.
        public var landmarks = 20_000
        /// The seed of the random choices.
        public var seed: UInt64 = 0

        /// The usual settings.
        public init() {}
    }

    private let configuration: Configuration

    /// A way of drawing maps.
    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    /// The places of rows, x and y by turns, from −1 to 1. Rows are brought to length 1.
    public func places(_ rows: [Float], dimension: Int) throws -> [Float] {
        try places(UnitRows(rows, dimension: dimension)) { _ in }
    }

    /// Draws the map of an atlas and keeps it. `progress` gets the share of the work that is done.
    public func draw(_ atlas: Atlas, progress: (Double) throws -> Void = { _ in }) throws {
        let ids = try atlas.visibleIDs()
        guard !ids.isEmpty else { return }
        let found = try places(UnitRows(atlas, ids: ids, memoryBytes: 0), progress)
        var places = [Float](repeating: .nan, count: 2 * atlas.count)
        for (row, id) in ids.enumerated() {
            (places[2 * id], places[2 * id + 1]) = (found[2 * row], found[2 * row + 1])
        }
        try atlas.setMap(places)
    }

    func places(_ rows: UnitRows, _ progress: (Double) throws -> Void) throws -> [Float] {
        guard rows.count > 2 else { return (0..<rows.count).flatMap { [Float($0), 0] } }
        return try withoutGradients {
            let components = try PrincipalComponents(rows, count: configuration.components, seed: configuration.seed)
            let isWhole = rows.count <= configuration.landmarks
            let chosen: [Int]
            if isWhole {
                chosen = Array(0..<rows.count)
            } else {
                let permutation = Permutation(count: rows.count, seed: configuration.seed, epoch: 2)
                chosen = (0..<configuration.landmarks).map { permutation[$0] }.sorted()
            }
            let points_LP = try components.project(isWhole ? rows.rows(0..<rows.count) : rows.rows(chosen))
            let graph = try NeighbourGraph(points_LP, neighbours: configuration.neighbours)
            try progress(isWhole ? 0.3 : 0.1)
            let share = isWhole ? 0.7 : 0.2
            var places = try beginning(points_LP)
            try move(&places, graph) { try progress((isWhole ? 0.3 : 0.1) + share * $0) }
            normalize(&places)
            guard !isWhole else { return places }
            return try placed(rows, components, points_LP, places) { try progress(0.3 + 0.7 * $0) }
        }
    }

    /// The first two components, ten units wide.
    private func beginning(_ points_LP: Tensor) throws -> [Float] {
        let count = points_LP.size(0)
        var places: [Float]
        if points_LP.size(1) >= 2 {
            places = try points_LP.narrowed(1, 0, 2).contiguous().array(Float.self)
        } else {
            places = try points_LP.array(Float.self).flatMap { [$0, 0] }
        }
        let largest = places.reduce(0) { max($0, abs($1)) }
        for index in 0..<count {
            var random = KeyedRandom(seed: configuration.seed, sample: index, purpose: .noise)
            for axis in 0..<2 {
                // Points that are alike in two components may be different in the third.
                let noise = Float(random.uniform() - 0.5) * 0.02
                places[2 * index + axis] = (largest > 0 ? places[2 * index + axis] / largest * 10 : 0) + noise
            }
        }
        return places
    }

    /// The steps of the forces.
    private func move(_ places: inout [Float], _ graph: NeighbourGraph, _ progress: (Double) throws -> Void) throws {
        let count = graph.count
        let chunk = 512
        var next = places
        for step in 0..<configuration.steps {
            let rate = Float(1 - Double(step) / Double(configuration.steps))
            let configuration = configuration
            places.withUnsafeBufferPointer { old in
                next.withUnsafeMutableBufferPointer { new in
                    nonisolated(unsafe) let from = old.baseAddress!
                    nonisolated(unsafe) let to = new.baseAddress!
                    DispatchQueue.concurrentPerform(iterations: (count + chunk - 1) / chunk) { part in
                        for point in part * chunk..<min((part + 1) * chunk, count) {
                            Self.move(point, from, to, graph, configuration, step, rate)
                        }
                    }
                }
            }
            swap(&places, &next)
            if step % 10 == 9 { try progress(Double(step + 1) / Double(configuration.steps)) }
        }
    }

    /// One point's step: the likeness of two places is 1 / (1 + d²).
    @inline(__always)
    private static func move(
        _ point: Int, _ from: UnsafePointer<Float>, _ to: UnsafeMutablePointer<Float>, _ graph: NeighbourGraph,
        _ configuration: Configuration, _ step: Int, _ rate: Float
    ) {
        let (x, y) = (from[2 * point], from[2 * point + 1])
        var (forceX, forceY): (Float, Float) = (0, 0)
        var stiffness: Float = 0
        var weights: Float = 0
        graph.forEachNeighbour(of: point) { other, weight in
            let (dx, dy) = (from[2 * other] - x, from[2 * other + 1] - y)
            let pull = 2 * weight / (1 + dx * dx + dy * dy)
            forceX += pull * dx
            forceY += pull * dy
            stiffness += pull
            weights += weight
        }
        // UMAP pushes five points for every pull; here a fixed number stands for them.
        let push = Float(configuration.repulsion) * 5 * weights / Float(max(1, configuration.repelled))
        var random = KeyedRandom(seed: configuration.seed, epoch: step, sample: point, purpose: .noise)
        for _ in 0..<configuration.repelled {
            let other = random.below(graph.count)
            guard other != point else { continue }
            let (dx, dy) = (x - from[2 * other], y - from[2 * other + 1])
            let square = dx * dx + dy * dy
            let strength = push * 2 / ((0.01 + square) * (1 + square))
            forceX += max(-4, min(4, strength * dx))
            forceY += max(-4, min(4, strength * dy))
        }
        // All points move at once: without this neighbours would jump past each other.
        let scale = rate / max(1, stiffness)
        to[2 * point] = x + max(-4, min(4, forceX * scale))
        to[2 * point + 1] = y + max(-4, min(4, forceY * scale))
    }

    /// Into the square from −1 to 1, the middle of the points in its middle.
    private func normalize(_ places: inout [Float]) {
        for axis in 0..<2 {
            var mean = 0.0
            for index in stride(from: axis, to: places.count, by: 2) { mean += Double(places[index]) }
            mean /= Double(places.count / 2)
            for index in stride(from: axis, to: places.count, by: 2) { places[index] -= Float(mean) }
        }
        let largest = places.reduce(0) { max($0, abs($1)) }
        guard largest > 0 else { return }
        for index in places.indices { places[index] /= largest }
    }

    /// Every row among the landmarks that are nearest to it, closer to nearer ones.
    private func placed(
        _ rows: UnitRows, _ components: PrincipalComponents, _ points_LP: Tensor, _ landmarks: [Float],
        _ progress: (Double) throws -> Void
    ) throws -> [Float] {
        let nearest = 5
        let squares_1L = try points_LP.squared().sum([1], keep: true).transposed(0, 1)
        let points_PL = try points_LP.transposed(0, 1).contiguous()
        var places: [Float] = []
        places.reserveCapacity(2 * rows.count)
        for block in 0..<rows.blockCount {
            let points = try components.project(rows.block(block))
            // |a − b|² without |a|², which is the same for all landmarks.
            let distances = try squares_1L - points.matmul(points_PL) * 2
            let top = try operateMany("aten::topk", .tensor(distances), .int(nearest), .int(1), .bool(false))
            let own = try points.squared().sum([1]).array(Float.self)
            let (values, which) = (try top[0].array(Float.self), try top[1].array(Int64.self))
            for row in own.indices {
                var (x, y, total): (Float, Float, Float) = (0, 0, 0)
                let unit = max(1e-6, values[row * nearest + nearest - 1] + own[row])
                for index in row * nearest..<(row + 1) * nearest {
                    let distance = max(0, values[index] + own[row])
                    let weight = 1 / (0.01 * unit + distance)
                    x += weight * landmarks[2 * Int(which[index])]
                    y += weight * landmarks[2 * Int(which[index]) + 1]
                    total += weight
                }
                places.append(x / total)
                places.append(y / total)
            }
            try progress(Double(block + 1) / Double(rows.blockCount))
        }
        return places
    }
}
