// Text from data never becomes markup.
import Foundation

/// Makes text safe inside HTML and SVG.
enum Markup {
    /// Text for element content and quoted attributes. Control characters, which HTML forbids, become U+FFFD.
    static func escaped(_ text: String) -> String {
        var result = ""
        result.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n": result.unicodeScalars.append(" ")
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value): result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// A relative link. Every part is percent-encoded, so that no path can name a scheme or a host; leading slashes go.
    static func link(_ path: String) -> String {
        let allowed = CharacterSet(charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")
        return "./"
            + path.split(separator: "/").map {
                $0.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
            }.joined(separator: "/")
    }

    /// Bytes inside the page.
    static func dataURI(_ type: String, _ data: Data) -> String { "data:\(type);base64,\(data.base64EncodedString())" }

    /// A coordinate of SVG.
    static func coordinate(_ value: Double) -> String { NumberText.fixed(value, digits: 1) }
}
