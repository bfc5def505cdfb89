// Which frames the student does not see: short spans at random, the same number in every row.
import Randomness
import Torch

/// Frames kept and masked, row by row.
public struct FrameMask: Sendable {
    /// Rows: every clip once per clone, clones of one clip in a row.
    public let rowCount: Int
    /// Frames per row.
    public let frameCount: Int
    /// Kept frames of all rows one after the other, ascending within a row; every row has the same number.
    public let kept: [Int64]
    /// Masked frames likewise.
    public let masked: [Int64]

    /// Kept frames per row.
    public var keptCount: Int { kept.count / max(rowCount, 1) }
    /// Masked frames per row.
    public var maskedCount: Int { masked.count / max(rowCount, 1) }

    /// Truth values row by row, true where a frame is masked.
    public var flags: [Bool] {
        var flags = [Bool](repeating: true, count: rowCount * frameCount)
        for (index, frame) in kept.enumerated() { flags[index / keptCount * frameCount + Int(frame)] = false }
        return flags
    }

    /// From truth values row by row; every row must have the same number of true ones.
    public init(rows: [[Bool]]) {
        rowCount = rows.count
        frameCount = rows.first?.count ?? 0
        var kept: [Int64] = []
        var masked: [Int64] = []
        for row in rows {
            for (frame, isMasked) in row.enumerated() {
                if isMasked { masked.append(Int64(frame)) } else { kept.append(Int64(frame)) }
            }
        }
        precondition(masked.count % max(rowCount, 1) == 0, "every row of a mask must hide the same number of frames")
        self.kept = kept
        self.masked = masked
    }

    /// Random spans: `probability` · T / `length` starts without repetition, each hiding `length` frames; then random
    /// frames are shown again until every row hides as many as the row that hides least.
    ///
    /// - Parameter randoms: one stream per row, so that a row depends on its own key only.
    public init(frameCount: Int, probability: Double, length: Int, randoms: [KeyedRandom]) {
        let rows = randoms.map { stream -> (mask: [Bool], random: KeyedRandom) in
            var random = stream
            return (Self.spans(frameCount, probability, length, &random), random)
        }
        let least = rows.map { $0.mask.count(where: \.self) }.min() ?? 0
        self.init(
            rows: rows.map { row in
                var (mask, random) = row
                var hidden = mask.indices.filter { mask[$0] }
                while hidden.count > least {
                    let choice = random.below(hidden.count)
                    mask[hidden[choice]] = false
                    hidden.swapAt(choice, hidden.count - 1)
                    hidden.removeLast()
                }
                return mask
            })
    }

    static func spans(_ frameCount: Int, _ probability: Double, _ length: Int, _ random: inout KeyedRandom) -> [Bool] {
        let wanted = Int(probability * Double(frameCount) / Double(length) + random.uniform())
        let starts = max(1, wanted)
        var length = length
        if frameCount - length <= starts { length = max(1, frameCount - starts - 1) }
        let positions = max(1, frameCount - length)
        // The first `starts` of a shuffled list of positions.
        var order = Array(0..<positions)
        var mask = [Bool](repeating: false, count: frameCount)
        for index in 0..<min(starts, positions) {
            order.swapAt(index, index + random.below(positions - index))
            for frame in order[index]..<min(order[index] + length, frameCount) { mask[frame] = true }
        }
        return mask
    }
}
