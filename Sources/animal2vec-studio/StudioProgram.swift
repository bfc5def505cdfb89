import ArgumentParser
import Atlas
import Dispatch
import Foundation
import Studio
import Synchronization
import Terminal
import Torch

/// `animal2vec studio --atlas DIR`, which starts this program: a server takes as long to build as all of the rest.
@main
struct StudioProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "animal2vec studio",
        abstract: "Look at an atlas, listen and label: a page in the browser of this computer.",
        discussion: """
            Prints an address with a key in it; open that. The page is served to this computer only, and nothing is fetched \
            from a network. Every label is on the disk before the page shows it. Ctrl-C ends the studio.
            """)

    @Option(help: "Folder of the atlas, as embed has made it.", transform: { URL(fileURLWithPath: $0) })
    var atlas: URL

    @Option(help: "Corpus that labels can be saved to besides the atlas.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL?

    @Option(help: "Port on this computer; 0 for any that is free.")
    var port = 0

    @Option(help: "Name of who labels, for the tables.")
    var annotator: String?

    @Flag(help: "Leave aside the labels that came with the recordings: begin with none.")
    var withoutCorpusLabels = false

    @Option(help: "Threads that compute; 0 for one per core.")
    var threads = 0

    static func main() { start() }

    func validate() throws {
        guard (0...65_535).contains(port) else { throw ValidationError("--port \(port): give a number up to 65535") }
        if let annotator, annotator.isEmpty || annotator.contains(where: \.isNewline) {
            throw ValidationError("--annotator: give a name in one line")
        }
    }

    func run() throws {
        try Runtime.start(threads: threads > 0 ? threads : nil)
        if let corpus, !FileManager.default.fileExists(atPath: corpus.appending(path: "corpus.sqlite").path) {
            throw ValidationError("--corpus \(corpus.path): there is no corpus; `animal2vec scan` makes one")
        }
        var configuration = StudioServer.Configuration()
        (configuration.port, configuration.corpus, configuration.annotator) = (port, corpus, annotator)
        configuration.usesCorpusLabels = !withoutCorpusLabels
        let server = try StudioServer(Atlas.open(atlas), configuration)
        let ended = DispatchSemaphore(value: 0)
        let outcome = Outcome()
        Task {
            do {
                try await server.run { address in
                    // At once, also into a pipe.
                    let lines = "Studio: \(address)\nOpen this address in a browser of this computer. Ctrl-C ends.\n"
                    FileHandle.standardOutput.write(Data(lines.utf8))
                }
            } catch {
                outcome.error = error
            }
            ended.signal()
        }
        ended.wait()
        if let error = outcome.error { throw error }
        print("Studio ended; all labels are in \(atlas.path)")
    }

    /// Why the studio ended; nil for a wish.
    private final class Outcome: Sendable {
        private let storage = Mutex<(any Error)?>(nil)
        var error: (any Error)? {
            get { storage.withLock(\.self) }
            set { storage.withLock { $0 = newValue } }
        }
    }
}
