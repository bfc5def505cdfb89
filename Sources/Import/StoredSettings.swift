// The configuration inside a checkpoint: dictionaries, objects of OmegaConf, or a Namespace of argparse, nested in each
// other. Nothing is unfolded; each setting is looked up along its path.
import Foundation
import PyTorchFiles

/// Settings by their path in the published configuration, such as `model.modalities.audio.prenet_depth`.
struct StoredSettings {
    /// A single setting.
    enum Value: Equatable {
        case nothing, boolean(Bool), number(Double), text(String), texts([String])
    }

    /// What is wrong with a setting.
    struct Fault: Error {
        let path: String
        let problem: String
    }

    /// Where settings are looked up, in this order.
    private let roots: [PickleItem]
    /// Settings that the user gives, over those that are stored.
    private let overrides: [String: String]
    /// The settings that were asked for, as they were found.
    private(set) var found: [String: String] = [:]
    /// Every path that was looked up.
    private(set) var asked: Set<String> = []

    init(_ roots: [PickleItem], overrides: [String: String] = [:]) {
        (self.roots, self.overrides) = (roots, overrides)
    }

    /// Whether there is a configuration at all.
    var isEmpty: Bool { roots.isEmpty && overrides.isEmpty }

    // MARK: Typed settings

    /// An integer; `standard` if there is none.
    mutating func integer(_ path: String, _ standard: Int? = nil) throws -> Int {
        try take(path, standard, "an integer") { value in
            guard case .number(let number) = value else { return nil }
            return Int(exactly: number)
        }
    }

    /// A number; `standard` if there is none.
    mutating func number(_ path: String, _ standard: Double? = nil) throws -> Double {
        try take(path, standard, "a number") { value in
            if case .number(let number) = value, number.isFinite { number } else { nil }
        }
    }

    /// A truth value; `standard` if there is none.
    mutating func boolean(_ path: String, _ standard: Bool? = nil) throws -> Bool {
        try take(path, standard, "true or false") { value in
            if case .boolean(let boolean) = value { boolean } else { nil }
        }
    }

    /// A text; `standard` if there is none.
    mutating func text(_ path: String, _ standard: String? = nil) throws -> String {
        try take(path, standard, "a text") { value in
            if case .text(let text) = value { text } else { nil }
        }
    }

    /// A list of texts, also one that is written as Python.
    mutating func texts(_ path: String) throws -> [String]? {
        let texts: [String]
        switch try value(path) {
        case .texts(let list): texts = list
        case .text(let text):
            do {
                texts = try PythonText.texts(text)
            } catch {
                throw Fault(path: path, problem: "a list such as ['a', 'b'] is expected: \(error)")
            }
        default: return nil
        }
        guard texts.allSatisfy(PublishedCheckpoint.isPrintable) else {
            throw Fault(path: path, problem: "holds a text that cannot be printed")
        }
        return texts
    }

    /// The first of several paths that has a value.
    mutating func first(_ paths: [String]) throws -> String {
        for path in paths where try value(path) != .nothing { return path }
        return paths[0]
    }

    private mutating func take<Result>(
        _ path: String, _ standard: Result?, _ kind: String, _ convert: (Value) -> Result?
    ) throws -> Result {
        let value = try value(path)
        if value == .nothing {
            guard let standard else {
                throw Fault(path: path, problem: "is not in the checkpoint's configuration")
            }
            return standard
        }
        guard let result = convert(value) else {
            throw Fault(path: path, problem: "\(kind) is expected, found \(value)")
        }
        found[path] = "\(result)"
        return result
    }

    // MARK: Looking up

    /// The value at a path; `nothing` where there is none.
    mutating func value(_ path: String) throws -> Value {
        asked.insert(path)
        if let text = overrides[path] { return Self.value(of: text) }
        for root in roots {
            if let item = try item(path, in: root, depth: 0), !item.isNone {
                guard let value = Self.value(of: item) else {
                    throw Fault(path: path, problem: "a single setting is expected, found \(item.summary)")
                }
                return value
            }
        }
        return .nothing
    }

    /// A group of settings at a path.
    func group(_ path: String) -> PickleItem? {
        roots.lazy.compactMap { try? item(path, in: $0, depth: 0) }.first { !$0.isNone }
    }

    /// What the wrappers of OmegaConf hold.
    private func unwrapped(_ item: PickleItem) -> PickleItem {
        var item = item
        for _ in 0..<8 {
            guard let name = item.name, name.hasPrefix("omegaconf.") else { break }
            guard let inner = item.attribute("_content") ?? item.attribute("_val") else { break }
            item = inner
        }
        return item
    }

    private func item(_ path: String, in root: PickleItem, depth: Int) throws -> PickleItem? {
        guard depth < 8 else { throw Fault(path: path, problem: "refers to itself") }
        var item = unwrapped(root)
        let parts = path.split(separator: ".").map(String.init)
        for (index, part) in parts.enumerated() {
            guard let child = item[part] ?? item.attribute(part) else {
                // Old configurations are one flat Namespace.
                guard index == 0, parts.count > 1, item.name == "argparse.Namespace" else { return nil }
                return item.attribute(parts.last!).map(unwrapped)
            }
            item = unwrapped(child)
            if let text = item.text, let target = Self.reference(text) {
                // References count from the outermost configuration, which may be another root.
                var resolved: PickleItem?
                for candidate in [root] + roots where resolved == nil {
                    resolved = try self.item(target, in: candidate, depth: depth + 1)
                }
                guard let resolved else { return nil }
                item = resolved
            }
        }
        return item
    }

    /// `a.b` of `${a.b}`.
    private static func reference(_ text: String) -> String? {
        guard text.hasPrefix("${"), text.hasSuffix("}"), text.utf8.count < 256 else { return nil }
        let path = text.dropFirst(2).dropLast()
        return path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
            ? String(path) : nil
    }

    private static func value(of item: PickleItem) -> Value? {
        if let boolean = item.boolean { return .boolean(boolean) }
        if let number = item.number { return .number(number) }
        // ??? stands for a value that was to be given.
        if let text = item.text { return text == "???" ? .nothing : .text(text) }
        if let elements = item.elements, elements.count <= 100_000 {
            let texts = elements.compactMap { $0.text ?? $0.attribute("_val")?.text }
            return texts.count == elements.count ? .texts(texts) : nil
        }
        return nil
    }

    private static func value(of text: String) -> Value {
        switch text.lowercased() {
        case "true": .boolean(true)
        case "false": .boolean(false)
        case "null", "none", "": .nothing
        default: Double(text).map { .number($0) } ?? .text(text)
        }
    }
}

extension StoredSettings.Value: CustomStringConvertible {
    var description: String {
        switch self {
        case .nothing: "nothing"
        case .boolean(let value): "\(value)"
        case .number(let value): "\(value)"
        case .text(let text): String(text.prefix(60)).debugDescription
        case .texts(let texts): "a list of \(texts.count) texts"
        }
    }
}
