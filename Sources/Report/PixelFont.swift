// Letters for axes in pictures, five pixels wide and seven high: no font file is needed anywhere.

/// The few letters that axes need.
enum PixelFont {
    static let height = 7
    private static let width = 5

    /// Pixels from the left edge of one letter to that of the next.
    static let advance = width + 1

    /// Columns that a text takes.
    static func width(of text: String) -> Int { max(0, text.count * advance - 1) }

    /// Calls `body` for every pixel of a text that is set, counted from its upper left corner. Unknown letters are blank.
    static func draw(_ text: String, _ body: (_ column: Int, _ row: Int) -> Void) {
        for (place, letter) in text.enumerated() {
            guard let rows = letters[letter] else { continue }
            for (row, bits) in rows.enumerated() {
                for column in 0..<width where bits >> (width - 1 - column) & 1 == 1 {
                    body(place * advance + column, row)
                }
            }
        }
    }

    private static let letters: [Character: [UInt8]] = [
        "0": [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
        "1": [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        "2": [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
        "3": [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
        "4": [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        "5": [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
        "6": [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
        "7": [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
        "8": [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
        "9": [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
        ".": [0, 0, 0, 0, 0, 0b01100, 0b01100],
        "-": [0, 0, 0, 0b11111, 0, 0, 0],
        "H": [0b10001, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        "k": [0b10000, 0b10000, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010],
        "z": [0, 0, 0b11111, 0b00010, 0b00100, 0b01000, 0b11111],
        "s": [0, 0, 0b01110, 0b10000, 0b01110, 0b00001, 0b11110],
    ]
}
