// The published configurations hold pieces of Python that the published program evaluates. Here they are read by their
// few forms, and nothing else is.
import Models

/// Reads the Python expressions of the published configurations.
package enum PythonText {
    /// What is not understood in a text.
    package struct Fault: Error, CustomStringConvertible {
        package let description: String
    }

    /// More layers than any front-end has.
    package static let largestLayerCount = 64

    /// Layers such as `[(127, 63, 1)] + [(512, 10, 5)] + [(512, 3, 2)] * 3`: (channels, kernel, stride).
    package static func layers(_ text: String) throws -> [FrontEnd.Layer] {
        var scanner = try Scanner(text)
        let layers = try scanner.sum(depth: 0)
        try scanner.end()
        guard !layers.isEmpty else { throw Fault(description: "a list without layers") }
        return layers
    }

    /// Texts such as `['beep', 'synch', "sn"]`.
    package static func texts(_ text: String) throws -> [String] {
        var scanner = try Scanner(text)
        let texts = try scanner.texts()
        try scanner.end()
        return texts
    }

    private struct Scanner {
        private let characters: [Character]
        private var position = 0

        init(_ text: String) throws {
            guard text.utf8.count <= 1 << 20 else { throw Fault(description: "a text of \(text.utf8.count) bytes") }
            characters = Array(text)
        }

        private mutating func next() -> Character? {
            while position < characters.count, characters[position].isWhitespace { position += 1 }
            return position < characters.count ? characters[position] : nil
        }

        private mutating func takes(_ character: Character) -> Bool {
            guard next() == character else { return false }
            position += 1
            return true
        }

        private mutating func expect(_ character: Character) throws {
            guard takes(character) else { throw fault("'\(character)'") }
        }

        private mutating func fault(_ expected: String) -> Fault {
            let found = next().map { "'\($0)'" } ?? "the end"
            return Fault(description: "\(expected) is expected at character \(position + 1), found \(found)")
        }

        mutating func end() throws {
            if next() != nil { throw fault("the end") }
        }

        mutating func integer() throws -> Int {
            _ = next()
            var digits = ""
            while position < characters.count, characters[position].isASCII,
                characters[position].isNumber || characters[position] == "_"
            {
                if characters[position] != "_" { digits.append(characters[position]) }
                position += 1
            }
            guard let value = Int(digits), value <= 1 << 30 else { throw fault("a number") }
            return value
        }

        mutating func sum(depth: Int) throws -> [FrontEnd.Layer] {
            guard depth < 8 else { throw Fault(description: "more brackets than a list of layers has") }
            var layers = try product(depth)
            while takes("+") { layers += try product(depth) }
            guard layers.count <= largestLayerCount else {
                throw Fault(description: "more than \(largestLayerCount) layers")
            }
            return layers
        }

        private mutating func product(_ depth: Int) throws -> [FrontEnd.Layer] {
            var factor = 1
            while let character = next(), character.isASCII, character.isNumber {
                factor = try bounded(factor, integer())
                try expect("*")
            }
            let layers = try list(depth)
            while takes("*") { factor = try bounded(factor, integer()) }
            guard layers.count * factor <= largestLayerCount else {
                throw Fault(description: "more than \(largestLayerCount) layers")
            }
            return (0..<factor).flatMap { _ in layers }
        }

        private func bounded(_ factor: Int, _ other: Int) throws -> Int {
            guard other <= largestLayerCount, factor * other <= largestLayerCount else {
                throw Fault(description: "more than \(largestLayerCount) layers")
            }
            return factor * other
        }

        private mutating func list(_ depth: Int) throws -> [FrontEnd.Layer] {
            if takes("(") {
                let layers = try sum(depth: depth + 1)
                try expect(")")
                return layers
            }
            try expect("[")
            var layers: [FrontEnd.Layer] = []
            while !takes("]") {
                let isTuple = takes("(")
                if !isTuple { try expect("[") }
                let channels = try integer()
                try expect(",")
                let kernel = try integer()
                try expect(",")
                layers.append(.init(channels, kernel, try integer()))
                _ = takes(",")
                try expect(isTuple ? ")" : "]")
                guard layers.count <= largestLayerCount else {
                    throw Fault(description: "more than \(largestLayerCount) layers")
                }
                if !takes(",") {
                    try expect("]")
                    break
                }
            }
            return layers
        }

        mutating func texts() throws -> [String] {
            let closing: Character = takes("(") ? ")" : "]"
            if closing == "]" { try expect("[") }
            var texts: [String] = []
            while !takes(closing) {
                texts.append(try text())
                if !takes(",") {
                    try expect(closing)
                    break
                }
            }
            return texts
        }

        private mutating func text() throws -> String {
            guard let quote = next(), quote == "'" || quote == "\"" else { throw fault("a text in quotation marks") }
            position += 1
            var result = ""
            while position < characters.count, characters[position] != quote {
                var character = characters[position]
                if character == "\\" {
                    position += 1
                    guard position < characters.count, "\\'\"".contains(characters[position]) else {
                        throw fault("\\\\, \\' or \\\"")
                    }
                    character = characters[position]
                }
                result.append(character)
                position += 1
            }
            guard position < characters.count else { throw fault("a quotation mark") }
            position += 1
            return result
        }
    }
}
