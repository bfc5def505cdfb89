// Lists of recordings as fairseq reads them: the first line is the folder that all paths start from, every other line a
// path, a tab, and the number of samples.

import Audio
import Foundation
import Labels
import Storage

/// A list of recordings with a name, such as `train_0`.
public struct Manifest: Sendable, Hashable {
    /// One recording of a manifest.
    public struct Entry: Sendable, Hashable {
        /// The path below the root, with forward slashes.
        public var relativePath: String
        /// Samples per channel, as the manifest says.
        public var frames: Int

        /// A line of a manifest.
        public init(relativePath: String, frames: Int) { (self.relativePath, self.frames) = (relativePath, frames) }
    }

    /// A recording of a manifest with its labels.
    public struct Clip: Sendable, Hashable {
        /// Where the recording lies.
        public var path: String
        /// The path below the root; the events call the recording so.
        public var relativePath: String
        /// Samples per channel, as the manifest says.
        public var frames: Int
        /// The events in order of their start, in seconds of the recording.
        public var events: [Event]
        /// Whether there is a label file. One without events says that nothing was heard, or, in the MeerKAT data, that
        /// nobody listened; manifests of labelled recordings do not list those.
        public var isAnnotated: Bool
    }

    /// What the file is called, without its extension.
    public var name: String
    /// The folder that all paths start from.
    public var root: String
    /// The recordings in the order of the file.
    public var entries: [Entry]

    /// A list of recordings.
    public init(name: String, root: String, entries: [Entry]) {
        (self.name, self.root, self.entries) = (name, root, entries)
    }

    /// Reads a manifest.
    ///
    /// - Parameter root: the folder of the recordings; nil for that of the first line. Where that one does not exist,
    ///   because the data has moved, the folder above the manifest's is taken if the first recording lies there, or the
    ///   manifest's own.
    /// - Throws: `CorpusError.list` with the line that is wrong.
    public init(contentsOf url: URL, root: String? = nil) throws(CorpusError) {
        let file = url.path
        let text: String
        do {
            text = try String(contentsOf: url, encoding: .utf8)
        } catch {
            throw .list(
                file: file, line: nil, reason: "cannot be read (\(error.localizedDescription))",
                remedy: "check that the file exists and holds text")
        }
        var lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }[...]
        let firstLine = String(lines.popFirst() ?? "").trimmingCharacters(in: ["\u{FEFF}", " ", "\r"])
        guard !firstLine.isEmpty, !firstLine.contains("\t") else {
            throw .list(
                file: file, line: 1, reason: "does not name the folder of the recordings",
                remedy: "begin the manifest with a line that holds the folder alone")
        }
        entries = []
        entries.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() where !line.isEmpty {
            guard let tab = line.lastIndex(of: "\t"), let frames = Int(line[line.index(after: tab)...]), frames >= 0,
                tab > line.startIndex
            else {
                throw .list(
                    file: file, line: index + 2, reason: "is not a path, a tab and a number of samples",
                    remedy: "correct the line, or write the manifest again")
            }
            entries.append(Entry(relativePath: String(line[..<tab]).replacing("\\", with: "/"), frames: frames))
        }
        name = url.deletingPathExtension().lastPathComponent
        self.root = root.map(FileSearch.absolute) ?? Self.root(firstLine, entries.first, manifest: url)
    }

    /// Whether a file looks like a manifest: a table with the extension `tsv` whose first line is a folder alone and whose
    /// second a path and a number.
    public static func isManifest(_ url: URL) -> Bool {
        guard url.pathExtension.lowercased() == "tsv", let handle = try? FileHandle(forReadingFrom: url) else {
            return false
        }
        defer { try? handle.close() }
        let beginning = String(decoding: (try? handle.read(upToCount: 65_536)) ?? Data(), as: UTF8.self)
        let lines = beginning.split(maxSplits: 2, omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard let first = lines.first, !first.isEmpty, !first.contains("\t") else { return false }
        guard lines.count > 1, !lines[1].isEmpty else { return true }
        let cells = lines[1].split(separator: "\t", omittingEmptySubsequences: false)
        return cells.count == 2 && Int(cells[1]) != nil
    }

    /// Where a recording lies.
    public func path(of entry: Entry) -> String {
        entry.relativePath.hasPrefix("/") ? entry.relativePath : root + "/" + entry.relativePath
    }

    /// Writes the manifest into a folder under its name, whole or not at all.
    @discardableResult
    public func write(toFolder folder: URL) throws(StorageError) -> URL {
        let url = folder.appending(path: name + ".tsv")
        var text = root + "\n"
        for entry in entries { text += "\(entry.relativePath)\t\(entry.frames)\n" }
        try AtomicFile.write(text, to: url)
        return url
    }

    /// Where the MeerKAT layout keeps the labels of a recording: the last folder `wav` becomes `lbl`, the extension `.h5`.
    /// Without a folder `wav` the labels lie beside the recording.
    public static func labelPath(ofRecording path: String) -> String {
        var components = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        if let index = components.dropLast().lastIndex(of: "wav") { components[index] = "lbl" }
        let name = components.removeLast()
        return (components + [RecordingName.stem(name) + ".h5"]).joined(separator: "/")
    }

    /// The recordings with the labels of the MeerKAT layout, in the order of the manifest.
    ///
    /// - Parameter threads: threads that read; 0 for one per core.
    /// - Throws: `LabelError` at the first label file that cannot be read.
    public func clips(threads: Int = 0) throws -> [Clip] {
        let count = threads > 0 ? threads : ProcessInfo.processInfo.activeProcessorCount
        let manifest = self
        var clips = [Clip?](repeating: nil, count: entries.count)
        try ParallelMap.run(entries, threads: count) { entry in
            Result { () throws(LabelError) in try manifest.clip(entry) }
        } take: { arrived in
            if let (index, result) = arrived { clips[index] = try result.get() }
            return true
        }
        return clips.compactMap(\.self)
    }

    private func clip(_ entry: Entry) throws(LabelError) -> Clip {
        let path = path(of: entry)
        let labels = Self.labelPath(ofRecording: path)
        guard FileSearch.status(labels)?.isFile == true else {
            return Clip(
                path: path, relativePath: entry.relativePath, frames: entry.frames, events: [], isAnnotated: false)
        }
        let table = try LabelFile.read(
            URL(fileURLWithPath: labels),
            options: LabelReadingOptions(format: .meerkat, recording: entry.relativePath))
        return Clip(
            path: path, relativePath: entry.relativePath, frames: entry.frames,
            events: table.events.sorted(by: Event.isOrderedBefore), isAnnotated: true)
    }

    private static func root(_ written: String, _ first: Entry?, manifest: URL) -> String {
        let written = written.count > 1 && written.hasSuffix("/") ? String(written.dropLast()) : written
        if FileSearch.status(written)?.isFolder == true { return written }
        let own = manifest.standardizedFileURL.deletingLastPathComponent()
        guard let first else { return written }
        for folder in [own.deletingLastPathComponent(), own]
        where FileSearch.status(folder.appending(path: first.relativePath).path) != nil {
            return folder.path
        }
        return written
    }
}
