import ArgumentParser
import Foundation
import Glibc

/// `animal2vec studio`: becomes the program beside this one that serves the page.
struct StudioCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "studio", abstract: "Look at an atlas, listen and label: a page in the browser of this computer.")

    @Argument(parsing: .captureForPassthrough)
    var arguments: [String] = []

    func run() throws {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = own.deletingLastPathComponent().appending(path: "animal2vec-studio").path
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        execv(program, &words)
        throw ValidationError("\(program): \(String(cString: strerror(errno))); `make build` makes the studio")
    }
}
