import Foundation
import Yams

extension ConfigurationNode {
    /// Enough for any recipe or model; a text that unfolds to more is an attack.
    private static let largestCount = 100_000
    private static let largestDepth = 32

    /// Reads one YAML document; `name` is where it stands, for messages. An empty document is an empty map.
    package init(yaml: String, name: String, countsLines: Bool = true) throws(ConfigurationError) {
        var count = 0
        do {
            guard let root = try Yams.compose(yaml: yaml) else {
                self.init(.map([], hasFreeKeys: false), origin: name)
                return
            }
            try self.init(root, name, countsLines, depth: 0, count: &count)
        } catch let error as ConfigurationError {
            throw error
        } catch {
            let text = "\(error)".split(separator: "\n").joined(separator: " ")
            throw ConfigurationError("", origin: name, "is no sound YAML: \(text)")
        }
    }

    private init(
        _ node: Yams.Node, _ name: String, _ countsLines: Bool, depth: Int, count: inout Int
    ) throws(ConfigurationError) {
        let origin = countsLines ? node.mark.map { "\(name) line \($0.line)" } ?? name : name
        count += 1
        guard count <= Self.largestCount && depth <= Self.largestDepth else {
            throw ConfigurationError(
                "", origin: origin,
                "more than \(Self.largestCount) values or \(Self.largestDepth) levels: no configuration is so large")
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            self.init(isNull ? .null : .scalar(scalar.string, isText: !isPlain), origin: origin)
        case .sequence(let sequence):
            var nodes: [ConfigurationNode] = []
            for child in sequence { nodes.append(try Self(child, name, countsLines, depth: depth + 1, count: &count)) }
            self.init(.list(nodes), origin: origin)
        case .mapping(let mapping):
            var entries: [ConfigurationEntry] = []
            for (key, child) in mapping {
                guard let key = key.scalar?.string else {
                    throw ConfigurationError("", origin: origin, "a key must be a name")
                }
                let node = try Self(child, name, countsLines, depth: depth + 1, count: &count)
                entries.append(ConfigurationEntry(key: key, node: node))
            }
            self.init(.map(entries, hasFreeKeys: false), origin: origin)
        case .alias:
            throw ConfigurationError("", origin: origin, "an alias points nowhere")
        }
    }

    /// The YAML text of this as a document.
    package var yaml: String {
        guard case .map(let entries, _) = value else { return flowText + "\n" }
        var lines: [String] = []
        Self.append(entries, indent: "", to: &lines)
        return lines.joined(separator: "\n") + "\n"
    }

    private static func append(_ entries: [ConfigurationEntry], indent: String, to lines: inout [String]) {
        for entry in entries {
            if case .map(let children, _) = entry.node.value, !children.isEmpty {
                lines.append("\(indent)\(quoted(entry.key)):")
                append(children, indent: indent + "  ", to: &lines)
            } else {
                lines.append("\(indent)\(quoted(entry.key)): \(entry.node.flowText)")
            }
        }
    }

    /// The YAML text of this in one line.
    package var flowText: String {
        switch value {
        case .null: "null"
        case .scalar(let text, let isText): isText ? Self.quoted(text) : text
        case .list(let nodes): "[\(nodes.map(\.flowText).joined(separator: ", "))]"
        case .map(let entries, _):
            "{\(entries.map { "\(Self.quoted($0.key)): \($0.node.flowText)" }.joined(separator: ", "))}"
        }
    }

    /// Words that some YAML reader takes for something else than text.
    private static let reserved: Set<String> = [
        "null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf", "infinity",
    ]

    private static func quoted(_ text: String) -> String {
        let isName =
            text.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-./".unicodeScalars.contains($0))
            }
            && text.unicodeScalars.first?.properties.isAlphabetic == true && !reserved.contains(text.lowercased())
        if isName { return text }
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case ..<" ", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}", "\u{FEFF}":
                result += String(format: "\\u%04x", scalar.value)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
