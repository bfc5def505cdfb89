/// Why a PyTorch file is not read: the file, what is wrong with it, and what helps.
public struct PyTorchFileError: Error, CustomStringConvertible, Sendable, Hashable {
    /// Path of the file.
    public let file: String
    /// What is wrong with it.
    public let problem: String
    /// What helps.
    public let remedy: String

    /// File, problem and remedy in one line.
    public var description: String { "\(file): \(problem); \(remedy)" }

    init(_ file: String, _ problem: String, remedy: String = "fetch the file again, from a source that you trust") {
        (self.file, self.problem, self.remedy) = (file, problem, remedy)
    }
}

/// What is wrong with a part of a file; whoever opened the file adds its name.
struct PyTorchFileFault: Error {
    let problem: String
    init(_ problem: String) { self.problem = problem }
}
