import Evaluation
import Testing

@Suite struct MatchingTests {
    private static func span(_ start: Double, _ end: Double) -> TimeSpan {
        TimeSpan(startSeconds: start, endSeconds: end)
    }

    /// The most pairs that can be made: every way to pair, one truth after the other.
    private static func mostPairs(
        _ truths: ArraySlice<TimeSpan>, _ predictions: [TimeSpan], _ rule: OverlapRule, used: Set<Int> = []
    ) -> Int {
        guard let truth = truths.first else { return 0 }
        var best = mostPairs(truths.dropFirst(), predictions, rule, used: used)
        for (index, prediction) in predictions.enumerated()
        where !used.contains(index) && rule.accepts(truth.intersectionOverUnion(prediction)) {
            best = max(best, 1 + mostPairs(truths.dropFirst(), predictions, rule, used: used.union([index])))
        }
        return best
    }

    @Test func `intersection over union of all positions of two spans`() {
        let a = Self.span(1, 3)
        for (other, expected) in [
            (Self.span(1, 3), 1), (Self.span(2, 4), 1.0 / 3), (Self.span(0, 2), 1.0 / 3), (Self.span(1.5, 2), 0.25),
            (Self.span(3, 4), 0), (Self.span(5, 6), 0), (Self.span(2, 2), 0),
        ] {
            #expect(abs(a.intersectionOverUnion(other) - expected) < 1e-12)
            #expect(abs(other.intersectionOverUnion(a) - expected) < 1e-12)
        }
        #expect(Self.span(2, 2).intersectionOverUnion(Self.span(2, 2)) == 1)
    }

    @Test func `a threshold that is just reached counts, unless the rule is strict`() {
        let (a, b) = (Self.span(0.1, 0.3), Self.span(0.2, 0.3))
        #expect(OverlapRule(minimumIoU: 0.5).accepts(a.intersectionOverUnion(b)))
        #expect(!OverlapRule(minimumIoU: 0.5, isStrict: true).accepts(a.intersectionOverUnion(b)))
        #expect(!OverlapRule(minimumIoU: 0).accepts(0))
    }

    @Test func `the largest matching is found where taking the best overlap first would lose one`() {
        // The prediction in the middle overlaps the first truth most, but only it can find the second.
        let truths = [Self.span(0, 10), Self.span(8, 18)]
        let predictions = [Self.span(1.5, 11.5), Self.span(0, 6)]
        let matching = Matching(truths: truths, predictions: predictions, rule: OverlapRule(minimumIoU: 0.2))
        #expect(matching.pairs.map(\.prediction) == [1, 0])
        #expect(matching.counts == EventCounts(truePositives: 2))
    }

    @Test func `the number of pairs equals that of trying every way`() {
        var dice = Dice(state: 3)
        for round in 0..<3000 {
            func spans() -> [TimeSpan] {
                (0..<dice.below(7)).map { _ in
                    let start = Double(dice.below(12))
                    return Self.span(start, start + Double(dice.below(6)))
                }
            }
            let (truths, predictions) = (spans(), spans())
            let rule = OverlapRule(minimumIoU: [0, 0.1, 0.3, 0.5, 0.8][dice.below(5)], isStrict: round % 2 == 0)
            let matching = Matching(truths: truths, predictions: predictions, rule: rule)
            #expect(matching.pairs.count == Self.mostPairs(truths[...], predictions, rule), "round \(round)")
            #expect(Set(matching.pairs.map(\.truth)).count == matching.pairs.count)
            #expect(Set(matching.pairs.map(\.prediction)).count == matching.pairs.count)
            #expect(matching.pairs.count + matching.missed.count == truths.count)
            #expect(matching.pairs.count + matching.surplus.count == predictions.count)
            for pair in matching.pairs {
                let overlap = truths[pair.truth].intersectionOverUnion(predictions[pair.prediction])
                #expect(overlap == pair.overlap && rule.accepts(overlap))
            }
        }
    }

    @Test func `twenty thousand events are matched within seconds, even in one long chain`() {
        let truths = (0..<20_000).map { Self.span(Double($0), Double($0) + 1) }
        // Every prediction lies across two truths, so one free end forces a path through the whole chain.
        let predictions = (0..<20_000).map { Self.span(Double($0) + 0.5, Double($0) + 1.5) }
        let clock = ContinuousClock()
        let start = clock.now
        let matching = Matching(truths: truths, predictions: predictions, rule: OverlapRule(minimumIoU: 0.3))
        #expect(matching.pairs.count == 20_000)
        #expect(clock.now - start < .seconds(10))
    }
}
