import Foundation
import Synchronization

/// Requests to stop from outside. The handler only sets a flag; the run looks at it between two steps.
public enum StopSignal {
    /// Which request.
    public enum Kind: Int32, Sendable, Hashable, Codable {
        /// Ctrl-C.
        case interrupt = 2
        /// A launcher, a time limit or `kill`.
        case terminate = 15
        /// A launcher's early warning.
        case user = 10
    }

    private static let first = Atomic<Int32>(0)

    /// Takes SIGINT, SIGTERM and SIGUSR1 over. The first only sets `received`; a second one ends the process at once, with
    /// status 130 after Ctrl-C and 75 else, because what counts then is the last checkpoint on disk.
    public static func install() {
        // Before any signal can come: the handler must not be the first to touch the flag.
        _ = first.load(ordering: .sequentiallyConsistent)
        for kind in [Kind.interrupt, .terminate, .user] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let (isFirst, _) = StopSignal.first.compareExchange(
                    expected: 0, desired: number, ordering: .sequentiallyConsistent)
                if !isFirst { _exit(number == SIGINT ? 130 : 75) }
            }
            // Reads and waits that a signal breaks off go on.
            action.sa_flags = SA_RESTART
            sigemptyset(&action.sa_mask)
            sigaction(kind.rawValue, &action, nil)
        }
        // One thread of our own takes the signals, and no other: a handler in the middle of a compiled matrix product was seen
        // to damage memory. Threads made from here on inherit the mask.
        var signals = sigset_t()
        sigemptyset(&signals)
        for kind in [Kind.interrupt, .terminate, .user] { sigaddset(&signals, kind.rawValue) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        let listener = Thread { [signals] in
            var signals = signals
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            while true { pause() }
        }
        listener.name = "signals"
        listener.start()
    }

    /// The first request so far, nil without one.
    public static var received: Kind? { Kind(rawValue: first.load(ordering: .sequentiallyConsistent)) }

    /// Forgets a request, so that the next one is the first again.
    public static func reset() { first.store(0, ordering: .sequentiallyConsistent) }
}
