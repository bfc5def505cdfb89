// Numbers in label files: decimal point, no locale, no surprises such as "nan", "inf" or hexadecimal.
import Foundation

/// Reading and writing of numbers in label files.
enum NumberText {
    /// The number in a cell, or nil if the cell holds anything but one finite decimal number.
    static func read(_ text: some StringProtocol, decimalComma: Bool = false) -> Double? {
        // The bytes go through a buffer on the stack: tables hold millions of numbers.
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            var count = 0
            var isPadded = false
            for byte in text.utf8 {
                if byte == 0x20 || byte == 0x09 {
                    isPadded = count > 0
                    continue
                }
                let isComma = decimalComma && byte == UInt8(ascii: ",")
                guard isComma || isNumberByte(byte), !isPadded, count < 63 else { return nil }
                buffer[count] = isComma ? UInt8(ascii: ".") : byte
                count += 1
            }
            guard let value = Double(String(decoding: buffer[..<count], as: UTF8.self)), value.isFinite else {
                return nil
            }
            return value
        }
    }

    /// The seconds of a clock or a time span as spreadsheets and pandas write them: `1:02.5`, `0:01:02.5`,
    /// `0 days 00:01:02.500000`; nil for anything else.
    static func readClock(_ text: some StringProtocol) -> Double? {
        var clock = Substring(text)
        var days = 0.0
        if let word = clock.range(of: "day", options: .caseInsensitive) {
            guard let count = read(clock[..<word.lowerBound]) else { return nil }
            days = count
            clock = clock[word.upperBound...].drop { $0 == "s" || $0 == "," || $0 == " " }
        }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false).map { read($0) }
        guard (2...3).contains(parts.count), parts.allSatisfy({ $0 != nil && $0! >= 0 }) else { return nil }
        guard parts.dropFirst().allSatisfy({ $0! < 60 }), parts.dropLast().allSatisfy({ $0! == $0!.rounded() }) else {
            return nil
        }
        return days * 86_400 + parts.reduce(0) { $0 * 60 + $1! }
    }

    /// The whole number in a cell; `3.0` counts as whole.
    static func readInteger(_ text: some StringProtocol) -> Int? {
        guard let value = read(text), value.rounded() == value, abs(value) < 9e15 else { return nil }
        return Int(value)
    }

    /// A number with at least `least` and at most 9 decimals, enough for the sample period of any recorder.
    static func write(_ value: Double, least: Int = 6) -> String {
        guard abs(value) < 9e9 else { return "\(value)" }
        var rest = Int64((abs(value) * 1e9).rounded())
        let isNegative = value < 0 && rest != 0
        var decimals = 9
        while decimals > least, rest % 10 == 0 {
            rest /= 10
            decimals -= 1
        }
        return String(unsafeUninitializedCapacity: 32) { buffer in
            var position = 32
            func put(_ byte: UInt8) {
                position -= 1
                buffer[position] = byte
            }
            for _ in 0..<decimals {
                put(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            }
            if decimals > 0 { put(UInt8(ascii: ".")) }
            repeat {
                put(UInt8(ascii: "0") + UInt8(rest % 10))
                rest /= 10
            } while rest > 0
            if isNegative { put(UInt8(ascii: "-")) }
            let count = 32 - position
            for index in 0..<count { buffer[index] = buffer[position + index] }
            return count
        }
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
