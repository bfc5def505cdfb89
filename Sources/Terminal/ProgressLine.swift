import Foundation
import Synchronization

/// One line that says how far a long job is: redrawn in place on a terminal, a plain line every few seconds elsewhere. A job
/// of less than two seconds says nothing.
public final class ProgressLine: Sendable {
    /// What is counted.
    public enum Measure: Sendable, Hashable {
        /// Things, with the name of many of them: `files`.
        case items(String)
        /// Seconds of sound: the speed is then given in multiples of real time.
        case audioSeconds
    }

    private let state: Mutex<ProgressState>
    private let start = ContinuousClock.now
    private let file: FileHandle

    /// Starts the clock.
    ///
    /// - Parameters:
    ///   - title: What is being done: `scan`.
    ///   - total: How much there is to do; nil if that is not known.
    ///   - completed: How much was done before, when a job goes on.
    ///   - measure: What is counted.
    ///   - file: Where it goes: standard error, so that results can be piped.
    ///   - plainSeconds: Seconds between two lines where there is no terminal.
    public init(
        _ title: String, total: Double? = nil, completed: Double = 0, measure: Measure,
        file: FileHandle = .standardError, plainSeconds: Double = 10
    ) {
        self.file = file
        let isTerminal = isatty(file.fileDescriptor) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
        state = Mutex(
            ProgressState(
                title: title, total: total, completed: completed, measure: measure, isTerminal: isTerminal,
                plainSeconds: plainSeconds))
    }

    /// Says how much is done in all, and what else is worth saying: `loss 0.123`.
    public func update(_ completed: Double, note: String = "") {
        emit { $0.update(completed, note: note, now: $1, width: $2) }
    }

    /// Adds to what is done. For jobs whose parts are done by several threads.
    public func advance(by count: Double = 1, note: String = "") {
        emit { $0.update($0.completed + count, note: note, now: $1, width: $2) }
    }

    /// Prints a line of its own above the progress.
    public func print(_ text: String) {
        emit { state, _, _ in (state.isDrawn ? "\r\u{1B}[K" : "") + text + "\n" + (state.isDrawn ? state.lastLine : "")
        }
    }

    /// Says the last word and ends the line.
    public func finish(note: String = "") {
        emit { $0.finish(note: note, now: $1, width: $2) }
    }

    private func emit(_ body: (inout ProgressState, Double, Int) -> String?) {
        let elapsed = start.duration(to: .now)
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        let width = terminalWidth
        state.withLock { state in
            guard let text = body(&state, seconds, width) else { return }
            try? file.write(contentsOf: Data(text.utf8))
        }
    }

    private var terminalWidth: Int {
        var size = winsize()
        return ioctl(file.fileDescriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }
}
