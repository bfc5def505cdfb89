import Audio
import Foundation
import Inference
import Labels
import Models
import TestSupport
import Testing

/// The page for people who come from animal2vec 1.0: its commands as they stand there, on small recordings.
@Suite(.serialized) struct MovingTests {
    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The words of the `animal2vec` lines in the blocks of code, in order.
    private func commands() throws -> [[String]] {
        let page = try String(
            contentsOf: Self.package.appending(path: "docs/from-animal2vec-1.md"), encoding: .utf8)
        let blocks = page.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        return blocks.flatMap { block in
            block.split(separator: "\n").compactMap { line in
                let words = line.split(separator: " ").map(String.init)
                return words.first == "animal2vec" ? Array(words.dropFirst()) : nil
            }
        }
    }

    /// Long recordings with calls of two kinds, loud and rough ones of the animal with the recorder and soft ones of others,
    /// and a table of them as animal2vec 1.0 reads it.
    private func record(into folder: URL, count: Int, seconds: Double) throws {
        let rateHz = 8_000.0
        var rows = ["AudioFile,StartRelative,EndRelative,Name,Focal"]
        for number in 0..<count {
            var random = SeededRandom(seed: UInt64(40 + number))
            var samples = syntheticSong(frames: Int(seconds * rateHz), rateHz: rateHz, seed: UInt64(number))
            for index in samples.indices { samples[index] *= 0.02 }
            var start = 0.3
            while start + 0.4 < seconds {
                let length = Double.random(in: 0.15...0.3, using: &random)
                let (isHigh, isFocal) = (Bool.random(using: &random), Bool.random(using: &random))
                for index in Int(start * rateHz)..<Int((start + length) * rateHz) {
                    let time = Double(index) / rateHz
                    let rough = isFocal ? 1 + 0.8 * sin(2 * .pi * 60 * time) : 1
                    samples[index] += Float(
                        (isFocal ? 0.4 : 0.1) * rough * sin(2 * .pi * (isHigh ? 2_500 : 900) * time))
                }
                func clock(_ time: Double) -> String { String(format: "0 days 00:00:%09.6f", time) }
                rows.append(
                    "day\(number).wav,\(clock(start)),\(clock(start + length)),\(isHigh ? "cc" : "sn"),"
                        + (isFocal ? "focal" : "nf"))
                start += length + Double.random(in: 0.2...0.5, using: &random)
            }
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try AudioWriter.write([samples], rateHz: rateHz, to: folder.appending(path: "day\(number).wav").path)
        }
        let tables = folder.deletingLastPathComponent().appending(path: "tables")
        try FileManager.default.createDirectory(at: tables, withIntermediateDirectories: true)
        try Data(rows.joined(separator: "\n").utf8).write(to: tables.appending(path: "labels.csv"))
    }

    private func copyCheckpoints(to folder: URL) throws {
        let checkpoints = Self.package.appending(path: "Tests/ImportTests/Checkpoints")
        for (name, published) in [("pretraining", "pretrained"), ("finetuned", "finetuned")] {
            try FileManager.default.copyItem(
                at: checkpoints.appending(path: "\(name).pt"),
                to: folder.appending(path: "animal2vec_large_\(published)_MeerKAT_240507.pt"))
        }
    }

    @Test func `Every command of the page for users of animal2vec 1.0 does what it says`() throws {
        let page = try commands()
        #expect(
            page.map { $0[0] } == [
                "prepare", "scan", "split", "import", "import", "pretrain", "finetune", "finetune", "finetune",
                "predict",
                "predict", "evaluate", "tune",
            ])
        let learning = [
            "schedule.totalUpdates=3", "schedule.warmupUpdates=1", "data.decoderThreads=1",
            "checkpoint.everySeconds=100000",
        ]
        let tuning = [
            "batch.clips=2", "batch.accumulation=1", "freeze.encoderUpdates=1", "validation.afterUpdates=2",
            "validation.everyUpdates=2", "data.windowSeconds=2",
        ]
        let small = [
            "pretrain": Workplace.tinyNetwork + ["model.network.prenetDepth=1", "data.windowSeconds=0.5"] + learning,
            "finetune": learning + tuning, "evaluate": ["--json", "--resamples", "20"],
            "tune": ["--dry-run", "--same-for-all-classes", "--folds", "2"],
        ]
        let changed = ["batch.windowsPerUpdate=100": "batch.windowsPerUpdate=2"]
        try withTemporaryFolder { folder in
            try record(into: folder.appending(path: "recordings"), count: 4, seconds: 22)
            try copyCheckpoints(to: folder)
            var answers: [String: Answer] = [:]
            for words in page {
                let arguments = words.map { changed[$0] ?? $0 } + small[words[0], default: []]
                let answer = try Program.run(arguments, in: folder)
                try #require(answer.ending == .status(0), "\(words.joined(separator: " ")): \(answer.errors)")
                answers[words[0]] = answer
            }
            // Vectors of events find their events, though an imported model spreads their times.
            let vectors = try Program.run(
                "predict models/meerkat-calls recordings --out vectors --threshold 0.02 --embeddings event".split(
                    separator: " "
                ).map(String.init) + ["--embedding-format", "hdf5"], in: folder)
            #expect(vectors.ending == .status(0), "\(vectors.errors)")
            #expect(try LabelFile.read(folder.appending(path: "vectors/events.csv")).events.count > 0)
            // A model that starts from an imported one keeps its habits, in whatever recipe.
            for name in ["my.model-25", "my.model-1"] {
                let source = try ModelFolder.load(folder.appending(path: "models/meerkat")).description
                let model = try ModelFolder.load(folder.appending(path: name)).description
                #expect(model.encoder == source.encoder)
                #expect(model.encoder.compatibility == .animal2vec1)
                #expect(model.normalization == .layerNorm)
                #expect(model.firstFrameCentreSeconds == 0)
                #expect(model.classes == ["cc", "sn", "focal"])
                #expect(model.decoding.focal?.others == .marked)
                let recipe = try String(contentsOf: folder.appending(path: "\(name)/recipe.yaml"), encoding: .utf8)
                #expect(recipe.contains("decayExemption: none"))
                #expect(recipe.contains("usesPreviousUpdate: true"))
            }
            // While a model of the recipe's own has its own.
            let own = try ModelFolder.load(folder.appending(path: "my.model")).description
            let pretrained = try ModelFolder.load(folder.appending(path: "my.pretraining")).description
            #expect(own.encoder == pretrained.encoder && own.normalization == pretrained.normalization)
            #expect(own.firstFrameCentreSeconds == pretrained.firstFrameCentreSeconds)
            // The numbers of animal2vec 1.0 come with the others, for the clips of the manifest.
            let scores = try #require(answers["evaluate"]?.output)
            #expect(scores.contains("\"published\""), "\(scores)")
            #expect(scores.contains("\"focal\""), "\(scores)")
        }
    }

    @Test func `Labels that tell the animal with the recorder from others make a class that is learned`() throws {
        try withTemporaryFolder { folder in
            try record(into: folder.appending(path: "recordings"), count: 5, seconds: 16)
            func run(_ line: String, _ more: [String] = []) throws -> Answer {
                let answer = try Program.run(line.split(separator: " ").map(String.init) + more, in: folder)
                guard answer.ending == .status(0) else { throw ProgramFailure("\(line): \(answer.errors)") }
                return answer
            }
            _ = try run("prepare recordings --labels tables --out data --seconds 4 --rate 8000")
            _ = try run("scan data/manifest/pretrain.tsv --corpus my.corpus")
            _ = try run("split --corpus my.corpus --by source --folds 5 --manifests data/manifest")
            let network = [
                "model.network.width=32", "model.network.depth=2", "model.network.frontEnd.channels=32",
                "model.network.frontEnd.filters=16", "model.network.positions.layers=1",
                "model.network.positions.kernel=9", "model.network.positions.groups=8",
                "model.network.decoder.width=16", "data.sampleRateHz=8000", "model.network.decoder.layers=1",
                "batch.clips=4", "schedule.totalUpdates=10", "schedule.warmupUpdates=5",
            ]
            _ = try run("pretrain tiny --corpus my.corpus --run pretrained", network)
            _ = try run(
                "finetune tiny --from pretrained --corpus my.corpus --run focal model.learnsFocal=true",
                [
                    "schedule.totalUpdates=80", "schedule.warmupUpdates=10", "validation.everyUpdates=80",
                    "data.windowSeconds=1",
                ])
            _ = try run("predict focal data/manifest/valid_0.tsv --out found --probabilities")
            let answer = try run("evaluate --truth data/manifest/valid_0.tsv --predictions found --json --resamples 20")
            struct Scores: Decodable {
                struct Estimate: Decodable { let value: Double? }
                struct Events: Decodable { let f1: Estimate }
                struct Focal: Decodable {
                    let label: String
                    let bestF1: Double?
                }
                struct Published: Decodable {}
                let focal: Focal
                let events: [Events]
                let published: Published?
            }
            let scores = try JSONDecoder().decode(Scores.self, from: Data(answer.output.utf8))
            // The manifest of the fold and the part of the corpus are the same recordings and labels.
            let part = try run("evaluate --truth my.corpus --part valid --predictions found --json --resamples 20")
            #expect(part.output == answer.output)
            let published = try run(
                "evaluate --truth data/manifest/valid_0.tsv --predictions found --json --resamples 20 --published",
                ["--clip-seconds", "4"])
            let numbers = try JSONDecoder().decode(Scores.self, from: Data(published.output.utf8))
            #expect(numbers.published != nil && numbers.events[0].f1.value == scores.events[0].f1.value)
            #expect(scores.focal.label == "focal")
            #expect(try #require(scores.focal.bestF1) > 0.7, "\(answer.output)")
            let marked = try LabelFile.read(folder.appending(path: "found/events.csv")).events
            #expect(marked.contains { $0.label.hasSuffix(" nf") && $0.isFocal == false })
            #expect(marked.contains { ["cc", "sn"].contains($0.label) && $0.isFocal == true })

            // Where nobody asks for it, and where labels do not tell, there is no such class.
            _ = try run(
                "finetune tiny --from pretrained --corpus my.corpus --run plain schedule.totalUpdates=2",
                ["data.windowSeconds=0.5", "schedule.warmupUpdates=1"])
            #expect(try ModelFolder.load(folder.appending(path: "plain")).description.classes == ["cc", "sn"])
        }
    }
}
