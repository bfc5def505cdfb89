import Evaluation
import Testing

/// Two clips of 200 frames and three classes, small enough to check by hand; values of the published software.
enum SegmentFixture {
    struct Clip {
        var probabilities: [Float]
        var targets: [Float]
        var predictions: [[ClosedRange<Int>]]
    }

    static let clips: [Clip] = {
        var clips = [
            [[16...68, 156...189], [24...76, 105...155], []],
            [[135...190], [14...106], [85...111]],
        ].map { predictions in
            Clip(
                probabilities: Array(repeating: 0.02, count: 600), targets: Array(repeating: 0, count: 600),
                predictions: predictions)
        }
        for (clip, column, frames, probability) in [
            (0, 0, 22..<62, Float(0.9)), (0, 0, 160..<185, 0.6), (0, 1, 30..<70, 0.8), (0, 1, 110..<150, 0.7),
            (1, 1, 20..<100, 0.85), (1, 2, 88..<108, 0.5), (1, 0, 140..<200, 0.75),
        ] {
            for frame in frames { clips[clip].probabilities[frame * 3 + column] = probability }
        }
        for (clip, column, frames) in [
            (0, 0, 20..<60), (0, 0, 100..<130), (0, 1, 30..<150), (1, 1, 20..<50), (1, 1, 70..<100), (1, 2, 90..<91),
            (1, 0, 150..<200),
        ] {
            for frame in frames { clips[clip].targets[frame * 3 + column] = 1 }
        }
        return clips
    }()

    static let segmentClips = clips.map { clip in
        SegmentClip(
            truths: (0..<3).map { SegmentClip.runs(in: clip.targets, classCount: 3, column: $0) },
            predictions: clip.predictions, probabilities: clip.probabilities)
    }
}

@Suite struct SegmentScoresTests {
    private struct Expected {
        var rows: [(Bool, Double)]
        var overlaps: [Double]
        var splits: [Int] = []
        var mergers: [Int] = []
    }

    private static func check(_ scores: SegmentScores, _ expected: [Expected]) {
        #expect(scores.cells.count == expected.count)
        for (index, (cell, expected)) in zip(scores.cells, expected).enumerated() {
            // The published software keeps rows in another order, which no score depends on.
            let rows = cell.rows.map { ($0.isTrue, Double($0.score)) }.sorted { $0.1 < $1.1 }
            let wanted = expected.rows.sorted { $0.1 < $1.1 }
            #expect(rows.map(\.0) == wanted.map(\.0), "cell \(index)")
            #expect(zip(rows, wanted).allSatisfy { abs($0.1 - $1.1) < 1e-6 }, "cell \(index)")
            #expect(zip(cell.overlaps.sorted(), expected.overlaps).allSatisfy { abs($0 - $1) < 1e-7 })
            #expect(cell.overlaps.count == expected.overlaps.count)
            #expect(cell.splits == expected.splits && cell.mergers == expected.mergers, "cell \(index)")
        }
    }

    @Test func `true runs are those of the published software`() {
        #expect(
            SegmentFixture.segmentClips.map(\.truths)
                == [[[20...59, 100...129], [30...149], []], [[150...199], [20...49, 70...99], [90...90]]])
    }

    @Test func `any overlap counts`() {
        let scores = SegmentScores(SegmentFixture.segmentClips, classCount: 3, reading: .published)
        Self.check(
            scores,
            [
                Expected(
                    rows: [(false, 0.4593939483165741), (true, 0.019999997690320015), (true, 0.6969231367111206)],
                    overlaps: [0.75]),
                Expected(
                    rows: [(true, 0.5639999508857727), (true, 0.6200001239776611)],
                    overlaps: [0.35199999809265137, 0.36800000071525574], splits: [2]),
                Expected(rows: [], overlaps: []),
                Expected(rows: [(true, 0.6836364269256592)], overlaps: [0.625]),
                Expected(
                    rows: [(true, 0.7417392134666443), (true, 0.7417392134666443)],
                    overlaps: [0.31521740555763245, 0.31521740555763245], mergers: [2]),
                Expected(rows: [(true, 0.38923075795173645)], overlaps: [0.03846153989434242]),
            ])
        for (value, expected) in zip(scores.averagePrecisionByClass, [0.9166666666666665, 1, 1]) {
            #expect(abs(value! - expected) < 1e-9)
        }
        #expect(abs(scores.macroAveragePrecision! - 0.9722222222222222) < 1e-9)
        #expect(abs(scores.microAveragePrecision! - 0.9704861111111112) < 1e-9)
    }

    @Test func `half an overlap is asked for`() {
        let scores = SegmentScores(SegmentFixture.segmentClips, classCount: 3, iouThreshold: 0.5, reading: .published)
        Self.check(
            scores,
            [
                Expected(
                    rows: [(false, 0.4593939483165741), (true, 0.019999997690320015), (true, 0.6969231367111206)],
                    overlaps: [0.75]),
                Expected(
                    rows: [(false, 0.5050421357154846), (false, 0.5050421357154846)],
                    overlaps: [0.35199999809265137, 0.36800000071525574]),
                Expected(rows: [], overlaps: []),
                Expected(rows: [(true, 0.6836364269256592)], overlaps: [0.625]),
                Expected(
                    rows: [(false, 0.8500000238418579), (false, 0.8500000238418579)],
                    overlaps: [0.31521740555763245, 0.31521740555763245]),
                Expected(rows: [(false, 0.5)], overlaps: [0.03846153989434242]),
            ])
        for (value, expected) in zip(scores.averagePrecisionByClass, [0.9166666666666665, 0, 0]) {
            #expect(abs((value ?? 0) - expected) < 1e-9)
        }
        #expect(abs(scores.macroAveragePrecision! - 0.3055555555555555) < 1e-9)
        #expect(abs(scores.microAveragePrecision! - 0.3888888888888889) < 1e-9)
    }

    @Test func `read exactly, the last frame of a run belongs to it`() {
        let scores = SegmentScores(SegmentFixture.segmentClips, classCount: 3, reading: .exact)
        #expect(abs(scores.cells[0].overlaps[0] - 40.0 / 53) < 1e-12)
        #expect(scores.cells[1].splits == [2])
        #expect(scores.cells[5].overlaps == [1.0 / 27])
        let touching = SegmentClip(
            truths: [[0...4]], predictions: [[4...9]], probabilities: Array(repeating: 0.5, count: 10))
        #expect(SegmentScores([touching], classCount: 1, reading: .exact).cells[0].overlaps == [0.1])
        #expect(SegmentScores([touching], classCount: 1, reading: .published).cells[0].overlaps.isEmpty)
    }
}
