// Site, individual and source of recordings from their paths: by the user's regular expressions and tables, and by the
// names that clips of long recordings bear.

import Labels

/// What a scan reads from names. It stays on the thread of the scan: regular expressions may not cross threads.
struct PathPatterns {
    private let sitePattern: Regex<AnyRegexOutput>?
    private let individualPattern: Regex<AnyRegexOutput>?
    private let originalNames: [String: String]
    private let individuals: [String: String]

    init(_ configuration: Scanner.Configuration) throws(CorpusError) {
        sitePattern = try Self.compile("sitePattern", configuration.sitePattern)
        individualPattern = try Self.compile("individualPattern", configuration.individualPattern)
        originalNames = configuration.originalNames
        individuals = configuration.individuals
    }

    var isSiteGiven: Bool { sitePattern != nil }

    /// Whether names mean more than without the user's help.
    var areGiven: Bool {
        sitePattern != nil || individualPattern != nil || !originalNames.isEmpty || !individuals.isEmpty
    }

    func site(_ path: String) -> String? { Self.group(sitePattern, originalName(path)) }

    func individual(_ path: String) -> String? {
        let name = originalName(path)
        if !individuals.isEmpty {
            let candidates = [
                path, RecordingName.lastComponent(path), RecordingName.stem(path), name,
                RecordingName.lastComponent(name), RecordingName.stem(name), source(path) ?? "",
            ]
            for candidate in candidates {
                if let individual = individuals[candidate] { return individual }
            }
        }
        return Self.group(individualPattern, name)
    }

    /// The recording that a clip was cut from, without extension; nil for a name that does not say so.
    func source(_ path: String) -> String? { ClipName.source(ofStem: RecordingName.stem(originalName(path))) }

    private func originalName(_ path: String) -> String { originalNames[RecordingName.stem(path)] ?? path }

    private static func compile(_ name: String, _ pattern: String) throws(CorpusError) -> Regex<AnyRegexOutput>? {
        guard !pattern.isEmpty else { return nil }
        do {
            return try Regex(pattern)
        } catch {
            throw .invalidSetting(name: name, value: pattern, remedy: "give a regular expression with one group")
        }
    }

    private static func group(_ pattern: Regex<AnyRegexOutput>?, _ path: String) -> String? {
        guard let match = pattern.flatMap({ path.firstMatch(of: $0) }) else { return nil }
        return (match.count > 1 ? match[1] : match[0]).substring.map(String.init)
    }
}
