// The recordings that a user means by some paths, with names that tell them apart.
import Audio
import Foundation

/// A recording and what results call it.
public struct NamedRecording: Codable, Sendable, Hashable {
    /// Where the file lies.
    public var path: String
    /// Its name in tables and its place among the results: a relative path, different from that of any other recording.
    public var name: String

    /// A recording under a name.
    public init(path: String, name: String) {
        self.path = path
        self.name = name
    }

    /// The recordings that `paths` mean: files as they are, folders with all recordings in and below them (by extension,
    /// sorted, hidden ones left out). A file that is meant twice is taken once.
    ///
    /// A recording in a folder is called by its path within; where that leaves two with the same name, the name of their
    /// folder comes first, and a number where even that is not enough. A path that does not exist is a recording that will
    /// fail. Throws `PredictionError` for a folder without recordings.
    public static func list(_ paths: [URL]) throws(PredictionError) -> [NamedRecording] {
        var found: [(root: String, recording: NamedRecording)] = []
        var seen: Set<String> = []
        for url in paths {
            let url = url.standardizedFileURL.resolvingSymlinksInPath()
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder)
            guard exists, isFolder.boolValue else {
                guard seen.insert(url.path).inserted else { continue }
                let root = url.deletingLastPathComponent().lastPathComponent
                found.append((root, NamedRecording(path: url.path, name: url.lastPathComponent)))
                continue
            }
            let inside = recordings(in: url)
            if inside.isEmpty {
                throw PredictionError(
                    file: url.path, problem: "holds no recordings",
                    remedy: "give a folder with sound files (wav, flac, mp3, …)")
            }
            for name in inside {
                let path = url.appending(path: name).path
                guard seen.insert(path).inserted else { continue }
                found.append((url.lastPathComponent, NamedRecording(path: path, name: name)))
            }
        }
        return distinct(found)
    }

    /// Relative paths of all recordings in a folder and below, sorted as bytes.
    private static func recordings(in folder: URL) -> [String] {
        let all = FileManager.default.enumerator(atPath: folder.path)
        var names: [String] = []
        while let name = all?.nextObject() as? String {
            let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") }
            if !isHidden, AudioFile.hasAudioExtension(name) { names.append(name) }
        }
        var isFolder: ObjCBool = false
        return
            names.filter {
                let path = folder.appending(path: $0).path
                return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && !isFolder.boolValue
            }
            .sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    private static func distinct(_ found: [(root: String, recording: NamedRecording)]) -> [NamedRecording] {
        let counts = Dictionary(found.map { ($0.recording.name, 1) }, uniquingKeysWith: +)
        var taken: Set<String> = []
        return found.map { root, recording in
            var recording = recording
            let own = recording.name
            if counts[own]! > 1 { recording.name = "\(root)/\(own)" }
            var number = 2
            while !taken.insert(recording.name).inserted {
                recording.name = "\(root)-\(number)/\(own)"
                number += 1
            }
            return recording
        }
    }
}
