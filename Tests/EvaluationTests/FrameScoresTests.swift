import Evaluation
import Testing

@Suite struct FrameScoresTests {
    /// The definition, written out: for every distinct score from high to low, precision times the gain in recall.
    private static func naive(_ scores: [Float], _ isTrue: [Bool]) -> Double? {
        let positives = isTrue.count(where: \.self)
        guard positives > 0 else { return nil }
        var (sum, recall) = (0.0, 0.0)
        for threshold in Set(scores).sorted(by: >) {
            let found = scores.indices.filter { scores[$0] >= threshold }
            let hits = Double(found.count { isTrue[$0] })
            sum += (hits / Double(positives) - recall) * hits / Double(found.count)
            recall = hits / Double(positives)
        }
        return sum
    }

    @Test func `average precision equals its definition, ties included`() {
        var dice = Dice(state: 11)
        for round in 0..<500 {
            let count = dice.below(20)
            let levels = 1 + dice.below(8)
            let scores = (0..<count).map { _ in Float(dice.below(levels)) / 4 - 0.5 }
            let isTrue = (0..<count).map { _ in dice.below(3) == 0 }
            let expected = Self.naive(scores, isTrue)
            let actual = RankedScores(scores: scores, isTrue: isTrue).averagePrecision
            #expect((actual == nil) == (expected == nil))
            #expect(abs((actual ?? 0) - (expected ?? 0)) < 1e-12, "round \(round)")
        }
    }

    @Test func `a recording drawn twice counts as two recordings`() {
        var dice = Dice(state: 5)
        for _ in 0..<100 {
            let count = 30
            let scores = (0..<count).map { _ in Float(dice.below(10)) }
            let isTrue = (0..<count).map { _ in dice.below(3) == 0 }
            let groups = (0..<count).map { _ in Int32(dice.below(4)) }
            let times = (0..<4).map { _ in dice.below(3) }
            var (drawnScores, drawnTruths): ([Float], [Bool]) = ([], [])
            for index in 0..<count {
                for _ in 0..<times[Int(groups[index])] {
                    drawnScores.append(scores[index])
                    drawnTruths.append(isTrue[index])
                }
            }
            let actual = RankedScores(scores: scores, isTrue: isTrue, groups: groups).averagePrecision(times: times)
            #expect(abs((actual ?? -1) - (Self.naive(drawnScores, drawnTruths) ?? -1)) < 1e-12)
        }
    }

    @Test func `minus zero equals zero and what is no number ranks last`() {
        #expect(RankedScores(scores: [0, -0.0], isTrue: [false, true]).averagePrecision == 0.5)
        #expect(RankedScores(scores: [.nan, -5], isTrue: [true, false]).averagePrecision == 0.5)
        #expect(RankedScores(scores: [], isTrue: []).averagePrecision == nil)
    }

    @Test func `two clips of three classes give the values of scikit-learn`() {
        let clips = SegmentFixture.clips
        let recordings = clips.enumerated().map { index, clip in
            FrameRecording(recording: "\(index)", scores: clip.probabilities, targets: clip.targets)
        }
        let scores = FrameScores(recordings, classes: ["0", "1", "2"], threshold: 0.175)
        let expected = [0.7474999999999999, 0.7296296296296296, 0.05]
        for (score, value) in zip(scores.classes, expected) { #expect(abs(score.averagePrecision! - value) < 1e-9) }
        #expect(abs(scores.macroAveragePrecision! - 0.5090432098765432) < 1e-9)
        #expect(scores.counts == EventCounts(truePositives: 229, falsePositives: 76, falseNegatives: 72))
        #expect(scores.trueNegatives == 823)
        #expect(abs(scores.counts.precision! - 0.7508196721311475) < 1e-9)
        #expect(abs(scores.counts.recall! - 0.760797342192691) < 1e-9)
        #expect(abs(scores.counts.f1! - 0.7557755775577558) < 1e-9)
    }

    @Test func `false alarms in silence lower the score, and a class that never occurs is named`() {
        let call = FrameRecording(recording: "call", scores: [0.9, 0.1, 0.2, 0.1], targets: [1, 0, 0, 0])
        let silence = FrameRecording(recording: "silence", scores: [0.95, 0.1], targets: [0, 0])
        #expect(FrameScores([call], classes: ["a", "b"]).macroAveragePrecision == 1)
        let both = FrameScores([call, silence], classes: ["a", "b"])
        #expect(both.macroAveragePrecision == 0.5)
        #expect(both.classesWithoutPositives == ["b"])
        #expect(both.classes[1].averagePrecision == nil)
    }
}

@Suite struct BootstrapTests {
    @Test func `draws depend on the seed alone and keep the number of recordings`() {
        let bootstrap = Bootstrap(resamples: 10, seed: 4)
        for draw in 0..<10 {
            #expect(bootstrap.times(draw: draw, count: 7) == bootstrap.times(draw: draw, count: 7))
            #expect(bootstrap.times(draw: draw, count: 7).reduce(0, +) == 7)
        }
        #expect(bootstrap.times(draw: 0, count: 50) != bootstrap.times(draw: 1, count: 50))
        #expect(bootstrap.times(draw: 0, count: 50) != Bootstrap(seed: 5).times(draw: 0, count: 50))
    }

    @Test func `the range of a mean is that of the normal approximation`() {
        let values = (0..<200).map { Double($0 % 10) }
        let interval = Bootstrap(resamples: 2000).interval(of: values.count) { times in
            zip(values, times).reduce(0) { $0 + $1.0 * Double($1.1) } / Double(values.count)
        }
        // The standard error is 2.872 / √200 = 0.2031.
        #expect(interval.value == 4.5)
        #expect(abs(interval.low! - (4.5 - 1.96 * 0.2031)) < 0.05)
        #expect(abs(interval.high! - (4.5 + 1.96 * 0.2031)) < 0.05)
    }

    @Test func `one recording has a score and no range`() {
        let interval = Bootstrap().interval(of: 1) { _ in 0.5 }
        #expect(interval == ScoreInterval(value: 0.5))
    }

    @Test func `a paired comparison sees a small steady difference and none between equals`() {
        let values = (0..<40).map { Double(($0 * 7) % 40) }
        @Sendable func mean(_ times: [Int], _ shift: Double) -> Double {
            zip(values, times).reduce(0) { $0 + ($1.0 + shift) * Double($1.1) } / 40
        }
        let steady = Bootstrap().difference(of: 40, { mean($0, 0.1) }, { mean($0, 0) })
        #expect(abs(steady.difference.value! - 0.1) < 1e-9)
        #expect(steady.difference.low! > 0)
        #expect(steady.pValue! < 0.01)
        let none = Bootstrap().difference(of: 40, { mean($0, 0) }, { mean($0, 0) })
        #expect(none.pValue == 1)
    }
}
