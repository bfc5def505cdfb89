/// Why a recipe is not understood: one line per fault, each with the place, the key's whole path and what helps.
public struct RecipeError: Error, CustomStringConvertible, Sendable, Hashable {
    /// The faults, one line each.
    public let faults: [String]

    init(_ faults: [String]) { self.faults = faults }

    init(_ path: String, origin: String?, _ message: String) {
        let place = origin.map { "\($0): " } ?? ""
        faults = [path.isEmpty ? place + message : "\(place)\(path): \(message)"]
    }

    /// The faults, one line each.
    public var description: String { faults.joined(separator: "\n") }
}
