import Foundation
import Labels
import Testing

@Suite struct FrameTargetsTests {
    @Test func `a frame belongs to an event when its centre does`() {
        let grid = FrameGrid(framesPerSecond: 10, count: 20)
        #expect(grid.centreSeconds(0) == 0.05)
        #expect(grid.frames(from: 0, to: 1) == 0..<10)
        #expect(grid.frames(from: 0.05, to: 0.15) == 0..<1)
        #expect(grid.frames(from: 0.06, to: 0.16) == 1..<2)
        #expect(grid.frames(from: 0.06, to: 0.07) == 0..<1)
        #expect(grid.frames(from: 0.5, to: 0.5) == 5..<6)
        #expect(grid.frames(from: 1.9, to: 5) == 19..<20)
        #expect(grid.frames(from: 2.1, to: 5).isEmpty)
        #expect(grid.frames(from: -3, to: -1).isEmpty)
    }

    @Test func `a window sees its own part of an event`() {
        let grid = FrameGrid(framesPerSecond: 10, count: 10, firstCentreSeconds: 5.05)
        #expect(grid.frames(from: 4, to: 5.3) == 0..<3)
        #expect(grid.frames(from: 4.99, to: 4.995).isEmpty)
    }

    @Test func `events become frames and come back within one frame, for every start and length`() {
        let vocabulary = Vocabulary(["a", "b"])
        for rate in [50.0, 200, 333.3] {
            let grid = FrameGrid(framesPerSecond: rate, count: Int(2 * rate))
            for step in 0..<200 {
                let start = 0.1 + Double(step) * 0.00137
                let end = start + Double(step % 40) * 0.0071
                let event = Event(
                    recording: "r", startSeconds: start, endSeconds: end, label: step % 2 == 0 ? "a" : "b")
                let targets = FrameTargets(events: [event], vocabulary: vocabulary, grid: grid)
                let back = targets.events(vocabulary: vocabulary, recording: "r")
                #expect(back.count == 1)
                guard let only = back.first else { continue }
                #expect(only.label == event.label)
                #expect(abs(only.startSeconds - start) <= 1 / rate, "start \(start) at \(rate)")
                #expect(abs(only.endSeconds - end) <= 1 / rate, "end \(end) at \(rate)")
                // What came back gives the same frames again.
                #expect(FrameTargets(events: back, vocabulary: vocabulary, grid: grid) == targets)
            }
        }
    }

    @Test func `classes overlap in one frame and unknown labels leave no trace`() {
        let events = [
            Event(recording: "r", startSeconds: 0, endSeconds: 1, label: "a"),
            Event(recording: "r", startSeconds: 0.5, endSeconds: 1.5, label: "b"),
            Event(recording: "r", startSeconds: 0, endSeconds: 2, label: "noise"),
        ]
        let grid = FrameGrid(framesPerSecond: 2, count: 4)
        let targets = FrameTargets(events: events, vocabulary: Vocabulary(["a", "b"]), grid: grid)
        #expect(targets.values == [1, 0, 1, 1, 0, 1, 0, 0])
    }
}

@Suite struct VocabularyTests {
    private let events = ["b", "a", "b", "10", "9", "10", ""].map {
        Event(recording: "r", startSeconds: 0, endSeconds: 1, label: $0)
    }

    @Test func `classes are ordered by bytes or by count`() {
        #expect(Vocabulary(events: events).labels == ["", "10", "9", "a", "b"])
        #expect(Vocabulary(events: events, order: .count).labels == ["10", "b", "", "9", "a"])
        #expect(Vocabulary(events: events, minimumCount: 2).labels == ["10", "b"])
        #expect(Vocabulary(events: events).index(of: "9") == 2)
        #expect(Vocabulary(events: events).index(of: "c") == nil)
    }

    @Test func `a vocabulary is stored as a list and a repeated name is refused`() throws {
        let data = try JSONEncoder().encode(Vocabulary(["b", "a"]))
        #expect(String(decoding: data, as: UTF8.self) == "[\"b\",\"a\"]")
        #expect(try JSONDecoder().decode(Vocabulary.self, from: data).labels == ["b", "a"])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Vocabulary.self, from: Data("[\"a\",\"a\"]".utf8))
        }
    }
}

@Suite struct FrameSeparationTests {
    @Test func `Touching events of one class keep frames between them, others stay whole`() {
        let grid = FrameGrid(framesPerSecond: 100, count: 60, firstCentreSeconds: 0.005)
        func event(_ start: Double, _ end: Double, _ label: String) -> Event {
            Event(recording: "r", startSeconds: start, endSeconds: end, label: label)
        }
        let vocabulary = Vocabulary(["a", "b"])
        let events = [event(0.1, 0.2, "a"), event(0.2, 0.3, "a"), event(0.3, 0.4, "b"), event(0.45, 0.5, "a")]
        let apart = FrameTargets(events: events, vocabulary: vocabulary, grid: grid, separationFrames: 2)
        let found = apart.events(vocabulary: vocabulary, recording: "r").filter { $0.label == "a" }
        #expect(found.count == 3)
        #expect(found.map(\.startSeconds).map { ($0 * 100).rounded() } == [10, 21, 45])
        #expect(found.map(\.endSeconds).map { ($0 * 100).rounded() } == [19, 30, 50])
        let joined = FrameTargets(events: events, vocabulary: vocabulary, grid: grid)
        #expect(joined.events(vocabulary: vocabulary, recording: "r").filter { $0.label == "a" }.count == 2)
        #expect((30..<40).allSatisfy { apart[$0, 1] == 1 })
    }
}
