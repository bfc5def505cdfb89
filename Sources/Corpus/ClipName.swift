// What clips of a long recording are called.

/// The names of clips: the stem of the recording, then where the clip begins and ends in it, in milliseconds.
public enum ClipName {
    /// `day1` from 10 to 20 s → `day1_000010000_000020000`; with a channel, counted from 0, `day1_c1_000010000_000020000`.
    public static func stem(source: String, channel: Int? = nil, startSeconds: Double, endSeconds: Double) -> String {
        let channel = channel.map { "_c\($0)" } ?? ""
        return "\(source)\(channel)_\(digits(startSeconds))_\(digits(endSeconds))"
    }

    /// The recording that a clip of this stem was cut from; nil if the name does not say. Six digits or more on both places
    /// are understood, so that the names of animal2vec 1.0 are as well. Both channels of a recording are one source.
    public static func source(ofStem stem: String) -> String? {
        guard let match = stem.wholeMatch(of: /(.+?)(?:_c\d{1,2})?_(\d{6,})_(\d{6,})/) else { return nil }
        // A recorder's date and time are no clip: 20240101_120000.
        guard let start = Int(match.2), let end = Int(match.3), end > start else { return nil }
        return String(match.1)
    }

    private static func digits(_ seconds: Double) -> String {
        let text = String(Int((seconds * 1000).rounded()))
        return String(repeating: "0", count: max(0, 9 - text.count)) + text
    }
}
