// What the demo measures and shows.
import Audio
import Corpus
import Evaluation
import Foundation
import Inference
import Labels
import Randomness
import Report
import Storage
import Terminal

/// The stages of a demo and its report. Stages that were done by an earlier call keep their seconds.
struct Demo {
    private let out: URL
    private var stages: [(name: String, seconds: Double)] = []

    init(out: URL) { self.out = out }

    private var stagesFile: URL { out.appending(path: "seconds.json") }

    /// Does a stage and adds its seconds to those of earlier calls, which may have been stopped in it.
    mutating func stage<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
        printError("— \(name)")
        let started = ContinuousClock.now
        let known = (try? JSONDecoder().decode([String: Double].self, from: Data(contentsOf: stagesFile))) ?? [:]
        var seconds = known
        defer {
            let time = ContinuousClock.now - started
            let spent = Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
            // A second call finds finished runs; its instant look at them is no measurement.
            seconds[name] = max(known[name] ?? 0, spent)
            stages.append((name, seconds[name]!))
            try? FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
            try? AtomicFile.write(JSONEncoder().encode(seconds), to: stagesFile)
        }
        return try body()
    }

    /// The figures that programs read.
    private struct Figures: Codable {
        var eventF1: Double?
        var eventF1WithoutPretraining: Double?
        var eventF1Chance: Double?
        var eventF1FewLabels: Double?
        var eventF1FewLabelsWithoutPretraining: Double?
        var frameAPMacro: Double?
        var frameAPMicro: Double?
        var seconds: [String: Double]
        var scores: [String: DetectionScores]

        enum CodingKeys: String, CodingKey {
            case eventF1 = "event_f1"
            case eventF1WithoutPretraining = "event_f1_without_pretraining"
            case eventF1Chance = "event_f1_chance"
            case eventF1FewLabels = "event_f1_few_labels"
            case eventF1FewLabelsWithoutPretraining = "event_f1_few_labels_without_pretraining"
            case frameAPMacro = "frame_ap_macro"
            case frameAPMicro = "frame_ap_micro"
            case seconds, scores
        }
    }

    /// Writes report.json and report.html.
    func report(
        main: ModelFolder, variants: [(DemoCommand.Variant, DetectionScores)], chance: DetectionScores,
        learned: [LabelledRecording], held: [LabelledRecording], found: LabelTable,
        vectors: [ReportContent.VectorRow], shown: Int
    ) throws {
        func f1(_ folder: String) -> Double? { variants.first { $0.0.folder == folder }?.1.events[0].f1.value }
        let scores = variants[0].1
        var all = Dictionary(uniqueKeysWithValues: variants.map { ($0.0.folder, $0.1) })
        all["chance"] = chance
        let figures = Figures(
            eventF1: f1("finetune"), eventF1WithoutPretraining: f1("finetune-random"),
            eventF1Chance: chance.events[0].f1.value, eventF1FewLabels: f1("finetune-few"),
            eventF1FewLabelsWithoutPretraining: f1("finetune-few-random"),
            frameAPMacro: scores.frames?.macroAveragePrecision.value,
            frameAPMicro: scores.frames?.microAveragePrecision.value,
            seconds: Dictionary(stages.map { ($0.name, $0.seconds) }) { $0 + $1 }, scores: all)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try AtomicFile.write(encoder.encode(figures), to: out.appending(path: "report.json"))

        let percent = { (value: Double?) in value.map { "\(Int(($0 * 100).rounded())) %" } ?? "none" }
        let events = scores.events[0]
        var content = ReportContent(
            title: "Calls found in recordings the model had not seen",
            summary: "In \(held.count) held-out recordings the model found \(percent(events.recall.value)) of "
                + "\(scores.truthCount) labelled calls, with the right name and place; \(percent(events.precision.value)) of what it "
                + "reported is right.")
        content.facts = [
            .init("Recordings", "\(learned.count) to learn from, \(held.count) only predicted"),
            .init("Sound", "\(seconds(learned)) s and \(seconds(held)) s"),
            .init(
                "Labelled calls",
                "\(learned.reduce(0) { $0 + $1.events.count }) and \(scores.truthCount), \(main.description.classes.count) classes"
            ),
            .init(
                "Model",
                "\(parameterCount(main)) parameters at \(Int(main.description.sampleRateHz)) Hz, \(Int(main.description.framesPerSecond)) frames per second"
            ),
        ]
        content.scores = variants.enumerated().map { index, entry in
            .init(name: entry.0.name, group: entry.0.group, isMain: index == 0, entry.1)
        }
        content.scores.append(.init(name: "chance", group: "no learning", chance))
        let counts = Dictionary(learned.flatMap(\.events).map { ($0.label, 1) }, uniquingKeysWith: +)
        content.classes = ReportContent.ClassRow.rows(scores, trainingCounts: counts)
        (content.vectors, content.clusterPage) = (vectors, "clusters.html")
        content.charts = charts(variants.map(\.0))
        content.stages = stages.map { .init($0.name, seconds: $0.seconds) }
        content.files = [
            .init("All events (CSV)", path: "events/events.csv"), .init("Raven tables", path: "events/raven/"),
            .init("Audacity labels", path: "events/audacity/"), .init("Groups of sounds", path: "clusters.html"),
            .init("Figures (JSON)", path: "report.json"),
        ]
        content.notes = scores.notes
        content.recordings = try held.prefix(shown).map { try panel($0, found) }
        try ReportPage.write(content, to: out.appending(path: "report.html"))
        print(
            """
            event F1 \(f1("finetune").map { String(format: "%.3f", $0) } ?? "-") with pretraining, \
            \(f1("finetune-random").map { String(format: "%.3f", $0) } ?? "-") without, \
            \(chance.events[0].f1.value.map { String(format: "%.3f", $0) } ?? "-") by chance
            report: \(out.appending(path: "report.html").path)
            """)
    }

    /// The labels of recordings, under the names that results have.
    static func truth(_ recordings: [LabelledRecording]) -> LabelTable {
        var table = LabelTable()
        for entry in recordings {
            let name = entry.recording.relativePath
            table.recordings.append(name)
            table.events += entry.events.map { event in
                var event = event
                event.recording = name
                return event
            }
        }
        return table
    }

    private func seconds(_ recordings: [LabelledRecording]) -> Int {
        Int(recordings.reduce(0) { $0 + $1.recording.seconds }.rounded())
    }

    private func parameterCount(_ model: ModelFolder) -> Int {
        model.weights.names.reduce(0) { $0 + (model.weights[$1]?.shape.reduce(1, *) ?? 0) }
    }

    /// The first seconds of a recording with its true and found events.
    private func panel(_ entry: LabelledRecording, _ found: LabelTable) throws -> ReportContent.RecordingPanel {
        let stream = try AudioStream(path: entry.recording.path, channel: .index(0))
        let block = try stream.next(frames: Int(20 * stream.rateHz))
        let name = entry.recording.relativePath
        return .init(
            name: name, samples: block?.channels[0] ?? [], rateHz: stream.rateHz, truth: entry.events,
            found: found.events.filter { $0.recording == name })
    }

    private func charts(_ variants: [DemoCommand.Variant]) -> [Chart] {
        var charts = [
            Chart(
                title: "Pretraining", xLabel: "update", yLabel: "loss per masked frame",
                lines: [Chart.Line("loss", points("pretrain"))]),
            Chart(
                title: "Pretraining, DINO", xLabel: "update", yLabel: "loss per pair of views",
                lines: [Chart.Line("loss", points("dino"))]),
        ]
        for group in Set(variants.map(\.group)).sorted().reversed() {
            let members = variants.filter { $0.group == group }
            charts.append(
                Chart(
                    title: "Fine-tuning, \(group)", xLabel: "update", yLabel: "loss per frame",
                    lines: members.map { Chart.Line($0.name, points($0.folder)) }))
        }
        return charts
    }

    private func points(_ folder: String) -> [Chart.Point] {
        struct Line: Decodable {
            let step: Int
            let loss: Double?
        }
        let text = (try? String(contentsOf: out.appending(path: "\(folder)/metrics.jsonl"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            guard let entry = try? JSONDecoder().decode(Line.self, from: Data(line.utf8)), let loss = entry.loss else {
                return nil
            }
            return Chart.Point(x: Double(entry.step), y: loss)
        }
    }
}

/// What guessing reaches: as many calls per second as in the labels learned from, with their lengths and names, anywhere.
struct Chance {
    let learned: [LabelledRecording]
    let held: [LabelledRecording]

    func scores() -> DetectionScores {
        let known = learned.flatMap(\.events)
        let rate = Double(known.count) / max(1e-9, learned.reduce(0) { $0 + $1.recording.seconds })
        var guesses = LabelTable()
        for (index, entry) in held.enumerated() {
            var random = KeyedRandom(seed: 0, sample: index, purpose: .bootstrap)
            let name = entry.recording.relativePath
            guesses.recordings.append(name)
            guard !known.isEmpty else { continue }
            for _ in 0..<Int((rate * entry.recording.seconds).rounded()) {
                let (length, label) = (
                    known[random.below(known.count)].durationSeconds, known[random.below(known.count)].label
                )
                let start = random.uniform() * max(0, entry.recording.seconds - length)
                guesses.events.append(
                    Event(recording: name, startSeconds: start, endSeconds: start + length, label: label))
            }
        }
        return DetectionScores(AlignedEvents(truth: Demo.truth(held), predictions: guesses))
    }
}
