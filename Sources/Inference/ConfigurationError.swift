/// Why a configuration is not understood: one line per fault, each with the place, the key's whole path and what helps.
public struct ConfigurationError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The faults, one line each.
    public let faults: [String]

    /// These faults.
    package init(_ faults: [String]) { self.faults = faults }

    /// A fault of the value at a path.
    package init(_ path: String, origin: String?, _ message: String) {
        let place = origin.map { "\($0): " } ?? ""
        faults = [path.isEmpty ? place + message : "\(place)\(path): \(message)"]
    }

    /// The faults, one line each.
    public var description: String { faults.joined(separator: "\n") }
}
