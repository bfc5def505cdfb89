import ArgumentParser
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Terminal

/// `animal2vec evaluate --truth PATH --predictions PATH`
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Compare predicted events with labels.",
        discussion: """
            The truth is a label file, a folder of them, a corpus (with --part or --fold) or a manifest of animal2vec 1.0. \
            Events match one to one, class included. Frames and segments are scored from the saved probabilities \
            (predict --probabilities), else from the scores of the events. Every recording counts, silent ones too; each is \
            drawn with replacement for the 95 % intervals. With --against, other predictions of the same truth are compared \
            recording by recording.
            """)

    @Option(help: "Labels: a file, a folder, a corpus or a manifest (.tsv).", transform: { URL(fileURLWithPath: $0) })
    var truth: URL

    @Option(help: "Predicted events: a file or a folder.", transform: { URL(fileURLWithPath: $0) })
    var predictions: URL

    @Option(
        help: "Other predictions of the same truth, to be compared with these.", transform: { URL(fileURLWithPath: $0) }
    )
    var against: URL?

    @Option(help: "Part of the corpus: train, valid or test.")
    var part: SplitPart?

    @Option(help: "Fold of the corpus, counted from 0.")
    var fold: Int?

    @Option(help: "Take only the predicted events of this channel, counted from 0, where they tell one.")
    var channel: Int?

    @Option(help: "Least intersection over union of a match; several are separated by commas.")
    var iou = "0.5"

    @Option(
        help:
            "Give this many events of every recording to the system, as the DCASE few-shot task does, and score the rest."
    )
    var fewShot: Int?

    @Flag(help: "Also the numbers of animal2vec 1.0, by its own rules.")
    var published = false

    @Option(help: "With --published: length of a clip in seconds.")
    var clipSeconds = 10.0

    @Option(help: "With --published: the threshold of frames and segments.")
    var publishedThreshold = 0.175

    @Option(help: "Draws for the intervals.")
    var resamples = 1000

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    @OptionGroup var reading: LabelReadingFlags

    func validate() throws {
        guard (0...100_000).contains(resamples) else {
            throw ValidationError("--resamples \(resamples): give a number from 0 to 100000")
        }
        if let channel, channel < 0 { throw ValidationError("--channel \(channel): channels are counted from 0") }
        if let fewShot, fewShot < 0 { throw ValidationError("--few-shot \(fewShot): give a number from 0") }
        guard clipSeconds > 0.1 else { throw ValidationError("--clip-seconds \(clipSeconds): give at least 0.1") }
        guard (0...1).contains(publishedThreshold) else {
            throw ValidationError("--published-threshold \(publishedThreshold): give a number from 0 to 1")
        }
    }

    func run() throws {
        let overlaps = try iou.split(separator: ",").map { part in
            guard let value = Double(part.trimmingCharacters(in: .whitespaces)), (0...1).contains(value) else {
                throw ValidationError("--iou \(part): give numbers from 0 to 1, such as 0.3,0.5")
            }
            return value
        }
        guard !overlaps.isEmpty else { throw ValidationError("--iou: give numbers from 0 to 1, such as 0.3,0.5") }
        let source = try TruthSource(truth, part: part, fold: fold, reading: reading)
        let keepsMarks = source.table.events.contains { $0.label.hasSuffix(EventDecoder.Focal().mark) }
        let aligned = AlignedEvents(
            truth: source.table, predictions: try predicted(predictions, keepsMarks: keepsMarks))
        let frames = try PredictedFrames(aligned, source, folder: predictions, channel: channel)
        let bootstrap = Bootstrap(resamples: resamples)
        var scores = DetectionScores(
            aligned, minimumIoUs: overlaps, frames: frames.scores, bootstrap: frames.lighter(bootstrap))
        scores.notes += frames.notes
        let channels = Set(aligned.predictions.compactMap(\.channel))
        if channels.count > 1, !aligned.truth.contains(where: { $0.channel != nil }) {
            scores.notes.append(
                "events were predicted in \(channels.count) channels, and the labels name none: the same call counts once in "
                    + "each; --channel 0 takes the first only")
        }
        if frames.recordings != nil {
            scores.segments = frames.segments(bootstrap)
            scores.focal = frames.recordings.flatMap { FrameScores.focal($0, classes: frames.classes) }
            scores.notes.append(
                "all frames count, also those in which nothing calls; animal2vec 1.0's script for average precision left "
                    + "them out, and their false alarms with them")
        }
        if let shots = fewShot {
            scores.fewShot = DetectionScores.FewShot(aligned, shots: shots, bootstrap: bootstrap)
        }
        if let seconds = frames.totalSeconds {
            scores.polyphonic = try frames.polyphonic(aligned, seconds)
        }
        if published {
            guard frames.isSaved, let recordings = frames.recordings else {
                throw ValidationError(
                    "--published needs saved probabilities: predict with --probabilities, and give its folder")
            }
            var configuration = PublishedScores.Configuration()
            (configuration.clipSeconds, configuration.threshold) = (clipSeconds, Float(publishedThreshold))
            scores.published = PublishedScores(
                recordings, classes: frames.classes, framesPerSecond: frames.framesPerSecond,
                configuration: configuration)
        }
        if let against {
            let others = AlignedEvents(truth: source.table, predictions: try predicted(against, keepsMarks: keepsMarks))
            try Self.check(others, against)
            let otherFrames = try PredictedFrames(others, source, folder: against, channel: channel)
            let areAlike = frames.isSaved && otherFrames.isSaved && frames.classes == otherFrames.classes
            scores.comparison = PairedTest(bootstrap: frames.lighter(bootstrap)).compare(
                aligned, others, minimumIoUs: overlaps,
                frames: areAlike ? (frames.recordings!, otherFrames.recordings!) : nil, classes: frames.classes)
            scores.notes.append("p (swapped): the two predictions are exchanged in randomly chosen recordings")
            if aligned.recordings.count < 6 {
                scores.notes.append(
                    "\(aligned.recordings.count) recordings are too few for a sure answer: no p below "
                        + "\(Self.smallest(aligned.recordings.count)) can come out")
            }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            print(String(decoding: try encoder.encode(scores), as: UTF8.self))
        } else {
            print(scores.table())
        }
        try Self.check(aligned, predictions)
    }

    /// The predicted events of the channel that is meant.
    private func predicted(_ url: URL, keepsMarks: Bool) throws -> LabelTable {
        var table = try reading.read(url)
        // Marks of non-focal calls are no part of the name, unless the labels have them too.
        let mark = EventDecoder.Focal().mark
        for index in table.events.indices where table.events[index].label.hasSuffix(mark) && !keepsMarks {
            table.events[index].label.removeLast(mark.count)
        }
        if let channel { table.events.removeAll { $0.channel != nil && $0.channel != channel } }
        return table
    }

    private static func smallest(_ count: Int) -> Double { (1000 / Double(1 << max(0, count - 1))).rounded() / 1000 }

    private static func check(_ aligned: AlignedEvents, _ url: URL) throws {
        guard !aligned.recordings.isEmpty, aligned.unpredictedRecordings.count < aligned.recordings.count else {
            printError(
                "animal2vec: no recording of the truth is among those of \(url.path); check that the file names agree")
            throw ExitCode(1)
        }
    }
}

extension SplitPart: ExpressibleByArgument {}
