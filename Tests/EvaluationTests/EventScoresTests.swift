import Evaluation
import Foundation
import Labels
import Testing

@Suite struct EventScoresTests {
    private static func event(_ recording: String, _ start: Double, _ end: Double, _ label: String) -> Event {
        Event(recording: recording, startSeconds: start, endSeconds: end, label: label)
    }

    private let truth = [
        event("r1", 0, 1, "a"), event("r1", 2, 3, "b"), event("r1", 4, 5, "a"), event("r2", 0, 1, "b"),
    ]
    private let predictions = [
        event("r1", 0.1, 1, "a"), event("r1", 2, 3, "a"), event("r2", 0, 1, "b"), event("r2", 0, 1, "b"),
        event("r3", 7, 8, "a"), event("elsewhere", 0, 1, "a"),
    ]

    @Test func `labels must agree, each event counts once, and silent recordings count`() {
        let scores = EventScores(truth: truth, predictions: predictions, recordings: ["r1", "r2", "r3"])
        #expect(scores.total == EventCounts(truePositives: 2, falsePositives: 3, falseNegatives: 2))
        #expect(scores.classes == ["a", "b"])
        #expect(scores.counts(ofClass: 0) == EventCounts(truePositives: 1, falsePositives: 2, falseNegatives: 1))
        #expect(scores.counts(ofClass: 1) == EventCounts(truePositives: 1, falsePositives: 1, falseNegatives: 1))
        #expect(scores.counts(ofRecording: 2) == EventCounts(falsePositives: 1))
        #expect(scores.total.precision == 0.4)
        #expect(scores.total.recall == 0.5)
        #expect(abs(scores.total.f1! - 4.0 / 9) < 1e-12)
        #expect(abs(scores.macroF1! - (0.4 + 0.5) / 2) < 1e-12)
    }

    @Test func `without labels a confused class is a hit`() {
        let scores = EventScores(
            truth: truth, predictions: predictions, recordings: ["r1", "r2", "r3"], ignoresClass: true)
        #expect(scores.total == EventCounts(truePositives: 3, falsePositives: 2, falseNegatives: 1))
    }

    @Test func `nothing to find and nothing found has no score`() {
        let scores = EventScores(truth: [], predictions: [], recordings: ["r1"])
        #expect(scores.total.f1 == nil && scores.total.precision == nil && scores.macroF1 == nil)
    }

    @Test func `names are aligned by path, name and stem, and strangers are set aside`() {
        var truth = LabelTable()
        truth.recordings = ["x/0.flac", "x/1.flac", "2", "y/3.wav", "z/3.wav"]
        truth.events = [Self.event("x/0.flac", 0, 1, "a")]
        var predictions = LabelTable()
        predictions.recordings = ["0", "/home/me/2.wav", "3.wav", "9.wav"]
        predictions.events = predictions.recordings.map { Self.event($0, 0, 1, "a") }
        let aligned = AlignedEvents(truth: truth, predictions: predictions)
        #expect(aligned.predictions.map(\.recording) == ["x/0.flac", "2"])
        #expect(aligned.unknownRecordings == ["9.wav"])
        #expect(aligned.ambiguousRecordings == ["3.wav"])
        #expect(aligned.unpredictedRecordings == ["x/1.flac", "y/3.wav", "z/3.wav"])
    }

    @Test func `the report holds all scores, survives JSON and prints as a table`() throws {
        var truthTable = LabelTable()
        truthTable.recordings = ["r1", "r2", "r3"]
        truthTable.events = truth
        var predictionTable = LabelTable()
        predictionTable.recordings = ["r1", "r2", "r3", "elsewhere"]
        predictionTable.events = predictions
        let frames = FrameScores(
            [
                FrameRecording(recording: "r1", scores: [0.9, 0.1, 0.2, 0.8], targets: [1, 0, 0, 0]),
                FrameRecording(recording: "r2", scores: [0.4, 0.3], targets: [1, 0]),
            ], classes: ["a", "b"])
        let scores = DetectionScores(
            AlignedEvents(truth: truthTable, predictions: predictionTable), minimumIoUs: [0.3, 0.5, 0.95],
            frames: frames, bootstrap: Bootstrap(resamples: 200, seed: 1))
        #expect(scores.events[1].counts.truePositives == 2)
        #expect(scores.events[2].counts.truePositives == 1)
        let f1 = scores.events[1].f1
        #expect(f1.low! <= f1.value! && f1.value! <= f1.high! && f1.low! < f1.high!)
        #expect(scores.frames?.macroAveragePrecision.value == 1)
        let stored = try JSONDecoder().decode(DetectionScores.self, from: JSONEncoder().encode(scores))
        #expect(stored == scores)
        let table = scores.table()
        #expect(table.contains("IoU ≥ 0.50      0.400   0.500  0.444"))
        #expect(table.contains("note: classes that never occur are left out of the frame mean: b"))
        #expect(table.contains("elsewhere"))
    }
}
