// Centred average or maximum over frames that arrive one by one. What is remembered is the longest window, not the
// recording.

/// Smooths each column of a stream of frames over its own window.
struct FrameSmoother: Sendable, Codable {
    /// Frames that have arrived.
    private(set) var received = 0
    /// The frame that is to be looked at now.
    private(set) var next = 0

    private let kind: EventDecoder.Configuration.Smoothing
    private let reaches: [Int]
    private let longestReach: Int
    private let capacity: Int
    // The last `capacity` frames, frame k in row k % capacity.
    private var ring: [Float] = []
    // By column: the sum over the window of `next`, and the frames that entered it so far.
    private var sums: [Double]
    private var entered: [Int]

    /// A smoother that looks `reaches[column]` frames to each side.
    init(_ kind: EventDecoder.Configuration.Smoothing, reaches: [Int]) {
        self.kind = kind
        self.reaches = reaches
        longestReach = reaches.max() ?? 0
        capacity = 2 * longestReach + 2
        sums = Array(repeating: 0, count: reaches.count)
        entered = Array(repeating: 0, count: reaches.count)
    }

    /// Whether all frames that the next one needs have arrived.
    var isReady: Bool { received > next + longestReach }

    /// Takes one frame, a value per column. At most one more frame may wait than `isReady` asks for.
    mutating func push(_ frame: [Float]) {
        let row = received % capacity * reaches.count
        // The ring grows only as far as frames arrive: a short recording needs no room for a long window.
        if row == ring.count {
            ring.append(contentsOf: frame)
        } else {
            for column in frame.indices { ring[row + column] = frame[column] }
        }
        received += 1
    }

    /// The next frame's own value.
    func raw(_ column: Int) -> Float { value(next, column) }

    /// The next frame's smoothed value.
    mutating func smoothed(_ column: Int) -> Double {
        let reach = reaches[column]
        let first = max(0, next - reach)
        let end = min(received, next + reach + 1)
        switch kind {
        case .none, .edges: return Double(value(next, column))
        case .average:
            // Values in 0 ... 1 are added and taken away again in double precision without leaving a trace.
            while entered[column] < end {
                sums[column] += Double(value(entered[column], column))
                entered[column] += 1
            }
            return sums[column] / Double(end - first)
        case .maximum:
            var largest = value(first, column)
            for frame in first..<end { largest = max(largest, value(frame, column)) }
            return Double(largest)
        }
    }

    /// Goes to the following frame.
    mutating func advance() {
        if kind == .average {
            for (column, reach) in reaches.enumerated() where next >= reach {
                sums[column] -= Double(value(next - reach, column))
            }
        }
        next += 1
    }

    private func value(_ frame: Int, _ column: Int) -> Float { ring[frame % capacity * reaches.count + column] }
}
