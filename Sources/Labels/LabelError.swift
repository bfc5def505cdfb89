/// What is wrong with a label file, where, and what to do about it.
public struct LabelError: Error, Sendable, Hashable, Codable, CustomStringConvertible {
    /// The path of the label file.
    public var file: String
    /// The line in the file, counted from 1; nil where lines mean nothing.
    public var line: Int?
    /// The name of the column or field.
    public var column: String?
    /// The offending value as it stands in the file.
    public var value: String?
    /// What is wrong.
    public var reason: String
    /// What the user can do.
    public var remedy: String

    /// Makes an error; everything but file, reason and remedy may be unknown.
    public init(
        file: String, line: Int? = nil, column: String? = nil, value: String? = nil, reason: String, remedy: String
    ) {
        self.file = file
        self.line = line
        self.column = column
        self.value = value
        self.reason = reason
        self.remedy = remedy
    }

    /// One line for people: file, line, column and value, then the reason and the remedy.
    public var description: String {
        var text = file
        if let line { text += ":\(line)" }
        if let column { text += ", column “\(column)”" }
        if let value {
            let shown = value.count > 80 ? value.prefix(80) + "…" : value[...]
            text += ", value “\(shown)”"
        }
        return "\(text): \(reason); \(remedy)"
    }
}
