// Where things are in the strip of one recording: true events, spectrogram, found events, time axis, from top to bottom.
// Coordinates are CSS pixels.
import Foundation
import Labels

/// Sizes and places of one strip.
struct StripLayout {
    static let rowHeight = 20.0
    static let imageHeight = 200.0
    static let axisHeight = 24.0
    static let gap = 3.0
    static let gutterWidth = 58.0
    /// Overlapping events stand in rows below each other, up to so many.
    static let maximumRows = 4

    let startSeconds: Double
    let durationSeconds: Double
    let width: Int
    let truthRows: [Int]
    let foundRows: [Int]
    /// A window that shows events of this length well.
    let windowSeconds: Double

    init(_ panel: ReportContent.RecordingPanel) {
        startSeconds = panel.startSeconds
        durationSeconds = max(panel.durationSeconds, 1 / panel.rateHz)
        let events = panel.truth + panel.found
        let durations = events.map(\.durationSeconds).filter { $0 > 0 }.sorted()
        let typical = durations.isEmpty ? durationSeconds / 40 : durations[durations.count / 2]
        let lengths = events.map { min($0.label.count, 20) }.sorted()
        let labelWidth = 10 + 8 * Double(lengths.isEmpty ? 1 : lengths[lengths.count / 2])
        width = Int(min(max(durationSeconds / typical * max(26, labelWidth), 900), 6000).rounded())
        truthRows = StripLayout.rows(panel.truth)
        foundRows = StripLayout.rows(panel.found)
        windowSeconds = durations.isEmpty ? 0 : min(max(typical / 10, 160 / panel.rateHz), 2048 / panel.rateHz)
    }

    var truthHeight: Double { StripLayout.rowHeight * Double((truthRows.max() ?? 0) + 1) }
    var foundHeight: Double { StripLayout.rowHeight * Double((foundRows.max() ?? 0) + 1) }
    var imageTop: Double { truthHeight + StripLayout.gap }
    var imageBottom: Double { imageTop + StripLayout.imageHeight }
    var foundTop: Double { imageBottom + StripLayout.gap }
    var axisTop: Double { foundTop + foundHeight + StripLayout.gap }
    var height: Double { axisTop + StripLayout.axisHeight }

    /// The place of a moment, seconds of the recording.
    func x(_ seconds: Double) -> Double {
        min(max(0, (seconds - startSeconds) / durationSeconds), 1) * Double(width)
    }

    /// Whether any of an event lies inside the excerpt.
    func shows(_ event: Event) -> Bool {
        event.endSeconds >= startSeconds && event.startSeconds <= startSeconds + durationSeconds
    }

    /// The row of every event: the first where it overlaps nothing. Neighbours whose borders cross a little, as predicted
    /// ones do, stay side by side.
    private static func rows(_ events: [Event]) -> [Int] {
        var ends: [Double] = []
        var rows = [Int](repeating: 0, count: events.count)
        for index in events.indices.sorted(by: { events[$0].startSeconds < events[$1].startSeconds }) {
            let event = events[index]
            let allowed = max(1e-6, 0.2 * event.durationSeconds)
            if let row = ends.firstIndex(where: { $0 <= event.startSeconds + allowed }) {
                rows[index] = row
                ends[row] = max(ends[row], event.endSeconds)
            } else if ends.count < maximumRows {
                rows[index] = ends.count
                ends.append(event.endSeconds)
            } else {
                rows[index] = maximumRows - 1
            }
        }
        return rows
    }
}
