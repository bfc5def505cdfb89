import Foundation
import Labels
import Testing

/// What becomes of events that overlap, that other animals made, and that no class is asked for.
@Suite struct EventRivalryTests {
    private let rate = 100.0

    private func configured(_ change: (inout EventDecoder.Configuration) -> Void) -> EventDecoder.Configuration {
        var configuration = EventDecoder.Configuration()
        configuration.smoothing = .none
        configuration.minimumSeconds = 0
        configuration.threshold = 0.5
        change(&configuration)
        return configuration
    }

    /// Probabilities by class, 0.1 where no run is.
    private func frames(_ count: Int, _ runs: [(column: Int, frames: Range<Int>, value: Float)], classes: Int)
        -> [Float]
    {
        var values = [Float](repeating: 0.1, count: count * classes)
        for run in runs { for frame in run.frames { values[frame * classes + run.column] = run.value } }
        return values
    }

    private func decode(
        _ values: [Float], _ configuration: EventDecoder.Configuration, classes: [String]
    ) -> (events: [Event], secondary: [Event]) {
        var decoder = EventDecoder(configuration, classes: classes, recording: "r", framesPerSecond: rate)
        var events: [Event] = []
        for start in stride(from: 0, to: values.count, by: 10 * classes.count) {
            events += decoder.push(values[start..<min(values.count, start + 10 * classes.count)])
            // As if the program had been stopped here.
            let stored = try! JSONEncoder().encode(decoder)
            decoder = try! JSONDecoder().decode(EventDecoder.self, from: stored)
        }
        events += decoder.finish(recordingSeconds: Double(values.count / classes.count) / rate)
        return (events, decoder.secondary)
    }

    @Test func `Who loses against a better event is kept apart`() {
        let values = frames(
            200, [(0, 20..<60, 0.9), (1, 40..<80, 0.7), (1, 120..<140, 0.6), (0, 150..<160, 0.8)], classes: 2)
        let result = decode(values, configured { $0.oneClassAtATime = true }, classes: ["a", "b"])
        #expect(result.events.map(\.label) == ["a", "b", "a"])
        #expect(result.secondary.map(\.label) == ["b"])
        #expect(result.secondary.map(\.startSeconds) == [0.4])
        #expect(decode(values, configured { _ in }, classes: ["a", "b"]).secondary.isEmpty)
    }

    @Test(arguments: EventDecoder.Focal.Others.allCases)
    func `The focal class says whose the calls are`(_ others: EventDecoder.Focal.Others) {
        let classes = ["cc", "focal", "sn"]
        let values = frames(
            300,
            [
                (0, 20..<60, 0.9), (1, 30..<40, 0.9), (2, 100..<120, 0.9), (1, 200..<220, 0.7), (0, 250..<260, 0.8),
            ], classes: 3)
        let result = decode(
            values,
            configured {
                $0.oneClassAtATime = true
                $0.focal = .init()
                $0.focal?.others = others
            }, classes: classes)
        switch others {
        case .marked: #expect(result.events.map(\.label) == ["cc", "sn nf", "unk", "cc nf"])
        case .unmarked: #expect(result.events.map(\.label) == ["cc", "sn", "unk", "cc"])
        case .dropped: #expect(result.events.map(\.label) == ["cc", "unk"])
        }
        #expect(result.secondary.isEmpty)
    }

    @Test func `Without regard to classes there is one event where any class is heard`() {
        let values = frames(200, [(0, 20..<60, 0.9), (1, 50..<80, 0.7), (2, 120..<140, 0.6)], classes: 3)
        let found = decode(values, configured { $0.anyClass = .init() }, classes: ["a", "b", "c"]).events
        #expect(found.map(\.label) == ["call", "call"])
        #expect(found.map { [$0.startSeconds, $0.endSeconds] } == [[0.2, 0.8], [1.2, 1.4]])
        let mean = decode(
            values,
            configured {
                $0.anyClass = .init(vote: .mean, label: "x")
                $0.threshold = 0.5
            }, classes: ["a", "b", "c"]
        ).events
        #expect(mean.map { [$0.startSeconds, $0.endSeconds] } == [[0.5, 0.6]])
        #expect(EventDecoder.AnyClass.Vote.allCases.count == 3)
        // The focal class says nothing about whether anything calls.
        let focal = decode(
            frames(100, [(0, 20..<30, 0.9), (1, 60..<70, 0.9)], classes: 2),
            configured {
                $0.anyClass = .init()
                $0.focal = .init()
                $0.focal?.unknownLabel = ""
            }, classes: ["a", "focal"]
        ).events
        #expect(focal.map(\.label) == ["call nf"])
    }
}
