extension MatFile {
    /// The content of a variable to write.
    enum Content {
        /// A column of doubles.
        case numbers([Double])
        /// A row of characters.
        case text(String)
    }

    /// The bytes of a MATLAB 5 file with these variables, little-endian and uncompressed.
    static func bytes(_ variables: [(name: String, content: Content)]) -> [UInt8] {
        // The header names no date: the same labels give the same bytes.
        let title = Array("MATLAB 5.0 MAT-file, written by animal2vec".utf8)
        var file = title + Array(repeating: 0x20, count: 116 - title.count) + Array(repeating: 0, count: 8)
        file += [0x00, 0x01, 0x49, 0x4D]
        for (name, content) in variables {
            let (arrayClass, dimensions, data): (UInt32, [Int], [UInt8])
            switch content {
            case .numbers(let values):
                arrayClass = 6
                dimensions = [values.count, values.isEmpty ? 0 : 1]
                data = element(9, values.flatMap { littleEndian($0.bitPattern) })
            case .text(let text):
                let units = Array(text.utf16)
                arrayClass = 4
                dimensions = [units.isEmpty ? 0 : 1, units.count]
                data = element(4, units.flatMap { littleEndian($0) })
            }
            let matrix =
                element(6, littleEndian(arrayClass) + littleEndian(UInt32(0)))
                + element(5, dimensions.flatMap { littleEndian(Int32($0)) }) + element(1, Array(name.utf8)) + data
            file += element(14, matrix)
        }
        return file
    }

    private static func element(_ type: UInt32, _ data: [UInt8]) -> [UInt8] {
        littleEndian(type) + littleEndian(UInt32(data.count)) + data
            + Array(repeating: 0, count: (8 - data.count % 8) % 8)
    }

    private static func littleEndian(_ word: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
}
