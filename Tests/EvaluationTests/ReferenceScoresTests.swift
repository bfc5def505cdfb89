import Evaluation
import Foundation
import Labels
import Testing

/// Every score of a small truth, against numbers that `Scripts/evaluation_fixture.py` computes by itself.
@Suite struct ReferenceScoresTests {
    private struct Fixture: Decodable {
        struct EventNumbers: Decodable { let tp, fp, fn: Int, precision, recall, f1, macroF1: Double }
        struct FrameNumbers: Decodable {
            let byClass: [Double], macro, micro, microWithoutSilence, precision, recall, f1, focalBestF1: Double
        }
        struct SegmentNumbers: Decodable { let byClass: [Double], macro, micro: Double, splits, mergers: Int }
        struct FewShotNumbers: Decodable { let shots: Int, precision, recall, f1: Double }
        struct Expected: Decodable {
            let events: [String: EventNumbers]
            let frames: FrameNumbers
            let segments: [String: SegmentNumbers]
            let fewShot: FewShotNumbers
            let segmentF1: Double
            let polyphonic: [String: Double]
        }
        struct Row: Decodable {
            let event: Event
            init(from decoder: any Decoder) throws {
                var row = try decoder.unkeyedContainer()
                let recording = try row.decode(String.self)
                let (start, end) = (try row.decode(Double.self), try row.decode(Double.self))
                let label = try row.decode(String.self)
                event = Event(
                    recording: recording, startSeconds: start, endSeconds: end, label: label,
                    score: try row.isAtEnd ? nil : row.decode(Double.self))
            }
        }
        let classes: [String]
        let framesPerSecond, seconds: Double
        let recordings: [String]
        let truth, predictions: [Row]
        let probabilities: [String: [[Float]]]
        let expected: Expected

        static let shared = Result {
            let url = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixture/scores.json")
            return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
        }

        var aligned: AlignedEvents {
            var (there, found) = (LabelTable(), LabelTable())
            (there.events, there.recordings) = (truth.map(\.event), recordings)
            (found.events, found.recordings) = (predictions.map(\.event), recordings)
            return AlignedEvents(truth: there, predictions: found)
        }

        var grid: FrameGrid { FrameGrid(framesPerSecond: framesPerSecond, count: Int(seconds * framesPerSecond)) }

        var frames: [FrameRecording] {
            let vocabulary = Vocabulary(classes)
            return recordings.map { name in
                let events = truth.map(\.event).filter { $0.recording == name }
                return FrameRecording(
                    recording: name, scores: probabilities[name]!.flatMap(\.self),
                    targets: FrameTargets(events: events, vocabulary: vocabulary, grid: grid).values)
            }
        }
    }

    private func agree(_ value: Double?, _ expected: Double, _ comment: Comment? = nil) {
        #expect(abs((value ?? .nan) - expected) < 1e-6, comment)
    }

    @Test(arguments: [0.3, 0.5, 0.7]) func `Events agree at every overlap`(_ minimumIoU: Double) throws {
        let fixture = try Fixture.shared.get()
        let expected = try #require(fixture.expected.events["\(minimumIoU)"])
        let scores = DetectionScores(
            fixture.aligned, minimumIoUs: [minimumIoU], bootstrap: Bootstrap(resamples: 0)
        ).events[0]
        #expect(scores.counts.truePositives == expected.tp && scores.counts.falsePositives == expected.fp)
        #expect(scores.counts.falseNegatives == expected.fn)
        agree(scores.precision.value, expected.precision)
        agree(scores.recall.value, expected.recall)
        agree(scores.f1.value, expected.f1)
        agree(scores.macroF1.value, expected.macroF1)
    }

    @Test(arguments: [0.0, 0.5]) func `Frames and segments agree with the rules of animal2vec 1·0`(_ iou: Double) throws
    {
        let fixture = try Fixture.shared.get()
        let frames = fixture.expected.frames
        let segments = try #require(fixture.expected.segments["\(iou)"])
        var configuration = PublishedScores.Configuration()
        (configuration.clipSeconds, configuration.iouThreshold) = (4, iou)
        let scores = PublishedScores(
            fixture.frames, classes: fixture.classes, framesPerSecond: fixture.framesPerSecond,
            configuration: configuration)
        for (value, expected) in zip(scores.frameAveragePrecision, frames.byClass) { agree(value, expected) }
        agree(scores.frameMacro, frames.macro)
        agree(scores.frameMicro, frames.micro)
        agree(scores.frameMicroWithoutSilence, frames.microWithoutSilence)
        agree(scores.precision, frames.precision)
        agree(scores.recall, frames.recall)
        agree(scores.f1, frames.f1)
        for (value, expected) in zip(scores.segmentAveragePrecision, segments.byClass) { agree(value, expected) }
        agree(scores.segmentMacro, segments.macro)
        agree(scores.segmentMicro, segments.micro)
        #expect(scores.splits == segments.splits && scores.mergers == segments.mergers)
    }

    @Test func `Few-shot F, segment F1 and the focal frames agree`() throws {
        let fixture = try Fixture.shared.get()
        let expected = fixture.expected.fewShot
        let fewShot = DetectionScores.FewShot(
            fixture.aligned, shots: expected.shots, bootstrap: Bootstrap(resamples: 0))
        agree(fewShot.precision.value, expected.precision)
        agree(fewShot.recall.value, expected.recall)
        agree(fewShot.f1.value, expected.f1)
        let metric = TuningMetric(.segmentF1)
        let truth = Dictionary(grouping: fixture.truth.map(\.event), by: \.recording)
        let found = Dictionary(grouping: fixture.predictions.map(\.event), by: \.recording)
        agree(
            metric.score(
                fixture.recordings.map { metric.counts(truth: truth[$0] ?? [], predictions: found[$0] ?? []) }),
            fixture.expected.segmentF1)
        let focal = try #require(FrameScores.focal(fixture.frames, classes: fixture.classes))
        agree(focal.bestF1, fixture.expected.frames.focalBestF1)
        agree(focal.averagePrecision, fixture.expected.frames.byClass[2])
        // A threshold chosen on other recordings cannot do better than the best one.
        #expect(try #require(focal.heldOutF1) <= fixture.expected.frames.focalBestF1 + 1e-12)
    }

    @Test func `The case that can be checked by hand comes out whole, from probabilities on`() {
        let recordings = SegmentFixture.clips.enumerated().map { index, clip in
            FrameRecording(recording: "\(index)", scores: clip.probabilities, targets: clip.targets)
        }
        var configuration = PublishedScores.Configuration()
        configuration.clipSeconds = 1
        let any = PublishedScores(
            recordings, classes: ["a", "b", "c"], framesPerSecond: 200, configuration: configuration)
        #expect(any.counts == EventCounts(truePositives: 229, falsePositives: 76, falseNegatives: 72))
        for (value, expected) in zip(any.frameAveragePrecision, [0.7474999999999999, 0.7296296296296296, 0.05]) {
            agree(value, expected)
        }
        agree(any.frameMacro, 0.5090432098765432)
        agree(any.precision, 0.7508196721311475)
        agree(any.recall, 0.760797342192691)
        agree(any.f1, 0.7557755775577558)
        agree(any.segmentMacro, 0.9722222222222222)
        agree(any.segmentMicro, 0.9704861111111112)
        #expect(any.splits == 1 && any.mergers == 1)
        configuration.iouThreshold = 0.5
        let half = PublishedScores(
            recordings, classes: ["a", "b", "c"], framesPerSecond: 200, configuration: configuration)
        agree(half.segmentMacro, 0.3055555555555555)
        agree(half.segmentMicro, 0.3888888888888889)
    }

    @Test func `Without probabilities frames have the scores of the events that cover them`() throws {
        let fixture = try Fixture.shared.get()
        let grid = FrameGrid(framesPerSecond: 10, count: 20)
        let frame = FrameRecording(
            recording: "r", truth: [Event(recording: "r", startSeconds: 0.5, endSeconds: 1, label: "b")],
            predictions: [
                Event(recording: "r", startSeconds: 0.2, endSeconds: 0.4, label: "a", score: 0.5),
                Event(recording: "r", startSeconds: 0.3, endSeconds: 0.6, label: "a", score: 0.25),
            ], vocabulary: Vocabulary(["a", "b"]), grid: grid)
        #expect((0..<20).map { frame.scores[$0 * 2] } == [0, 0, 0.5, 0.5, 0.25, 0.25] + Array(repeating: 0, count: 14))
        #expect(frame.targets.reduce(0, +) == 5)
        // Segments of well-found events are found whatever is silent around them.
        let segments = DetectionScores.Segments(
            fixture.frames,
            predictions: fixture.recordings.map { name in
                fixture.truth.map(\.event).filter { $0.recording == name }
            }, grids: Array(repeating: fixture.grid, count: 5), classes: fixture.classes,
            bootstrap: Bootstrap(resamples: 0))
        #expect(segments.macroAveragePrecision.value == 1 && segments.splits == 0 && segments.mergers == 0)
    }

    /// The predictions without those that overlap an earlier one of their class, as the definition wants them.
    private func apart(_ events: [Event]) -> [Event] {
        var kept: [Event] = []
        let sorted = events.sorted {
            ($0.recording, $0.label, $0.startSeconds) < ($1.recording, $1.label, $1.startSeconds)
        }
        for event in sorted {
            if let last = kept.last, last.recording == event.recording, last.label == event.label,
                last.endSeconds + 1e-6 >= event.startSeconds
            {
                continue
            }
            kept.append(event)
        }
        return kept
    }

    @Test func `The polyphonic score agrees in both scenarios and with other tolerances`() throws {
        let fixture = try Fixture.shared.get()
        let expected = fixture.expected.polyphonic
        var (there, found) = (LabelTable(), LabelTable())
        (there.events, there.recordings) = (fixture.truth.map(\.event), fixture.recordings)
        (found.events, found.recordings) = (apart(fixture.predictions.map(\.event)), fixture.recordings)
        let aligned = AlignedEvents(truth: there, predictions: found)
        let seconds = fixture.seconds * Double(fixture.recordings.count)
        let scores = DetectionScores.Polyphonic(aligned, durationSeconds: seconds)
        #expect(scores.thresholds == 50)
        agree(scores.timing, try #require(expected["timing"]))
        agree(scores.classes, try #require(expected["classes"]))

        let levels = Set(aligned.predictions.compactMap(\.score)).sorted()
        let points = (0..<50).map { index in
            aligned.predictions.filter { ($0.score ?? 0) >= levels[index * levels.count / 50] }
        }
        func score(_ change: (inout PolyphonicScore.Configuration) -> Void) -> Double? {
            var configuration = PolyphonicScore.Configuration()
            change(&configuration)
            return PolyphonicScore(
                truth: aligned.truth, detections: points, durationSeconds: seconds, configuration: configuration
            ).value
        }
        agree(score { $0.greatestFalseAlarmsPerHour = 1000 }, try #require(expected["plain"]))
        let crossed = score {
            ($0.detectionTolerance, $0.truthTolerance, $0.crossTriggerTolerance) = (0.3, 0.4, 0.2)
            ($0.crossTriggerWeight, $0.classDeviationWeight, $0.greatestFalseAlarmsPerHour) = (1, 0.3, 3000)
        }
        agree(crossed, try #require(expected["crossed"]))
    }
}
