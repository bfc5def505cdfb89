import Models
import Randomness
import Testing

@Suite struct MaskingTests {
    private func masks(_ change: (inout FrameMask.Configuration) -> Void, rows: Int = 40) -> [[Bool]] {
        var configuration = FrameMask.Configuration()
        change(&configuration)
        let randoms = (0..<rows).map { KeyedRandom(seed: 1, sample: $0, purpose: .mask) }
        let mask = FrameMask(frameCount: 200, configuration, randoms: randoms)
        return (0..<rows).map { Array(mask.flags[$0 * 200..<($0 + 1) * 200]) }
    }

    /// Lengths of the runs of `value`.
    private func runs(_ row: [Bool], of value: Bool) -> [Int] {
        row.split(separator: !value).map(\.count)
    }

    @Test func `Published masks hide nearly 93 percent, and more when rows follow the one that hides most`() {
        let least = masks { _ in }.first!.count(where: \.self)
        #expect((168...187).contains(least))
        let most = masks { $0.counts = .most }.first!.count(where: \.self)
        #expect(most > least + 2)
    }

    @Test func `Blocks hide exactly their share`() {
        for row in masks({ ($0.kind, $0.probability, $0.length) = (.blocks, 0.5, 10) }) {
            #expect(row.count(where: \.self) == 100)
        }
        let plain = masks { ($0.kind, $0.probability, $0.length) = (.blocks, 0.5, 10) }.flatMap { runs($0, of: true) }
        let surplus = masks { ($0.kind, $0.probability, $0.length, $0.surplus) = (.blocks, 0.5, 10, 0.3) }
        #expect(surplus.allSatisfy { $0.count(where: \.self) == 100 })
        #expect(plain != surplus.flatMap { runs($0, of: true) })
    }

    @Test func `Inverse blocks are what is kept`() {
        let rows = masks { ($0.kind, $0.probability, $0.length, $0.inverse) = (.blocks, 0.8, 10, true) }
        for row in rows { #expect(row.count(where: \.self) == 160) }
        // Few long stretches are kept; without the inverse many short ones would be.
        let kept = rows.flatMap { runs($0, of: false) }
        let scattered = masks { ($0.kind, $0.probability, $0.length) = (.blocks, 0.8, 10) }.flatMap {
            runs($0, of: false)
        }
        #expect(kept.filter { $0 >= 10 }.count > 2 * scattered.filter { $0 >= 10 }.count)
    }

    @Test func `Mask dropout shows a share of the hidden frames again`() {
        let whole = masks { _ in }.first!.count(where: \.self)
        for row in masks({ $0.dropout = 0.25 }) {
            #expect(row.count(where: \.self) == whole - Int((Double(whole) * 0.25).rounded(.toNearestOrEven)))
        }
    }
}
