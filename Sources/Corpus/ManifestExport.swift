// The split of a corpus as manifests, for animal2vec 1.0 and everything else that reads fairseq's.

import Foundation

/// Writes the split of a corpus as manifests.
public struct ManifestExport: Sendable {
    /// The folder that paths start from; nil for the one that all recordings share, above a folder `wav`.
    public var root: String?
    /// Also list recordings that were listened to and in which nothing was heard. animal2vec 1.0 leaves them out.
    public var includesSilence = false

    /// An export with its defaults.
    public init(root: String? = nil, includesSilence: Bool = false) {
        (self.root, self.includesSilence) = (root, includesSilence)
    }

    /// Writes `pretrain.tsv` (everything outside the test part), `train_0.tsv` and `valid_0.tsv` and those of further
    /// folds, `test.tsv` where there is a test part, and the shares `train_0_few_0.tsv`, … where they were drawn. Returns
    /// them with the sizes of what they list.
    @discardableResult
    public func write(
        _ catalogue: Catalogue, to folder: URL
    ) throws -> [(manifest: Manifest, summary: Split.Summary)] {
        let sets = try SplitSets(catalogue)
        var lists: [(name: String, entries: [SplitSets.Entry])] = [("pretrain", sets.pretrain)]
        func heard(_ entries: [SplitSets.Entry]) -> [SplitSets.Entry] {
            includesSilence ? entries : entries.filter { !$0.events.isEmpty }
        }
        for fold in sets.train.indices {
            lists.append(("train_\(fold)", heard(sets.train[fold])))
            lists.append(("valid_\(fold)", heard(sets.valid[fold])))
        }
        if !sets.test.isEmpty { lists.append(("test", heard(sets.test))) }
        let events = try catalogue.events()
        for name in try catalogue.recordingSets().keys.sorted() where name.contains("_few_") {
            lists.append((name, try catalogue.recordings(.init(set: name)).map { ($0, events[$0.id] ?? []) }))
        }
        let root = try root.map(FileSearch.absolute) ?? Self.commonFolder(sets.pretrain + sets.test)
        let prefix = root == "/" ? root : root + "/"
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var written: [(manifest: Manifest, summary: Split.Summary)] = []
        for (name, entries) in lists {
            let manifest = Manifest(
                name: name, root: root,
                entries: try entries.map { entry in
                    let path = entry.recording.path
                    guard path.hasPrefix(prefix) else {
                        throw CorpusError.invalidSetting(
                            name: "manifest root", value: root, remedy: "\(path) does not lie in it")
                    }
                    return Manifest.Entry(
                        relativePath: String(path.dropFirst(prefix.count)), frames: entry.recording.frames)
                })
            try manifest.write(toFolder: folder)
            written.append((manifest, Split.Summary(entries)))
        }
        return written
    }

    private static func commonFolder(_ entries: [SplitSets.Entry]) throws(CorpusError) -> String {
        guard var common = entries.first?.recording.path.split(separator: "/").dropLast().map(String.init) else {
            throw .nothingFound(what: "usable recordings", remedy: "scan a folder that holds some")
        }
        for entry in entries {
            let own = entry.recording.path.split(separator: "/").dropLast()
            let shared = zip(common, own).prefix { $0 == $1 }.count
            common = Array(common.prefix(shared))
        }
        // The labels lie in a folder `lbl` beside `wav`; paths that hold `wav` lead there.
        if let index = common.lastIndex(of: "wav") { common = Array(common.prefix(index)) }
        return "/" + common.joined(separator: "/")
    }
}
