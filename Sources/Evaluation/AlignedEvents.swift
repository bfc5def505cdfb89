// Truth and predictions rarely name recordings alike: one has paths, the other stems.
import Labels

/// Truth and predictions with the names of the truth's recordings.
public struct AlignedEvents: Sendable {
    /// What is there.
    public let truth: [Event]
    /// What was predicted, in recordings of the truth.
    public let predictions: [Event]
    /// The recordings that were listened to, those without events included.
    public let recordings: [String]
    /// Recordings with predictions that the truth does not speak of; they count neither way.
    public let unknownRecordings: [String]
    /// Names of predictions that fit several recordings of the truth; they count neither way.
    public let ambiguousRecordings: [String]
    /// Recordings of the truth that the predictions do not speak of: all their events are missed.
    public let unpredictedRecordings: [String]

    /// Finds for every prediction the recording of the truth it belongs to.
    public init(truth: LabelTable, predictions: LabelTable) {
        self.truth = truth.events
        recordings = truth.recordings
        let index = RecordingIndex(truth.recordings)
        var names: [String: String] = [:]
        var (unknown, ambiguous): ([String], [String]) = ([], [])
        for name in predictions.recordings {
            switch index.find(name, paths: truth.recordings) {
            case .one(let position): names[name] = truth.recordings[position]
            case .several: ambiguous.append(name)
            case .none: unknown.append(name)
            }
        }
        self.predictions = predictions.events.compactMap { event in
            guard let name = names[event.recording] else { return nil }
            var event = event
            event.recording = name
            return event
        }
        unknownRecordings = unknown
        ambiguousRecordings = ambiguous
        let predicted = Set(names.values)
        unpredictedRecordings = truth.recordings.filter { !predicted.contains($0) }
    }
}
