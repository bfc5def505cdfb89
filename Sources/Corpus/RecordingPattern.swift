// Recordings named in a list: by name, by wildcard, or from one name to another.

import Foundation

/// A pattern over the paths of recordings.
///
/// - `17.flac`, `site/17.flac` or `17`: a file name, a relative path or a stem.
/// - `site/*_night?.wav`: `*` stands for any characters, `?` for one; without `/` it is compared with the file name.
/// - `0..89`, or `0-89` for numbers: stems from the first to the last, both included, numbers by their value.
public struct RecordingPattern: Sendable, Hashable {
    private enum Kind: Hashable {
        case name(String)
        case wildcard([Character])
        case range(String, String)
    }

    private let kind: Kind

    /// Reads a pattern.
    public init(_ text: String) {
        if let dots = text.range(of: ".."), dots.lowerBound > text.startIndex, dots.upperBound < text.endIndex,
            !text.contains("/..")
        {
            kind = .range(String(text[..<dots.lowerBound]), String(text[dots.upperBound...]))
        } else if let numbers = text.wholeMatch(of: /(\d{1,6})-(\d{1,6})/) {
            kind = .range(String(numbers.1), String(numbers.2))
        } else if text.contains(where: { $0 == "*" || $0 == "?" }) {
            kind = .wildcard(Array(text))
        } else {
            kind = .name(text)
        }
    }

    /// Whether a relative path fits.
    public func matches(_ relativePath: String) -> Bool {
        let name = relativePath.split(separator: "/").last.map(String.init) ?? relativePath
        let stem = name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
        switch kind {
        case .name(let text):
            return relativePath == text || name == text || stem == text
        case .wildcard(let pattern):
            return Self.fits(Array(pattern.contains("/") ? relativePath : name), pattern)
        case .range(let first, let last):
            if stem == "\(first)-\(last)" { return true }
            return !NaturalOrder.isBefore(stem, first) && !NaturalOrder.isBefore(last, stem)
        }
    }

    private static func fits(_ text: [Character], _ pattern: [Character]) -> Bool {
        var (i, j) = (0, 0)
        var star: (text: Int, pattern: Int)?
        while i < text.count {
            if j < pattern.count, pattern[j] == "*" {
                star = (i, j)
                j += 1
            } else if j < pattern.count, pattern[j] == "?" || pattern[j] == text[i] {
                i += 1
                j += 1
            } else if let last = star {
                star = (last.text + 1, last.pattern)
                (i, j) = (last.text + 1, last.pattern + 1)
            } else {
                return false
            }
        }
        return pattern[j...].allSatisfy { $0 == "*" }
    }
}
