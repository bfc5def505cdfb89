import Evaluation
import Labels
import Testing

@Suite struct FewShotScoresTests {
    private static func events(_ recording: String, _ starts: [Double], _ label: String = "Q") -> [Event] {
        starts.map { Event(recording: recording, startSeconds: $0, endSeconds: $0 + 1, label: label) }
    }

    @Test func `the first five are given, undecided sounds count neither way`() {
        let truth =
            Self.events("a", [0, 10, 20, 30, 40, 50, 60, 70]) + Self.events("a", [5, 80], FewShotScores.unknownLabel)
        // Found: 50 and 60. In shot 2: 10. On the undecided sound: 80. In silence: 90.
        let predictions = Self.events("a", [10, 50.2, 60, 80, 90])
        let exact = FewShotScores(truth: truth, predictions: predictions, recordings: ["a"])
        #expect(exact.subSets.map(\.counts) == [EventCounts(truePositives: 2, falsePositives: 1, falseNegatives: 1)])
        let published = FewShotScores(truth: truth, predictions: predictions, recordings: ["a"], reading: .published)
        #expect(
            published.subSets.map(\.counts) == [EventCounts(truePositives: 2, falsePositives: 2, falseNegatives: 1)])
    }

    @Test func `a recording without predictions misses its shots in the published reading only`() {
        let truth = Self.events("a", [0, 10, 20, 30, 40, 50, 60])
        for (reading, misses) in [(FewShotScores.Reading.exact, 2), (.published, 7)] {
            let scores = FewShotScores(truth: truth, predictions: [], recordings: ["a"], reading: reading)
            #expect(scores.subSets[0].counts.falseNegatives == misses)
            #expect(abs(scores.f1 - FewShotScores.floor) < 1e-15)
        }
    }

    @Test func `sub-sets enter a harmonic mean and an overlap of exactly 0.3 is too little`() {
        let truth = Self.events("a1", [0, 10, 20, 30, 40, 50, 60]) + Self.events("b1", [0, 10, 20, 30, 40, 50])
        let short = Event(recording: "b1", startSeconds: 50, endSeconds: 50.3, label: "Q")
        let long = Event(recording: "b1", startSeconds: 50, endSeconds: 50.31, label: "Q")
        func score(_ event: Event) -> FewShotScores {
            FewShotScores(
                truth: truth, predictions: Self.events("a1", [50]) + [event], recordings: ["a1", "b1"],
                subSet: { String($0.prefix(1)) })
        }
        #expect(score(short).subSets.map(\.counts.truePositives) == [1, 0])
        #expect(score(long).subSets.map(\.counts.truePositives) == [1, 1])
        #expect(score(long).subSets.map(\.name) == ["a", "b"])
        #expect(abs(score(long).f1 - 2 / (1.5 + 1)) < 1e-12)
        #expect(abs(score(long).recall - 2 / (2.0 + 1)) < 1e-12)
    }
}

@Suite struct PolyphonicScoreTests {
    private struct Scored {
        var event: Event
        var level: Int
    }

    /// Six recordings of 70 s; the same draws were scored with psds_eval 0.5.3.
    private static func data() -> (truth: [Event], detections: [Scored]) {
        var dice = Dice(state: 17)
        var truth: [Event] = []
        var detections: [Scored] = []
        func label(_ index: Int) -> String { ["a", "b", "c"][index] }
        for recording in 0..<6 {
            for slot in 0..<12 {
                let start = Double(slot * 5) + Double(dice.below(300)) / 100
                let duration = Double(20 + dice.below(180)) / 100
                let column = dice.below(3)
                truth.append(
                    Event(
                        recording: "\(recording)", startSeconds: start, endSeconds: start + duration,
                        label: label(column)))
                for _ in 0..<dice.below(3) {
                    let first = max(0, start + Double(dice.below(100) - 50) / 100)
                    let last = first + Double(10 + dice.below(200)) / 100
                    let other = dice.below(4) > 0 ? column : dice.below(3)
                    let overlaps = detections.contains {
                        $0.event.recording == "\(recording)" && $0.event.label == label(other)
                            && $0.event.startSeconds < last + 1e-6 && first < $0.event.endSeconds + 1e-6
                    }
                    let level = dice.below(10)
                    if overlaps { continue }
                    let event = Event(
                        recording: "\(recording)", startSeconds: first, endSeconds: last, label: label(other))
                    detections.append(Scored(event: event, level: level))
                }
            }
        }
        return (truth, detections)
    }

    @Test func `scores equal those of psds_eval`() throws {
        let (truth, detections) = Self.data()
        try #require(detections.count == 52)
        let points = (0..<10).map { level in detections.filter { $0.level >= level }.map(\.event) }
        func score(_ configuration: PolyphonicScore.Configuration) -> Double? {
            PolyphonicScore(truth: truth, detections: points, durationSeconds: 420, configuration: configuration).value
        }
        var crossed = PolyphonicScore.Configuration()
        crossed.crossTriggerWeight = 1
        crossed.greatestFalseAlarmsPerHour = 400
        for (configuration, expected) in [
            (PolyphonicScore.Configuration(), 0.15235003092145952), (.timing, 0.03499487258375014),
            (.classes, 0.2060780424255851), (crossed, 0.19204478940294392),
        ] {
            #expect(abs(try #require(score(configuration)) - expected) < 1e-9)
        }
    }

    @Test func `a perfect system reaches one, and without events there is no score`() {
        let (truth, _) = Self.data()
        #expect(PolyphonicScore(truth: truth, detections: [truth], durationSeconds: 420).value == 1)
        #expect(PolyphonicScore(truth: truth, detections: [[]], durationSeconds: 420).value == 0)
        #expect(PolyphonicScore(truth: [], detections: [truth], durationSeconds: 420).value == nil)
    }
}
