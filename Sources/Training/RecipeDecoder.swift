// Configuration in layers: defaults, then files, then key=value from the command line. Every key of a layer must be one that
// the defaults have; the first and only place where a configuration becomes typed.
import Foundation
import Inference
import Storage

/// One layer over the defaults.
public enum RecipeLayer: Sendable, Hashable {
    /// A YAML file.
    case file(URL)
    /// YAML text, and what to call it in messages.
    case text(String, name: String)

    /// The recipe that a user means: a path of a YAML file, or the name of one in `folder` (`tiny` for `tiny.yaml`).
    public static func find(_ recipe: String, in folder: URL) throws(RecipeError) -> RecipeLayer {
        let path = URL(filePath: recipe)
        if recipe.contains("/") || ["yaml", "yml"].contains(path.pathExtension) { return .file(path) }
        let named = folder.appending(path: "\(recipe).yaml")
        if FileManager.default.fileExists(atPath: named.path) { return .file(named) }
        let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
            .filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) }.sorted()
        throw RecipeError(
            "", origin: nil,
            "there is no recipe \"\(recipe)\"; take the path of a YAML file or one of \(names.joined(separator: ", "))")
    }
}

/// Turns layers of YAML into typed configurations and back.
public enum RecipeDecoder {
    /// The configuration that `defaults` becomes under the layers and then under the overrides.
    ///
    /// - Parameters:
    ///   - defaults: every key that may be set, with its value if nobody sets it.
    ///   - layers: later ones win; groups are merged, lists replaced as a whole.
    ///   - overrides: `dotted.path=value`, the value being YAML; they win over all layers.
    /// - Throws: `RecipeError` naming file, line and path: unknown keys (with near ones), wrong types, unsound YAML.
    public static func decode<T: Codable>(
        _ type: T.Type = T.self, defaults: T, layers: [RecipeLayer] = [], overrides: [String] = []
    ) throws(RecipeError) -> T {
        let tree = try tree(of: defaults)
        let paths = tree.leaves().map(\.path)
        var merged = tree
        var faults: [UnknownKey] = []
        for layer in try layers.map(read) + overrides.map(read) {
            merged = try merged.merged(with: layer, path: "", faults: &faults)
        }
        guard faults.isEmpty else { throw RecipeError(faults.map { $0.fault(among: paths) }) }
        do {
            return try merged.decode(type)
        } catch let error as RecipeError {
            throw error
        } catch {
            throw RecipeError("", origin: nil, "\(error)")
        }
    }

    /// The text that layers and overrides set at a path, without looking at anything else; nil where none does. For choices
    /// that decide which type the rest has, such as `method`.
    public static func text(
        at path: String, layers: [RecipeLayer], overrides: [String] = []
    ) throws(RecipeError) -> String? {
        var result: String?
        for layer in try layers.map(read) + overrides.map(read) {
            var node: ConfigurationNode? = layer
            for key in path.split(separator: ".") { node = node?[String(key)] }
            if case .scalar(let text, _)? = node?.value { result = text }
        }
        return result
    }

    /// The complete YAML of a configuration, every key included, nil as null.
    public static func yaml(_ value: some Encodable) throws(RecipeError) -> String {
        try tree(of: value).yaml
    }

    /// A short text that two configurations share only if they are the same (CRC-32C of their YAML, hexadecimal).
    public static func fingerprint(_ value: some Encodable) throws(RecipeError) -> String {
        let checksum = CRC32C.of(Array(try yaml(value).utf8)).value
        return String(format: "%08x", checksum)
    }

    /// What differs between two configurations, one line `path: old → new` per setting.
    public static func differences<T: Encodable>(from old: T, to new: T) throws(RecipeError) -> [String] {
        let before = try tree(of: old).leaves()
        let after = try tree(of: new).leaves()
        let oldTexts = Dictionary(before.map { ($0.path, $0.text) }) { first, _ in first }
        let newTexts = Dictionary(after.map { ($0.path, $0.text) }) { first, _ in first }
        let changed = after.filter { oldTexts[$0.path] != $0.text }.map {
            "\($0.path): \(oldTexts[$0.path] ?? "unset") → \($0.text)"
        }
        return changed + before.filter { newTexts[$0.path] == nil }.map { "\($0.path): \($0.text) → unset" }
    }

    private static func tree(of value: some Encodable) throws(RecipeError) -> ConfigurationNode {
        do {
            return try ConfigurationNode(encoding: value)
        } catch {
            throw RecipeError("", origin: nil, "the configuration cannot be written: \(error)")
        }
    }

    private static func read(_ layer: RecipeLayer) throws(RecipeError) -> ConfigurationNode {
        let (text, name): (String, String)
        switch layer {
        case .text(let content, let title): (text, name) = (content, title)
        case .file(let url):
            guard let data = try? Data(contentsOf: url) else {
                throw RecipeError("", origin: url.path, "cannot be read; give a YAML file or the name of a recipe")
            }
            guard let content = String(validating: data, as: UTF8.self) else {
                throw RecipeError("", origin: url.path, "is not text in UTF-8")
            }
            (text, name) = (content, url.lastPathComponent)
        }
        let node = try ConfigurationNode(yaml: text, name: name)
        guard case .map = node.value else {
            throw RecipeError("", origin: name, "settings (key: value) are expected, found \(node.summary)")
        }
        return node
    }

    private static func read(_ override: String) throws(RecipeError) -> ConfigurationNode {
        let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let keys = parts[0].split(separator: ".", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard parts.count == 2, keys.allSatisfy({ !$0.isEmpty }) else {
            throw RecipeError(
                "", origin: "command line", "\"\(override)\" is not of the form key=value, such as seed=7")
        }
        let value = parts[1].trimmingCharacters(in: .whitespaces)
        var node =
            value.isEmpty
            ? ConfigurationNode(.null, origin: "command line")
            : try ConfigurationNode(yaml: value, name: "command line", countsLines: false)
        for key in keys.reversed() {
            let entry = ConfigurationEntry(key: key, node: node)
            node = ConfigurationNode(.map([entry], hasFreeKeys: false), origin: "command line")
        }
        return node
    }
}
