// Magma by Smith and van der Walt (CC0), as the sixth-degree fit by Zucker: brightness rises evenly from black to pale
// yellow, in grey print and for every kind of colour vision.

/// Colours for loudness.
public enum ColorMap: String, Sendable, Hashable, CaseIterable {
    /// Black, purple, orange, pale yellow.
    case magma
    /// White to black, for print.
    case grays

    /// Red, green and blue for a level from 0 (quiet) to 255 (loud).
    public func rgb(level: UInt8) -> (red: UInt8, green: UInt8, blue: UInt8) {
        switch self {
        case .grays: return (255 - level, 255 - level, 255 - level)
        case .magma:
            let t = Double(level) / 255
            let channel = ColorMap.magmaCoefficients.map { coefficients in
                UInt8(min(max(coefficients.reversed().reduce(0) { $0 * t + $1 }, 0), 1) * 255)
            }
            return (channel[0], channel[1], channel[2])
        }
    }

    /// Of red, green and blue, by rising power.
    private static let magmaCoefficients: [[Double]] = [
        [-0.002136485, 0.251660541, 8.353717279, -27.668733086, 52.176139812, -50.768525365, 18.655705066],
        [-0.000749655, 0.677523244, -3.577719515, 14.264730781, -27.943606072, 29.046582821, -11.48977352],
        [-0.005386128, 2.494026599, 0.314467903, -13.649213188, 12.944169442, 4.234152994, -5.601961509],
    ]
}
