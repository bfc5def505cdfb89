import Audio
import Foundation
import Inference
import Labels
import Synchronization

/// Recordings that label files speak of: some formats count in samples, others need to know how long a recording is.
final class RecordingFolder: Sendable {
    private let recordings: [NamedRecording]
    private let index: RecordingIndex
    private let known = Mutex<[Int: RecordingFacts]>([:])

    /// All recordings in a folder and below, or one file.
    init(_ url: URL) throws {
        recordings = try NamedRecording.list([url])
        index = RecordingIndex(recordings.map(\.name))
    }

    /// Length and rate of the recording that a label file names; nil if it is not there or cannot be read.
    func facts(_ name: String) -> RecordingFacts? {
        guard case .one(let number) = index.find(name, paths: recordings.map(\.name)) else { return nil }
        if let facts = known.withLock({ $0[number] }) { return facts }
        let path = recordings[number].path
        guard let file = try? AudioFile(path: path) else { return nil }
        // A header that promises nothing is no answer: then the sound is counted.
        let seconds = file.promisedSeconds ?? AudioInspection.inspect(path: path).seconds
        let facts = RecordingFacts(durationSeconds: seconds, rateHz: file.rateHz)
        known.withLock { $0[number] = facts }
        return facts
    }
}
