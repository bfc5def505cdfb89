import Foundation

/// How hertz are laid out from the bottom of a picture to its top.
public enum FrequencyScale: String, Sendable, Hashable, Codable, CaseIterable {
    /// Equal steps in hertz.
    case linear
    /// Equal steps for the human ear: 2595 log₁₀(1 + f / 700).
    case mel

    /// The place of a frequency on the scale.
    public func position(ofHz hz: Double) -> Double {
        switch self {
        case .linear: hz
        case .mel: 2595 * log10(1 + hz / 700)
        }
    }

    /// The frequency at a place of the scale.
    public func hz(atPosition position: Double) -> Double {
        switch self {
        case .linear: position
        case .mel: 700 * (pow(10, position / 2595) - 1)
        }
    }
}
