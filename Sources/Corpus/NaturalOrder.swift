// Names as people sort them: `9.flac` before `10.flac`.

/// Compares names with the numbers in them by value.
public enum NaturalOrder {
    /// Whether `a` comes before `b`. Equal numbers of different length, such as `7` and `007`, are settled as text.
    public static func isBefore(_ a: String, _ b: String) -> Bool {
        let order = compare(Array(a.utf8), Array(b.utf8))
        return order == 0 ? a < b : order < 0
    }

    /// Sorted by a name.
    static func sorted<Element>(_ elements: [Element], by name: (Element) -> String) -> [Element] {
        let keyed = elements.map { (key: Array(name($0).utf8), element: $0) }
        return keyed.sorted { a, b in
            let order = compare(a.key, b.key)
            return order == 0 ? a.key.lexicographicallyPrecedes(b.key) : order < 0
        }.map(\.element)
    }

    /// Below 0, 0 or above 0.
    static func compare(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var i = 0
        var j = 0
        while i < a.count, j < b.count {
            if isDigit(a[i]), isDigit(b[j]) {
                let first = number(a, &i)
                let second = number(b, &j)
                if first.count != second.count { return first.count - second.count }
                for (x, y) in zip(first, second) where x != y { return Int(x) - Int(y) }
            } else {
                if a[i] != b[j] { return Int(a[i]) - Int(b[j]) }
                i += 1
                j += 1
            }
        }
        return (a.count - i) - (b.count - j)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    // The digits without leading zeros.
    private static func number(_ text: [UInt8], _ index: inout Int) -> ArraySlice<UInt8> {
        while index < text.count, text[index] == 0x30 { index += 1 }
        let start = index
        while index < text.count, isDigit(text[index]) { index += 1 }
        return text[start..<index]
    }
}
