// Files below folders, without hidden ones, in an order that does not depend on the disk.

import Foundation

/// A file that was found.
package struct FoundFile: Sendable, Hashable {
    package var path: String
    /// The path below the folder that was searched.
    package var relativePath: String
    package var size: Int64
    /// Nanoseconds since 1970.
    package var modified: Int64
}

package enum FileSearch {
    /// The files below `paths` (folders, or files themselves) whose name fits, sorted, each once. Folders inside them
    /// that cannot be listed are named in `problems`.
    package static func files(in paths: [String], problems: inout [String], where fits: (String) -> Bool)
        throws(CorpusError)
        -> [FoundFile]
    {
        var found: [String: FoundFile] = [:]
        for path in paths {
            let root = absolute(path)
            guard let status = status(root) else {
                throw .cannotList(path: path, reason: String(cString: strerror(errno)))
            }
            if status.isFolder {
                let known = problems.count
                list(root, prefix: "", depth: 0, fits, into: &found, &problems)
                if problems.count > known, problems[known].hasPrefix(root + ":") {
                    throw .cannotList(path: path, reason: problems[known])
                }
            } else {
                // A file that is named is meant, whatever its name.
                found[root] = FoundFile(
                    path: root, relativePath: (root as NSString).lastPathComponent, size: status.size,
                    modified: status.modified)
            }
        }
        return NaturalOrder.sorted(Array(found.values), by: \.path)
    }

    /// A path from the root of the file system, without `.` and `..`.
    package static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    package static func status(_ path: String) -> (isFolder: Bool, isFile: Bool, size: Int64, modified: Int64)? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        let kind = status.st_mode & S_IFMT
        return (
            kind == S_IFDIR, kind == S_IFREG, Int64(status.st_size),
            Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
        )
    }

    private static func list(
        _ folder: String, prefix: String, depth: Int, _ fits: (String) -> Bool, into found: inout [String: FoundFile],
        _ problems: inout [String]
    ) {
        // Links may lead in circles.
        guard depth < 64 else { return }
        guard let directory = opendir(folder) else {
            problems.append("\(folder): cannot be listed: \(String(cString: strerror(errno)))")
            return
        }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        closedir(directory)
        for name in names {
            let path = folder == "/" ? "/" + name : folder + "/" + name
            guard let status = status(path) else { continue }
            if status.isFolder {
                if !isLink(path) {
                    list(path, prefix: prefix + name + "/", depth: depth + 1, fits, into: &found, &problems)
                }
            } else if status.isFile, fits(name) {
                found[path] = FoundFile(
                    path: path, relativePath: prefix + name, size: status.size, modified: status.modified)
            }
        }
    }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }
}
