import Foundation
import Terminal
import TestSupport
import Testing

@Suite struct ProgressTests {
    private func state(isTerminal: Bool, total: Double? = 12_000, measure: ProgressLine.Measure = .items("files"))
        -> ProgressState
    {
        ProgressState(
            title: "scan", total: total, completed: 0, measure: measure, isTerminal: isTerminal, plainSeconds: 10)
    }

    @Test func `A job of less than two seconds says nothing`() {
        var state = state(isTerminal: true)
        #expect(state.update(5_000, note: "", now: 1.9, width: 80) == nil)
        #expect(state.finish(note: "", now: 1.95, width: 80) == nil)
    }

    @Test func `A terminal shows amount, share, speed, time left and a note in one line that is drawn again`() {
        var state = state(isTerminal: true)
        #expect(
            state.update(3_000, note: "2 bad", now: 3, width: 80)
                == "\r\u{1B}[Kscan: 3 000/12 000 files  25 %  1 000 files/s  0:09 left  2 bad")
        #expect(state.update(3_001, note: "", now: 3.05, width: 80) == nil)
        #expect(state.update(3_100, note: "", now: 3.2, width: 30) == "\r\u{1B}[Kscan: 3 100/12 000 files  25 ")
        #expect(
            state.finish(note: "", now: 12, width: 80)
                == "\r\u{1B}[Kscan: 3 100/12 000 files  25 %  258 files/s  in 0:12\n")
    }

    @Test func `Elsewhere there is a plain line every few seconds`() {
        var state = state(isTerminal: false, total: nil)
        var lines: [String] = []
        for second in 1...25 {
            if let line = state.update(Double(second), note: "", now: Double(second), width: 80) { lines.append(line) }
        }
        #expect(
            lines == [
                "scan: 2 files  1.00 files/s\n", "scan: 12 files  1.00 files/s\n", "scan: 22 files  1.00 files/s\n",
            ])
    }

    @Test func `Seconds of sound give multiples of real time`() {
        var state = state(isTerminal: false, total: 90_000, measure: .audioSeconds)
        #expect(
            state.update(3_600, note: "", now: 10, width: 80)
                == "scan: 1:00:00 of 1 d 1 h  4 %  360 × real time  4:00 left\n")
    }

    @Test func `The speed is that of the last seconds`() {
        var state = state(isTerminal: false)
        for second in 1...100 {
            // Ten times as fast in the first half.
            let done = second <= 50 ? 100.0 * Double(second) : 5_000 + 10 * Double(second - 50)
            let line = state.update(done, note: "", now: Double(second), width: 80)
            if second == 92 { #expect(line?.contains("10.0 files/s") == true, "\(line ?? "none")") }
        }
    }

    @Test func `A short job through the real thing leaves its output empty`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "out")
            try Data().write(to: url)
            let progress = ProgressLine("scan", measure: .items("files"), file: try FileHandle(forWritingTo: url))
            progress.advance()
            progress.print("a.wav: is empty")
            progress.finish()
            #expect(try String(contentsOf: url, encoding: .utf8) == "a.wav: is empty\n")
        }
    }
}
