import Foundation
import Terminal
import Testing

@Suite struct StopSignalTests {
    @Test func `The first signal only sets the flag`() async {
        await #expect(processExitsWith: .exitCode(42)) {
            StopSignal.install()
            guard StopSignal.received == nil else { exit(1) }
            Self.raiseAndWait(SIGUSR1)
            exit(StopSignal.received == .user ? 42 : 2)
        }
    }

    @Test func `The second one ends the process at once with a status that a launcher understands`() async {
        await #expect(processExitsWith: .exitCode(75)) {
            StopSignal.install()
            Self.raiseAndWait(SIGUSR1)
            kill(getpid(), SIGTERM)
            sleep(5)
            exit(1)
        }
        await #expect(processExitsWith: .exitCode(130)) {
            StopSignal.install()
            Self.raiseAndWait(SIGTERM)
            kill(getpid(), SIGINT)
            sleep(5)
            exit(1)
        }
    }

    /// Sends a first signal to this process and waits until it has been seen.
    private static func raiseAndWait(_ signal: Int32) {
        kill(getpid(), signal)
        for _ in 0..<1_000 where StopSignal.received == nil { usleep(5_000) }
    }
}
