// Average precision as scikit-learn defines it: the sum over distinct thresholds, from high to low, of the gain in recall
// times the precision there. Equal scores are one threshold, so their order does not matter.

/// Scores with their truths, sorted once, so that average precision costs one pass for every resample.
public struct RankedScores: Sendable {
    /// How many of them are true.
    public let positiveCount: Int
    /// How many there are.
    public var count: Int { groups.count }

    /// From the highest score to the lowest: the group (recording) each belongs to.
    private var groups: [Int32]
    private let greatestGroup: Int32
    /// Bit 0: the item is true. Bit 1: it is the last of its score.
    private var marks: [UInt8]

    /// Ranks scores. `groups` names the recording of each for resampling, 0 … ; a score that is not a number ranks last.
    public init(scores: [Float], isTrue: [Bool], groups: [Int32]? = nil) {
        precondition(scores.count == isTrue.count && groups?.count ?? scores.count == scores.count)
        // One integer per item holds its score in descending order and its position, and integers sort fastest.
        var keys = [UInt64](repeating: 0, count: scores.count)
        precondition(scores.count <= Int(UInt32.max))
        for index in scores.indices {
            let score = scores[index]
            let bits = (score.isNaN ? -Float.infinity : score == 0 ? 0 : score).bitPattern
            let ascending = bits >> 31 == 0 ? bits | 0x8000_0000 : ~bits
            keys[index] = UInt64(~ascending) << 32 | UInt64(index)
        }
        keys.sort()
        var positives = 0
        self.groups = Array(repeating: 0, count: keys.count)
        marks = Array(repeating: 0, count: keys.count)
        for position in keys.indices {
            let index = Int(keys[position] & 0xFFFF_FFFF)
            let isLast = position + 1 == keys.count || keys[position] >> 32 != keys[position + 1] >> 32
            marks[position] = (isTrue[index] ? 1 : 0) | (isLast ? 2 : 0)
            positives += isTrue[index] ? 1 : 0
            if let groups { self.groups[position] = groups[index] }
        }
        positiveCount = positives
        greatestGroup = groups?.max() ?? (scores.isEmpty ? -1 : 0)
    }

    /// Average precision; nil if nothing is true.
    public var averagePrecision: Double? {
        averagePrecision(times: [Int](repeating: 1, count: Int(greatestGroup) + 1))
    }

    /// Average precision when group g is drawn `times[g]` times; nil if nothing drawn is true.
    public func averagePrecision(times: [Int]) -> Double? {
        precondition(Int(greatestGroup) < times.count, "RankedScores: a group without a weight")
        var (trueCount, allCount, sinceThreshold, sum) = (0, 0, 0, 0.0)
        groups.withUnsafeBufferPointer { groups in
            marks.withUnsafeBufferPointer { marks in
                times.withUnsafeBufferPointer { times in
                    for position in marks.indices {
                        let weight = times[Int(groups[position])]
                        let mark = marks[position]
                        allCount += weight
                        sinceThreshold += mark & 1 == 1 ? weight : 0
                        if mark & 2 == 2, sinceThreshold > 0 {
                            trueCount += sinceThreshold
                            sum += Double(sinceThreshold) * Double(trueCount) / Double(allCount)
                            sinceThreshold = 0
                        }
                    }
                }
            }
        }
        return trueCount == 0 ? nil : sum / Double(trueCount)
    }
}
