import ArgumentParser
import Evaluation
import Foundation
import Inference
import Labels

/// What predictions say about every frame of the truth's recordings.
struct PredictedFrames {
    /// The labels of the columns.
    private(set) var classes: [String]
    /// Scores and truths of every recording, in the order of the truth; nil where neither probabilities nor lengths are known.
    private(set) var recordings: [FrameRecording]?
    /// Whether they come from saved probabilities.
    private(set) var isSaved = false
    /// What the reader should know.
    private(set) var notes: [String] = []
    /// Frames per second.
    private(set) var framesPerSecond = 200.0
    /// The length of all recordings together, if it is known of every one.
    private(set) var totalSeconds: Double?
    private var grids: [FrameGrid] = []
    private var events: [[Event]] = []
    private var files: [ProbabilityFile?] = []
    private var threshold = 0.5
    private let channel: Int?

    init(_ aligned: AlignedEvents, _ source: TruthSource, folder: URL, channel: Int? = nil) throws {
        self.channel = channel
        let names = aligned.recordings
        let byRecording = Dictionary(grouping: aligned.predictions, by: \.recording)
        let truth = Dictionary(grouping: aligned.truth, by: \.recording)
        events = names.map { byRecording[$0] ?? [] }
        let index = RecordingIndex(names)
        files = Array(repeating: nil, count: names.count)
        for file in try ProbabilityFile.all(in: folder) {
            if case .one(let place) = index.find(file.recording, paths: names) { files[place] = file }
        }
        let known = files.compactMap(\.self)
        let labels = Set(aligned.truth.map(\.label))
        if let first = known.first, known.count == names.count {
            guard known.allSatisfy({ $0.classes == first.classes }) else {
                throw ValidationError("\(folder.path): the saved probabilities are those of different models")
            }
            (classes, isSaved, framesPerSecond) = (first.classes, true, first.grid.framesPerSecond)
            threshold = first.decoding?.threshold ?? 0.5
            let vocabulary = Vocabulary(classes)
            recordings = try zip(names, known).map { name, file in
                let targets = FrameTargets(events: truth[name] ?? [], vocabulary: vocabulary, grid: file.grid)
                return FrameRecording(recording: name, scores: try Self.values(file, channel), targets: targets.values)
            }
            grids = known.map(\.grid)
            totalSeconds = known.reduce(0) { $0 + $1.seconds }
            let unknown = labels.subtracting(classes).sorted()
            if !unknown.isEmpty {
                notes.append(
                    "labels that the model does not know have no frame scores: " + unknown.joined(separator: ", "))
            }
            return
        }
        if !known.isEmpty {
            notes.append(
                "\(names.count - known.count) recordings have no saved probabilities; frames are scored from events")
        }
        classes = Vocabulary(events: aligned.truth).labels
        guard aligned.predictions.contains(where: { $0.score != nil }), !classes.isEmpty else { return }
        // Silence behind the last event counts too, where the length of a recording is known.
        let seconds = names.enumerated().map { place, name in
            source.seconds[name] ?? files[place]?.seconds
                ?? ((truth[name] ?? []) + (byRecording[name] ?? [])).map(\.endSeconds).max() ?? 0
        }
        let isComplete = names.allSatisfy { source.seconds[$0] != nil }
        totalSeconds = isComplete ? seconds.reduce(0, +) : nil
        notes.append(
            "frames are scored from the scores of events, 0 where there is none; predict --probabilities tells more")
        if !isComplete {
            notes.append(
                "the lengths of some recordings are not known, and silence behind their last event does not count; give "
                    + "--recordings")
        }
        let vocabulary = Vocabulary(classes)
        grids = seconds.map {
            FrameGrid(framesPerSecond: framesPerSecond, count: Int(($0 * framesPerSecond).rounded(.up)))
        }
        recordings = names.indices.map { place in
            FrameRecording(
                recording: names[place], truth: truth[names[place]] ?? [], predictions: events[place],
                vocabulary: vocabulary, grid: grids[place])
        }
    }

    private func values(_ file: ProbabilityFile) throws -> [Float] { try Self.values(file, channel) }

    /// The probabilities of a channel, or the largest of all.
    private static func values(_ file: ProbabilityFile, _ channel: Int?) throws -> [Float] {
        if let channel, channel < file.channelCount { return try file.values(channel: channel) }
        var values = try file.values()
        for channel in 1..<max(1, file.channelCount) {
            for (index, value) in try file.values(channel: channel).enumerated() where value > values[index] {
                values[index] = value
            }
        }
        return values
    }

    /// Frame scores; nil where nothing is known of frames.
    var scores: FrameScores? { recordings.map { FrameScores($0, classes: classes, threshold: threshold) } }

    /// Fewer draws where millions of frames are to be gone through in each.
    func lighter(_ bootstrap: Bootstrap) -> Bootstrap {
        let cells = recordings?.reduce(0) { $0 + $1.scores.count } ?? 0
        var bootstrap = bootstrap
        bootstrap.resamples = min(bootstrap.resamples, max(100, 2_000_000_000 / max(1, cells)))
        return bootstrap
    }

    /// Segment scores; nil where nothing is known of frames.
    func segments(_ bootstrap: Bootstrap) -> DetectionScores.Segments? {
        recordings.map {
            DetectionScores.Segments($0, predictions: events, grids: grids, classes: classes, bootstrap: bootstrap)
        }
    }

    /// The polyphonic sound detection score: from the probabilities, decoded at fifty thresholds, or from the events' scores.
    func polyphonic(_ aligned: AlignedEvents, _ seconds: Double) throws -> DetectionScores.Polyphonic {
        guard isSaved, var decoding = files.first??.decoding else {
            return DetectionScores.Polyphonic(aligned, durationSeconds: seconds)
        }
        // Thresholds of single classes would stand still while the others move.
        for label in decoding.classes.keys { decoding.classes[label]?.threshold = nil }
        decoding.focal = nil
        let detections = try (0..<50).map { step in
            decoding.threshold = (Double(step) + 0.5) / 50
            return try zip(aligned.recordings, files).flatMap { name, file -> [Event] in
                guard let file else { return [] }
                return EventDecoder.events(
                    try values(file), decoding, classes: classes, recording: name,
                    framesPerSecond: file.grid.framesPerSecond, firstCentreSeconds: file.grid.firstCentreSeconds,
                    recordingSeconds: file.seconds)
            }
        }
        return DetectionScores.Polyphonic(truth: aligned.truth, detections: detections, durationSeconds: seconds)
    }
}
