import Foundation
import Labels
import Testing

/// From frame probabilities to events.
@Suite("Event decoder") struct EventDecoderTests {
    private let rate = 200.0

    private func configured(_ change: (inout EventDecoder.Configuration) -> Void) -> EventDecoder.Configuration {
        var configuration = EventDecoder.Configuration()
        configuration.smoothing = .none
        configuration.minimumSeconds = 0
        configuration.threshold = 0.5
        change(&configuration)
        return configuration
    }

    private func events(
        _ probabilities: [Float], _ configuration: EventDecoder.Configuration, classes: [String] = ["a"],
        seconds: Double? = nil
    ) -> [Event] {
        EventDecoder.events(
            probabilities, configuration, classes: classes, recording: "r.wav", framesPerSecond: rate,
            recordingSeconds: seconds)
    }

    /// Ones in the given frames.
    private func signal(_ count: Int, _ runs: Range<Int>..., value: Float = 1) -> [Float] {
        var frames = [Float](repeating: 0, count: count)
        for run in runs { for frame in run { frames[frame] = value } }
        return frames
    }

    private func spans(_ events: [Event]) -> [Range<Int>] {
        events.map { Int(($0.startSeconds * rate).rounded())..<Int(($0.endSeconds * rate).rounded()) }
    }

    @Test func `An event covers its frames, half a frame to each side of their centres`() {
        let found = events(signal(100, 10..<20), configured { _ in })
        #expect(found.map(\.startSeconds) == [0.05])
        #expect(found.map(\.endSeconds) == [0.1])
        #expect(found.map(\.score) == [1])
        #expect(found[0].label == "a" && found[0].recording == "r.wav")
    }

    @Test func `The frames of an event are those that the same event was drawn into`() {
        let truth = [
            Event(recording: "r.wav", startSeconds: 0.1, endSeconds: 0.2, label: "a"),
            Event(recording: "r.wav", startSeconds: 0.31, endSeconds: 0.47, label: "b"),
        ]
        let grid = FrameGrid(framesPerSecond: rate, count: 200, firstCentreSeconds: 0.0052)
        let targets = FrameTargets(events: truth, vocabulary: Vocabulary(["a", "b"]), grid: grid)
        let found = EventDecoder.events(
            targets.values, configured { _ in }, classes: ["a", "b"], recording: "r.wav", framesPerSecond: rate,
            firstCentreSeconds: grid.firstCentreSeconds)
        #expect(found.map(\.label) == ["a", "b"])
        for (event, wanted) in zip(found, truth) {
            #expect(abs(event.startSeconds - wanted.startSeconds) <= 0.5 / rate + 1e-9)
            #expect(abs(event.endSeconds - wanted.endSeconds) <= 0.5 / rate + 1e-9)
        }
    }

    @Test func `No event goes on past the end of the recording or begins before it`() {
        let frames = signal(100, 0..<5, 95..<100)
        let grid = EventDecoder.events(
            frames, configured { _ in }, classes: ["a"], recording: "r", framesPerSecond: rate,
            firstCentreSeconds: 0.0075, recordingSeconds: 0.4987)
        #expect(grid.map(\.endSeconds) == [0.03, 0.4987])
        let early = EventDecoder.events(
            frames, configured { _ in }, classes: ["a"], recording: "r", framesPerSecond: rate, firstCentreSeconds: 0,
            recordingSeconds: 0.4987)
        #expect(early.map(\.startSeconds) == [0, 0.4725])
    }

    @Test func `Averaging keeps the middle of a call where it is`() throws {
        let configuration = configured {
            $0.smoothing = .average
            $0.smoothingSeconds = 0.055
        }
        #expect(spans(events(signal(100, 40..<60), configuration)) == [40..<60])
        // A single frame is smoothed away; at the start the window is cut, not filled with silence.
        #expect(events(signal(100, 40..<41), configuration).isEmpty)
        #expect(spans(events(signal(100, 0..<20), configuration)) == [0..<20])
        #expect(spans(events(signal(100, 80..<100), configuration)) == [80..<100])
    }

    @Test func `The maximum widens a call by its window, and its score is that of the frames themselves`() throws {
        let configuration = configured {
            $0.smoothing = .maximum
            $0.smoothingSeconds = 0.025
        }
        let found = events(signal(100, 40..<60), configuration)
        #expect(spans(found) == [38..<62])
        #expect(abs(try #require(found[0].score) - 20.0 / 24) < 1e-12)
    }

    @Test func `Near runs become one, and short ones go`() {
        let frames = signal(100, 10..<14, 16..<20, 23..<30, 50..<52)
        #expect(spans(events(frames, configured { $0.gapSeconds = 0.01 })) == [10..<20, 23..<30, 50..<52])
        #expect(spans(events(frames, configured { $0.gapSeconds = 0.015 })) == [10..<30, 50..<52])
        #expect(spans(events(frames, configured { $0.minimumSeconds = 0.015 })) == [10..<14, 16..<20, 23..<30])
        // Merged first, so that the pieces of a broken call are not dropped one by one.
        let both = configured {
            $0.gapSeconds = 0.01
            $0.minimumSeconds = 0.05
        }
        let found = events(frames, both)
        #expect(spans(found) == [10..<20])
        #expect(found[0].score == 0.8)
    }

    @Test func `A class may have its own threshold, window and length`() {
        var frames: [Float] = []
        for frame in 0..<100 { frames += (20..<40).contains(frame) ? [0.3, 0.3] : [0, 0] }
        let configuration = configured { $0.classes["b"] = .init(threshold: 0.2) }
        #expect(events(frames, configuration, classes: ["a", "b"]).map(\.label) == ["b"])
        let long = configured {
            $0.threshold = 0.2
            $0.classes["b"] = .init(minimumSeconds: 0.2)
        }
        #expect(events(frames, long, classes: ["a", "b"]).map(\.label) == ["a"])
    }

    @Test func `One class at a time keeps the better of two that overlap`() {
        var frames: [Float] = []
        for frame in 0..<100 {
            frames += [(10..<40).contains(frame) ? 0.7 : 0, (30..<60).contains(frame) ? 0.9 : 0, frame >= 70 ? 0.6 : 0]
        }
        let classes = ["a", "b", "c"]
        #expect(events(frames, configured { _ in }, classes: classes).map(\.label) == ["a", "b", "c"])
        let one = configured { $0.oneClassAtATime = true }
        #expect(events(frames, one, classes: classes).map(\.label) == ["b", "c"])
        let tolerant = configured {
            $0.oneClassAtATime = true
            $0.largestOverlap = 0.5
        }
        #expect(events(frames, tolerant, classes: classes).map(\.label) == ["a", "b", "c"])
    }

    @Test(arguments: [1, 2, 3, 7, 50, 333])
    func `Blocks of any length give what the whole recording gives`(blockFrames: Int) {
        var random = SplitMix(state: UInt64(blockFrames))
        let classes = ["a", "b", "c"]
        for round in 0..<12 {
            let frames = [0, 1, 5, 400, 1000][round % 5]
            // Slow noise, so that there are runs, gaps and rivals.
            var level = [Float](repeating: 0.3, count: classes.count)
            var probabilities: [Float] = []
            for _ in 0..<frames {
                for column in classes.indices {
                    level[column] = min(1, max(0, level[column] + (Float(random.unit()) - 0.5) * 0.3))
                }
                probabilities += level
            }
            let configuration = configured {
                $0.smoothing = [.none, .average, .maximum][round % 3]
                $0.smoothingSeconds = [0.1, 0.02, 3][round % 3]
                $0.gapSeconds = [0, 0.03][round % 2]
                $0.minimumSeconds = 0.01
                $0.oneClassAtATime = round % 4 < 2
                $0.classes["b"] = .init(threshold: 0.4, smoothingSeconds: 0.03, gapSeconds: 0.05)
            }
            let seconds = Double(frames) / rate
            var decoder = EventDecoder(
                configuration, classes: classes, recording: "r.wav", framesPerSecond: rate,
                firstCentreSeconds: 0.012)
            var streamed: [Event] = []
            for start in stride(from: 0, to: frames, by: blockFrames) {
                let end = min(frames, start + blockFrames)
                streamed += decoder.push(probabilities[start * classes.count..<end * classes.count])
            }
            streamed += decoder.finish(recordingSeconds: seconds)
            let whole = EventDecoder.events(
                probabilities, configuration, classes: classes, recording: "r.wav", framesPerSecond: rate,
                firstCentreSeconds: 0.012, recordingSeconds: seconds)
            #expect(streamed == whole)
            #expect(whole == reference(probabilities, configuration, classes, seconds: seconds, first: 0.012))
            #expect(frames < 400 || !whole.isEmpty)
        }
    }

    @Test func `Events leave as soon as they are over`() {
        var decoder = EventDecoder(
            configured { $0.gapSeconds = 0.05 }, classes: ["a"], recording: "r.wav", framesPerSecond: rate)
        #expect(decoder.push(signal(30, 10..<20)).isEmpty)
        #expect(decoder.push(signal(10)).count == 1)
        #expect(decoder.finish().isEmpty)
    }

    @Test func `A frame that is no number counts as silence`() {
        var frames = signal(50, 10..<20)
        frames[30] = .nan
        let averaged = configured { $0.smoothing = .average }
        #expect(events(frames, averaged).count == 1)
        #expect(spans(events(frames, configured { _ in })) == [10..<20])
    }

    @Test func `Settings that no decoder can work with are named`() {
        let configuration = configured {
            $0.threshold = 0
            $0.gapSeconds = -1
            $0.classes["x"] = .init(smoothingSeconds: .infinity)
        }
        let faults = configuration.faults(labels: ["a"])
        #expect(faults.count == 4)
        #expect(faults.contains { $0.hasPrefix("classes.x:") })
        #expect(EventDecoder.Configuration().faults(labels: ["a"]).isEmpty)
    }

    /// The simple version: everything at once, straight from the definition.
    private func reference(
        _ probabilities: [Float], _ configuration: EventDecoder.Configuration, _ classes: [String], seconds: Double,
        first: Double
    ) -> [Event] {
        let count = probabilities.count / classes.count
        var found: [(event: Event, start: Int, end: Int)] = []
        for (column, label) in classes.enumerated() {
            let own = configuration.classes[label]
            let values = (0..<count).map { Double(probabilities[$0 * classes.count + column]) }
            let window = (own?.smoothingSeconds ?? configuration.smoothingSeconds) * rate
            let reach = Int(((window - 1) / 2 - 1e-9).rounded(.up))
            let isOn = values.indices.map { frame in
                let around = values[max(0, frame - reach)...min(count - 1, frame + reach)]
                let smoothed =
                    switch configuration.smoothing {
                    case .none, .edges: values[frame]
                    case .average: around.reduce(0, +) / Double(around.count)
                    case .maximum: around.max()!
                    }
                return smoothed >= own?.threshold ?? configuration.threshold
            }
            var runs: [Range<Int>] = []
            let gap = Int((own?.gapSeconds ?? configuration.gapSeconds) * rate + 1e-9)
            for frame in 0..<count where isOn[frame] {
                if let last = runs.last, frame - last.upperBound <= gap {
                    runs[runs.count - 1] = last.lowerBound..<frame + 1
                } else {
                    runs.append(frame..<frame + 1)
                }
            }
            let shortest = own?.minimumSeconds ?? configuration.minimumSeconds
            for run in runs where Double(run.count) / rate >= shortest - 1e-12 {
                let score = values[run].reduce(0, +) / Double(run.count)
                let event = Event(
                    recording: "r.wav", startSeconds: max(0, first + (Double(run.lowerBound) - 0.5) / rate),
                    endSeconds: min(seconds, first + (Double(run.upperBound) - 0.5) / rate), label: label, score: score)
                found.append((event, run.lowerBound, run.upperBound))
            }
        }
        if configuration.oneClassAtATime {
            var kept: [(event: Event, start: Int, end: Int)] = []
            for one in found.sorted(by: { $0.event.score! > $1.event.score! })
            where !kept.contains(where: { $0.start < one.end && one.start < $0.end }) { kept.append(one) }
            found = kept
        }
        let ordered = found.sorted { ($0.start, $0.end, $0.event.label) < ($1.start, $1.end, $1.event.label) }
        return ordered.map(\.event).filter { $0.endSeconds > $0.startSeconds }
    }
}

/// Steele, Lea, Flood 2014: enough randomness for a test.
private struct SplitMix {
    var state: UInt64

    mutating func unit() -> Double {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return Double((z ^ z >> 31) >> 11) / Double(1 << 53)
    }
}
