// A configuration between text and types. Scalars stay text until a type asks for them: then 1e-4 can be a number,
// 007 a label and `off` the case of an enum, and no YAML rule about implicit types stands between.

/// One value of a configuration and where it was written.
package struct ConfigurationNode: Sendable, Hashable {
    /// What it is.
    package enum Value: Sendable, Hashable {
        case null
        /// Text, and whether it is to be read back as text whatever it looks like.
        case scalar(String, isText: Bool)
        case list([ConfigurationNode])
        case map([ConfigurationEntry], hasFreeKeys: Bool)
    }

    package var value: Value
    /// File and line, or the command line; nil for a default.
    package var origin: String?

    package init(_ value: Value, origin: String? = nil) {
        self.value = value
        self.origin = origin
    }

    /// The value of a key, nil where there is none or this is no map.
    package subscript(key: String) -> ConfigurationNode? {
        guard case .map(let entries, _) = value else { return nil }
        return entries.first { $0.key == key }?.node
    }

    /// What it is, in words for messages.
    package var summary: String {
        switch value {
        case .null: "nothing"
        case .scalar(let text, _): "\"\(text)\""
        case .list(let nodes): "a list of \(nodes.count)"
        case .map(let entries, _): entries.isEmpty ? "an empty group" : "a group of settings (\(entries[0].key), …)"
        }
    }

    /// Every path of a single value or list below this one, with its text.
    package func leaves(_ path: String = "") -> [(path: String, text: String)] {
        guard case .map(let entries, _) = value else { return [(path, flowText)] }
        return entries.flatMap { $0.node.leaves(path.isEmpty ? $0.key : "\(path).\($0.key)") }
    }

    /// This, with the keys of `overlay` over it. Lists are replaced as a whole. Unknown keys are collected as faults.
    package func merged(
        with overlay: ConfigurationNode, path: String, faults: inout [UnknownKey]
    ) throws(ConfigurationError) -> Self {
        switch (value, overlay.value) {
        case (.map(var entries, let hasFreeKeys), .map(let others, _)):
            for other in others {
                let childPath = path.isEmpty ? other.key : "\(path).\(other.key)"
                if let index = entries.firstIndex(where: { $0.key == other.key }) {
                    entries[index].node = try entries[index].node.merged(
                        with: other.node, path: childPath, faults: &faults)
                } else if hasFreeKeys {
                    entries.append(other)
                } else {
                    faults.append(UnknownKey(path: childPath, origin: other.node.origin, siblings: entries.map(\.key)))
                }
            }
            return ConfigurationNode(.map(entries, hasFreeKeys: hasFreeKeys), origin: overlay.origin)
        case (.map, .null):
            // A group whose settings are all commented out.
            return self
        case (.map(let entries, _), _):
            throw ConfigurationError(
                path, origin: overlay.origin,
                "is a group of settings (\(entries.map(\.key).joined(separator: ", "))), found \(overlay.summary)")
        case (.scalar, .map), (.list, .map):
            throw ConfigurationError(path, origin: overlay.origin, "is a single setting, found \(overlay.summary)")
        default: return overlay
        }
    }
}

/// A key and its value.
package struct ConfigurationEntry: Sendable, Hashable {
    package let key: String
    package var node: ConfigurationNode

    package init(key: String, node: ConfigurationNode) { (self.key, self.node) = (key, node) }
}

/// A key that no setting has.
package struct UnknownKey: Hashable {
    let path: String
    let origin: String?
    let siblings: [String]

    /// The fault in words, with keys that may have been meant: near ones of the same group, then the same name elsewhere.
    package func fault(among paths: [String]) -> String {
        let (group, key) =
            path.lastIndex(of: ".").map {
                (String(path[...$0]), String(path[path.index(after: $0)...]))
            } ?? ("", path)
        let near = siblings.map { ($0, distance($0, key)) }.filter { $0.1 <= max(1, key.count / 3) }
        var meant = near.sorted { $0.1 < $1.1 }.prefix(3).map { group + $0.0 }
        if meant.isEmpty {
            meant = Array(paths.filter { simplified($0.split(separator: ".").last ?? "") == simplified(key) }.prefix(3))
        }
        let advice =
            meant.isEmpty
            ? "known here: \(siblings.joined(separator: ", "))" : "did you mean \(meant.joined(separator: " or "))?"
        return "\(origin.map { "\($0): " } ?? "")unknown key \(path); \(advice)"
    }
}

private func simplified(_ name: some StringProtocol) -> String {
    name.lowercased().filter { $0 != "_" && $0 != "-" }
}

/// How many single letters must change, or neighbours change places, to turn one name into the other, case and
/// underscores aside.
private func distance(_ left: String, _ right: String) -> Int {
    let (left, right) = (Array(simplified(left)), Array(simplified(right)))
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for i in left.indices {
        var row = [i + 1]
        for j in right.indices {
            var least = min(row[j] + 1, last[j + 1] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
            if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                least = min(least, beforeLast[j - 1] + 1)
            }
            row.append(least)
        }
        (beforeLast, last) = (last, row)
    }
    return last[right.count]
}
