import Foundation
import Terminal
import Testing
import Training

@Suite struct RecoveryTests {
    private var configuration: Recovery.Configuration {
        var configuration = Recovery.Configuration()
        (configuration.nonFiniteLimit, configuration.rewindLimit, configuration.jumpUpdates) = (3, 2, 100)
        return configuration
    }

    private func start(clips: Int = 5, accumulation: Int = 20) -> Recovery {
        Recovery(configuration, batch: Recipe.Batch(clips: clips, accumulation: accumulation))
    }

    /// The actions without the warnings, whose words are not the point.
    private func handle(_ recovery: inout Recovery, _ event: Recovery.Event) -> [Recovery.Action] {
        recovery.handle(event).filter { if case .warn = $0 { false } else { true } }
    }

    @Test func `Due saves are written and training goes on`() {
        var recovery = start()
        #expect(handle(&recovery, .stepApplied) == [])
        #expect(handle(&recovery, .saveDue) == [.save])
        #expect(recovery.phase == .saving)
        #expect(handle(&recovery, .saveDue) == [])
        #expect(handle(&recovery, .saved) == [])
        #expect(recovery.phase == .running)
    }

    @Test(
        "A request to stop saves first and leaves with the status that its sender understands",
        arguments: [
            (StopSignal.Kind.interrupt, 130), (.terminate, 75), (.user, 75),
        ] as [(StopSignal.Kind, Int32)])
    func stop(signal: StopSignal.Kind, status: Int32) {
        var recovery = start()
        #expect(handle(&recovery, .stopRequested(signal)) == [.save])
        #expect(handle(&recovery, .stopRequested(signal)) == [])
        #expect(handle(&recovery, .saved) == [.leave(status: status, report: nil)])
        #expect(recovery.phase == .over)
        #expect(handle(&recovery, .stepApplied) == [])
    }

    @Test func `A request to stop while saving leaves after that save, without a second one`() {
        var recovery = start()
        _ = recovery.handle(.saveDue)
        #expect(handle(&recovery, .stopRequested(.user)) == [])
        #expect(handle(&recovery, .saved) == [.leave(status: 75, report: nil)])
    }

    @Test func `A second request or the end of the grace time leaves at once`() {
        var recovery = start()
        _ = recovery.handle(.stopRequested(.terminate))
        #expect(handle(&recovery, .stopAtOnce) == [.leave(status: 75, report: nil)])
    }

    @Test func `A request to stop while going back leaves with the checkpoint on disk`() {
        var recovery = start()
        for _ in 0..<3 { _ = recovery.handle(.stepNotFinite(samples: [])) }
        #expect(recovery.phase == .rewinding)
        #expect(handle(&recovery, .stopRequested(.terminate)) == [.leave(status: 75, report: nil)])
    }

    @Test func `If the last save fails the run must not be started again blindly`() {
        var recovery = start()
        _ = recovery.handle(.stopRequested(.terminate))
        let actions = handle(&recovery, .saveFailed("disk full"))
        #expect(actions == [.leave(status: 2, report: "the last checkpoint could not be written: disk full")])
    }

    @Test func `The end is saved and is the only way to status 0`() {
        var recovery = start()
        #expect(handle(&recovery, .finished) == [.save])
        #expect(handle(&recovery, .stopRequested(.interrupt)) == [])
        #expect(handle(&recovery, .saved) == [.leave(status: 0, report: nil)])
        recovery = start()
        _ = recovery.handle(.finished)
        #expect(handle(&recovery, .stopAtOnce) == [.leave(status: 75, report: nil)])
    }

    @Test func `Failed saves are warned about and tried more and more rarely`() {
        var recovery = start()
        var triedAt: [Int] = []
        for due in 0..<20 where handle(&recovery, .saveDue) == [.save] {
            triedAt.append(due)
            let actions = recovery.handle(.saveFailed("disk full"))
            #expect(actions == [.warn("no checkpoint was written, training goes on with the older ones: disk full")])
            #expect(recovery.phase == .running)
        }
        #expect(triedAt == [0, 1, 3, 7, 15])
        while handle(&recovery, .saveDue) != [.save] {}
        _ = recovery.handle(.saved)
        #expect(handle(&recovery, .saveDue) == [.save])
    }

    @Test func `Single steps that are not finite are left out, and a good one resets the count`() {
        var recovery = start()
        for _ in 0..<5 {
            #expect(handle(&recovery, .stepNotFinite(samples: [])) == [])
            #expect(handle(&recovery, .stepNotFinite(samples: [])) == [])
            #expect(handle(&recovery, .stepApplied) == [])
        }
        #expect(recovery.skippedSteps == 10)
        #expect(recovery.phase == .running)
    }

    @Test func `A sample in two bad steps is put into quarantine once`() {
        var recovery = start()
        #expect(handle(&recovery, .stepNotFinite(samples: [4, 9])) == [])
        #expect(handle(&recovery, .stepNotFinite(samples: [9, 5])) == [.quarantine(samples: [9])])
        _ = recovery.handle(.stepApplied)
        #expect(handle(&recovery, .stepNotFinite(samples: [9])) == [])
        #expect(recovery.quarantine == [9])
    }

    @Test func `Too many bad steps go back further and further, then lower the rate once, then give up`() throws {
        var recovery = start()
        var seen: [Recovery.Action] = []
        for _ in 0..<5 {
            for _ in 0..<3 { seen += handle(&recovery, .stepNotFinite(samples: [])) }
            if recovery.phase == .rewinding { #expect(handle(&recovery, .rewound) == []) }
        }
        #expect(
            seen.dropLast() == [
                .rewind(jumpUpdates: 100), .rewind(jumpUpdates: 200), .scaleLearningRate(0.5),
                .rewind(jumpUpdates: 100),
                .rewind(jumpUpdates: 200),
            ])
        guard case .leave(let status, let report?)? = seen.last else {
            Issue.record("it must give up, but \(seen)")
            return
        }
        #expect(status == 2)
        #expect(report.contains("optimizer.learningRate"))
    }

    @Test func `Without a checkpoint to go back to the run ends with the reason`() {
        var recovery = start()
        for _ in 0..<3 { _ = recovery.handle(.stepNotFinite(samples: [])) }
        let actions = handle(&recovery, .rewindFailed("none"))
        #expect(actions == [.leave(status: 2, report: "there is no checkpoint to go back to: none")])
    }

    @Test func `Out of memory halves the pass, keeps the windows per update and repeats the step`() {
        for (clips, accumulation, expected) in [(8, 2, [4, 2, 1]), (5, 20, [2, 1]), (7, 3, [3, 1]), (6, 1, [3, 1])] {
            var recovery = start(clips: clips, accumulation: accumulation)
            for half in expected {
                let batch = Recipe.Batch(clips: half, accumulation: clips * accumulation / half)
                #expect(handle(&recovery, .outOfMemory) == [.freeCaches, .useBatch(batch), .retryStep])
                #expect(recovery.batch.clipsPerUpdate == clips * accumulation)
            }
            guard case .leave(2, let report?)? = recovery.handle(.outOfMemory).last else {
                Issue.record("one window at a time cannot be halved")
                return
            }
            #expect(report.contains("too little memory"))
        }
    }

    @Test func `A collapse ends the run with its report`() {
        var recovery = start()
        #expect(
            handle(&recovery, .collapsed("target deviation 0.01")) == [
                .leave(status: 2, report: "target deviation 0.01")
            ])
    }

    @Test func `What was learnt survives a checkpoint, what was going on does not`() throws {
        var recovery = start()
        _ = recovery.handle(.outOfMemory)
        for _ in 0..<2 { _ = recovery.handle(.stepNotFinite(samples: [3])) }
        _ = recovery.handle(.stopRequested(.user))
        let saved = try JSONValue(encoding: recovery)
        var resumed = try saved.decode(Recovery.self).resumed()
        #expect(resumed.phase == .running)
        #expect(resumed.quarantine == [3])
        #expect(resumed.batch.clips == 2)
        #expect(handle(&resumed, .saveDue) == [.save])
    }
}
