// A model tried on labelled recordings that it does not learn from: while it trains, and at the end.
import Corpus
import Evaluation
import Inference
import Labels
import Models

/// Labelled recordings to try models on.
public struct HeldOutTrial {
    private let recordings: [LabelledRecording]
    private let description: ModelDescription

    /// A trial of the model of `description` on recordings that are annotated throughout.
    public init(_ recordings: [LabelledRecording], _ description: ModelDescription) {
        (self.recordings, self.description) = (recordings, description)
    }

    /// Event scores at an overlap of 0.5 and frame scores, with intervals by recording where `resamples` is above 0.
    public func scores(of model: FrameClassifier, resamples: Int = 1000) throws -> DetectionScores {
        var truth = LabelTable()
        var predicted = LabelTable()
        var frames: [FrameRecording] = []
        let vocabulary = Vocabulary(description.classes)
        let predictor = FramePredictor(model, description)
        for entry in recordings {
            let name = entry.recording.path
            var probabilities: [Float] = []
            try predictor.predict([name]) { _, output in
                switch output {
                case .frames(let channel, let block): if channel == 0 { probabilities += block }
                case .failed(let reason): throw RunError(description: "\(name): cannot be tried: \(reason)")
                case .opened, .ended: break
                }
            }
            let grid = description.grid(frames: probabilities.count / description.classes.count)
            truth.recordings.append(name)
            predicted.recordings.append(name)
            truth.events += entry.events.map { event in
                var event = event
                event.recording = name
                return event
            }
            let events = EventDecoder.events(
                probabilities, description.decoding.withoutMarks, classes: description.classes, recording: name,
                framesPerSecond: description.framesPerSecond, firstCentreSeconds: description.firstFrameCentreSeconds,
                recordingSeconds: entry.recording.seconds)
            predicted.events += description.timed(events, frames: grid.count)
            let targets = FrameTargets(events: entry.events, vocabulary: vocabulary, grid: grid)
            frames.append(FrameRecording(recording: name, scores: probabilities, targets: targets.values))
        }
        return DetectionScores(
            AlignedEvents(truth: truth, predictions: predicted), minimumIoUs: [0.5],
            frames: FrameScores(frames, classes: description.classes, threshold: description.decoding.threshold),
            bootstrap: Bootstrap(resamples: resamples))
    }
}

extension DetectionScores {
    /// The score that decides what the best model is, and all that are worth logging.
    func validation(_ validation: Recipe.Validation) -> (score: Double, metrics: [String: Double]) {
        let eventF1 = events[0].f1.value ?? 0
        let macro = frames?.macroAveragePrecision.value ?? 0
        let micro = frames?.microAveragePrecision.value ?? 0
        let score =
            switch validation.metric {
            case .eventF1: eventF1
            case .frameAveragePrecisionMacro: macro
            case .frameAveragePrecisionMicro: micro
            }
        return (
            score,
            [
                "validation_event_f1": eventF1, "validation_frame_ap_macro": macro, "validation_frame_ap_micro": micro,
            ]
        )
    }
}
