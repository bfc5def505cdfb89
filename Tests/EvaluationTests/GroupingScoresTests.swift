// Expected values are those of scikit-learn 1.7: adjusted_mutual_info_score, adjusted_rand_score, f1_score.
import Evaluation
import Foundation
import Testing

@Suite struct GroupingScoresTests {
    private func sequence(_ count: Int, _ factor: Int, _ modulus: Int) -> [Int] {
        (0..<count).map { ($0 * factor + $0 * $0 / 3) % modulus }
    }

    @Test(
        arguments: [
            (50, [7, 4], [5, 3], 0.20033418759175992, 0.06124648266778423, 0.2361111111111111),
            (200, [3, 9], [11, 6], 0.3344578153697182, 0.2477598578876027, 0.04821802935010482),
            (97, [5, 30], [2, 2], -0.03924002273071314, -0.017750659954707676, 0.023809523809523808),
            (1000, [13, 100], [17, 9], 0.08721982655969883, 0.008562922092451535, 0.0033411147401241864),
        ] as [(Int, [Int], [Int], Double, Double, Double)])
    func `Scores agree with those of scikit-learn`(
        count: Int, groups: [Int], labels: [Int], information: Double, rand: Double, f1: Double
    ) throws {
        let found = sequence(count, groups[0], groups[1])
        let truth = sequence(count, labels[0], labels[1])
        let table = ContingencyTable(groups: found, labels: truth)
        #expect(abs(try #require(table.adjustedMutualInformation) - information) < 1e-9)
        #expect(abs(try #require(table.adjustedRandIndex) - rand) < 1e-12)
        let values = ClassificationScores.values(truth: truth, predicted: found)
        #expect(abs(try #require(values.macroF1) - f1) < 1e-12)
    }

    @Test func `What is the same scores 1, whatever the groups are called; one group for all scores 0`() {
        let labels = [0, 0, 1, 1, 1, 2, 2, 2, 2]
        let same = ContingencyTable(groups: labels.map { 2 - $0 }, labels: labels)
        #expect(abs(same.adjustedMutualInformation! - 1) < 1e-12)
        #expect(same.adjustedRandIndex == 1 && same.purity == 1)
        let one = ContingencyTable(groups: labels.map { _ in 0 }, labels: labels)
        #expect(abs(one.adjustedMutualInformation!) < 1e-12 && one.adjustedRandIndex == 0)
        #expect(abs(one.purity! - 4.0 / 9) < 1e-12)
        let each = ContingencyTable(groups: Array(0..<9), labels: labels)
        #expect(abs(each.adjustedMutualInformation!) < 1e-9 && each.purity == 1)
        let all = ContingencyTable(groups: [0, 0], labels: [0, 0])
        #expect(all.adjustedMutualInformation == 1 && all.adjustedRandIndex == 1)
        let none = ContingencyTable(groups: [], labels: [])
        #expect(none.adjustedMutualInformation == nil && none.purity == nil)
    }

    @Test func `Intervals hold the value and are wider for fewer recordings`() throws {
        var labels: [Int] = []
        var groups: [Int] = []
        for index in 0..<600 {
            labels.append(index % 4)
            groups.append(index % 11 == 0 ? (index + 1) % 4 : index % 4)
        }
        func scores(_ recordings: Int) -> GroupingScores {
            GroupingScores(
                groups: groups, labels: labels, recordings: (0..<600).map { $0 * recordings / 600 },
                bootstrap: Bootstrap(resamples: 100))
        }
        let few = scores(5).adjustedMutualInformation
        let many = scores(100).adjustedMutualInformation
        let (low, high) = (try #require(many.low), try #require(many.high))
        #expect(low < many.value! && many.value! < high && low > 0.6 && high < 0.95)
        #expect(few.value == many.value)
        let single = scores(1).purity
        #expect(single.low == nil && single.value == many.value.map { _ in single.value! })
    }

    @Test func `A label that is never found lowers the macro-F1, and accuracy counts places`() {
        let values = ClassificationScores.values(truth: [0, 0, 0, 1], predicted: [0, 0, 0, 0])
        #expect(values.accuracy == 0.75)
        #expect(abs(values.macroF1! - 6.0 / 7 / 2) < 1e-12)
        #expect(ClassificationScores.values(truth: [], predicted: []).accuracy == nil)
    }
}
