import Report
import Testing

@Suite struct AxisTicksTests {
    @Test func `marks are round numbers inside the range`() {
        #expect(AxisTicks(0...16, atMost: 6).values == [0, 5, 10, 15])
        #expect(AxisTicks(0...1, atMost: 6).values.map { ($0 * 10).rounded() } == [0, 2, 4, 6, 8, 10])
        #expect(AxisTicks(3.2...7.9, atMost: 6).values == [4, 5, 6, 7])
        #expect(AxisTicks(-1...1, atMost: 5).values == [-1, -0.5, 0, 0.5, 1])
        #expect(AxisTicks(0...0, atMost: 5).values == [0])
    }

    @Test func `there are never more marks than asked for and never fewer than two`() {
        for exponent in -6...6 {
            for factor in stride(from: 1.0, to: 10, by: 0.37) {
                var length = factor
                for _ in 0..<abs(exponent) { length = exponent > 0 ? length * 10 : length / 10 }
                for count in 4...12 {
                    let ticks = AxisTicks(0...length, atMost: count)
                    #expect(ticks.values.count <= count && ticks.values.count >= 2, "\(length) \(count)")
                    #expect(Set(ticks.values.map(ticks.text)).count == ticks.values.count, "\(length) \(count)")
                }
            }
        }
    }

    @Test func `times read as people say them`() {
        func texts(_ range: ClosedRange<Double>, _ count: Int) -> [String] {
            let ticks = AxisTicks(range, atMost: count)
            return ticks.values.map { ticks.timeText($0, upTo: range.upperBound) }
        }
        #expect(texts(0...2, 5) == ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"])
        #expect(texts(0...0.017, 5) == ["0 ms", "5 ms", "10 ms", "15 ms"])
        #expect(texts(0...0.0021, 5) == ["0 ms", "1 ms", "2 ms"])
        #expect(texts(100...200, 3) == ["1:40", "2:30", "3:20"])
        #expect(texts(3600...3601, 3) == ["1:00:00.0", "1:00:00.5", "1:00:01.0"])
    }
}
