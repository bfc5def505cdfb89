// The built program as its users start it: a process of its own, with its exit status, its output and its signals.
import Foundation
import Glibc

/// How a process ended.
enum Ending: Equatable {
    case status(Int32)
    case signal(Int32)
}

/// What a finished process has said.
struct Answer {
    let ending: Ending
    let output: String
    let errors: String

    /// Lines of standard error that are not progress.
    var errorLines: [String] { errors.split(separator: "\n").map(String.init) }
}

/// The program `animal2vec` that was built with these tests.
enum Program {
    /// It lies in the folder of the test bundle.
    static let url: URL = {
        let folders = [
            Bundle.main.bundleURL, URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
        ]
        let candidates = folders.map { $0.appending(path: "animal2vec") }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? candidates[0]
    }()

    /// Runs a command to its end.
    static func run(_ arguments: [String], in folder: URL? = nil) throws -> Answer {
        let process = try RunningProgram(arguments, in: folder)
        let ending = try process.wait()
        return Answer(ending: ending, output: process.output, errors: process.errors)
    }
}

/// A process that is under way.
final class RunningProgram {
    let startDate = Date()
    private let started = ContinuousClock.now
    private let process: pid_t
    private let files: URL
    private var ending: Ending?
    private let arguments: [String]

    /// Starts the program with the folder as its working directory. The streams go to files: nothing can block.
    init(_ arguments: [String], in folder: URL? = nil) throws {
        self.arguments = arguments
        files = FileManager.default.temporaryDirectory.appending(path: "animal2vec-said-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: files, withIntermediateDirectories: true)

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        for (descriptor, name) in [(Int32(1), "output"), (2, "errors")] {
            let path = files.appending(path: name).path
            posix_spawn_file_actions_addopen(&actions, descriptor, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }

        // The threads of a test runner block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

        // Threads that wait must not take the processor from other tests.
        let environment = ProcessInfo.processInfo.environment
            .merging(["OMP_WAIT_POLICY": "passive"]) { _, new in new }.map { "\($0)=\($1)" }
        // A shell changes the folder and becomes the program, under the same process number.
        let change = folder.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0.path] } ?? []
        let command = change + [Program.url.path] + arguments
        let words = command.map { strdup($0) } + [nil]
        let settings = environment.map { strdup($0) } + [nil]
        defer { for text in words + settings { free(text) } }
        var child = pid_t()
        let result = posix_spawn(&child, command[0], &actions, &attributes, words, settings)
        guard result == 0 else {
            throw ProgramFailure("\(Program.url.path): \(String(cString: strerror(result)))")
        }
        process = child
    }

    deinit {
        if ending == nil {
            Glibc.kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        try? FileManager.default.removeItem(at: files)
    }

    var output: String { text("output") }
    var errors: String { text("errors") }

    /// Seconds since the start.
    var seconds: Double { (ContinuousClock.now - started) / .seconds(1) }

    /// How it ended; nil while it is under way.
    func poll() -> Ending? {
        if ending == nil {
            var status: Int32 = 0
            if waitpid(process, &status, WNOHANG) == process { ending = Self.ending(status) }
        }
        return ending
    }

    /// Waits for its end, but not for ever.
    func wait(timeoutSeconds: Double = 300) throws -> Ending {
        while true {
            if let ending = poll() { return ending }
            guard seconds < timeoutSeconds else {
                throw ProgramFailure("animal2vec \(arguments) did not end in \(timeoutSeconds) s: \(errors)")
            }
            usleep(1_000)
        }
    }

    /// Waits until something is true; false if the process has ended before.
    func wait(until isTrue: () -> Bool) throws -> Bool {
        while poll() == nil {
            if isTrue() { return true }
            guard seconds < 300 else { throw ProgramFailure("animal2vec \(arguments) hangs: \(errors)") }
            usleep(200)
        }
        return false
    }

    /// Sends a signal, unless the process has ended.
    func send(_ signal: Int32) {
        if poll() == nil { Glibc.kill(process, signal) }
    }

    /// Halts the process between two instructions; false if it has ended.
    func halt() -> Bool {
        guard poll() == nil else { return false }
        Glibc.kill(process, SIGSTOP)
        var status: Int32 = 0
        guard waitpid(process, &status, WUNTRACED) == process else { return false }
        // The low byte 0x7f says that it is halted; anything else, that it has ended.
        if status & 0xFF == 0x7F { return true }
        ending = Self.ending(status)
        return false
    }

    private static func ending(_ status: Int32) -> Ending {
        status & 0x7F == 0 ? .status(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }

    private func text(_ name: String) -> String {
        (try? String(contentsOf: files.appending(path: name), encoding: .utf8)) ?? ""
    }
}

/// A process that did not do what a test needs.
struct ProgramFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
