// Site and individual from the paths of recordings, by the user's regular expressions.

/// The compiled patterns of a scan. They stay on the thread of the scan: regular expressions may not cross threads.
struct PathPatterns {
    private let sitePattern: Regex<AnyRegexOutput>?
    private let individualPattern: Regex<AnyRegexOutput>?

    init(_ configuration: Scanner.Configuration) throws(CorpusError) {
        sitePattern = try Self.compile("sitePattern", configuration.sitePattern)
        individualPattern = try Self.compile("individualPattern", configuration.individualPattern)
    }

    var isSiteGiven: Bool { sitePattern != nil }

    func site(_ path: String) -> String? { Self.group(sitePattern, path) }

    func individual(_ path: String) -> String? { Self.group(individualPattern, path) }

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
