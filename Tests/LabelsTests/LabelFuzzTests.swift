import Foundation
import Labels
import TestSupport
import Testing

/// Damaged label files end in an error or in events, never in a crash, and never in more than was there.
@Suite struct LabelFuzzTests {
    static let events = (0..<6).map { index in
        Event(
            recording: "r.wav", startSeconds: Double(index), endSeconds: Double(index) + 0.5,
            label: ["a", "b", "c"][index % 3], score: 0.5, lowHz: 100, highHz: 4000)
    }

    @Test(arguments: LabelFormat.allCases)
    func `cut and flipped files of every format do not crash the reader`(format: LabelFormat) throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: format.fileName(forRecording: "r.wav"))
            let options = LabelWritingOptions(facts: { _ in RecordingFacts(durationSeconds: 10, rateHz: 16_000) })
            try LabelFile.write(Self.events, format: format, to: url, recordings: ["r.wav"], options: options)
            let whole = [UInt8](try Data(contentsOf: url))
            let noise = Array("\"\\\t\n\r,;<>{}[]0-.eE".utf8)
            var random = Dice(state: 7)
            for round in 0..<300 {
                var bytes = whole
                if round % 2 == 0 { bytes.removeLast(random.below(bytes.count + 1)) }
                for _ in 0..<random.below(4) where !bytes.isEmpty {
                    let position = random.below(bytes.count)
                    switch random.below(3) {
                    case 0: bytes[position] ^= 1 << UInt8(random.below(8))
                    case 1: bytes.remove(at: position)
                    default: bytes.insert(noise[random.below(noise.count)], at: position)
                    }
                }
                try Data(bytes).write(to: url)
                for skip in [false, true] {
                    let reading = LabelReadingOptions(
                        format: round % 3 == 0 ? nil : format, skipBadRows: skip,
                        facts: { _ in RecordingFacts(durationSeconds: 10, rateHz: 16_000) })
                    if let table = try? LabelFile.read(url, options: reading) {
                        #expect(table.events.count <= bytes.count)
                        #expect(table.events.allSatisfy { $0.startSeconds >= 0 && $0.endSeconds <= 10.1 })
                    }
                }
            }
        }
    }
}

/// A small generator, so that a failing round can be repeated.
private struct Dice {
    var state: UInt64

    mutating func below(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(count))
    }
}
