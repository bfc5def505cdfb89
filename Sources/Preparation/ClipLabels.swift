// The events of a long recording, cut at the edges of its clips.
import Labels

/// Cuts events into clips. A clip holds its beginning and not its end.
struct ClipLabels {
    /// The events of the recording, by start.
    private let events: [Event]
    private let longestSeconds: Double
    /// Which events came into a clip, whole or cut.
    private(set) var isUsed: [Bool]
    /// How many pieces begin or end at the edge of a clip.
    private(set) var cutCount = 0
    /// How many pieces came into clips.
    private(set) var pieceCount = 0

    init(_ events: [Event]) {
        self.events = events.sorted(by: Event.isOrderedBefore)
        longestSeconds = events.map(\.durationSeconds).max() ?? 0
        isUsed = [Bool](repeating: false, count: events.count)
    }

    /// The events of a clip, in seconds of the clip and inside it.
    ///
    /// - Parameter shortestSeconds: pieces of cut events that are shorter are left out: less than a sample is a rounding
    ///   error.
    func events(from start: Double, to end: Double, shortestSeconds: Double) -> [(index: Int, piece: Event)] {
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].startSeconds < start - longestSeconds { low = middle + 1 } else { high = middle }
        }
        var pieces: [(index: Int, piece: Event)] = []
        for index in low..<events.count {
            let event = events[index]
            if event.startSeconds >= end { break }
            let isInside = event.endSeconds > start || event.startSeconds >= start
            guard isInside else { continue }
            var piece = event
            piece.startSeconds = max(0, event.startSeconds - start)
            piece.endSeconds = min(end - start, event.endSeconds - start)
            let isCut = event.startSeconds < start || event.endSeconds > end
            if isCut, piece.durationSeconds < shortestSeconds { continue }
            pieces.append((index, piece))
        }
        return pieces
    }

    /// Notes that the pieces of a clip were written.
    mutating func use(_ pieces: [(index: Int, piece: Event)]) {
        for (index, piece) in pieces {
            isUsed[index] = true
            pieceCount += 1
            if piece.durationSeconds < events[index].durationSeconds - 1e-9 { cutCount += 1 }
        }
    }
}
