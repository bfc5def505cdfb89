// What can go wrong with a corpus, in words for the person who owns it.

/// A corpus that cannot be opened, scanned, split or drawn from.
public enum CorpusError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The folder holds no catalogue.
    case notACorpus(folder: String)
    /// The catalogue cannot be read or written.
    case database(folder: String, reason: String)
    /// A path to be scanned does not exist or cannot be listed.
    case cannotList(path: String, reason: String)
    /// Nothing fits what was asked for.
    case nothingFound(what: String, remedy: String)
    /// A manifest or another list that cannot be used; the line counts from 1.
    case list(file: String, line: Int?, reason: String, remedy: String)
    /// A setting that makes no sense.
    case invalidSetting(name: String, value: String, remedy: String)

    /// One line that names the folder, the value and the remedy.
    public var description: String {
        switch self {
        case .notACorpus(let folder):
            "\(folder): no corpus there (corpus.sqlite is missing); make one with `animal2vec scan PATH --corpus \(folder)`"
        case .database(let folder, let reason): "\(folder): the catalogue cannot be used: \(reason)"
        case .cannotList(let path, let reason): "\(path): cannot be scanned: \(reason)"
        case .nothingFound(let what, let remedy): "no \(what) found; \(remedy)"
        case .list(let file, let line, let reason, let remedy):
            "\(file)\(line.map { ":\($0)" } ?? ""): \(reason); \(remedy)"
        case .invalidSetting(let name, let value, let remedy): "\(name) = \(value) cannot be used; \(remedy)"
        }
    }
}
