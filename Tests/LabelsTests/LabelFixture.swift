import Foundation
import Labels
import TestSupport

/// Writes a text under a name into a fresh folder and reads it as a label file.
func readLabels(
    _ text: String, named name: String, _ options: LabelReadingOptions = .init()
) throws -> LabelTable {
    try readLabels(Array(text.utf8), named: name, options)
}

/// Writes bytes under a name into a fresh folder and reads them as a label file.
func readLabels(
    _ bytes: [UInt8], named name: String, _ options: LabelReadingOptions = .init()
) throws -> LabelTable {
    try withTemporaryFolder { folder in
        let url = folder.appending(path: name)
        try Data(bytes).write(to: url)
        return try LabelFile.read(url, options: options)
    }
}

/// Writes events as one file and reads the file back; also returns its text.
func writtenAndRead(
    _ events: [Event], _ format: LabelFormat, recordings: [String] = [], named name: String? = nil,
    writing: LabelWritingOptions = .init(), reading: LabelReadingOptions = .init()
) throws -> (text: String, table: LabelTable) {
    try withTemporaryFolder { folder in
        let recording = events.first?.recording ?? recordings.first ?? "song.wav"
        let url = folder.appending(path: name ?? format.fileName(forRecording: recording))
        try LabelFile.write(events, format: format, to: url, recordings: recordings, options: writing)
        return (String(decoding: try Data(contentsOf: url), as: UTF8.self), try LabelFile.read(url, options: reading))
    }
}

/// The error a reading fails with.
func labelError(_ body: () throws -> Void) -> LabelError? {
    do {
        try body()
        return nil
    } catch {
        return error as? LabelError
    }
}

/// Options that give every recording the same length and rate.
func facts(durationSeconds: Double? = nil, rateHz: Double? = nil) -> LabelReadingOptions {
    LabelReadingOptions(facts: { _ in RecordingFacts(durationSeconds: durationSeconds, rateHz: rateHz) })
}

/// Labels that readers like to break: numbers, marks, blanks, quotes, separators, other scripts.
let awkwardLabels = [
    "007", "-", "?", "NA", "nan", "", "POS", " a b ", "it's", "\"x\"", "a,b", "a;b", "Müller 雀", "1e5",
]
