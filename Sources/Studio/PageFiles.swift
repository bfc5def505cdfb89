// The page's own files, read once at the start: what a browser asks for is looked up by name and never becomes a path.
import Foundation

/// The files of the page by their name.
struct PageFiles: Sendable {
    /// Content and type of every file.
    let all: [String: (data: Data, type: String)]

    private static let types = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "svg": "image/svg+xml",
    ]

    init() throws(StudioError) {
        guard let folder = Bundle.module.url(forResource: "Page", withExtension: nil),
            let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        else {
            throw StudioError("The files of the page are missing beside the program; build it again")
        }
        var files: [String: (data: Data, type: String)] = [:]
        for name in names {
            let url = folder.appending(path: name)
            guard let type = PageFiles.types[url.pathExtension], let data = try? Data(contentsOf: url) else { continue }
            files[name] = (data, type)
        }
        all = files
    }
}
