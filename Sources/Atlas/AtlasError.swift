// What can go wrong with an atlas, in words for the person who owns it.

/// An atlas that cannot be opened, filled, grouped or searched.
public struct AtlasError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The file, folder or setting concerned.
    public let subject: String
    /// What is wrong with it.
    public let problem: String
    /// What helps.
    public let remedy: String

    /// An error about a file, folder or setting.
    public init(_ subject: String, _ problem: String, remedy: String) {
        (self.subject, self.problem, self.remedy) = (subject, problem, remedy)
    }

    /// One line: subject, problem, remedy.
    public var description: String { "\(subject): \(problem); \(remedy)" }
}
