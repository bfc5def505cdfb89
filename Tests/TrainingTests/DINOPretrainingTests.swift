import Audio
import Corpus
import Foundation
import Inference
import Labels
import Models
import Neural
import Randomness
import Storage
import TestSupport
import Testing
import Torch
import Training

/// Recordings of two kinds of calls, catalogued, and a run so small that an update takes milliseconds.
private struct Scene {
    let folder: URL
    var corpus: URL { folder.appending(path: "corpus") }

    init(_ folder: URL, labelled: Bool = true) throws {
        self.folder = folder
        let recordings = folder.appending(path: "recordings")
        try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
        var events: [Event] = []
        for number in 0..<4 {
            var samples = syntheticSong(frames: 12_000, rateHz: 8_000, seed: UInt64(number)).map { $0 * 0.02 }
            for call in 0..<6 {
                let isHigh = (call + number).isMultiple(of: 2)
                let start = 1_000 + call * 1_800
                for index in start..<start + 1_000 {
                    samples[index] += Float(0.4 * sin(2 * .pi * (isHigh ? 2_500 : 700) / 8_000 * Double(index)))
                }
                events.append(
                    Event(
                        recording: "song\(number).wav", startSeconds: Double(start) / 8_000,
                        endSeconds: Double(start + 1_000) / 8_000, label: isHigh ? "high" : "low"))
            }
            try AudioWriter.write([samples], rateHz: 8_000, to: recordings.appending(path: "song\(number).wav").path)
        }
        let table = folder.appending(path: "labels.csv")
        try LabelFile.write(events, format: .csv, to: table)
        let catalogue = try Catalogue(folder: corpus, makeIfMissing: true)
        let report = try Scanner(catalogue).scan([recordings.path], labels: labelled ? [table.path] : [])
        #expect(report.recordings == 4 && report.bad == [])
    }

    static let settings = [
        "model.spectrogram.bands=24", "model.spectrogram.frames=24", "model.network.imageHeight=16",
        "model.network.imageWidth=16", "model.network.patch=8", "model.network.width=16", "model.network.depth=2",
        "model.network.heads=2", "model.network.dropPath=0.1", "model.views.local.count=2",
        "model.views.local.height=8", "model.views.local.width=8", "model.head.hidden=16", "model.head.bottleneck=8",
        "model.head.prototypes=32", "model.frozenPrototypeEpochs=1", "model.health.everyUpdates=4",
        "model.health.windows=12",
        "model.health.labelledWindows=16", "data.sampleRateHz=8000", "data.windowSeconds=0.25",
        "data.decoderThreads=1", "batch.clips=2", "batch.accumulation=2", "schedule.totalUpdates=8",
        "schedule.warmupUpdates=2", "teacher.annealUpdates=8", "checkpoint.everyUpdates=3",
        "checkpoint.everySeconds=1000", "log.everyUpdates=1", "log.tensorBoard=false",
    ]

    func run(_ name: String, _ more: [String] = []) -> (run: PretrainingRun, folder: URL) {
        let url = folder.appending(path: name)
        return (PretrainingRun(recipe: "small-data", settings: Self.settings + more, corpus: corpus, folder: url), url)
    }
}

/// A model folder's or a checkpoint's file.
private func bytes(_ url: URL, _ path: String) throws -> Data { try Data(contentsOf: url.appending(path: path)) }

private func metrics(_ run: URL) throws -> [[String: Any]] {
    try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n").compactMap {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
    }
}

@Suite(.serialized) struct DINOPretrainingTests {
    /// In a process of its own: libtorch's generator, which draws the paths that are dropped, is one for the whole process.
    @Test func `A run that goes on from an older checkpoint ends with the same bytes, in every precision`() async {
        await #expect(processExitsWith: .success) { try DINOPretrainingTests().goesOnToTheSameBytes() }
    }

    private func goesOnToTheSameBytes() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            for precision in ["fp32", "bf16", "fp16"] {
                // With backgrounds in one of them: what lies behind a window must not depend on the break either.
                let backgrounds = precision == "fp32" ? ["backgrounds.recordings=[song3]"] : []
                let settings = ["precision.compute=\(precision)", "model.loss.patches.weight=1"] + backgrounds
                let whole = scene.run("whole-\(precision)", settings)
                #expect(try whole.run.train(on: .cpu) == .finished)
                let broken = scene.run("broken-\(precision)", settings)
                try FileManager.default.copyItem(at: whole.folder, to: broken.folder)
                // As after a kill between updates 3 and 6: what is newer is not there.
                let checkpoints = broken.folder.appending(path: "checkpoints")
                for name in try FileManager.default.contentsOfDirectory(atPath: checkpoints.path)
                where name != "step-3" {
                    try FileManager.default.removeItem(at: checkpoints.appending(path: name))
                }
                try FileManager.default.removeItem(at: broken.folder.appending(path: "model"))
                #expect(try broken.run.train(on: .cpu) == .finished)
                for path in [
                    "model/last/weights.safetensors", "checkpoints/step-8/weights.safetensors",
                    "checkpoints/step-8/teacher.safetensors", "checkpoints/step-8/centres.safetensors",
                    "checkpoints/step-8/optimizer.safetensors",
                ] {
                    #expect(try bytes(whole.folder, path) == bytes(broken.folder, path), "\(precision): \(path)")
                }
            }
        }
    }

    @Test func `Centre and teacher move, prototypes rest for an epoch, and the log tells the health`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            // 4 recordings of 1.5 s are 24 windows of 0.25 s: 6 updates of 4 are one epoch.
            let (run, url) = scene.run("run")
            #expect(try run.train(on: .cpu) == .finished)
            func tensor(_ step: Int, _ file: String, _ name: String) throws -> [Float] {
                let url = url.appending(path: "checkpoints/step-\(step)/\(file).safetensors")
                return try SafetensorsFile.open(url).tensor(name).array()
            }
            #expect(try tensor(3, "centres", "centre") != tensor(6, "centres", "centre"))
            #expect(try tensor(3, "weights", "head.prototypes") == tensor(6, "weights", "head.prototypes"))
            #expect(try tensor(6, "weights", "head.prototypes") != tensor(8, "weights", "head.prototypes"))
            let teacher = "backbone.blocks.0.expand.weight"
            #expect(try tensor(3, "teacher", teacher) != tensor(6, "teacher", teacher))
            #expect(try tensor(6, "teacher", teacher) != tensor(6, "weights", teacher))
            let embedder = try SpectrogramEmbedder(url.appending(path: "model/last"))
            let windows = try Tensor.randomNormal([3, 2_000])
            #expect(try embedder.embed(windows).shape == [3, 16])
            // 16 x 16 pixels in patches of 8 x 8.
            #expect(embedder.patchCount == 4)
            let patches = try embedder.embedPatches(windows)
            #expect(patches.shape == [3, 64])
            let (first, last) = (
                try patches.narrowed(1, 0, 16).array(Float.self), try patches.narrowed(1, 48, 16).array(Float.self)
            )
            #expect(first != last)
            let lines = try metrics(url)
            let checked = lines.filter { $0["health_sample_entropy"] != nil }
            #expect(checked.compactMap { $0["step"] as? Int } == [4, 8])
            for line in checked {
                for name in ["mean_entropy", "feature_deviation", "effective_rank", "neighbour_accuracy"] {
                    #expect((line["health_\(name)"] as? Double)?.isFinite == true, "\(name)")
                }
            }
            #expect(lines.contains { $0["cross_entropy"] != nil && $0["teacher_temperature"] != nil })
        }
    }

    @Test func `Without labels nothing is named by neighbours, and an interval of 0 makes no check-ups`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder, labelled: false)
            let (run, url) = scene.run("run")
            #expect(try run.train(on: .cpu) == .finished)
            let lines = try metrics(url)
            #expect(lines.contains { $0["health_effective_rank"] != nil })
            #expect(!lines.contains { $0["health_neighbour_accuracy"] != nil })
            let quiet = scene.run("quiet", ["model.health.everyUpdates=0"])
            #expect(try quiet.run.train(on: .cpu) == .finished)
            #expect(try !metrics(quiet.folder).contains { $0["health_effective_rank"] != nil })
        }
    }

    @Test func `A run that has collapsed stops and says what to do`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            // A teacher that hardly tells anything apart at this temperature is what a collapsed one looks like.
            let (run, url) = scene.run(
                "run",
                [
                    "collapse.afterUpdates=2", "model.loss.teacherTemperature=50",
                    "model.loss.finalTeacherTemperature=50",
                ])
            let outcome = try run.train(on: .cpu)
            guard case .left(let status, let report) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(status == 2)
            #expect(report?.contains("says nothing of any window") == true)
            #expect(report?.contains("lower model.loss.teacherTemperature") == true)
            #expect(try metrics(url).last?["step"] as? Int == 4)
        }
    }

    @Test func `The model folder turns windows into vectors, the same alone as among others`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            let (run, url) = scene.run("run", ["model.network.registers=2"])
            #expect(try run.train(on: .cpu) == .finished)
            #expect(try SpectrogramEmbedder.isThere(url))
            let embedder = try SpectrogramEmbedder(url)
            #expect(embedder.width == 16)
            #expect(embedder.description.sampleRateHz == 8_000)
            #expect(embedder.description.windowSeconds == 0.25)
            var waves = (0..<3).map { syntheticSong(frames: 2_000, rateHz: 8_000, seed: $0) }
            for index in waves.indices { ClipNormalization.unitVariance.apply(&waves[index], count: 2_000) }
            let vectors = try embedder.embed(Tensor(waves.flatMap(\.self), shape: [3, 2_000]))
            #expect(vectors.shape == [3, 16])
            let alone = try embedder.embed(Tensor(waves[1], shape: [1, 2_000])).array(Float.self)
            let among = try vectors.slice(0, 1).array(Float.self)
            for (one, other) in zip(alone, among) { #expect(abs(one - other) < 1e-4) }
            #expect(try vectors.slice(0, 0).array(Float.self) != among)
            // It names no classes, and says so to those who ask for them.
            let error = #expect(throws: (any Error).self) { try ModelFolder.load(url) }
            #expect("\(error!)".contains("spectrogramEncoder"))
        }
    }

    @Test func `Both recipes that ship are sound, and lengths in epochs become updates`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            for recipe in ["poster", "small-data"] {
                let run = PretrainingRun(
                    recipe: recipe, settings: [], corpus: scene.corpus, folder: folder.appending(path: recipe))
                #expect(try run.resolvedRecipe().contains("method: dino"))
            }
            let run = PretrainingRun(
                recipe: "small-data",
                settings: Scene.settings + ["epochs.total=3", "epochs.warmup=1", "epochs.teacher=3"],
                corpus: scene.corpus, folder: folder)
            let text = try run.resolvedRecipe()
            // 24 windows in updates of 4.
            #expect(text.contains("totalUpdates: 18") && text.contains("warmupUpdates: 6"))
            #expect(text.contains("annealUpdates: 18"))
        }
    }

    @Test func `Settings that no run of DINO can work with are refused by name`() throws {
        try withTemporaryFolder { folder in
            let scene = try Scene(folder)
            for override in [
                "model.network.patch=7", "model.network.heads=5", "model.views.local.width=10",
                "model.views.global.time.low=0", "model.spectrogram.lowHz=9000", "model.head.prototypes=1",
                "model.loss.teacherTemperature=0", "model.spectrogram.spanSeconds=0", "epochs.total=0", "method=byol",
                "model.network.masking=2", "model.health.windows=1", "collapse.smallestTargetDeviation=1",
            ] {
                let run = PretrainingRun(
                    recipe: "small-data", settings: Scene.settings + [override], corpus: scene.corpus, folder: folder)
                let error = #expect(throws: RecipeError.self, "\(override)") { try run.resolvedRecipe() }
                let parts = try #require(override.split(separator: "=").first).split(separator: ".")
                #expect(parts.suffix(2).contains { error?.description.contains($0) == true }, "\(error!)")
            }
        }
    }

    @Test func `The teacher's temperature rises from epoch to epoch as published`() {
        var loss = DINOConfiguration.Loss()
        (loss.teacherTemperature, loss.finalTeacherTemperature, loss.temperatureWarmupEpochs) = (0.04, 0.07, 3)
        for (epoch, expected) in [0.04, 0.055, 0.07, 0.07, 0.07].enumerated() {
            #expect(abs(loss.teacherTemperature(epoch: epoch) - expected) < 1e-12)
        }
        loss.temperatureWarmupEpochs = 0
        #expect(loss.teacherTemperature(epoch: 0) == 0.07)
    }

    @Test func `Weight decay and the teacher's decay change as published`() {
        var optimizer = Recipe.Optimizer()
        (optimizer.weightDecay, optimizer.finalWeightDecay) = (0.04, 0.4)
        let decay = Ramp(weightDecayOf: optimizer, totalUpdates: 10)
        let momentum = Ramp(.cosine, from: 0.996, to: 1, updates: 10)
        for (update, expected) in [(0, 0.04), (1, 0.04880982706687231), (5, 0.22), (9, 0.39119017293312763)] {
            #expect(abs(decay.value(after: update) - expected) < 1e-12)
        }
        for (update, expected) in [(0, 0.996), (1, 0.9960978869674096), (5, 0.998), (9, 0.9999021130325904)] {
            #expect(abs(momentum.value(after: update) - expected) < 1e-12)
        }
    }

    @Test func `With layer-wise decay the deepest layers learn least`() {
        var network = VisionTransformer.Configuration()
        network.depth = 3
        let names = [
            "backbone.patches.weight", "backbone.positions", "backbone.blocks.0.norm1.weight",
            "backbone.blocks.2.expand.weight", "backbone.norm.weight", "head.prototypes",
        ]
        let factors = names.map { network.rateFactor($0, decay: 0.5) }
        #expect(factors == [0.0625, 0.0625, 0.125, 0.5, 1, 1])
        #expect(names.allSatisfy { network.rateFactor($0, decay: 1) == 1 })
    }

    @Test func `Hidden patches are as many as were drawn, in rectangles, for as many views as were meant`() {
        var patches = DINOConfiguration.Patches()
        (patches.probability, patches.leastShare, patches.greatestShare) = (0.5, 0.2, 0.4)
        var hiddenViews = 0
        for view in 0..<400 {
            var random = KeyedRandom(seed: 1, sample: view, purpose: .mask)
            let flags = patches.hidden(rows: 8, columns: 12, &random)
            #expect(flags.count == 96)
            let count = flags.count(where: \.self)
            if count > 0 {
                hiddenViews += 1
                #expect((19...39).contains(count), "\(count) of 96")
            }
        }
        #expect((160...240).contains(hiddenViews))
    }
}
