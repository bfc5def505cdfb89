import Audio
import Labels

/// One recording on its way from frame probabilities to events, all channels that are heard.
struct RecordingDecoding {
    private(set) var events: [Event] = []
    /// Seconds of the recording that are decoded, all of them at the end.
    private(set) var seconds = 0.0
    private var damage: [String] = []
    private let file: AudioFile
    private let description: ModelDescription
    private var frames = 0
    private let framesPerSecond: Double
    private let classCount: Int
    private let modelRateHz: Double
    private var decoders: [EventDecoder]

    init(
        _ recording: NamedRecording, file: AudioFile, channelCount: Int, channels: ModelDescription.Channels,
        _ description: ModelDescription, _ configuration: EventDecoder.Configuration
    ) {
        self.file = file
        self.description = description
        framesPerSecond = description.framesPerSecond
        classCount = description.classes.count
        modelRateHz = description.sampleRateHz
        decoders = (0..<channelCount).map { channel in
            // The channel is told where there is a choice.
            let isTold = file.channelCount > 1 && (channels == .each || channels == .first)
            return EventDecoder(
                configuration, classes: description.classes, recording: recording.name,
                channel: isTold ? channel : nil, framesPerSecond: description.framesPerSecond,
                firstCentreSeconds: description.firstFrameCentreSeconds)
        }
    }

    mutating func push(_ probabilities: [Float], channel: Int) {
        events += decoders[channel].push(probabilities)
        if channel == 0 {
            frames += probabilities.count / classCount
            seconds = Double(frames) / framesPerSecond
        }
    }

    mutating func finish(seconds: Double, damage: [String]) {
        (self.seconds, self.damage) = (seconds, damage)
        for channel in decoders.indices { events += decoders[channel].finish(recordingSeconds: seconds) }
        events = description.timed(events, frames: frames)
        events.sort {
            ($0.startSeconds, $0.endSeconds, $0.channel ?? 0, $0.label)
                < ($1.startSeconds, $1.endSeconds, $1.channel ?? 0, $1.label)
        }
    }

    func record(_ identity: PredictionJournal.Identity) -> PredictionJournal.Record {
        let found = events.map {
            PredictionJournal.Record.Found(
                start: $0.startSeconds, end: $0.endSeconds, label: $0.label, score: $0.score, channel: $0.channel)
        }
        return PredictionJournal.Record(
            identity: identity, seconds: seconds, rateHz: file.rateHz, note: note, found: found)
    }

    /// What a user should know about the recording; empty if there is nothing.
    private var note: String {
        var notes = file.repairs + damage
        // Headers of lossy codings count the padding of the encoder in or out.
        if let promised = file.promisedSeconds, promised - seconds > 0.25 {
            notes.append("its header promises \(rounded(promised)) s, \(rounded(seconds)) s are there")
        }
        if file.rateHz < modelRateHz {
            notes.append(
                "it was recorded at \(rounded(file.rateHz)) Hz, and the model learned at \(rounded(modelRateHz)) Hz: "
                    + "sounds above \(rounded(file.rateHz / 2)) Hz are missing")
        }
        return notes.joined(separator: "; ")
    }

    private func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }
}
