// Which frames the student does not see: short spans at random, the same number in every row.
import Randomness
import Torch

/// Frames kept and masked, row by row.
public struct FrameMask: Sendable {
    /// How masks are drawn.
    public struct Configuration: Codable, Sendable, Hashable {
        /// What is drawn.
        public enum Kind: String, Codable, Sendable, CaseIterable {
            /// Starts of spans without repetition, and how many frames they hide comes as it comes.
            case spans
            /// Middles of blocks with repetition, and then frames are hidden or shown until `probability` of them are.
            case blocks
        }

        /// How rows come to hide the same number of frames.
        public enum Counts: String, Codable, Sendable, CaseIterable {
            /// As many as the row that hides least.
            case least
            /// As many as the row that hides most.
            case most
        }

        /// Frames hidden over frames there are, if spans never met.
        public var probability = 1.5
        /// Frames of one span.
        public var length = 2
        /// Masks drawn for each clip.
        public var clones = 8
        /// Standard deviation of the numbers that stand for masked frames.
        public var noise = 0.01
        /// What is drawn.
        public var kind = Kind.spans
        /// Whether blocks are what is kept, not what is hidden; of `blocks` only.
        public var inverse = false
        /// Added to the probability when the number of blocks is chosen; of `blocks` only.
        public var surplus = 0.0
        /// How rows come to hide the same number of frames; of `spans` only, where `blocks` have a number to keep to.
        public var counts = Counts.least
        /// Share of the hidden frames that is shown again in the end.
        public var dropout = 0.0

        /// That of animal2vec 1.0.
        public init() {}
    }

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
        var configuration = Configuration()
        (configuration.probability, configuration.length) = (probability, length)
        self.init(frameCount: frameCount, configuration, randoms: randoms)
    }

    /// Random masks as the configuration says.
    ///
    /// - Parameter randoms: one stream per row, so that a row depends on its own key only, but for the number of its frames.
    public init(frameCount: Int, _ configuration: Configuration, randoms: [KeyedRandom]) {
        var rows = randoms.map { stream -> Row in
            var row = Row(random: stream)
            switch configuration.kind {
            case .spans: row.hideSpans(frameCount, configuration.probability, configuration.length)
            case .blocks: row.hideBlocks(frameCount, configuration)
            }
            return row
        }
        let counts = rows.map { $0.mask.count(where: \.self) }
        let whole: Int
        switch configuration.kind {
        // Nothing can be kept of a row that hides everything, and nothing learned from one that hides nothing.
        case .blocks: whole = min(max(1, Int(Double(frameCount) * configuration.hiddenShare)), frameCount - 1)
        case .spans: whole = (configuration.counts == .least ? counts.min() : counts.max()) ?? 0
        }
        let shown = Int((Double(whole) * configuration.dropout).rounded(.toNearestOrEven))
        for index in rows.indices {
            rows[index].settle(on: whole)
            if shown > 0 { rows[index].settle(on: whole - shown) }
        }
        self.init(rows: rows.map(\.mask))
    }
}

extension FrameMask.Configuration {
    /// Share of the frames that blocks hide.
    fileprivate var hiddenShare: Double { min(max(probability, 0), 1) }
}

/// A row that is being drawn.
private struct Row {
    var random: KeyedRandom
    var mask: [Bool] = []

    init(random: KeyedRandom) { self.random = random }

    mutating func hideSpans(_ frameCount: Int, _ probability: Double, _ length: Int) {
        let wanted = Int(probability * Double(frameCount) / Double(length) + random.uniform())
        let starts = max(1, wanted)
        var length = length
        if frameCount - length <= starts { length = max(1, frameCount - starts - 1) }
        let positions = max(1, frameCount - length)
        // The first `starts` of a shuffled list of positions.
        var order = Array(0..<positions)
        mask = [Bool](repeating: false, count: frameCount)
        for index in 0..<min(starts, positions) {
            order.swapAt(index, index + random.below(positions - index))
            for frame in order[index]..<min(order[index] + length, frameCount) { mask[frame] = true }
        }
    }

    mutating func hideBlocks(_ frameCount: Int, _ configuration: FrameMask.Configuration) {
        let share = configuration.inverse ? 1 - configuration.hiddenShare : configuration.hiddenShare
        let count = Int(
            Double(frameCount) * (share + configuration.surplus) / Double(configuration.length)
                * (1 + configuration.dropout))
        mask = [Bool](repeating: false, count: frameCount)
        for _ in 0..<count {
            let start = random.below(frameCount) - configuration.length / 2
            for frame in start..<start + configuration.length { mask[min(max(frame, 0), frameCount - 1)] = true }
        }
        if configuration.inverse { for frame in mask.indices { mask[frame].toggle() } }
    }

    /// Shows or hides random frames until `count` are hidden.
    mutating func settle(on count: Int) {
        let hidden = mask.count(where: \.self)
        guard hidden != count else { return }
        var candidates = mask.indices.filter { mask[$0] == (hidden > count) }
        for _ in 0..<abs(hidden - count) {
            let choice = random.below(candidates.count)
            mask[candidates[choice]].toggle()
            candidates.swapAt(choice, candidates.count - 1)
            candidates.removeLast()
        }
    }
}
