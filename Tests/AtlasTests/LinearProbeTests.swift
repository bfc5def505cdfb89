import Atlas
import Evaluation
import Foundation
import Randomness
import TestSupport
import Testing

@Suite struct LinearProbeTests {
    private func uniform(_ index: Int) -> Double { Double(splitmix64(UInt64(index)) >> 11) * 0x1p-53 }

    /// Sixty rows of three numbers, and the classes that a rule gives them.
    private var problem: (rows: [Float], classes: [Int]) {
        var rows: [Float] = []
        var classes: [Int] = []
        for index in 0..<60 {
            let x = (0..<3).map { uniform(index * 3 + $0) * 2 - 1 }
            rows += x.map { Float($0) }
            classes.append(x[0] + 0.3 * x[1] > 0.2 ? 0 : x[2] > 0 ? 1 : 2)
        }
        return (rows, classes)
    }

    // scikit-learn 1.7, LogisticRegression(tol=1e-10)
    @Test(
        arguments: [
            (
                1.0,
                [
                    2.540523651654237, 0.8636983963928041, -0.03760555597811737, -1.241220420092548,
                    -0.5119532327646482,
                    1.7017083894879406, -1.2993032315616888, -0.35174516362815605, -1.6641028335098234,
                ], [0.2835294004653976, -0.13205400011458135, -0.15147540035081544]
            ),
            (
                10.0,
                [
                    6.631099570352952, 2.1475530635465754, -0.21866133182398745, -3.1043926760666554,
                    -1.159942415591045,
                    3.22898327008517, -3.5267068942862947, -0.9876106479555281, -3.010321938261182,
                ], [-0.1541161275215827, 0.1840589051603955, -0.029942777638810487]
            ),
        ] as [(Double, [Double], [Double])])
    func `Weights agree with those of scikit-learn`(inverse: Double, weights: [Double], biases: [Double]) throws {
        let (rows, classes) = problem
        var configuration = LinearProbe.Configuration()
        (configuration.inverseRegularization, configuration.tolerance) = (inverse, 1e-7)
        let probe = try LinearProbe(
            rows, dimension: 3, classes: classes, classCount: 3, configuration: configuration)
        #expect(zip(probe.weights, weights).allSatisfy { abs(Double($0) - $1) < 2e-3 * inverse })
        #expect(zip(probe.biases, biases).allSatisfy { abs(Double($0) - $1) < 2e-3 * inverse })
        let right = zip(try probe.predict(rows), classes).count { $0 == $1 }
        #expect(right >= 54)
        let sums = try probe.probabilities(rows)
        #expect(sums.count == 180 && abs(sums[0] + sums[1] + sums[2] - 1) < 1e-5)
    }

    @Test func `Balanced learning does not forget a rare class`() throws {
        var rows: [Float] = []
        var classes: [Int] = []
        for index in 0..<300 {
            let isRare = index % 30 == 0
            rows += [Float(uniform(index) + (isRare ? 0.6 : 0)), Float(uniform(index + 5000))]
            classes.append(isRare ? 1 : 0)
        }
        var configuration = LinearProbe.Configuration()
        let plain = try LinearProbe(rows, dimension: 2, classes: classes, classCount: 2, configuration: configuration)
        configuration.isBalanced = true
        let balanced = try LinearProbe(
            rows, dimension: 2, classes: classes, classCount: 2, configuration: configuration)
        func found(_ probe: LinearProbe) throws -> Int {
            zip(try probe.predict(rows), classes).count { $0 == 1 && $1 == 1 }
        }
        #expect(try found(balanced) > found(plain))
    }

    @Test func `Vectors in groups are named from one label each, and noise is not`() throws {
        try withTemporaryFolder { folder in
            var scoring = VectorScoring()
            (scoring.draws, scoring.bootstrap.resamples) = (4, 50)
            let clear = try Atlas.filled(
                folder.appending(path: "a"), GroupedVectors(count: 600, dimension: 24, groups: 6, noise: 0.6))
            let scores = try #require(try scoring.scores(clear) { $0.name < "r3" })
            #expect(scores.trainCount + scores.testCount == 600 && scores.classes.count == 6)
            #expect(scores.nearest.accuracy.value! > 0.98 && scores.linear.macroF1.value! > 0.98)
            #expect(scores.fewShot[1]!.value! > 0.9 && scores.fewShot[5]!.value! >= scores.fewShot[1]!.value!)
            let noise = try Atlas.filled(
                folder.appending(path: "b"), GroupedVectors(count: 600, dimension: 24, groups: 6, noise: 100))
            let random = try #require(try scoring.scores(noise) { $0.name < "r3" })
            #expect(random.linear.accuracy.value! < 0.35)
            #expect(try scoring.scores(noise) { _ in true } == nil)
        }
    }
}
