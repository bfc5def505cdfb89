// Numbers in label files: decimal point, no locale, no surprises such as "nan", "inf" or hexadecimal.
import Foundation

/// Reading and writing of numbers in label files.
enum NumberText {
    /// The number in a cell, or nil if the cell holds anything but one finite decimal number.
    static func read(_ text: some StringProtocol, decimalComma: Bool = false) -> Double? {
        var text = text.trimmingCharacters(in: .whitespaces)
        if decimalComma, text.utf8.contains(UInt8(ascii: ",")) {
            text = text.replacing(",", with: ".")
        }
        guard !text.isEmpty, text.utf8.count < 64, text.utf8.allSatisfy(isNumberByte) else { return nil }
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }

    /// The whole number in a cell; `3.0` counts as whole.
    static func readInteger(_ text: some StringProtocol) -> Int? {
        guard let value = read(text), value.rounded() == value, abs(value) < 9e15 else { return nil }
        return Int(value)
    }

    /// A number with at least `least` and at most 9 decimals, enough for the sample period of any recorder.
    static func write(_ value: Double, least: Int = 6) -> String {
        guard abs(value) < 9e9 else { return "\(value)" }
        let billionths = Int64((abs(value) * 1e9).rounded())
        let (whole, fraction) = billionths.quotientAndRemainder(dividingBy: 1_000_000_000)
        var digits = String(fraction)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.count > least, digits.last == "0" { digits.removeLast() }
        let sign = value < 0 && billionths != 0 ? "-" : ""
        return digits.isEmpty ? "\(sign)\(whole)" : "\(sign)\(whole).\(digits)"
    }

    private static func isNumberByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
            UInt8(ascii: "e"), UInt8(ascii: "E"):
            true
        default: false
        }
    }
}
