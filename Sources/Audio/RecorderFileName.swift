// Start time and site in the names that recorders give their files: AudioMoth, Song Meter, Swift.

import Foundation

/// What a file name says.
public struct RecorderFileName: Sendable, Hashable {
    /// When the recording began; without a zone unless the name holds one.
    public var start: RecordingTime?
    /// What stands before the date: the site or the device; nil when nothing does.
    public var prefix: String?
    /// Whether silent stretches are left out, as AudioMoth does with triggers (`…T.WAV`): then a time in the file is
    /// not a time of the clock.
    public var isTriggered = false

    /// Reads the last component of a path. Dates that do not exist are not rolled over: they are no dates.
    public init(_ path: String) {
        let name = path.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? path
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        // From the right: the prefix may hold digits and underscores.
        let dated = /^(?:(.*?)[_-])?(\d{8})[_$T-](\d{6})(T)?(?:_([+-]\d{4}))?$/
        if let match = stem.wholeMatch(of: dated) {
            let offset = match.5.map { RecordingTime.offset(String($0)) } ?? nil
            if let start = RecordingTime(date: match.2, time: match.3, offsetSeconds: offset) {
                self.start = start
                isTriggered = match.4 != nil
                // Song Meter SM3 puts the channel between site and date.
                prefix = match.1.map { Self.withoutChannel(String($0)) }
                if prefix?.isEmpty == true { prefix = nil }
            }
        } else if stem.wholeMatch(of: /[0-9A-Fa-f]{8}/) != nil, stem.contains(where: \.isLetter),
            let seconds = Int(stem, radix: 16), let start = RecordingTime(unixSeconds: seconds), start.year >= 2_010
        {
            // Early AudioMoth firmware: Unix seconds in hexadecimal digits.
            self.start = start
        }
    }

    private static func withoutChannel(_ prefix: String) -> String {
        for channel in ["_0+1", "_0", "_1"] where prefix.hasSuffix(channel) {
            return String(prefix.dropLast(channel.count))
        }
        return prefix
    }
}
