// When to say what about progress; no clock and no terminal in here.
import Foundation

package struct ProgressState: Sendable {
    private static let silentSeconds = 2.0
    private static let redrawSeconds = 0.1
    private static let speedSeconds = 20.0

    let title: String
    let total: Double?
    let measure: ProgressLine.Measure
    let isTerminal: Bool
    let plainSeconds: Double
    package private(set) var completed: Double
    /// Whether a line stands on the terminal that was not ended.
    package private(set) var isDrawn = false
    package private(set) var lastLine = ""

    private let startedAt: Double
    private var saidAt: Double?
    /// Points of (time, completed) over the last seconds: speed is that of now, not the mean since the start.
    private var points: [(time: Double, completed: Double)]

    package init(
        title: String, total: Double?, completed: Double, measure: ProgressLine.Measure, isTerminal: Bool,
        plainSeconds: Double
    ) {
        self.title = title
        self.total = total
        self.completed = completed
        self.measure = measure
        self.isTerminal = isTerminal
        self.plainSeconds = plainSeconds
        startedAt = completed
        points = [(0, completed)]
    }

    /// The text to write now, nil for none.
    package mutating func update(_ completed: Double, note: String, now: Double, width: Int) -> String? {
        self.completed = completed
        if now - points[points.count - 1].time >= 0.5 {
            points.append((now, completed))
            while points.count > 2 && now - points[1].time > Self.speedSeconds { points.removeFirst() }
        }
        guard now >= Self.silentSeconds else { return nil }
        if let saidAt, now - saidAt < (isTerminal ? Self.redrawSeconds : plainSeconds) { return nil }
        saidAt = now
        let line = line(note: note, now: now, since: points[0])
        guard isTerminal else { return line + "\n" }
        isDrawn = true
        lastLine = String(line.prefix(max(10, width - 1)))
        return "\r\u{1B}[K" + lastLine
    }

    /// The last word, with the mean speed of the whole job.
    package mutating func finish(note: String, now: Double, width: Int) -> String? {
        defer { isDrawn = false }
        guard now >= Self.silentSeconds else { return nil }
        let line = line(note: note, now: now, since: (0, startedAt), isLast: true)
        return isTerminal ? "\r\u{1B}[K" + line.prefix(max(10, width - 1)) + "\n" : line + "\n"
    }

    private func line(
        note: String, now: Double, since point: (time: Double, completed: Double), isLast: Bool = false
    ) -> String {
        let speed = now > point.time ? (completed - point.completed) / (now - point.time) : 0
        var parts: [String] = []
        let amount: String
        let pace: String
        switch measure {
        case .items(let name):
            amount = total.map { "\(grouped(completed))/\(grouped($0)) \(name)" } ?? "\(grouped(completed)) \(name)"
            pace = "\(rounded(speed)) \(name)/s"
        case .audioSeconds:
            amount = total.map { "\(clock(completed)) of \(clock($0))" } ?? clock(completed)
            pace = "\(rounded(speed)) × real time"
        }
        parts.append(amount)
        if let total, total > 0 { parts.append("\(Int((100 * completed / total).rounded(.down))) %") }
        parts.append(pace)
        if isLast {
            parts.append("in \(clock(now))")
        } else if let total, speed > 0 {
            parts.append("\(clock(max(0, total - completed) / speed)) left")
        }
        if !note.isEmpty { parts.append(note) }
        return "\(title): \(parts.joined(separator: "  "))"
    }

    private func grouped(_ value: Double) -> String {
        var digits = Array(String(Int(value)))
        for index in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(" ", at: index) }
        return String(digits)
    }

    private func rounded(_ value: Double) -> String {
        value >= 100 ? grouped(value.rounded()) : String(format: value >= 10 ? "%.1f" : "%.2f", value)
    }

    private func clock(_ seconds: Double) -> String {
        guard seconds < 1e9 else { return "?" }
        let whole = Int(seconds.rounded())
        let (days, hours) = (whole / 86_400, whole / 3_600 % 24)
        if days > 0 { return "\(days) d \(hours) h" }
        let rest = String(format: "%02d", whole % 60)
        return hours > 0 ? "\(hours):\(String(format: "%02d", whole / 60 % 60)):\(rest)" : "\(whole / 60):\(rest)"
    }
}
