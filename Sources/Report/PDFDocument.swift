// Just enough of PDF 1.4 (ISO 32000-1) for plates: lines, areas, pictures and text in one of the fonts that every reader
// has. Vectors stay sharp in print, and no font or library has to come along.
import Audio
import Foundation

/// Pages of drawings.
struct PDFDocument {
    /// Colours by red, green and blue, 0 … 1.
    struct Color: Sendable, Hashable {
        var red, green, blue: Double

        init(_ red: Double, _ green: Double, _ blue: Double) { (self.red, self.green, self.blue) = (red, green, blue) }

        static let black = Color(0.1, 0.1, 0.12)
        static let gray = Color(0.45, 0.45, 0.48)
        static let pale = Color(0.86, 0.86, 0.88)

        var text: String { "\(PDFDocument.number(red)) \(PDFDocument.number(green)) \(PDFDocument.number(blue))" }
    }

    /// Where text is anchored.
    enum Anchor { case start, middle, end }

    /// One page; the origin is the upper left corner, y grows downwards, units are points.
    struct Page {
        let width: Double
        let height: Double
        fileprivate var content = ""
        fileprivate var images: [Data] = []

        init(width: Double, height: Double) { (self.width, self.height) = (width, height) }

        private func y(_ value: Double) -> String { PDFDocument.number(height - value) }
        private func x(_ value: Double) -> String { PDFDocument.number(value) }

        mutating func fill(_ left: Double, _ top: Double, _ width: Double, _ height: Double, _ color: Color) {
            content += "\(color.text) rg \(x(left)) \(y(top + height)) \(x(width)) \(x(height)) re f\n"
        }

        mutating func frame(_ left: Double, _ top: Double, _ width: Double, _ height: Double, _ color: Color) {
            content += "\(color.text) RG 0.6 w [] 0 d \(x(left)) \(y(top + height)) \(x(width)) \(x(height)) re S\n"
        }

        mutating func line(
            _ points: [(x: Double, y: Double)], _ color: Color, width: Double = 0.8, isDashed: Bool = false
        ) {
            guard let first = points.first, points.count > 1 else { return }
            content += "\(color.text) RG \(x(width)) w \(isDashed ? "[2 2] 0 d" : "[] 0 d") 1 j "
            content += "\(x(first.x)) \(y(first.y)) m "
            for point in points.dropFirst() { content += "\(x(point.x)) \(y(point.y)) l " }
            content += "S\n"
        }

        /// An area under a line.
        mutating func area(_ points: [(x: Double, y: Double)], base: Double, _ color: Color) {
            guard let first = points.first, let last = points.last, points.count > 1 else { return }
            content += "\(color.text) rg \(x(first.x)) \(y(base)) m "
            for point in points { content += "\(x(point.x)) \(y(point.y)) l " }
            content += "\(x(last.x)) \(y(base)) l h f\n"
        }

        mutating func text(
            _ text: String, _ left: Double, _ baseline: Double, size: Double = 8, _ color: Color = .black,
            anchor: Anchor = .start, isBold: Bool = false
        ) {
            let width = Helvetica.width(text, isBold: isBold) * size
            let start = anchor == .start ? left : anchor == .end ? left - width : left - width / 2
            content += "BT /\(isBold ? "B" : "F") \(x(size)) Tf \(color.text) rg "
            content += "1 0 0 1 \(x(start)) \(y(baseline)) Tm (\(Helvetica.encoded(text))) Tj ET\n"
        }

        /// A picture in RGB, row by row from the top.
        mutating func image(
            _ left: Double, _ top: Double, _ width: Double, _ height: Double,
            pixels: (width: Int, height: Int, rgb: [UInt8])
        ) throws {
            let png = try PNGImage.encode(width: pixels.width, height: pixels.height, rgb: pixels.rgb)
            let data = PDFDocument.imageData(png)
            var object = Data(
                """
                <</Type/XObject/Subtype/Image/Width \(pixels.width)/Height \(pixels.height)/ColorSpace/DeviceRGB\
                /BitsPerComponent 8/Filter/FlateDecode/DecodeParms<</Predictor 15/Colors 3/BitsPerComponent 8\
                /Columns \(pixels.width)>>/Length \(data.count)>>
                stream

                """.utf8)
            object += data
            object += Data("\nendstream".utf8)
            images.append(object)
            content += "q \(x(width)) 0 0 \(x(height)) \(x(left)) \(y(top + height)) cm /I\(images.count - 1) Do Q\n"
        }
    }

    private var pages: [Page] = []
    private let title: String

    /// A document without pages.
    init(title: String) { self.title = title }

    /// Whether there is nothing in it.
    var isEmpty: Bool { pages.isEmpty }

    /// Adds a page.
    mutating func add(_ page: Page) { pages.append(page) }

    /// The file.
    func data() -> Data {
        // 1 catalogue, 2 pages, 3 and 4 fonts, 5 information; then page, content and pictures of every page.
        var objects: [Data] = []
        var kids: [Int] = []
        var next = 6
        var bodies: [Data] = []
        for page in pages {
            let (own, content) = (next, next + 1)
            kids.append(own)
            next += 2 + page.images.count
            let names = page.images.indices.map { "/I\($0) \(content + 1 + $0) 0 R" }.joined()
            bodies.append(
                Data(
                    """
                    <</Type/Page/Parent 2 0 R/MediaBox[0 0 \(Self.number(page.width)) \(Self.number(page.height))]\
                    /Resources<</Font<</F 3 0 R/B 4 0 R>>/XObject<<\(names)>>>>/Contents \(content) 0 R>>
                    """.utf8))
            let stream = Data(page.content.utf8)
            bodies.append(Data("<</Length \(stream.count)>>\nstream\n".utf8) + stream + Data("endstream".utf8))
            bodies += page.images
        }
        objects.append(Data("<</Type/Catalog/Pages 2 0 R>>".utf8))
        objects.append(
            Data("<</Type/Pages/Count \(pages.count)/Kids[\(kids.map { "\($0) 0 R" }.joined(separator: " "))]>>".utf8))
        for name in ["Helvetica", "Helvetica-Bold"] {
            objects.append(
                Data("<</Type/Font/Subtype/Type1/BaseFont/\(name)/Encoding/WinAnsiEncoding>>".utf8))
        }
        objects.append(Data("<</Title(\(Helvetica.encoded(title)))/Producer(animal2vec)>>".utf8))
        objects += bodies
        var file = Data("%PDF-1.4\n%\u{e2}\u{e3}\n".utf8)
        var offsets: [Int] = []
        for (index, object) in objects.enumerated() {
            offsets.append(file.count)
            file += Data("\(index + 1) 0 obj\n".utf8) + object + Data("\nendobj\n".utf8)
        }
        let table = file.count
        file += Data("xref\n0 \(objects.count + 1)\n0000000000 65535 f \n".utf8)
        for offset in offsets { file += Data(String(format: "%010d 00000 n \n", offset).utf8) }
        file += Data(
            "trailer\n<</Size \(objects.count + 1)/Root 1 0 R/Info 5 0 R>>\nstartxref\n\(table)\n%%EOF\n".utf8)
        return file
    }

    /// The compressed rows of a PNG, which PDF takes as they are.
    private static func imageData(_ png: Data) -> Data {
        var data = Data()
        var place = png.startIndex + 8
        while place + 8 <= png.endIndex {
            let length = png[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
            if png[place + 4..<place + 8].elementsEqual("IDAT".utf8) { data += png[place + 8..<place + 8 + length] }
            place += 12 + length
        }
        return data
    }

    /// A number as PDF wants it.
    static func number(_ value: Double) -> String {
        var text = String(format: "%.3f", value)
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text == "-0" ? "0" : text
    }
}

/// Widths of the letters of Helvetica, and text in its encoding.
enum Helvetica {
    // Adobe's metrics of the characters from space to tilde, thousandths of the size.
    private static let plain = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556,
        556,
        556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556,
        833,
        722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500,
        556,
        556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500,
        334,
        260, 334, 584,
    ]

    /// The width of a text of size 1.
    static func width(_ text: String, isBold: Bool = false) -> Double {
        let sum = text.unicodeScalars.reduce(0) { sum, scalar in
            let index = Int(scalar.value) - 32
            return sum + (plain.indices.contains(index) ? plain[index] : 556)
        }
        return Double(sum) / 1000 * (isBold ? 1.06 : 1)
    }

    /// Text for a string of a PDF; what the encoding does not know becomes a question mark.
    static func encoded(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "(", ")", "\\": result += "\\\(scalar)"
            case " "..."~": result.unicodeScalars.append(scalar)
            case "–": result += "\\226"
            case "\u{a0}"..."\u{ff}": result += "\\" + String(scalar.value, radix: 8)
            default: result += "?"
            }
        }
        return result
    }
}
