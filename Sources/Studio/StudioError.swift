/// What the page or a script asked for and cannot have.
public struct StudioError: Error, CustomStringConvertible, Sendable {
    /// Names the value and the remedy.
    public let message: String
    /// Whether the thing asked for does not exist.
    public let isMissing: Bool

    /// An error with its message.
    public init(_ message: String, isMissing: Bool = false) { (self.message, self.isMissing) = (message, isMissing) }

    /// The message.
    public var description: String { message }
}
