// Manifests among the scanned paths: their recordings, their labels, and the split that their names speak of.

import Foundation
import GRDB
import Labels

/// The manifests of one scan.
struct ManifestScan {
    private var manifests: [Manifest] = []
    /// The paths that are no manifests.
    private(set) var otherPaths: [String] = []

    init(_ paths: [String], root: String?) throws(CorpusError) {
        for path in paths {
            if Manifest.isManifest(URL(fileURLWithPath: path)) {
                manifests.append(try Manifest(contentsOf: URL(fileURLWithPath: path), root: root))
            } else {
                otherPaths.append(path)
            }
        }
    }

    var isEmpty: Bool { manifests.isEmpty }

    /// The recordings of all manifests, each once. Those that are not there are named in `problems`.
    func files(problems: inout [String]) -> [FoundFile] {
        var files: [String: FoundFile] = [:]
        for manifest in manifests {
            var missing: [String] = []
            for entry in manifest.entries {
                let path = FileSearch.absolute(manifest.path(of: entry))
                guard files[path] == nil else { continue }
                guard let status = FileSearch.status(path), status.isFile else {
                    missing.append(entry.relativePath)
                    continue
                }
                files[path] = FoundFile(
                    path: path, relativePath: entry.relativePath, size: status.size, modified: status.modified)
            }
            if let first = missing.first {
                problems.append(
                    "manifest \(manifest.name): \(missing.count) of \(manifest.entries.count) recordings are not in "
                        + "\(manifest.root), the first is \(first); name the folder of the recordings (--manifest-root)"
                )
            }
        }
        return NaturalOrder.sorted(Array(files.values), by: \.path)
    }

    /// The label files of the MeerKAT layout. Each bears the relative path of its recording, so that equal names in
    /// different folders are told apart.
    func labelFiles() -> [FoundFile] {
        var files: [String: FoundFile] = [:]
        for manifest in manifests {
            for entry in manifest.entries {
                let path = Manifest.labelPath(ofRecording: FileSearch.absolute(manifest.path(of: entry)))
                guard files[path] == nil, let status = FileSearch.status(path), status.isFile else { continue }
                files[path] = FoundFile(
                    path: path, relativePath: entry.relativePath, size: status.size, modified: status.modified)
            }
        }
        return NaturalOrder.sorted(Array(files.values), by: \.path)
    }

    /// Keeps every manifest as a set of recordings, and takes parts and folds from the manifests `train…`, `valid…` and
    /// `test…`.
    ///
    /// - Parameter fold: which of several belong together: `0` for `train_0` and `valid_0`; nil for the first there is.
    func apply(to catalogue: Catalogue, fold wanted: String?) throws(CorpusError) {
        let rows = try catalogue.read { try Row.fetchAll($0, sql: "SELECT id, path FROM recordings") }
        let known = Dictionary(rows.map { ($0["path"] as String, $0["id"] as Int64) }) { first, _ in first }
        var sets: [String: [Int64]] = [:]
        for manifest in manifests {
            sets[manifest.name, default: []] += manifest.entries.compactMap {
                known[FileSearch.absolute(manifest.path(of: $0))]
            }
        }
        try catalogue.setRecordingSets(sets)
        let families = Set(sets.keys.compactMap { Self.family($0)?.family })
        guard !families.isEmpty else { return }
        let family = wanted ?? families.min { ($0.count, $0) < ($1.count, $1) }!
        guard families.contains(family) else {
            throw .invalidSetting(
                name: "manifest fold", value: family,
                remedy: "give one of: \(families.sorted().joined(separator: ", "))")
        }
        var parts: [Int64: SplitPart] = [:]
        for part in [SplitPart.train, .valid, .test] {
            for (name, recordings) in sets where Self.family(name)?.part == part {
                guard Self.family(name)?.family == family || part == .test else { continue }
                for recording in recordings { parts[recording] = part }
            }
        }
        let folds = Self.folds(sets)
        try catalogue.write { database in
            try database.execute(sql: "UPDATE recordings SET part = NULL, fold = NULL")
            let update = try database.cachedStatement(sql: "UPDATE recordings SET part = ?, fold = ? WHERE id = ?")
            for recording in Set(parts.keys).union(folds.keys) {
                try update.execute(arguments: [parts[recording]?.rawValue, folds[recording], recording])
            }
        }
        try catalogue.setProperty("split", "manifests \(sets.keys.sorted().joined(separator: " "))")
    }

    /// `train_0` → train, family `0`; `valid_lof` → valid, family `lof`; nil for `pretrain` and `train_0_few_1`.
    private static func family(_ name: String) -> (part: SplitPart, family: String)? {
        let words = name.split(separator: "_", maxSplits: 1).map(String.init)
        guard let part = words.first.flatMap(SplitPart.init(rawValue:)), !name.contains("_few_") else { return nil }
        return (part, words.count > 1 ? words[1] : "")
    }

    /// The fold of each recording, where the manifests `valid_0`, `valid_1`, … share none.
    private static func folds(_ sets: [String: [Int64]]) -> [Int64: Int] {
        var folds: [Int64: Int] = [:]
        var count = 0
        while let recordings = sets["valid_\(count)"] {
            for recording in recordings where folds.updateValue(count, forKey: recording) != nil { return [:] }
            count += 1
        }
        return count >= 2 ? folds : [:]
    }
}
