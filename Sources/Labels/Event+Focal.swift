// Whether the animal that wears or faces the recorder called, or another one. Tables have it as a column of any of some
// names; here it is one of the event's extra cells, so that every format with free columns keeps it.

extension Event {
    /// The name of the extra cell that says it.
    public static let focalColumn = "focal"

    /// True for a call of the focal animal, false for one of another animal, nil where nobody said.
    public var isFocal: Bool? {
        get { focalCell.flatMap { Self.isFocal(extra[$0] ?? "") } }
        set {
            // The cell keeps the name it came with.
            let name = focalCell ?? Self.focalColumn
            extra[name] = newValue.map { $0 ? "1" : "0" }
        }
    }

    private var focalCell: String? {
        if extra[Self.focalColumn] != nil { return Self.focalColumn }
        return extra.keys.filter { ["focal", "foc"].contains($0.lowercased()) }.min()
    }

    /// What a cell of such a column says: `1`, `0`, `true`, `no`, `focal`, `non-focal`, `nf`, … ; nil for anything else.
    public static func isFocal(_ text: String) -> Bool? {
        switch text.lowercased().filter({ !$0.isWhitespace && $0 != "-" && $0 != "_" }) {
        case "1", "1.0", "true", "yes", "y", "t", "foc", "focal", "f": true
        case "0", "0.0", "false", "no", "n", "nf", "nonfoc", "nonfocal", "notfocal": false
        default: nil
        }
    }
}
