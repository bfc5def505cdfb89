import Evaluation
import Foundation
import Labels
import Testing

/// Comparing two systems, and choosing settings.
@Suite struct TuningTests {
    @Test func `Two systems that are the same do not differ`() {
        let test = PairedTest(bootstrap: Bootstrap(resamples: 200))
        let values = [0.2, 0.9, 0.4, 0.6]
        let row = test.compare("same", recordings: 4) { times in
            let sum = times.enumerated().reduce(0.0) { $0 + Double($1.element) * values[$1.offset % 4] }
            return sum / Double(times.reduce(0, +))
        }
        #expect(row.difference.value == 0 && row.permutationPValue == 1 && row.bootstrapPValue == 1)
    }

    @Test(arguments: [4, 8, 60]) func `A system that is better everywhere is better as surely as the recordings allow`(
        _ count: Int
    ) {
        let test = PairedTest(bootstrap: Bootstrap(resamples: 400), permutations: 1000)
        let row = test.compare("better", recordings: count) { times in
            let first = times[..<count].enumerated().reduce(0.0) {
                $0 + Double($1.element) * (0.8 + 0.001 * Double($1.offset))
            }
            let second = times[count...].reduce(0) { $0 + 0.7 * Double($1) }
            let number = times.reduce(0, +)
            return number == 0 ? nil : (first + second) / Double(number)
        }
        #expect(row.difference.value! > 0.1 && row.difference.low! > 0.09)
        // Four recordings can be swapped in 8 ways that differ, and only one gives as large a difference.
        let expected = count == 4 ? 1.0 / 8 : count == 8 ? 1.0 / 128 : 1.0 / 1001
        #expect(abs(row.permutationPValue! - expected) < 1e-9)
    }

    @Test func `Of two systems without a difference few come out as different`() {
        // Under the null hypothesis p below 0.1 is to be seen in a tenth of the trials.
        var dice = Dice(state: 5)
        var small = 0
        for _ in 0..<200 {
            let values = (0..<24).map { _ in Double(dice.below(1000)) }
            let test = PairedTest(bootstrap: Bootstrap(resamples: 0), permutations: 200)
            let row = test.compare("noise", recordings: 12) { times in
                zip(times, values).reduce(0) { $0 + Double($1.0) * $1.1 }
            }
            if row.permutationPValue! < 0.1 { small += 1 }
        }
        #expect((5...40).contains(small), "\(small) of 200")
    }

    /// Recordings with calls of two classes, one of them never above 0.4, and the other never below 0.3 between them.
    private func recordings(_ count: Int) -> [DecodingTuner.Recording] {
        (0..<count).map { number in
            var dice = Dice(state: UInt64(number + 1))
            let grid = FrameGrid(framesPerSecond: 100, count: 600)
            var probabilities = (0..<600).flatMap { _ in
                [Float(dice.below(100)) / 1000, 0.3 + Float(dice.below(100)) / 1000]
            }
            var truth: [Event] = []
            for start in stride(from: 20, to: 570, by: 50) {
                let column = dice.below(2)
                for frame in start..<start + 20 {
                    probabilities[frame * 2 + column] = (column == 0 ? 0.35 : 0.8) + Float(dice.below(50)) / 1000
                }
                truth.append(
                    Event(
                        recording: "\(number)", startSeconds: Double(start) / 100, endSeconds: Double(start + 20) / 100,
                        label: column == 0 ? "soft" : "loud"))
            }
            return .init(probabilities: probabilities, grid: grid, seconds: 6, truth: truth)
        }
    }

    @Test func `Thresholds of classes are found, and the gain holds on recordings left out`() throws {
        var start = EventDecoder.Configuration()
        start.threshold = 0.5
        let tuner = DecodingTuner(TuningMetric(.eventF1), classes: ["soft", "loud"], recordings: recordings(4))
        let outcome = try tuner.tune(from: start, folds: 2, bootstrap: Bootstrap(resamples: 200))
        #expect(try #require(outcome.before) < 0.8)
        #expect(outcome.after == 1)
        let heldOut = try #require(outcome.heldOut)
        #expect(heldOut.first! > 0.97 && heldOut.difference.low! > 0.1)
        // No single threshold serves both.
        func threshold(_ label: String) -> Double {
            outcome.configuration.classes[label]?.threshold ?? outcome.configuration.threshold
        }
        #expect(threshold("soft") < 0.36 && threshold("loud") > 0.36)
        #expect(outcome.configuration.faults(labels: ["soft", "loud"]).isEmpty)
        let same = try DecodingTuner(
            TuningMetric(.eventF1), classes: ["soft", "loud"], recordings: recordings(4), tunesClasses: false
        ).tune(from: start, folds: 2, bootstrap: Bootstrap(resamples: 50))
        #expect(same.configuration.classes.isEmpty)
    }

    @Test func `Settings that fit noise bring nothing on recordings left out`() throws {
        var recordings = recordings(4)
        for index in recordings.indices {
            // Labels that have nothing to do with the sound.
            var dice = Dice(state: UInt64(90 + index))
            recordings[index].truth = (0..<15).map { _ in
                let start = Double(dice.below(570)) / 100
                return Event(recording: "", startSeconds: start, endSeconds: start + 0.2, label: "soft")
            }
        }
        let tuner = DecodingTuner(TuningMetric(.eventF1), classes: ["soft", "loud"], recordings: recordings)
        let outcome = try tuner.tune(from: .init(), folds: 2, bootstrap: Bootstrap(resamples: 200))
        let heldOut = try #require(outcome.heldOut)
        #expect(heldOut.difference.low! <= 0 || heldOut.permutationPValue! > 0.05)
    }

    @Test(arguments: TuningMetric.Kind.allCases) func `Every metric is 1 where everything is found`(
        _ kind: TuningMetric.Kind
    ) {
        let metric = TuningMetric(kind)
        let truth = (0..<8).map {
            Event(
                recording: "r", startSeconds: Double($0) * 2, endSeconds: Double($0) * 2 + 0.5,
                label: $0 % 2 == 0 ? "a" : "b")
        }
        #expect(metric.score([metric.counts(truth: truth, predictions: truth)]) == 1)
        let half = metric.score([metric.counts(truth: truth, predictions: Array(truth.prefix(6)))])!
        #expect(half < 1 && half > 0)
        var renamed = truth
        for index in renamed.indices { renamed[index].label = "c" }
        let blind = metric.score([metric.counts(truth: truth, predictions: renamed)])
        #expect(blind == (kind == .detectionF1 || kind == .fewShotF ? 1 : 0))
    }
}
