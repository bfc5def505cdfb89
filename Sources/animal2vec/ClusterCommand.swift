import ArgumentParser
import Atlas
import Audio
import Corpus
import Evaluation
import Foundation
import Report
import Terminal
import Torch
import Training

/// `animal2vec cluster --atlas DIR --k 100`
struct ClusterCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cluster", abstract: "Group the sounds of an atlas by likeness, draw their map, and make a page.",
        discussion: """
            Spherical k-means for one or several numbers of groups. Where sounds have labels, agreement with them is \
            told, and with --train also what classifiers learn from the vectors. Writes clusters.html into the atlas.
            """)

    @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
    var atlas: URL

    @Option(help: "Numbers of groups, separated by commas: 100 or 50,100,200.")
    var k = "100"

    @Option(help: "Which of several becomes the current one: first, silhouette or stability.")
    var choose = SoundGrouping.Choice.first

    @Option(help: "Seeds that are tried for each number of groups; their agreement is the stability.")
    var seeds = 3

    @Option(help: "The first seed.")
    var seed: UInt64 = 0

    @Option(help: "How vectors are scaled before they are compared: none, centre or standardize.")
    var scaling: VectorScaling.Method?

    @Option(help: "Memory for vectors in megabytes; what needs more is read in batches.")
    var memoryMegabytes = 6144

    @Option(help: "Recordings to learn from in the scores, by name, pattern or number (0-89); the others are scored.")
    var train: [String] = []

    @Option(
        help: "Where the page goes; clusters.html in the atlas if not given.", transform: { URL(fileURLWithPath: $0) })
    var page: URL?

    @Flag(inversion: .prefixedNo, help: "Make the page.")
    var html = true

    @Flag(inversion: .prefixedNo, help: "Draw the map.")
    var map = true

    @Option(help: "Threads that compute; 0 for one per core.")
    var threads = 0

    @Flag(help: "Print the result as JSON.")
    var json = false

    /// What the command tells programs.
    struct Answer: Codable {
        var results: [SoundGrouping.Result]
        var current: Int64
        var vectors: VectorScores?
        var page: String?
    }

    func validate() throws {
        if seeds < 1 || seeds > 100 { throw ValidationError("--seeds \(seeds): give a number from 1 to 100") }
        if memoryMegabytes < 0 { throw ValidationError("--memory-megabytes \(memoryMegabytes): give 0 or more") }
        _ = try numbers()
    }

    private func numbers() throws -> [Int] {
        try k.split(separator: ",").map { part in
            guard let value = Int(part.trimmingCharacters(in: .whitespaces)), value >= 1 else {
                throw ValidationError("--k \(k): give numbers of groups, such as 100 or 50,100,200")
            }
            return value
        }
    }

    func run() throws {
        StopSignal.install()
        try Runtime.start(threads: threads > 0 ? threads : nil)
        let opened = try Atlas.open(atlas)
        try opened.setScaling(scaling ?? opened.scalingMethod())
        var configuration = SoundGrouping.Configuration()
        configuration.k = try numbers()
        configuration.choice = choose
        configuration.seeds = (0..<UInt64(seeds)).map { seed &+ $0 }
        configuration.kMeans.memoryBytes = memoryMegabytes << 20
        let line = ProgressLine("cluster", measure: .items("rounds"))
        let results = try SoundGrouping(opened, configuration: configuration).run { k, seed, round, moved in
            line.advance(note: "k \(k), seed \(seed + 1) of \(seeds), \(percent(moved)) moved")
            if StopSignal.received != nil { throw ExitCode(130) }
        }
        line.finish()
        if map {
            let line = ProgressLine("map", total: 100, measure: .items("%"))
            try SoundMap().draw(opened) { share in
                line.update(100 * share)
                if StopSignal.received != nil { throw ExitCode(130) }
            }
            line.finish()
        }
        let current = try opened.currentClustering()?.id ?? 0
        var answer = Answer(results: results, current: current)
        if !train.isEmpty {
            let patterns = train.map(RecordingPattern.init)
            answer.vectors = try VectorScoring().scores(opened) { recording in
                patterns.contains { $0.matches(recording.name) }
            }
            if answer.vectors == nil {
                printError("animal2vec: --train: too few labels on one of the two sides to score vectors")
            }
        }
        if html {
            let url = page ?? atlas.appending(path: "clusters.html")
            try AtlasPage(opened, answer.results.first { $0.clustering.id == current }!).write(to: url)
            answer.page = url.path
        }
        if json { try printJSON(answer) } else { print(text(answer)) }
    }

    private func text(_ answer: Answer) -> String {
        var lines: [String] = []
        for result in answer.results {
            let clustering = result.clustering
            var parts = ["k = \(clustering.k)", "cosine \(short(clustering.meanCosine))"]
            if let value = clustering.silhouette { parts.append("silhouette \(short(value))") }
            if let value = clustering.stability { parts.append("stability \(short(value))") }
            if let scores = result.scores {
                parts.append("AMI \(short(scores.adjustedMutualInformation))")
                parts.append("ARI \(short(scores.adjustedRandIndex))")
                parts.append("purity \(short(scores.purity))")
            }
            lines.append((clustering.id == answer.current ? "* " : "  ") + parts.joined(separator: ", "))
        }
        if let vectors = answer.vectors {
            lines.append("\(vectors.trainCount) sounds to learn from, \(vectors.testCount) scored:")
            lines.append(
                "  20 nearest: accuracy \(short(vectors.nearest.accuracy)), macro-F1 \(short(vectors.nearest.macroF1))")
            lines.append(
                "  logistic regression: accuracy \(short(vectors.linear.accuracy)), macro-F1 \(short(vectors.linear.macroF1))"
            )
            for shot in vectors.fewShot.keys.sorted() {
                let labels = shot == 1 ? "1 label" : "\(shot) labels"
                lines.append("  \(labels) per class: macro-F1 \(short(vectors.fewShot[shot]!))")
            }
        }
        if let page = answer.page { lines.append(page) }
        return lines.joined(separator: "\n")
    }

    private func percent(_ share: Double) -> String { String(format: "%.2f %%", 100 * share) }

    private func short(_ value: Double) -> String { String(format: "%.3f", value) }

    private func short(_ interval: ScoreInterval) -> String {
        guard let value = interval.value else { return "–" }
        guard let low = interval.low, let high = interval.high else { return short(value) }
        return "\(short(value)) (\(short(low))–\(short(high)))"
    }
}

extension SoundGrouping.Choice: ExpressibleByArgument {}
