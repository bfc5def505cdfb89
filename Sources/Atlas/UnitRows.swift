// The scaled vectors of many sounds, each of length 1, in blocks for matrix products: kept in memory where they fit, else
// made from the mapped half precision whenever they are looked at.
import CVectors
import Foundation
import Torch

/// Rows of length 1 in blocks.
final class UnitRows {
    /// Rows of one block, small enough that a block's products stay in the cache until they are looked at.
    static let blockRows = 2048

    /// Rows.
    let count: Int
    /// Numbers per row.
    let dimension: Int
    /// The sound of every row.
    let ids: [Int]
    private let make: (Range<Int>, UnsafeMutableBufferPointer<Float>) -> Void
    private var kept: [Int: Tensor] = [:]
    /// Whether all rows stay in memory.
    let fitsInMemory: Bool

    /// The scaled vectors of sounds of an atlas.
    ///
    /// - Parameter memoryBytes: rows stay in memory if they need no more than this.
    init(_ atlas: Atlas, ids: [Int], memoryBytes: Int) throws {
        let scaling = try atlas.scaling()
        let vectors = atlas.vectors
        (count, dimension, self.ids) = (ids.count, vectors.dimension, ids)
        fitsInMemory = ids.count * vectors.dimension * 4 <= memoryBytes
        make = { range, target in
            let dimension = vectors.dimension
            nonisolated(unsafe) let target = target
            // Parts side by side: conversion costs as much as a tenth of a product.
            Runtime.inParallel(range.count, grain: 64) { part in
                let from = range.lowerBound + part.lowerBound
                let to = range.lowerBound + part.upperBound
                let base = target.baseAddress! + (from - range.lowerBound) * dimension
                // Runs of neighbouring sounds are copied at once.
                var row = from
                while row < to {
                    var end = row + 1
                    while end < to, ids[end] == ids[end - 1] + 1 { end += 1 }
                    vectors.copyRows(ids[row]..<ids[row] + end - row, to: base + (row - from) * dimension)
                    row = end
                }
                scaling.applyNormalized(UnsafeMutableBufferPointer(start: base, count: (to - from) * dimension))
            }
        }
    }

    /// Rows that are given; they are brought to length 1.
    init(_ rows: [Float], dimension: Int) {
        (count, self.dimension, ids) = (rows.count / dimension, dimension, Array(0..<rows.count / dimension))
        fitsInMemory = true
        let scaling = VectorScaling(dimension: dimension)
        make = { range, target in
            rows.withUnsafeBufferPointer {
                target.baseAddress!.update(
                    from: $0.baseAddress! + range.lowerBound * dimension, count: range.count * dimension)
            }
            scaling.applyNormalized(UnsafeMutableBufferPointer(rebasing: target[..<(range.count * dimension)]))
        }
    }

    /// The number of blocks.
    var blockCount: Int { (count + Self.blockRows - 1) / Self.blockRows }

    /// The rows of a block.
    func range(ofBlock block: Int) -> Range<Int> {
        block * Self.blockRows..<min((block + 1) * Self.blockRows, count)
    }

    /// A block, [rows, dimension].
    func block(_ block: Int) throws -> Tensor {
        if let tensor = kept[block] { return tensor }
        let tensor = try rows(range(ofBlock: block))
        if fitsInMemory { kept[block] = tensor }
        return tensor
    }

    /// Rows one after the other, [rows, dimension].
    func rows(_ range: Range<Int>) throws -> Tensor {
        let values = [Float](unsafeUninitializedCapacity: range.count * dimension) { buffer, initialized in
            if !range.isEmpty {
                make(
                    range,
                    UnsafeMutableBufferPointer(start: buffer.baseAddress!, count: range.count * dimension))
            }
            initialized = range.count * dimension
        }
        return try Tensor(values, shape: [range.count, dimension])
    }

    /// Single rows in the order given, [rows, dimension].
    func rows(_ places: [Int]) throws -> Tensor {
        let values = [Float](unsafeUninitializedCapacity: places.count * dimension) { buffer, initialized in
            for (index, place) in places.enumerated() {
                make(
                    place..<place + 1,
                    UnsafeMutableBufferPointer(
                        start: buffer.baseAddress! + index * dimension, count: dimension))
            }
            initialized = places.count * dimension
        }
        return try Tensor(values, shape: [places.count, dimension])
    }
}
