// Events by their edges: where a smoothed probability bends most, as Canny (1986) finds edges in pictures. A run of strong
// bend downwards marks a peak, one of strong bend upwards the foot beside it; an event reaches from foot to foot around
// its peak. What is strong is found by Otsu's method (1979), so that no threshold has to be chosen. The method `canny` of
// animal2vec 1.0, with its habits where `Reading.published` asks for them.
import Foundation

/// Finds events in one column of frame probabilities by their edges.
public enum EdgeFusion {
    /// What decides about edges.
    public struct Settings: Codable, Sendable, Hashable {
        /// Standard deviation of the smoothing bell, seconds.
        public var sigmaSeconds = 0.1
        /// Edges of one kind that lie no further apart are taken together, seconds.
        public var filterSeconds = 0.1
        /// No event is longer, seconds.
        public var longestSeconds = 0.5
        /// A peak whose smoothed probability lies below is no event.
        public var lowProbability = 0.125

        /// The published values.
        public init() {}
    }

    /// How runs of strong bend are read.
    public enum Reading: String, Sendable, Hashable, Codable {
        /// As the published software does: a run reaches to the first frame of the next one, the last run lacks its last
        /// frame, and one that begins with frame 0 is not seen.
        case published
        /// As they are meant.
        case exact
    }

    /// Frames `start ... end`, and the peak between them.
    public struct Interval: Sendable, Hashable, Codable {
        /// The first frame.
        public var start: Int
        /// The last frame.
        public var end: Int
        /// The frame of the peak.
        public var peak: Int
    }

    /// The settings in frames.
    struct Sizes {
        var sigma: Double
        var filter: Int
        var longest: Double

        /// Whole numbers of frames; the published software rounds down what its grid makes a little too short.
        init(_ settings: Settings, secondsPerFrame: Double, _ reading: Reading) {
            func frames(_ seconds: Double) -> Double {
                let count = seconds / secondsPerFrame
                return reading == .published ? count.rounded(.down) : max(1, count.rounded())
            }
            sigma = max(1, frames(settings.sigmaSeconds))
            filter = max(1, Int(frames(settings.filterSeconds)))
            longest = settings.longestSeconds / secondsPerFrame
        }

        /// Frames to each side that decide about a frame.
        var reach: Int { 2 * Int(4 * sigma + 0.5) + filter + Int(longest) }
    }

    /// The events of a signal of probabilities, by their peaks.
    public static func intervals(
        _ signal: [Float], _ settings: Settings, secondsPerFrame: Double, reading: Reading = .exact
    ) -> [Interval] {
        guard signal.count > 1 else { return [] }
        let sizes = Sizes(settings, secondsPerFrame: secondsPerFrame, reading)
        let smoothed = convolved(signal, bell(sizes.sigma))
        let bend = convolved(smoothed, bell(sizes.sigma, isBent: true))
        let threshold = otsu(bend.map { abs($0) })
        // Peaks bend down, feet bend up.
        let lowest = extremes(bend, sizes.filter, <)
        let highest = extremes(bend, sizes.filter, >)
        let peaks = extrema(bend, where: { Double(lowest[$0]) < -threshold }, <, reading)
            .filter { Double(smoothed[$0]) >= settings.lowProbability }
        let feet = [0] + extrema(bend, where: { Double(highest[$0]) > threshold }, >, reading) + [signal.count - 1]
        var found = peaks.map { peak in
            let after = feet.firstIndex { $0 > peak } ?? feet.count - 1
            let before = (feet.firstIndex { $0 >= peak } ?? feet.count) - 1
            return Interval(start: feet[max(0, before)], end: feet[after], peak: peak)
        }
        found = separated(found, smoothed, sizes, settings, reading)
        shorten(&found, signal, sizes, settings)
        return found
    }

    // MARK: Filters

    /// A bell of unit sum over four deviations to each side, or its second derivative.
    private static func bell(_ sigma: Double, isBent: Bool = false) -> [Double] {
        let radius = Int(4 * sigma + 0.5)
        let square = sigma * sigma
        var weights = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / square) }
        let sum = weights.reduce(0, +)
        for (index, offset) in (-radius...radius).enumerated() {
            weights[index] /= sum
            if isBent { weights[index] *= Double(offset * offset) / (square * square) - 1 / square }
        }
        return weights
    }

    /// A symmetric filter, the signal mirrored at its ends.
    private static func convolved(_ signal: [Float], _ weights: [Double]) -> [Float] {
        let radius = weights.count / 2
        let padded = (-radius..<signal.count + radius).map { Double(signal[mirrored($0, signal.count)]) }
        return padded.withUnsafeBufferPointer { padded in
            weights.withUnsafeBufferPointer { weights in
                (0..<signal.count).map { frame in
                    var sum = 0.0
                    for index in weights.indices { sum += padded[frame + index] * weights[index] }
                    return Float(sum)
                }
            }
        }
    }

    /// The most extreme value in a window around every frame, an even window one frame longer to the left.
    private static func extremes(_ signal: [Float], _ size: Int, _ isBetter: (Float, Float) -> Bool) -> [Float] {
        (0..<signal.count).map { frame in
            var best = signal[mirrored(frame - size / 2, signal.count)]
            for place in frame - size / 2 + 1..<max(frame - size / 2 + 1, frame - size / 2 + size) {
                let value = signal[mirrored(place, signal.count)]
                if isBetter(value, best) { best = value }
            }
            return best
        }
    }

    private static func mirrored(_ index: Int, _ count: Int) -> Int {
        let place = ((index % (2 * count)) + 2 * count) % (2 * count)
        return place < count ? place : 2 * count - 1 - place
    }

    /// The middle of the bin, of 256, that parts values into two groups most unlike each other.
    private static func otsu(_ values: [Float]) -> Double {
        let (low, high) = (Double(values.min()!), Double(values.max()!))
        guard high > low else { return low }
        let binCount = 256
        var counts = [Double](repeating: 0, count: binCount)
        for value in values {
            counts[min(binCount - 1, Int((Double(value) - low) / (high - low) * Double(binCount)))] += 1
        }
        let centres = (0..<binCount).map { low + (high - low) * (Double($0) + 0.5) / Double(binCount) }
        let total = zip(counts, centres).reduce(0) { $0 + $1.0 * $1.1 }
        let all = Double(values.count)
        var (below, sumBelow, best, bestBin) = (0.0, 0.0, -1.0, 0)
        for bin in 0..<binCount - 1 {
            below += counts[bin]
            sumBelow += counts[bin] * centres[bin]
            let above = all - below
            guard below > 0, above > 0 else { continue }
            let difference = sumBelow / below - (total - sumBelow) / above
            let variance = below * above * difference * difference
            if variance > best { (best, bestBin) = (variance, bin) }
        }
        return centres[bestBin]
    }

    /// The most extreme frame of every run.
    private static func extrema(
        _ signal: [Float], where isOn: (Int) -> Bool, _ isBetter: (Float, Float) -> Bool, _ reading: Reading
    ) -> [Int] {
        func best(_ range: Range<Int>) -> Int {
            range.dropFirst().reduce(range.lowerBound) { isBetter(signal[$1], signal[$0]) ? $1 : $0 }
        }
        let places = signal.indices.filter(isOn)
        var found: [Int] = []
        var start: Int?
        var last = reading == .published ? -1 : -2
        for place in places {
            if place - last > 1 {
                if let start { found.append(best(start..<(reading == .published ? place + 1 : last + 1))) }
                start = place
            }
            last = place
        }
        if let start, let final = places.last {
            found.append(best(start..<(reading == .published ? max(start + 1, final) : final + 1)))
        }
        return found
    }

    // MARK: Long events

    /// Several peaks between the same feet: those close together are one event, the others part where they are apart.
    private static func separated(
        _ found: [Interval], _ smoothed: [Float], _ sizes: Sizes, _ settings: Settings, _ reading: Reading
    ) -> [Interval] {
        var found = found
        var isRemoved = Array(repeating: false, count: found.count)
        var group = 0..<0
        while group.upperBound < found.count {
            let first = group.upperBound
            let same = found[first...].prefix { $0.start == found[first].start && $0.end == found[first].end }
            group = first..<first + same.count
            for index in group.dropLast() {
                let (left, right) = (found[index].peak, found[index + 1].peak)
                if Double(right - left) > sizes.longest {
                    let middle = (left + right) / 2
                    var end = left
                    while end <= middle, Double(smoothed[end]) > settings.lowProbability { end += 1 }
                    found[index].end = end
                    var start = right
                    while start > middle, Double(smoothed[start]) > settings.lowProbability { start -= 1 }
                    found[index + 1].start = start
                } else {
                    // The published software removes the higher peak of the two where that is the second.
                    let isRising = smoothed[right] > smoothed[left]
                    isRemoved[isRising == (reading == .published) ? index + 1 : index] = true
                }
            }
        }
        return found.indices.filter { !isRemoved[$0] }.map { found[$0] }
    }

    /// Events that are too long reach only as far as the probability itself is not low, and at most half the limit.
    private static func shorten(
        _ found: inout [Interval], _ signal: [Float], _ sizes: Sizes, _ settings: Settings
    ) {
        let tooLong = found.indices.filter { Double(found[$0].end - found[$0].start) > sizes.longest }
        for index in tooLong {
            let peak = found[index].peak
            let previous = found[..<index].map(\.end).max() ?? 0
            let next = index + 1 < found.count ? found[index + 1].start : signal.count
            var (left, right) = (peak, peak)
            var place = peak
            while place >= previous, place >= 0, Double(signal[place]) >= settings.lowProbability {
                left = place
                place -= 1
            }
            place = peak
            while place < next, Double(signal[place]) >= settings.lowProbability {
                right = place
                place += 1
            }
            let limit = Int(sizes.longest)
            if right - left > limit {
                left = max(left, peak - limit / 2)
                right = min(right, peak + limit / 2)
            }
            (found[index].start, found[index].end) = (left, right)
        }
    }
}
