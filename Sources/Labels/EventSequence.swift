// Runs of frames come to an end in any order. Here they wait until no earlier one can follow, so that they leave sorted,
// and, if only one class is heard at a time, until all their rivals are known.

/// Sorts runs of frames and settles which of overlapping ones stay.
struct EventSequence: Sendable, Codable {
    /// Frames `start ..< end` of one class.
    struct Run: Sendable, Hashable, Codable {
        var start: Int
        var end: Int
        var column: Int
        var likelihood: Double

        static func isOrderedBefore(_ a: Run, _ b: Run) -> Bool {
            (a.start, a.end, a.column) < (b.start, b.end, b.column)
        }
    }

    private let oneAtATime: Bool
    private let largestOverlap: Double
    private var waiting: [Run] = []
    private var isSorted = true

    init(oneAtATime: Bool, largestOverlap: Double) {
        self.oneAtATime = oneAtATime
        self.largestOverlap = largestOverlap
    }

    mutating func add(_ run: Run) {
        waiting.append(run)
        isSorted = false
    }

    /// The first frame that a run still waiting here needs; nil if none waits.
    var firstNeeded: Int? { waiting.lazy.map(\.start).min() }

    /// The runs that are final when every later one starts at `horizon` or after it, and that end by `end`. Those that
    /// lost against others are added to `lost`.
    mutating func take(before horizon: Int, endingBy end: Int, lost: inout [Run]) -> [Run] {
        if !isSorted { waiting.sort(by: Run.isOrderedBefore) }
        isSorted = true
        var taken: [Run] = []
        var first = 0
        while first < waiting.count {
            // A group: runs that overlap, one after the other. Without rivalry every run is its own.
            var last = first + 1
            var groupEnd = waiting[first].end
            while oneAtATime, last < waiting.count, waiting[last].start < groupEnd {
                groupEnd = max(groupEnd, waiting[last].end)
                last += 1
            }
            let isFinal = oneAtATime ? groupEnd <= horizon : waiting[first].start < horizon
            guard isFinal, groupEnd <= end else { break }
            if oneAtATime, last - first > 1 {
                let winners = winners(waiting[first..<last])
                taken += winners
                lost += waiting[first..<last].filter { !winners.contains($0) }
            } else {
                taken.append(waiting[first])
            }
            first = last
        }
        waiting.removeFirst(first)
        return taken
    }

    /// The best run stays, then the best of those that it leaves room for, and so on.
    private func winners(_ group: ArraySlice<Run>) -> [Run] {
        var winners: [Run] = []
        let byLikelihood = group.sorted {
            $0.likelihood == $1.likelihood ? Run.isOrderedBefore($0, $1) : $0.likelihood > $1.likelihood
        }
        for run in byLikelihood where !winners.contains(where: { competes($0, run) }) { winners.append(run) }
        return winners.sorted(by: Run.isOrderedBefore)
    }

    private func competes(_ a: Run, _ b: Run) -> Bool {
        let shared = min(a.end, b.end) - max(a.start, b.start)
        return shared > 0 && Double(shared) > largestOverlap * Double(min(a.end - a.start, b.end - b.start))
    }
}
