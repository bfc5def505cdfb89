// Round numbers for axes: steps of 1, 2 or 5 times a power of ten.
import Foundation

/// The marks of an axis.
public struct AxisTicks: Sendable, Hashable {
    /// Where the marks are.
    public let values: [Double]
    /// The distance between marks.
    public let step: Double

    /// Marks inside a range, at most `count` of them where `count` is at least 2. A range without length has one mark.
    public init(_ range: ClosedRange<Double>, atMost count: Int) {
        let length = range.upperBound - range.lowerBound
        guard length > 0, length.isFinite else {
            values = [range.lowerBound]
            step = 1
            return
        }
        let smallest = length / Double(max(1, count - 1))
        var power = pow(10, log10(smallest).rounded(.down))
        if smallest / power > 10 - 1e-9 { power *= 10 }
        let step = power * ([1.0, 2, 5].first { $0 * power >= smallest - 1e-9 * power } ?? 10)
        let first = Int((range.lowerBound / step - 1e-6).rounded(.up))
        let last = Int((range.upperBound / step + 1e-6).rounded(.down))
        self.step = step
        values = first <= last ? (first...last).map { Double($0) * step } : []
    }

    /// How many digits after the point tell neighbouring marks apart.
    public var digits: Int { max(0, Int(-(log10(step) + 1e-9).rounded(.down))) }

    /// The text of a mark, without unit.
    public func text(_ value: Double) -> String { NumberText.fixed(value, digits: digits) }

    /// The text of a mark on an axis of seconds: `1.5 s`, `250 ms`, `2:05`.
    public func timeText(_ seconds: Double, upTo end: Double) -> String {
        if end >= 120 {
            let whole = NumberText.clock(seconds)
            return digits > 0
                ? whole + NumberText.fixed(seconds - seconds.rounded(.down), digits: digits).dropFirst() : whole
        }
        if end < 0.5 { return "\(NumberText.fixed(seconds * 1000, digits: max(0, digits - 3))) ms" }
        return "\(text(seconds)) s"
    }
}

/// Numbers as people read them.
enum NumberText {
    /// A number with so many digits after the point; zero has no sign.
    static func fixed(_ value: Double, digits: Int) -> String {
        let text = String(format: "%.\(digits)f", value)
        return text.hasPrefix("-") && !text.contains { "123456789".contains($0) } ? String(text.dropFirst()) : text
    }

    /// Up to four significant digits, for values of unknown size.
    static func short(_ value: Double) -> String { String(format: "%.4g", value) }

    /// Minutes and seconds, with hours where needed: `2:05`, `1:02:05`.
    static func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded(.down))
        let tail = String(format: "%02d", whole % 60)
        return whole >= 3600
            ? "\(whole / 3600):" + String(format: "%02d", whole / 60 % 60) + ":" + tail : "\(whole / 60):" + tail
    }

    /// A length of time in words: `0.4 s`, `12 s`, `3 min 05 s`, `2 h 03 min`.
    static func duration(_ seconds: Double) -> String {
        if seconds < 10 { return fixed(seconds, digits: 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        if whole < 3600 { return "\(whole / 60) min " + String(format: "%02d", whole % 60) + " s" }
        return "\(whole / 3600) h " + String(format: "%02d", whole / 60 % 60) + " min"
    }

    /// A share as it stands in score tables, `0.937`; a dash if undefined.
    static func score(_ value: Double?) -> String { value.map { fixed($0, digits: 3) } ?? "–" }
}
