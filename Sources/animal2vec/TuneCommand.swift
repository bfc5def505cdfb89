import ArgumentParser
import Audio
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Terminal
import Torch
import Training

/// `animal2vec tune MODEL --corpus DIR --metric event_f1`
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Choose thresholds, windows, gaps and lengths that suit a metric.",
        discussion: """
            The settings are chosen on labelled recordings that the model did not learn from, for all classes together and \
            for every class, and are kept in the model's folder. The gain that is told is that of recordings left out in \
            turn: settings chosen without them, tried on them. Where that gain is not above 0, the model stays as it is.
            """)

    @Argument(help: "Model or run folder.", transform: { URL(fileURLWithPath: $0) })
    var model: URL

    @Option(help: "Folder of the corpus.", transform: { URL(fileURLWithPath: $0) })
    var corpus: URL?

    @Option(help: "Part of the corpus: train, valid or test.")
    var part = SplitPart.valid

    @Option(
        help: "Instead of a corpus: a folder that predict --probabilities has made.",
        transform: { URL(fileURLWithPath: $0) })
    var predictions: URL?

    @Option(help: "With --predictions: their labels.", transform: { URL(fileURLWithPath: $0) })
    var truth: URL?

    @Option(help: "What is to be good: \(TuningMetric.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var metric = TuningMetric.Kind.eventF1

    @Option(help: "Least intersection over union of events; 0.5, or 0.3 for few_shot_f.")
    var iou: Double?

    @Option(help: "Length of the segments of segment_f1 in seconds.")
    var segmentSeconds = 1.0

    @Option(help: "Parts that are left out in turn to tell the gain.")
    var folds = 5

    @Flag(help: "One setting for all classes.")
    var sameForAllClasses = false

    @Flag(help: "Keep the new settings even if they are no better on recordings left out.")
    var force = false

    @Flag(help: "Tell what would be kept and leave the model as it is.")
    var dryRun = false

    @OptionGroup var computing: ComputingOptions

    @Flag(help: "Print the result as JSON.")
    var json = false

    @OptionGroup var reading: LabelReadingFlags

    func validate() throws {
        guard (corpus == nil) != (predictions == nil) else {
            throw ValidationError("give --corpus DIR, or --predictions DIR with --truth PATH")
        }
        guard (predictions == nil) == (truth == nil) else {
            throw ValidationError("--predictions and --truth go together")
        }
        if let iou, !(0...1).contains(iou) { throw ValidationError("--iou \(iou): give a number from 0 to 1") }
        guard segmentSeconds > 0.001 else {
            throw ValidationError("--segment-seconds \(segmentSeconds): give a number above 0.001")
        }
        guard (2...100).contains(folds) else { throw ValidationError("--folds \(folds): give a number from 2 to 100") }
    }

    func run() throws {
        StopSignal.install()
        let folder = try ModelFolder.load(model)
        guard folder.description.kind == .frameClassifier else {
            throw ValidationError("\(model.path): names no classes; finetune it on labels first")
        }
        let recordings = try corpus.map { try self.recordings(corpus: $0, folder) } ?? savedRecordings(folder)
        guard recordings.contains(where: { !$0.truth.isEmpty }) else {
            throw ValidationError(
                "no labelled event among the \(recordings.count) recordings; there is nothing to tune on")
        }
        let line = ProgressLine("tune", total: 100, measure: .items("%"))
        let tuner = DecodingTuner(
            TuningMetric(metric, minimumIoU: iou, segmentSeconds: segmentSeconds), classes: folder.description.classes,
            recordings: recordings, tunesClasses: !sameForAllClasses
        ) { share in
            line.update(share * 100)
            return StopSignal.received == nil
        }
        let outcome: DecodingTuner.Outcome
        do {
            outcome = try tuner.tune(from: folder.description.decoding, folds: folds)
        } catch {
            line.finish()
            printError("stopped; the model is as it was")
            throw ExitCode(130)
        }
        line.finish()
        let isBetter = (outcome.heldOut?.difference.value ?? 0) > 0
        let keeps = (isBetter || force) && !dryRun && outcome.configuration != folder.description.decoding
        if keeps { try folder.rewrite(decoding: outcome.configuration) }
        try report(outcome, folder, recordings.count, isBetter: isBetter, keeps: keeps)
    }

    // MARK: Recordings

    private func recordings(corpus: URL, _ folder: ModelFolder) throws -> [DecodingTuner.Recording] {
        let device = try computing.start()
        let entries = try Catalogue(folder: corpus).labelledRecordings(
            RecordingFilter(isAnnotated: true, part: part))
        guard !entries.isEmpty else {
            throw ValidationError(
                "\(corpus.path): no annotated recording in the part \(part.rawValue); choose another --part, or split it"
            )
        }
        let classifier = try folder.classifier(
            device: device)
        let predictor = FramePredictor(classifier, folder.description)
        let line = ProgressLine(
            "predict", total: entries.reduce(0) { $0 + $1.recording.seconds }, measure: .audioSeconds)
        var (done, result): (Double, [DecodingTuner.Recording]) = (0, [])
        var probabilities: [Float] = []
        try predictor.predict(entries.map(\.recording.path)) { index, output in
            if StopSignal.received != nil { throw ExitCode(130) }
            let entry = entries[index]
            switch output {
            case .opened: probabilities = []
            case .frames(let channel, let block): if channel == 0 { probabilities += block }
            case .ended(let seconds, _):
                let grid = folder.description.grid(frames: probabilities.count / folder.description.classes.count)
                result.append(.init(probabilities: probabilities, grid: grid, seconds: seconds, truth: entry.events))
                done += seconds
                line.update(done)
            case .failed(let reason): printError("left out: \(entry.recording.path): \(reason)")
            }
        }
        line.finish()
        return result
    }

    private func savedRecordings(_ folder: ModelFolder) throws -> [DecodingTuner.Recording] {
        let source = try TruthSource(truth!, part: nil, fold: nil, reading: reading)
        let index = RecordingIndex(source.table.recordings)
        let truth = Dictionary(grouping: source.table.events, by: \.recording)
        let files = try ProbabilityFile.all(in: predictions!)
        let recordings = try files.compactMap { file -> DecodingTuner.Recording? in
            guard case .one(let place) = index.find(file.recording, paths: source.table.recordings) else { return nil }
            guard file.classes == folder.description.classes else {
                throw ValidationError("\(predictions!.path): the probabilities are those of a model with other classes")
            }
            return .init(
                probabilities: try file.values(), grid: file.grid, seconds: file.seconds,
                truth: truth[source.table.recordings[place]] ?? [])
        }
        guard !recordings.isEmpty else {
            throw ValidationError(
                "\(predictions!.path): holds no saved probabilities of the recordings in \(self.truth!.path); "
                    + "predict with --probabilities")
        }
        return recordings
    }

    // MARK: Report

    private struct Answer: Encodable {
        let outcome: DecodingTuner.Outcome
        let kept: Bool
        let recordings: Int
    }

    private func report(
        _ outcome: DecodingTuner.Outcome, _ folder: ModelFolder, _ count: Int, isBetter: Bool, keeps: Bool
    ) throws {
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            print(
                String(
                    decoding: try encoder.encode(Answer(outcome: outcome, kept: keeps, recordings: count)),
                    as: UTF8.self))
            return
        }
        func text(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "–" }
        print(
            "\(metric.rawValue) on \(count) recordings: \(text(outcome.before)) before, \(text(outcome.after)) after on the"
        )
        print("same recordings, which flatters it.")
        if let heldOut = outcome.heldOut {
            let range = heldOut.difference
            print(
                "On recordings left out (\(outcome.folds) parts): \(text(heldOut.second)) before, \(text(heldOut.first)) after; "
                    + "gain \(text(range.value)), 95 % \(text(range.low)) to \(text(range.high)), "
                    + "p \(text(heldOut.permutationPValue)).")
        } else {
            print("One recording alone cannot tell the gain.")
        }
        print("")
        print(changes(folder.description.decoding, outcome.configuration))
        if keeps {
            print("kept in \(folder.url.appending(path: ModelFolder.descriptionName).path)")
        } else if dryRun {
            print("the model is as it was (--dry-run)")
        } else if outcome.configuration == folder.description.decoding {
            print("nothing found that is better; the model is as it was")
        } else if !isBetter {
            print("no gain on recordings left out; the model is as it was (--force keeps the settings)")
        }
    }

    private func changes(_ old: EventDecoder.Configuration, _ new: EventDecoder.Configuration) -> String {
        var lines: [String] = []
        func line(_ name: String, _ before: some CustomStringConvertible, _ after: some CustomStringConvertible) {
            if before.description != after.description { lines.append("  \(name): \(before) → \(after)") }
        }
        line("threshold", old.threshold, new.threshold)
        line("smoothingSeconds", old.smoothingSeconds, new.smoothingSeconds)
        line("minimumSeconds", old.minimumSeconds, new.minimumSeconds)
        line("gapSeconds", old.gapSeconds, new.gapSeconds)
        line("oneClassAtATime", old.oneClassAtATime, new.oneClassAtATime)
        for (label, own) in new.classes.sorted(by: { $0.key < $1.key }) where own != old.classes[label] {
            let values = [
                ("threshold", own.threshold), ("smoothingSeconds", own.smoothingSeconds),
                ("minimumSeconds", own.minimumSeconds), ("gapSeconds", own.gapSeconds),
            ].compactMap { name, value in value.map { "\(name) \($0)" } }
            lines.append("  \(label): \(values.joined(separator: ", "))")
        }
        return lines.isEmpty ? "  no setting changes" : lines.joined(separator: "\n")
    }
}

extension TuningMetric.Kind: ExpressibleByArgument {}
