// A checkpoint is a folder step-N that appears by one rename when everything in it is on the disk. Whatever bears another
// name is not there: step-N.tmp is being written or removed, step-N.replaced is an older one of the same update that stands
// until its successor is in place.
import Foundation
import Storage

/// The checkpoints of a run. One process at a time may change them: hold the run's `FileLock`.
public struct CheckpointFolder: Sendable {
    /// Which checkpoints stay.
    public struct Retention: Sendable, Hashable {
        /// How many of the newest stay, at least 2: the last one may be the one that is damaged.
        public var last: Int
        /// Those whose update is a multiple of this stay; nil keeps none for that reason.
        public var every: Int?

        /// Keeps the `last` newest and every one whose update is a multiple of `every`.
        public init(last: Int = 3, every: Int? = nil) {
            precondition(last >= 2, "at least two checkpoints must stay, not \(last)")
            self.last = last
            self.every = every
        }

        /// As the recipe says.
        public init(_ recipe: Recipe.Checkpoint) { self.init(last: recipe.keepLast, every: recipe.keepEvery) }
    }

    /// A checkpoint whose files are as they were written.
    public struct Checkpoint: Sendable {
        /// Its folder.
        public let url: URL
        /// Where the run stood.
        public let manifest: CheckpointManifest

        /// One of its files.
        public func file(_ name: String) -> URL { url.appending(path: name) }
    }

    /// The newest good checkpoint and what was wrong with newer ones.
    public struct Loaded: Sendable {
        /// The newest good one.
        public let checkpoint: Checkpoint
        /// What is wrong with those that are newer: to be told to the user.
        public let skipped: [StorageError]
    }

    /// The folder of all checkpoints.
    public let url: URL
    /// Which checkpoints stay.
    public let retention: Retention
    private let fileSystem: FileSystem

    /// The checkpoints in the folder at `url`, which the first save creates.
    public init(_ url: URL, retention: Retention = Retention(), fileSystem: FileSystem = .live) {
        self.url = url
        self.retention = retention
        self.fileSystem = fileSystem
    }

    // MARK: Writing

    /// Writes a checkpoint: `body` writes the files, then the manifest follows. When this returns, it is durable and newest.
    ///
    /// An error leaves all older checkpoints as they are.
    /// - Returns: What went wrong afterwards without harm, such as an old checkpoint that could not be removed.
    @discardableResult
    public func save(_ manifest: CheckpointManifest, _ body: (CheckpointWriter) throws -> Void) throws -> [StorageError]
    {
        let name = "step-\(manifest.step)"
        let temporary = url.appending(path: "\(name).tmp")
        let target = url.appending(path: name)
        do {
            try fileSystem.makeFolder(url)
            try fileSystem.remove(temporary)
            try fileSystem.makeFolder(temporary)
            let writer = CheckpointWriter(temporary, fileSystem)
            try body(writer)
            var complete = manifest
            complete.files = writer.files
            let encoded = try complete.encoded(path: target.path)
            try writer.write(CheckpointManifest.fileName) { try $0.write(encoded) }
            try fileSystem.synchronizeFolder(temporary)
            if exists(target) {
                let replaced = url.appending(path: "\(name).replaced")
                try fileSystem.remove(replaced)
                try fileSystem.rename(target, to: replaced)
            }
            try fileSystem.rename(temporary, to: target)
            try fileSystem.synchronizeFolder(url)
        } catch {
            try? fileSystem.remove(temporary)
            throw error
        }
        var troubles: [StorageError] = []
        attempt(&troubles) { () throws(StorageError) in
            try AtomicFile.write("\(name)\n", to: url.appending(path: "latest"), fileSystem: fileSystem)
        }
        return troubles + prune()
    }

    /// Remembers which checkpoint is the best so far; it stays until another one is.
    public func markBest(step: Int) throws(StorageError) {
        try AtomicFile.write("step-\(step)\n", to: url.appending(path: "best"), fileSystem: fileSystem)
    }

    /// Removes checkpoints that are newer than `step`, after the run went back to it.
    public func discard(newerThan step: Int) throws(StorageError) {
        for name in names {
            let other = Self.step(name, suffix: "") ?? Self.step(name, suffix: ".replaced")
            if let other, other > step { try remove(name) }
        }
        try AtomicFile.write("step-\(step)\n", to: url.appending(path: "latest"), fileSystem: fileSystem)
    }

    /// Removes what was left by writes and removals that were broken off.
    public func removeLeftovers() throws(StorageError) {
        for name in names where name.hasSuffix(".tmp") { try fileSystem.remove(url.appending(path: name)) }
        try AtomicFile.removeUnfinished(in: url, fileSystem: fileSystem)
    }

    /// Removes what need not stay; trouble is returned, not thrown.
    private func prune() -> [StorageError] {
        let steps = steps
        var kept = Set(steps.prefix(retention.last))
        if let best { kept.insert(best) }
        var troubles: [StorageError] = []
        for step in steps where !kept.contains(step) {
            if let every = retention.every, step.isMultiple(of: every) { continue }
            attempt(&troubles) { () throws(StorageError) in try remove("step-\(step)") }
        }
        for name in names where name.hasSuffix(".replaced") {
            attempt(&troubles) { () throws(StorageError) in try remove(name) }
        }
        return troubles
    }

    /// Takes the name away first: a folder that is half removed must not look like a checkpoint.
    private func remove(_ name: String) throws(StorageError) {
        let temporary = url.appending(path: "\(name).tmp")
        try fileSystem.remove(temporary)
        try fileSystem.rename(url.appending(path: name), to: temporary)
        try fileSystem.remove(temporary)
    }

    private func attempt(_ troubles: inout [StorageError], _ body: () throws(StorageError) -> Void) {
        do throws(StorageError) { try body() } catch let error { troubles.append(error) }
    }

    // MARK: Reading

    /// The updates of the checkpoints that are there, newest first.
    public var steps: [Int] { names.compactMap { Self.step($0, suffix: "") }.sorted(by: >) }

    /// The update of the best checkpoint, nil if none was marked or it is gone.
    public var best: Int? {
        guard let text = try? String(contentsOf: url.appending(path: "best"), encoding: .utf8),
            let step = Self.step(text.trimmingCharacters(in: .newlines), suffix: ""), steps.contains(step)
        else { return nil }
        return step
    }

    /// The newest checkpoint whose manifest and files are sound; nil if there never was one.
    ///
    /// Damaged ones are passed over and named in the result. If there are only damaged ones this throws: a run must not
    /// start anew in silence over work that was paid for.
    public func loadNewest() throws(StorageError) -> Loaded? {
        if exists(url), (try? FileManager.default.contentsOfDirectory(atPath: url.path)) == nil {
            throw StorageError(
                .permission, path: url.path, "cannot be listed, so nobody knows whether there are checkpoints")
        }
        let candidates = names.compactMap { name -> (step: Int, name: String, rank: Int)? in
            if let step = Self.step(name, suffix: "") { return (step, name, 1) }
            return Self.step(name, suffix: ".replaced").map { ($0, name, 0) }
        }.sorted { ($0.step, $0.rank) > ($1.step, $1.rank) }
        guard !candidates.isEmpty else { return nil }
        var skipped: [StorageError] = []
        for candidate in candidates {
            do throws(StorageError) {
                return Loaded(checkpoint: try load(candidate.name, step: candidate.step), skipped: skipped)
            } catch let error {
                skipped.append(error)
            }
        }
        throw StorageError(
            .corrupt, path: url.path,
            "all \(skipped.count) checkpoints are damaged (\(skipped[0])); restore one from a copy, or move the folder away "
                + "to start anew")
    }

    /// The checkpoint of an update, verified.
    public func load(step: Int) throws(StorageError) -> Checkpoint {
        try load("step-\(step)", step: step)
    }

    private func load(_ name: String, step: Int) throws(StorageError) -> Checkpoint {
        let folder = url.appending(path: name)
        let manifest = try CheckpointManifest(folder.appending(path: CheckpointManifest.fileName))
        guard manifest.step == step else {
            throw StorageError(.corrupt, path: folder.path, "its manifest is of update \(manifest.step)")
        }
        try manifest.verify(in: folder)
        return Checkpoint(url: folder, manifest: manifest)
    }

    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []).sorted()
    }

    private func exists(_ url: URL) -> Bool { FileManager.default.fileExists(atPath: url.path) }

    private static func step(_ name: String, suffix: String) -> Int? {
        guard name.hasPrefix("step-"), name.hasSuffix(suffix) else { return nil }
        let digits = name.dropFirst(5).dropLast(suffix.count)
        guard let step = Int(digits), step >= 0, "\(step)" == digits else { return nil }
        return step
    }
}

/// Writes the files of a checkpoint, each one durable when its call returns.
public final class CheckpointWriter {
    private(set) var files: [String: CheckpointManifest.File] = [:]
    private let folder: URL
    private let fileSystem: FileSystem

    init(_ folder: URL, _ fileSystem: FileSystem) {
        self.folder = folder
        self.fileSystem = fileSystem
    }

    /// Writes a file of this name.
    public func write(_ name: String, _ body: (FileWriter) throws -> Void) throws {
        precondition(!name.contains("/") && !name.hasPrefix(".") && files[name] == nil, "no name for a file: \(name)")
        let writer = try FileWriter(creating: folder.appending(path: name), fileSystem: fileSystem)
        try body(writer)
        try writer.finish()
        files[name] = CheckpointManifest.File(byteCount: writer.byteCount, checksum: writer.checksum)
    }

    /// Writes tensors to a safetensors file of this name.
    public func write(_ name: String, _ entries: [SafetensorsWriter.Entry], metadata: [String: String] = [:]) throws {
        try write(name) { writer in
            try SafetensorsWriter.write(
                entries, metadata: metadata, to: writer, path: folder.appending(path: name).path)
        }
    }
}
