// Which signal of a recording with several channels is meant.

/// The channels that a reader gives.
public enum ChannelSelection: Hashable, Sendable, Codable {
    /// The mean of all channels, as one.
    case mean
    /// One channel, counted from 0.
    case index(Int)
    /// Every channel by itself.
    case all
    /// The channel with the greatest root mean square over the first minute.
    case loudest
}

extension ChannelSelection: LosslessStringConvertible {
    /// Reads `mean`, `all`, `loudest` or a channel number counted from 0; nil for anything else.
    public init?(_ description: String) {
        switch description.lowercased() {
        case "mean": self = .mean
        case "all": self = .all
        case "loudest": self = .loudest
        default:
            guard let index = Int(description), index >= 0 else { return nil }
            self = .index(index)
        }
    }

    /// The text that `init(_:)` reads.
    public var description: String {
        switch self {
        case .mean: "mean"
        case .index(let index): String(index)
        case .all: "all"
        case .loudest: "loudest"
        }
    }
}
