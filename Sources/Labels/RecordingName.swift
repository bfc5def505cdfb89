// Which recording a label file or a row belongs to. Paths in tables often come from another computer.

/// Names of recordings in label files.
public enum RecordingName {
    /// The last component of a path written on any system; `\` and `/` both separate.
    public static func lastComponent(_ path: String) -> String {
        let trimmed = path.utf8.split(omittingEmptySubsequences: true) { isSeparator($0) }
        return trimmed.last.map { String(Substring($0)) } ?? path
    }

    /// A name without folder and extension.
    public static func stem(_ path: String) -> String {
        let name = lastComponent(path)
        guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
        return String(name[..<dot])
    }

    /// The recording a label file of this name speaks of, as far as its name says: often without extension.
    public static func ofLabelFile(_ path: String) -> String {
        let name = lastComponent(path)
        let lowercased = name.lowercased()
        for suffix in suffixes where lowercased.hasSuffix(suffix) && name.count > suffix.count {
            let stem = String(name.dropLast(suffix.count))
            return suffix == ".selections.txt" ? droppingTableNumber(stem) : stem
        }
        let stem = stem(name)
        // `call.wav.json`, `call.wav.data` and `call.wav.csv` name the recording whole.
        return stem
    }

    private static let suffixes = [
        ".selections.txt", ".birdnet.selection.table.txt", ".birdnet.results.csv", ".birdnet.results.txt",
        ".birdnet.results.r.csv", ".birdnet.results.kaleidoscope.csv", ".not.mat",
    ]

    /// `song.Table.1` → `song`.
    private static func droppingTableNumber(_ stem: String) -> String {
        let parts = stem.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[parts.count - 2].lowercased() == "table", Int(parts[parts.count - 1]) != nil
        else {
            return stem
        }
        return parts.dropLast(2).joined(separator: ".")
    }

    private static func isSeparator(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\")
    }
}

/// Finds recordings by the names label files use: the relative path, else the file name, else the stem.
public struct RecordingIndex: Sendable {
    /// What a name leads to.
    public enum Match: Sendable, Hashable {
        /// One recording: its position in the list given at the start.
        case one(Int)
        /// Several recordings that the name does not tell apart.
        case several([Int])
        /// No recording.
        case none
    }

    private var byPath: [String: [Int]] = [:]
    private var byName: [String: [Int]] = [:]
    private var byStem: [String: [Int]] = [:]

    /// An index of recordings by their paths relative to a common root.
    public init(_ paths: [String]) {
        for (index, path) in paths.enumerated() {
            let normal = RecordingIndex.normal(path)
            byPath[normal, default: []].append(index)
            byName[RecordingIndex.normal(RecordingName.lastComponent(path)), default: []].append(index)
            byStem[RecordingName.stem(path), default: []].append(index)
        }
    }

    /// The recording a name leads to. Extensions compare without case. An ambiguous file name is settled by as many
    /// trailing folders as the name gives.
    public func find(_ name: String, paths: [String]? = nil) -> Match {
        let normal = RecordingIndex.normal(name)
        if let match = byPath[normal] { return RecordingIndex.match(match) }
        if let candidates = byName[RecordingIndex.normal(RecordingName.lastComponent(name))] {
            if candidates.count > 1, let paths {
                let fitting = candidates.filter { normal.hasSuffix("/" + RecordingIndex.normal(paths[$0])) }
                if !fitting.isEmpty { return RecordingIndex.match(fitting) }
            }
            return RecordingIndex.match(candidates)
        }
        // A stem may hold dots of its own (`20190101.120000`), so the name itself is tried before its stem.
        let last = RecordingName.lastComponent(name)
        let stem = RecordingName.stem(last)
        if let candidates = byStem[last] ?? byStem[stem] ?? byName[RecordingIndex.normal(stem)] {
            return RecordingIndex.match(candidates)
        }
        return .none
    }

    private static func match(_ candidates: [Int]) -> Match {
        candidates.count == 1 ? .one(candidates[0]) : .several(candidates)
    }

    /// Forward slashes and a lower-case extension.
    private static func normal(_ path: String) -> String {
        var path = path.replacing("\\", with: "/")
        if path.hasPrefix("./") { path.removeFirst(2) }
        guard let dot = path.lastIndex(of: "."), !path[dot...].contains("/") else { return path }
        return path[..<dot] + path[dot...].lowercased()
    }
}
