// Predicted events against true ones, one to one. A pair may be matched when its intersection over union reaches a
// threshold; among all ways to pair, one with the most pairs is taken (Hopcroft and Karp 1973), so that the score never
// depends on the order of a table. The search begins with the pairs of greatest overlap.

/// A stretch of time in seconds.
public struct TimeSpan: Sendable, Hashable {
    /// The beginning in seconds.
    public var startSeconds: Double
    /// The end in seconds, not before the beginning.
    public var endSeconds: Double

    /// A stretch of time; seconds.
    public init(startSeconds: Double, endSeconds: Double) {
        self.startSeconds = startSeconds
        self.endSeconds = endSeconds
    }

    /// The length in seconds.
    public var durationSeconds: Double { endSeconds - startSeconds }

    /// Intersection over union, 0 … 1. Two equal points overlap fully, a point and a stretch not at all.
    public func intersectionOverUnion(_ other: TimeSpan) -> Double {
        let intersection = min(endSeconds, other.endSeconds) - max(startSeconds, other.startSeconds)
        let union = max(endSeconds, other.endSeconds) - min(startSeconds, other.startSeconds)
        if union <= 0 { return 1 }
        return max(0, intersection) / union
    }
}

/// When two spans may be matched.
public struct OverlapRule: Sendable, Hashable, Codable {
    /// The least intersection over union.
    public var minimumIoU: Double
    /// True if the threshold itself does not suffice.
    public var isStrict: Bool

    /// A rule; `isStrict` asks for more than the threshold.
    public init(minimumIoU: Double, isStrict: Bool = false) {
        self.minimumIoU = minimumIoU
        self.isStrict = isStrict
    }

    /// Whether an overlap suffices. Tables round times to microseconds; a billionth keeps exact halves on the right side.
    public func accepts(_ overlap: Double) -> Bool {
        guard overlap > 0 else { return false }
        return isStrict ? overlap > minimumIoU + 1e-9 : overlap >= minimumIoU - 1e-9
    }
}

/// A one-to-one matching of predictions to truths.
public struct Matching: Sendable, Hashable {
    /// A truth and the prediction that found it.
    public struct Pair: Sendable, Hashable {
        /// The position of the truth.
        public var truth: Int
        /// The position of the prediction.
        public var prediction: Int
        /// Their intersection over union.
        public var overlap: Double
    }

    /// The pairs, by truth.
    public let pairs: [Pair]
    /// The truths that no prediction found.
    public let missed: [Int]
    /// The predictions that found no truth.
    public let surplus: [Int]

    /// A matching with as many pairs as the rule allows. O((m + n) log n + E √n) for E overlapping pairs.
    public init(truths: [TimeSpan], predictions: [TimeSpan], rule: OverlapRule) {
        let edges = Matching.edges(truths, predictions, rule)
        var search = BipartiteSearch(edges: edges, rightCount: predictions.count)
        search.run()
        var pairs: [Pair] = []
        var missed: [Int] = []
        for (truth, prediction) in search.partnerOfLeft.enumerated() {
            if prediction < 0 {
                missed.append(truth)
            } else {
                let overlap = truths[truth].intersectionOverUnion(predictions[prediction])
                pairs.append(Pair(truth: truth, prediction: prediction, overlap: overlap))
            }
        }
        self.pairs = pairs
        self.missed = missed
        surplus = search.partnerOfRight.indices.filter { search.partnerOfRight[$0] < 0 }
    }

    /// Hits, false alarms and misses.
    public var counts: EventCounts {
        EventCounts(truePositives: pairs.count, falsePositives: surplus.count, falseNegatives: missed.count)
    }

    /// For each truth the predictions it may be matched with, greatest overlap first.
    private static func edges(
        _ truths: [TimeSpan], _ predictions: [TimeSpan], _ rule: OverlapRule
    ) -> [[Int]] {
        let order = predictions.indices.sorted { predictions[$0].startSeconds < predictions[$1].startSeconds }
        let starts = order.map { predictions[$0].startSeconds }
        let longest = predictions.map(\.durationSeconds).max() ?? 0
        return truths.map { truth in
            // With an IoU of t the starts differ by at most (1/t - 1) times the truth's length.
            let slack = min(longest, rule.minimumIoU > 0 ? (1 / rule.minimumIoU - 1) * truth.durationSeconds : longest)
            var found: [(index: Int, overlap: Double)] = []
            var position = lowerBound(starts, truth.startSeconds - slack - 1e-6)
            while position < starts.count, starts[position] <= truth.endSeconds {
                let overlap = truth.intersectionOverUnion(predictions[order[position]])
                if rule.accepts(overlap) { found.append((order[position], overlap)) }
                position += 1
            }
            return found.sorted { ($0.overlap, $1.index) > ($1.overlap, $0.index) }.map(\.index)
        }
    }

    private static func lowerBound(_ sorted: [Double], _ value: Double) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Hopcroft and Karp's search for a largest matching. Recursion is unrolled: a chain of overlapping events can be as long
/// as a table.
private struct BipartiteSearch {
    let edges: [[Int]]
    var partnerOfLeft: [Int]
    var partnerOfRight: [Int]
    private var layer: [Int]

    init(edges: [[Int]], rightCount: Int) {
        self.edges = edges
        partnerOfLeft = Array(repeating: -1, count: edges.count)
        partnerOfRight = Array(repeating: -1, count: rightCount)
        layer = Array(repeating: -1, count: edges.count)
    }

    mutating func run() {
        for left in edges.indices {
            if let right = edges[left].first(where: { partnerOfRight[$0] < 0 }) { join(left, right) }
        }
        while findLayers() {
            var next = Array(repeating: 0, count: edges.count)
            for left in edges.indices where partnerOfLeft[left] < 0 { augment(from: left, &next) }
        }
    }

    private mutating func join(_ left: Int, _ right: Int) {
        partnerOfLeft[left] = right
        partnerOfRight[right] = left
    }

    /// Breadth first from the free lefts; true if a free right can be reached.
    private mutating func findLayers() -> Bool {
        var queue = edges.indices.filter { partnerOfLeft[$0] < 0 }
        for left in layer.indices { layer[left] = -1 }
        for left in queue { layer[left] = 0 }
        var reaches = false
        var position = 0
        while position < queue.count {
            let left = queue[position]
            position += 1
            for right in edges[left] {
                let other = partnerOfRight[right]
                if other < 0 {
                    reaches = true
                } else if layer[other] < 0 {
                    layer[other] = layer[left] + 1
                    queue.append(other)
                }
            }
        }
        return reaches
    }

    /// Depth first along the layers; `next` remembers how far each left has looked.
    private mutating func augment(from root: Int, _ next: inout [Int]) {
        var path = [root]
        while let left = path.last {
            guard next[left] < edges[left].count else {
                path.removeLast()
                continue
            }
            let right = edges[left][next[left]]
            next[left] += 1
            let other = partnerOfRight[right]
            if other < 0 {
                var free = right
                for left in path.reversed() {
                    let previous = partnerOfLeft[left]
                    join(left, free)
                    free = previous
                }
                return
            }
            if layer[other] == layer[left] + 1 { path.append(other) }
        }
    }
}
