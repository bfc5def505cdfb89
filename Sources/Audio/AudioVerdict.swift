// One judgement per file, for the scan's report.

/// How much of a recording can be used.
public enum AudioVerdict: Sendable, Equatable, Codable {
    /// Everything that the header promises was decoded.
    case whole
    /// Everything is there after corrections, named in words.
    case repaired([String])
    /// Some of it is lost: seconds missing at the end or replaced by silence (0 = lost, but unknown how much), and why.
    case partial(lostSeconds: Double, reason: String)
    /// Nothing can be used, and why.
    case unreadable(reason: String)

    /// Whether there is sound to work with.
    public var isUsable: Bool {
        if case .unreadable = self { false } else { true }
    }

    /// One word for tables and counts: `whole`, `repaired`, `partial` or `unreadable`.
    public var kind: String {
        switch self {
        case .whole: "whole"
        case .repaired: "repaired"
        case .partial: "partial"
        case .unreadable: "unreadable"
        }
    }

    /// The reason in words; empty for a whole file.
    public var detail: String {
        switch self {
        case .whole: ""
        case .repaired(let what): what.joined(separator: "; ")
        case .partial(let lostSeconds, let reason):
            lostSeconds > 0 ? "\(Self.rounded(lostSeconds)) s lost: \(reason)" : reason
        case .unreadable(let reason): reason
        }
    }

    private static func rounded(_ seconds: Double) -> Double { (seconds * 1_000).rounded() / 1_000 }
}

extension AudioVerdict: CustomStringConvertible {
    /// The kind, and the reason if there is one.
    public var description: String { detail.isEmpty ? kind : "\(kind): \(detail)" }
}
