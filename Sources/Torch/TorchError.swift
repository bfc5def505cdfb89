import CTorch

/// What libtorch refused, with the operator and the shapes it was given.
public struct TorchError: Error, CustomStringConvertible, Sendable {
    /// What kind of failure it was, for code that reacts to it.
    public enum Code: Sendable {
        case `operator`, outOfMemory, argument, version
    }

    /// The kind of failure.
    public let code: Code
    /// The operator or function that failed.
    public let operation: String
    /// libtorch's own words.
    public let message: String
    /// The arguments, tensors as `float32[2, 3]`.
    public let arguments: [String]

    /// An error of `operation`.
    public init(code: Code = .argument, operation: String, message: String, arguments: [String] = []) {
        self.code = code
        self.operation = operation
        self.message = message
        self.arguments = arguments
    }

    /// One line: operator, message, arguments.
    public var description: String {
        "\(operation): \(message)" + (arguments.isEmpty ? "" : " [\(arguments.joined(separator: ", "))]")
    }

    /// Turns the C error into a Swift one and frees it; does nothing for null.
    static func check(
        _ error: UnsafeMutablePointer<ctorch_error>?, _ operation: @autoclosure () -> String,
        _ arguments: @autoclosure () -> [String] = []
    ) throws(TorchError) {
        guard let error else { return }
        defer { ctorch_error_free(error) }
        let code: Code =
            switch error.pointee.code {
            case CTORCH_ERROR_OUT_OF_MEMORY: .outOfMemory
            case CTORCH_ERROR_ARGUMENT: .argument
            default: .operator
            }
        throw TorchError(
            code: code, operation: operation(), message: String(cString: error.pointee.message), arguments: arguments())
    }
}
