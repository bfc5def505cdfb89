// All vectors of an atlas: the mapped segments in the order of their rows. A row's number is the number of its sound.
import CVectors
import Foundation
import Synchronization

/// The vectors of the sounds of an atlas, in half precision, mapped from disk. May be used from several threads at once.
public final class VectorStore: Sendable {
    /// Numbers per vector.
    public let dimension: Int
    private let segments: Mutex<[VectorSegment]>

    init(dimension: Int, segments: [VectorSegment]) {
        self.dimension = dimension
        self.segments = Mutex(segments)
    }

    /// Vectors.
    public var count: Int { segments.withLock { $0.last.map { $0.firstRow + $0.rowCount } ?? 0 } }

    func append(_ segment: VectorSegment) { segments.withLock { $0.append(segment) } }

    /// Throws if a file does not hold what was written into it. Reads everything.
    public func verify() throws {
        for segment in segments.withLock(\.self) { try segment.verify() }
    }

    /// Calls `body` with the rows of `range` as pieces of mapped memory, in order: first row, number of rows, and the
    /// bits of half precision, row-major. The pointer is valid only inside.
    public func forEachPiece(
        _ range: Range<Int>, _ body: (Int, Int, UnsafePointer<UInt16>) throws -> Void
    ) rethrows {
        let segments = segments.withLock(\.self)
        var low = 0
        var high = segments.count
        while low < high {
            let middle = (low + high) / 2
            if segments[middle].firstRow + segments[middle].rowCount <= range.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        for segment in segments[low...] {
            let start = max(range.lowerBound, segment.firstRow)
            let end = min(range.upperBound, segment.firstRow + segment.rowCount)
            guard start < end else { break }
            try segment.withHalves { try body(start, end - start, $0 + (start - segment.firstRow) * dimension) }
        }
    }

    /// The rows of `range`, row-major in single precision, into memory of the caller.
    public func copyRows(_ range: Range<Int>, to target: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "rows \(range) of \(count)")
        forEachPiece(range) { first, rows, halves in
            cvectors_widen(halves, rows * dimension, target + (first - range.lowerBound) * dimension)
        }
    }

    /// The rows of `range`, row-major in single precision.
    public func rows(_ range: Range<Int>) -> [Float] {
        [Float](unsafeUninitializedCapacity: range.count * dimension) { buffer, initialized in
            if let base = buffer.baseAddress { copyRows(range, to: base) }
            initialized = range.count * dimension
        }
    }

    /// The vectors of sounds, row-major in single precision, in the order given.
    public func rows(_ ids: [Int]) -> [Float] {
        [Float](unsafeUninitializedCapacity: ids.count * dimension) { buffer, initialized in
            for (place, id) in ids.enumerated() {
                copyRows(id..<id + 1, to: buffer.baseAddress! + place * dimension)
            }
            initialized = ids.count * dimension
        }
    }
}
