import Foundation
import Labels
import TestSupport
import Testing

/// What every format has in common: it is recognised, keeps what it can hold, and keeps silence apart from ignorance.
@Suite struct LabelFormatTests {
    private static let writing = LabelWritingOptions(
        facts: { _ in RecordingFacts(durationSeconds: 60, rateHz: 32_000) })
    private static let reading = LabelReadingOptions(
        facts: { _ in RecordingFacts(durationSeconds: 60, rateHz: 32_000) })

    /// Labels a format cannot tell apart from something else.
    private static func canHold(_ label: String, _ format: LabelFormat) -> Bool {
        switch format {
        case .evsonganaly: label.utf16.count == 1
        case .textGrid: !label.isEmpty
        case .timit: !label.isEmpty && label.trimmingCharacters(in: .whitespaces) == label
        // A class named UNK or POS, or without a name, means something else there.
        case .dcase: !["UNK", "POS", ""].contains(label)
        case .dcasePredictions: label == "Q"
        default: true
        }
    }

    @Test(arguments: LabelFormat.allCases)
    func `events survive writing and reading in every format`(format: LabelFormat) throws {
        let labels = (awkwardLabels + ["Q", "x", "<a&b>"]).filter { Self.canHold($0, format) }
        let events = labels.enumerated().map { index, label in
            Event(
                recording: "song.wav", startSeconds: Double(index) + 0.125, endSeconds: Double(index) + 0.875,
                label: label, score: 0.5, lowHz: 100, highHz: 8000.5)
        }
        let (_, table) = try writtenAndRead(
            events, format, recordings: ["song.wav"], writing: Self.writing, reading: Self.reading)
        #expect(table.events.map(\.label) == labels)
        #expect(table.recordings.map { RecordingName.stem($0) } == ["song"])
        for (read, written) in zip(table.events, events) {
            #expect(abs(read.startSeconds - written.startSeconds) < 1e-6)
            #expect(abs(read.endSeconds - written.endSeconds) < 2e-6)
            if let score = read.score { #expect(score == 0.5) }
            if let low = read.lowHz, let high = read.highHz { #expect(low == 100 && high == 8000.5) }
        }
    }

    @Test(arguments: LabelFormat.allCases)
    func `a written file is recognised without being told its format`(format: LabelFormat) throws {
        let event = Event(recording: "song.wav", startSeconds: 1, endSeconds: 2, label: "Q", score: 0.5)
        try withTemporaryFolder { folder in
            let url = folder.appending(path: format.fileName(forRecording: "song.wav"))
            try LabelFile.write([event], format: format, to: url, options: Self.writing)
            #expect(try LabelFormat.detect(url) == format)
        }
    }

    @Test(arguments: LabelFormat.allCases)
    func `a recording in which nothing was found is not forgotten`(format: LabelFormat) throws {
        // Tables that list detections only have no place for it; their file name stands for the recording.
        guard ![.kaleidoscope, .bacpipe].contains(format) else { return }
        let (_, table) = try writtenAndRead(
            [], format, recordings: ["song.wav"],
            named: format == .birdnet ? "song.BirdNET.results.csv" : nil, writing: Self.writing,
            reading: LabelReadingOptions(format: format, facts: Self.reading.facts))
        #expect(table.recordings.map { RecordingName.stem($0) } == ["song"])
        #expect(table.events.isEmpty)
    }

    @Test func `any format becomes any other`() throws {
        let events = (0..<5).map { index in
            Event(
                recording: "song.wav", startSeconds: Double(index), endSeconds: Double(index) + 0.5, label: "Q",
                score: 0.25, lowHz: 100, highHz: 4000)
        }
        try withTemporaryFolder { folder in
            for source in LabelFormat.allCases {
                let first = folder.appending(path: source.fileName(forRecording: "song.wav"))
                try LabelFile.write(events, format: source, to: first, options: Self.writing)
                let table = try LabelFile.read(first, options: Self.reading)
                for target in LabelFormat.allCases {
                    let second = folder.appending(path: "out/\(source)-\(target)")
                    try FileManager.default.createDirectory(
                        at: second.deletingLastPathComponent(), withIntermediateDirectories: true)
                    try LabelFile.write(
                        table.events, format: target, to: second, recordings: table.recordings, options: Self.writing)
                    var options = Self.reading
                    options.format = target
                    let result = try LabelFile.read(second, options: options)
                    #expect(result.events.map(\.startSeconds) == events.map(\.startSeconds), "\(source) to \(target)")
                    #expect(result.events.map(\.label) == events.map(\.label), "\(source) to \(target)")
                }
            }
        }
    }
}
