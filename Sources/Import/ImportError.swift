/// Why a checkpoint cannot become a model: the file, what is wrong, and what helps.
public struct ImportError: Error, CustomStringConvertible, Sendable, Hashable {
    /// Path of the file.
    public let file: String
    /// What is wrong with it.
    public let problem: String
    /// What helps.
    public let remedy: String

    /// File, problem and remedy in one line.
    public var description: String { "\(file): \(problem); \(remedy)" }

    init(_ file: String, _ problem: String, remedy: String) {
        (self.file, self.problem, self.remedy) = (file, problem, remedy)
    }
}
