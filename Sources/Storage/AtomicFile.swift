// Whole or not at all: temporary file beside, write, fsync, rename, fsync of the folder. A reader sees the old content or
// the new one, at any moment and after any crash.
import Foundation
import Synchronization

/// Writes files that are whole or not there at all.
public enum AtomicFile {
    /// How the names of unfinished files end.
    public static let unfinishedSuffix = ".unfinished"

    private static let counter = Atomic<Int>(0)

    /// Replaces the content of the file at `url`. On return it is durable; after an error or a crash the old content stands
    /// or the new one, never a mixture.
    public static func write(
        _ data: Data, to url: URL, fileSystem: FileSystem = .live
    ) throws(StorageError) {
        try typed { try write(to: url, fileSystem: fileSystem) { try $0.write(data) } }
    }

    /// Replaces the content of the file at `url` by UTF-8 text, with the same guarantee.
    public static func write(
        _ text: String, to url: URL, fileSystem: FileSystem = .live
    ) throws(StorageError) {
        try write(Data(text.utf8), to: url, fileSystem: fileSystem)
    }

    /// Replaces the content of the file at `url` by what `body` writes, with the same guarantee.
    ///
    /// Throws what `body` throws, or a `StorageError`.
    public static func write<Result>(
        to url: URL, fileSystem: FileSystem = .live, _ body: (FileWriter) throws -> Result
    ) throws -> Result {
        try replace(url, fileSystem: fileSystem) { temporary in
            let writer = try FileWriter(creating: temporary, fileSystem: fileSystem)
            let result = try body(writer)
            try writer.finish()
            return result
        }
    }

    /// Replaces the file at `url` by the one that `body` creates, whole, where it is told to, with the same guarantee: for
    /// libraries that write files by themselves.
    ///
    /// Throws what `body` throws, or a `StorageError`.
    public static func create<Result>(
        at url: URL, fileSystem: FileSystem = .live, _ body: (URL) throws -> Result
    ) throws -> Result {
        try replace(url, fileSystem: fileSystem) { temporary in
            let result = try body(temporary)
            // What others have written is not on the disk for sure.
            try FileWriter(appendingTo: temporary, fileSystem: fileSystem).finish()
            return result
        }
    }

    private static func replace<Result>(
        _ url: URL, fileSystem: FileSystem, _ body: (URL) throws -> Result
    ) throws -> Result {
        let folder = url.deletingLastPathComponent()
        let number = counter.add(1, ordering: .relaxed).newValue
        let temporary = folder.appending(
            path: ".\(url.lastPathComponent).\(getpid())-\(number)\(unfinishedSuffix)")
        do {
            let result = try body(temporary)
            try fileSystem.rename(temporary, to: url)
            try fileSystem.synchronizeFolder(folder)
            return result
        } catch {
            try? fileSystem.remove(temporary)
            throw error
        }
    }

    /// Removes what interrupted writes left in a folder. Only for who knows that nobody writes there, for instance because
    /// they hold its lock.
    public static func removeUnfinished(in folder: URL, fileSystem: FileSystem = .live) throws(StorageError) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        where name.hasPrefix(".") && name.hasSuffix(unfinishedSuffix) {
            try fileSystem.remove(folder.appending(path: name))
        }
    }
}
