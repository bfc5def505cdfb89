// The moment a recording began, with the zone if one is known: a local time without a zone stays one.

import Foundation

/// A date and time of day, checked to exist, with or without an offset from UTC.
public struct RecordingTime: Sendable, Hashable, Codable {
    /// The calendar date and the time of day as written down.
    public let year, month, day, hour, minute: Int
    /// Seconds of the minute, 0 up to but not including 60.
    public let second: Double
    /// Seconds to add to UTC to get this time; nil when the zone is not known.
    public let offsetSeconds: Int?

    /// A moment; nil for one that does not exist, such as day 31 of April or second 75.
    public init?(
        year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Double, offsetSeconds: Int? = nil
    ) {
        guard (1_970...2_199).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(year, month),
            (0...23).contains(hour), (0...59).contains(minute), second >= 0, second < 60,
            abs(offsetSeconds ?? 0) <= 15 * 3_600
        else { return nil }
        (self.year, self.month, self.day, self.hour, self.minute) = (year, month, day, hour, minute)
        (self.second, self.offsetSeconds) = (second, offsetSeconds)
    }

    /// The moment of a Unix time in UTC.
    public init?(unixSeconds: Int) {
        let days = Int((Double(unixSeconds) / 86_400).rounded(.down))
        let rest = unixSeconds - days * 86_400
        // Howard Hinnant's civil_from_days.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let part = (5 * dayOfYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        self.init(
            year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month: month, day: dayOfYear - (153 * part + 2) / 5 + 1,
            hour: rest / 3_600, minute: rest / 60 % 60, second: Double(rest % 60), offsetSeconds: 0)
    }

    /// Reads ISO 8601 as recorders write it: `T` or a blank between date and time, `Z`, `+01:00`, `+0100` or no zone.
    public init?(iso8601 text: String) {
        let pattern =
            /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?\s*(Z|[+-]\d{2}:?(?:\d{2})?)?$/
        guard let match = text.trimmingCharacters(in: .whitespaces).firstMatch(of: pattern) else { return nil }
        let zone = match.7.map(String.init)
        let offset = zone.map { RecordingTime.offset($0) } ?? nil
        if zone != nil, offset == nil { return nil }
        self.init(
            year: Int(match.1)!, month: Int(match.2)!, day: Int(match.3)!, hour: Int(match.4)!, minute: Int(match.5)!,
            second: match.6.flatMap { Double($0) } ?? 0, offsetSeconds: offset)
    }

    /// Reads `YYYYMMDD` and `HHMMSS`.
    init?(date: Substring, time: Substring, offsetSeconds: Int? = nil) {
        guard date.count == 8, time.count == 6, let d = Int(date), let t = Int(time) else { return nil }
        self.init(
            year: d / 10_000, month: d / 100 % 100, day: d % 100, hour: t / 10_000, minute: t / 100 % 100,
            second: Double(t % 100), offsetSeconds: offsetSeconds)
    }

    /// ISO 8601, without a zone where none is known.
    public var iso8601: String {
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let whole = Int(second)
        let fraction = Int(((second - Double(whole)) * 1_000).rounded(.down))
        var text = "\(year)-\(two(month))-\(two(day))T\(two(hour)):\(two(minute)):\(two(whole))"
        if fraction > 0 { text += "." + String("00\(fraction)".suffix(3)) }
        guard let offsetSeconds else { return text }
        if offsetSeconds == 0 { return text + "Z" }
        let minutes = abs(offsetSeconds) / 60
        return text + (offsetSeconds < 0 ? "-" : "+") + "\(two(minutes / 60)):\(two(minutes % 60))"
    }

    /// Seconds east of UTC for `Z`, `+01:00`, `-0330` or `+1`.
    static func offset(_ zone: String) -> Int? {
        if zone == "Z" || zone.isEmpty { return 0 }
        guard let sign = zone.first, sign == "+" || sign == "-" else { return nil }
        let rest = zone.dropFirst()
        let parts = rest.split(separator: ":")
        let (hours, minutes): (Int?, Int?)
        if parts.count == 2 {
            (hours, minutes) = (Int(parts[0]), Int(parts[1]))
        } else if rest.count == 4 {
            (hours, minutes) = (Int(rest.prefix(2)), Int(rest.suffix(2)))
        } else {
            (hours, minutes) = (Int(rest), 0)
        }
        guard let hours, let minutes, hours <= 15, minutes < 60 else { return nil }
        return (sign == "-" ? -1 : 1) * (hours * 3_600 + minutes * 60)
    }

    private static func days(_ year: Int, _ month: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
