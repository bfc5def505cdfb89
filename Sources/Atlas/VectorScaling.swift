// Vectors of many models point into one narrow cone, and some of their numbers are larger than others by habit, not by
// meaning. Scaling takes the mean away and may divide by the deviation; comparison is by cosine afterwards.
import CVectors
import Foundation
import Synchronization

/// How vectors are brought to a scale: (x − mean) · factor, number by number.
public struct VectorScaling: Codable, Sendable, Hashable {
    /// What is done.
    public enum Method: String, Codable, Sendable, Hashable, CaseIterable {
        /// Nothing.
        case none
        /// The mean of all vectors is taken away.
        case centre
        /// The mean of all vectors is taken away, and every number divided by its deviation.
        case standardize
    }

    /// What is done.
    public var method: Method
    /// What is taken away from every number.
    public var mean: [Float]
    /// What it is multiplied with afterwards.
    public var factor: [Float]

    /// No scaling.
    public init(dimension: Int) {
        method = .none
        mean = [Float](repeating: 0, count: dimension)
        factor = [Float](repeating: 1, count: dimension)
    }

    /// The scaling that suits the vectors of a store; of more than `sample` rows that many, evenly spread.
    public init(_ method: Method, of vectors: VectorStore, sample: Int = 200_000) {
        self.init(dimension: vectors.dimension)
        let count = vectors.count
        guard method != .none, count > 1 else { return }
        self.method = method
        let dimension = vectors.dimension
        var sum = [Double](repeating: 0, count: dimension)
        var squares = sum
        let step = max(1, count / sample)
        let block = step == 1 ? 4096 : 1
        var used = 0
        for start in stride(from: 0, to: count, by: step == 1 ? block : step) {
            let rows = vectors.rows(start..<min(start + block, count))
            rows.withUnsafeBufferPointer { rows in
                for row in 0..<rows.count / dimension {
                    for j in 0..<dimension {
                        let value = Double(rows[row * dimension + j])
                        sum[j] += value
                        squares[j] += value * value
                    }
                }
            }
            used += rows.count / dimension
        }
        for j in 0..<dimension {
            let mean = sum[j] / Double(used)
            self.mean[j] = Float(mean)
            guard method == .standardize else { continue }
            let variance = max(0, squares[j] / Double(used) - mean * mean)
            // A number that is always the same says nothing.
            factor[j] = variance > 1e-12 ? Float(1 / variance.squareRoot()) : 0
        }
    }

    /// Scales rows in place.
    public func apply(_ rows: UnsafeMutableBufferPointer<Float>) {
        guard method != .none else { return }
        let dimension = mean.count
        mean.withUnsafeBufferPointer { mean in
            factor.withUnsafeBufferPointer { factor in
                for row in 0..<rows.count / dimension {
                    let base = rows.baseAddress! + row * dimension
                    for j in 0..<dimension { base[j] = (base[j] - mean[j]) * factor[j] }
                }
            }
        }
    }

    /// Scales rows in place and gives each the length 1; a row of zeros stays one.
    public func applyNormalized(_ rows: UnsafeMutableBufferPointer<Float>) {
        apply(rows)
        let dimension = mean.count
        for row in 0..<rows.count / dimension {
            let base = rows.baseAddress! + row * dimension
            var squares = SIMD8<Float>()
            var rest: Float = 0
            var j = 0
            while j + 8 <= dimension {
                let part = UnsafeRawPointer(base + j).loadUnaligned(as: SIMD8<Float>.self)
                squares += part * part
                j += 8
            }
            while j < dimension {
                rest += base[j] * base[j]
                j += 1
            }
            let norm = (squares.sum() + rest).squareRoot()
            guard norm > 0 else { continue }
            let inverse = 1 / norm
            for j in 0..<dimension { base[j] *= inverse }
        }
    }
}

extension Atlas {
    /// The scaling that comparisons use now: that of the last clustering, or none before.
    public func scaling() throws -> VectorScaling {
        if let known = cached.withLock(\.scaling) { return known }
        let stored = try read { try Self.property("scaling", $0) as VectorScaling? }
        let scaling = stored ?? VectorScaling(description.scaling, of: vectors)
        cached.withLock { $0.scaling = scaling }
        return scaling
    }

    /// How vectors are scaled now.
    public func scalingMethod() throws -> VectorScaling.Method {
        try read { try Self.property("scaling", $0) as VectorScaling? }?.method ?? description.scaling
    }

    /// Chooses how vectors are scaled before they are compared, from all vectors that are there.
    public func setScaling(_ method: VectorScaling.Method) throws {
        let scaling = VectorScaling(method, of: vectors)
        try write { try Self.setProperty("scaling", scaling, $0) }
        cached.withLock {
            $0.scaling = scaling
            $0.inverseNorms = []
        }
        try storeInverseNorms()
    }

    /// The scaled vectors of some sounds, each of length 1, row-major.
    public func unitVectors(_ ids: [Int]) throws -> [Float] {
        let scaling = try scaling()
        var rows = vectors.rows(ids)
        rows.withUnsafeMutableBufferPointer { scaling.applyNormalized($0) }
        return rows
    }
}
