// Who is whose neighbour, and how much: the fuzzy graph of UMAP. Distances count from the nearest neighbour on, in units in
// which every point has about as much neighbourhood as any other.
import Foundation
import Torch

/// The nearest neighbours of points, made mutual.
struct NeighbourGraph: Sendable {
    /// Points.
    let count: Int
    private var starts: [Int32] = [0]
    private var others: [Int32] = []
    private var weights: [Float] = []

    /// The graph of points [N, P], from all distances.
    init(_ points_NP: Tensor, neighbours: Int) throws {
        count = points_NP.size(0)
        let (nearest, distances) = try Self.nearest(points_NP, neighbours)
        let k = nearest.count / max(1, count)
        var strengths = [Float](repeating: 0, count: nearest.count)
        let wanted = log2(Double(k + 1))
        for point in 0..<count {
            let own = distances[point * k..<(point + 1) * k]
            let closest = own.first { $0 > 0 } ?? 0
            var (low, high, scale) = (0.0, Double.infinity, 1.0)
            for _ in 0..<48 {
                let sum = own.reduce(0) { $0 + exp(-Double(max(0, $1 - closest)) / scale) }
                if abs(sum - wanted) < 1e-5 { break }
                if sum > wanted { high = scale } else { low = scale }
                scale = high.isInfinite ? scale * 2 : (low + high) / 2
            }
            scale = max(scale, 1e-6)
            for (offset, distance) in own.enumerated() {
                strengths[point * k + offset] = Float(exp(-Double(max(0, distance - closest)) / scale))
            }
        }
        connect(nearest, strengths, k)
    }

    /// Calls `body` with the number and the weight of every neighbour.
    @inline(__always)
    func forEachNeighbour(of point: Int, _ body: (Int, Float) -> Void) {
        starts.withUnsafeBufferPointer { starts in
            others.withUnsafeBufferPointer { others in
                weights.withUnsafeBufferPointer { weights in
                    for index in Int(starts[point])..<Int(starts[point + 1]) {
                        body(Int(others[index]), weights[index])
                    }
                }
            }
        }
    }

    /// Neighbours on either side count: a + b − a · b.
    private mutating func connect(_ nearest: [Int32], _ strengths: [Float], _ k: Int) {
        var incoming = [[(other: Int32, weight: Float)]](repeating: [], count: count)
        for point in 0..<count {
            for index in point * k..<(point + 1) * k {
                incoming[Int(nearest[index])].append((Int32(point), strengths[index]))
            }
        }
        for point in 0..<count {
            var all = (point * k..<(point + 1) * k).map { (other: nearest[$0], weight: strengths[$0]) }
            all += incoming[point]
            all.sort { ($0.other, $0.weight) < ($1.other, $1.weight) }
            for (other, weight) in all {
                if others.count > Int(starts[point]), others.last == other {
                    let known = weights[weights.count - 1]
                    weights[weights.count - 1] = known + weight - known * weight
                } else {
                    others.append(other)
                    weights.append(weight)
                }
            }
            starts.append(Int32(others.count))
        }
    }

    /// The nearest other points of every point and their distances, nearest first: N × k each.
    static func nearest(_ points_NP: Tensor, _ neighbours: Int) throws -> ([Int32], [Float]) {
        let count = points_NP.size(0)
        let k = min(neighbours, count - 1)
        let squares_N1 = try points_NP.squared().sum([1], keep: true)
        let points_PN = try points_NP.transposed(0, 1).contiguous()
        var (nearest, distances): ([Int32], [Float]) = ([], [])
        nearest.reserveCapacity(count * k)
        distances.reserveCapacity(count * k)
        let blockRows = max(1, min(2048, (32 << 20) / count))
        for start in stride(from: 0, to: count, by: blockRows) {
            let rows = min(blockRows, count - start)
            let part = try points_NP.narrowed(0, start, rows)
            let block =
                try squares_N1.narrowed(0, start, rows) + squares_N1.transposed(0, 1) - part.matmul(points_PN) * 2
            let top = try operateMany("aten::topk", .tensor(block), .int(k + 1), .int(1), .bool(false))
            let (values, which) = (try top[0].array(Float.self), try top[1].array(Int64.self))
            for row in 0..<rows {
                var taken = 0
                // The point itself is its own nearest, or among points that are the same.
                for index in row * (k + 1)..<(row + 1) * (k + 1) where taken < k && Int(which[index]) != start + row {
                    nearest.append(Int32(which[index]))
                    distances.append(max(0, values[index]).squareRoot())
                    taken += 1
                }
            }
        }
        return (nearest, distances)
    }
}

/// How much of a neighbourhood a map keeps.
public enum MapQuality {
    /// Trustworthiness (Venna & Kaski 2001): 1 if the k nearest points on the map are near in truth, too. Compares all pairs.
    public static func trustworthiness(
        _ rows: [Float], dimension: Int, places: [Float], neighbours k: Int = 10
    ) throws -> Double {
        let count = places.count / 2
        precondition(rows.count == count * dimension && k < count / 2)
        return try withoutGradients {
            let points = try Tensor(rows, shape: [count, dimension])
            let (onMap, _) = try NeighbourGraph.nearest(Tensor(places, shape: [count, 2]), k)
            let squares = try points.squared().sum([1], keep: true)
            let distances =
                try (squares + squares.transposed(0, 1) - points.matmul(points.transposed(0, 1)) * 2).array(
                    Float.self)
            var penalty = 0
            for point in 0..<count {
                let own = distances[point * count..<(point + 1) * count]
                for index in point * k..<(point + 1) * k {
                    let distance = own[point * count + Int(onMap[index])]
                    // The rank of a neighbour among all, the point itself not counted.
                    var rank = 1
                    for (other, value) in own.enumerated() where other != point && value < distance { rank += 1 }
                    penalty += max(0, rank - k)
                }
            }
            let worst: Int = count * k * (2 * count - 3 * k - 1)
            return 1 - 2 * Double(penalty) / Double(worst)
        }
    }

    /// The share of the k nearest points that are among the k nearest on the map.
    public static func preservation(
        _ rows: [Float], dimension: Int, places: [Float], neighbours k: Int = 10
    ) throws -> Double {
        let count = places.count / 2
        return try withoutGradients {
            let (inTruth, _) = try NeighbourGraph.nearest(Tensor(rows, shape: [count, dimension]), k)
            let (onMap, _) = try NeighbourGraph.nearest(Tensor(places, shape: [count, 2]), k)
            let kept = (0..<count).reduce(0) { sum, point in
                let range = point * k..<(point + 1) * k
                return sum + Set(inTruth[range]).intersection(onMap[range]).count
            }
            return Double(kept) / Double(count * k)
        }
    }
}
