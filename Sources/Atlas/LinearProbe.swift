// Multinomial logistic regression on vectors: the quick classifier behind scores and proposals. The loss is convex, so the
// answer does not depend on how it is found; L-BFGS (Liu & Nocedal 1989) finds it in some ten products.
//
// N rows, D numbers of a row, C classes
import Foundation
import Torch

/// One weight vector and one bias per class.
public struct LinearProbe: Sendable, Codable, Hashable {
    /// How it is trained.
    public struct Configuration: Sendable, Codable, Hashable {
        /// How little weights are held small: the loss is ½ |w|² + this · Σ cross-entropy.
        public var inverseRegularization = 1.0
        /// Steps at most.
        public var maximumSteps = 300
        /// It ends when no slope is larger than this, for a loss divided by the number of rows.
        public var tolerance = 1e-5
        /// Whether rare classes count as much as frequent ones.
        public var isBalanced = false

        /// The usual settings.
        public init() {}
    }

    /// C
    public let classCount: Int
    /// D
    public let dimension: Int
    /// C × D
    public private(set) var weights: [Float]
    /// C
    public private(set) var biases: [Float]
    /// Steps it took.
    public private(set) var steps = 0

    /// Learns classes from rows.
    ///
    /// - Parameters:
    ///   - rows: N × D; best scaled, see `Atlas.scaling`.
    ///   - classes: the class of each row, from 0.
    public init(
        _ rows: [Float], dimension: Int, classes: [Int], classCount: Int, configuration: Configuration = .init()
    ) throws {
        precondition(rows.count == dimension * classes.count && classes.allSatisfy { (0..<classCount).contains($0) })
        guard !classes.isEmpty else {
            throw AtlasError("classifier", "there is nothing to learn from", remedy: "label some sounds first")
        }
        (self.classCount, self.dimension) = (classCount, dimension)
        weights = [Float](repeating: 0, count: classCount * dimension)
        biases = [Float](repeating: 0, count: classCount)
        let problem = try Problem(rows, dimension, classes, classCount, configuration)
        var search = QuasiNewton(count: classCount * (dimension + 1))
        steps = try search.minimize(
            maximumSteps: configuration.maximumSteps, tolerance: configuration.tolerance
        ) { point, slope in try problem.lossAndSlope(point, &slope) }.steps
        for index in weights.indices { weights[index] = Float(search.point[index]) }
        for index in biases.indices { biases[index] = Float(search.point[weights.count + index]) }
    }

    /// The probability of every class for every row, N × C.
    public func probabilities(_ rows: [Float]) throws -> [Float] {
        try withoutGradients { try logits(rows).softmax(1).array(Float.self) }
    }

    /// The most likely class of every row.
    public func predict(_ rows: [Float]) throws -> [Int] {
        try withoutGradients { try logits(rows).argmax(1).array(Int64.self).map(Int.init) }
    }

    private func logits(_ rows: [Float]) throws -> Tensor {
        let rows_ND = try Tensor(rows, shape: [rows.count / dimension, dimension])
        return try rows_ND.linear(Tensor(weights, shape: [classCount, dimension]), Tensor(biases))
    }
}

/// Loss and slope of a logistic regression.
private struct Problem {
    let rows_ND: Tensor
    let truth_NC: Tensor
    let weight_N1: Tensor
    let dimension: Int
    let classCount: Int
    let penalty: Double

    init(
        _ rows: [Float], _ dimension: Int, _ classes: [Int], _ classCount: Int,
        _ configuration: LinearProbe.Configuration
    ) throws {
        (self.dimension, self.classCount) = (dimension, classCount)
        let count = classes.count
        rows_ND = try Tensor(rows, shape: [count, dimension])
        var truth = [Float](repeating: 0, count: count * classCount)
        var sizes = [Int](repeating: 0, count: classCount)
        for (row, place) in classes.enumerated() {
            truth[row * classCount + place] = 1
            sizes[place] += 1
        }
        truth_NC = try Tensor(truth, shape: [count, classCount])
        let used = sizes.count { $0 > 0 }
        let weights = classes.map { place in
            Float(configuration.isBalanced ? 1 / Double(sizes[place] * used) : 1 / Double(count))
        }
        weight_N1 = try Tensor(weights, shape: [count, 1])
        penalty = 1 / (configuration.inverseRegularization * Double(count))
    }

    /// The loss at `point` (weights C × D, then biases), and its slope into `slope`.
    func lossAndSlope(_ point: [Double], _ slope: inout [Double]) throws -> Double {
        let size = classCount * dimension
        let weights_CD = try Tensor(point[..<size].map { Float($0) }, shape: [classCount, dimension])
        let biases_C = try Tensor(point[size...].map { Float($0) })
        let logits_NC = try rows_ND.linear(weights_CD, biases_C)
        let loss = try -(logits_NC.logSoftmax(1) * truth_NC * weight_N1).to(.float64).sum().item()
        let error_NC = try (logits_NC.softmax(1) - truth_NC) * weight_N1
        let weightSlope = try error_NC.transposed(0, 1).matmul(rows_ND).array(Float.self)
        let biasSlope = try error_NC.sum([0]).array(Float.self)
        var squares = 0.0
        for index in 0..<size {
            slope[index] = Double(weightSlope[index]) + penalty * point[index]
            squares += point[index] * point[index]
        }
        for index in 0..<classCount { slope[size + index] = Double(biasSlope[index]) }
        return loss + penalty / 2 * squares
    }
}

/// L-BFGS: the last steps and changes of slope stand for the curvature.
struct QuasiNewton {
    private(set) var point: [Double]
    private var history: [(step: [Double], change: [Double], inverse: Double)] = []
    private let memory = 10

    init(count: Int) { point = [Double](repeating: 0, count: count) }

    /// Walks down from `point`. `function` gives the value at a point and fills in the slope.
    mutating func minimize(
        maximumSteps: Int, tolerance: Double, _ function: ([Double], inout [Double]) throws -> Double
    ) rethrows -> (value: Double, steps: Int) {
        var slope = point
        var value = try function(point, &slope)
        for step in 0..<maximumSteps {
            guard slope.contains(where: { abs($0) > tolerance }) else { return (value, step) }
            var direction = self.direction(slope)
            var descent = dot(direction, slope)
            if descent >= 0 {
                history = []
                direction = slope.map { -$0 }
                descent = -dot(slope, slope)
            }
            // The first step has no curvature to go by.
            var length = history.isEmpty ? min(1, 1 / dot(slope, slope).squareRoot()) : 1
            var next = point
            var nextSlope = slope
            var nextValue = value
            var isLower = false
            for _ in 0..<30 {
                for index in point.indices { next[index] = point[index] + length * direction[index] }
                nextValue = try function(next, &nextSlope)
                if nextValue <= value + 1e-4 * length * descent {
                    isLower = true
                    break
                }
                length /= 2
            }
            // Rounding hides the rest of the way.
            guard isLower else { return (value, step) }
            let moved = zip(next, point).map { $0 - $1 }
            let change = zip(nextSlope, slope).map { $0 - $1 }
            let curvature = dot(moved, change)
            if curvature > 1e-12 * dot(change, change).squareRoot() * dot(moved, moved).squareRoot() {
                history.append((moved, change, 1 / curvature))
                if history.count > memory { history.removeFirst() }
            }
            (point, slope, value) = (next, nextSlope, nextValue)
        }
        return (value, maximumSteps)
    }

    private func direction(_ slope: [Double]) -> [Double] {
        var direction = slope.map { -$0 }
        var shares: [Double] = []
        for past in history.reversed() {
            let share = past.inverse * dot(past.step, direction)
            shares.append(share)
            add(past.change, -share, to: &direction)
        }
        if let last = history.last {
            let scale = 1 / (last.inverse * dot(last.change, last.change))
            for index in direction.indices { direction[index] *= scale }
        }
        for (past, share) in zip(history, shares.reversed()) {
            add(past.step, share - past.inverse * dot(past.change, direction), to: &direction)
        }
        return direction
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                var sum = 0.0
                for index in a.indices { sum += a[index] * b[index] }
                return sum
            }
        }
    }

    private func add(_ a: [Double], _ factor: Double, to target: inout [Double]) {
        a.withUnsafeBufferPointer { a in
            target.withUnsafeMutableBufferPointer { target in
                for index in a.indices { target[index] += factor * a[index] }
            }
        }
    }
}
