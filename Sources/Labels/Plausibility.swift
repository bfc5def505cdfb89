// Checks of one event against itself and its recording. They catch tables in milliseconds or samples, rows of another
// recording and swapped columns before a model learns from them.

/// Says what is implausible about an event.
public enum Plausibility {
    /// How far an event may reach beyond its recording, in seconds: programs round, and headers lie a little.
    public static let toleranceSeconds = 0.1

    /// What is wrong with an event.
    public struct Problem: Sendable, Hashable {
        /// The error to show.
        public var error: LabelError
        /// True if the times would fit in another unit (milliseconds, samples), so that no row of the table can be
        /// trusted.
        public var suspectsUnit: Bool
    }

    /// What is wrong with an event of a label file, or nil.
    public static func problem(
        with event: Event, facts: RecordingFacts?, file: String, line: Int? = nil
    ) -> Problem? {
        func problem(
            _ column: String?, _ value: Double, _ reason: String,
            _ remedy: String = "correct the row, or leave it out with --skip-bad-rows", unit: Bool = false
        ) -> Problem {
            let error = LabelError(
                file: file, line: line, column: column, value: NumberText.write(value, least: 0), reason: reason,
                remedy: remedy)
            return Problem(error: error, suspectsUnit: unit)
        }
        let (start, end) = (event.startSeconds, event.endSeconds)
        if !start.isFinite || !end.isFinite {
            return problem("start", start.isFinite ? end : start, "is not a time")
        }
        if start < -0.001 { return problem("start", start, "lies before the start of the recording") }
        if end < start { return problem("end", end, "lies before the beginning of the event, \(start) s") }
        if let low = event.lowHz, let high = event.highHz, high < low {
            return problem("high frequency", high, "lies below the low frequency, \(low) Hz")
        }
        if let duration = facts?.durationSeconds, end > duration + toleranceSeconds {
            let limit = duration + toleranceSeconds
            let length = "the recording is \(NumberText.write(duration, least: 3)) s long"
            if end / 1000 <= limit, end > 2 * limit || facts?.rateHz == nil {
                return problem(
                    "end", end, "\(length); the times would fit if they were milliseconds",
                    "divide the times by 1000 or name the columns start_ms and end_ms", unit: true)
            }
            if let rate = facts?.rateHz, rate > 0, end / rate <= limit, end > 2 * limit {
                return problem(
                    "end", end, "\(length); the times would fit if they were samples at \(Int(rate)) Hz",
                    "divide the times by \(Int(rate))", unit: true)
            }
            return problem(
                "end", end, "lies behind the end: \(length)",
                "check that the table belongs to this recording, or leave the row out with --skip-bad-rows")
        }
        // One per cent: boxes drawn to the upper edge of the picture end there after rounding.
        if let rate = facts?.rateHz, rate > 0, let high = event.highHz, high > rate / 2 * 1.01 {
            return problem(
                "high frequency", high, "lies above half the sample rate, \(rate / 2) Hz",
                "check that the table belongs to this recording, or leave the row out with --skip-bad-rows")
        }
        return nil
    }
}
