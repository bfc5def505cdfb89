import Foundation
import Import
import Inference
import Labels
import Models
import Neural
import Storage
import TestSupport
import Testing
import Torch

/// Published checkpoints become models that compute the published numbers.
@Suite(.serialized) struct CheckpointImportTests {
    private func imported(
        _ checkpoint: URL, to folder: URL, _ configuration: CheckpointImport.Configuration = .init()
    ) throws -> (model: ModelFolder, report: ImportReport) {
        let plan = try CheckpointImport(checkpoint, configuration: configuration)
        try plan.write(to: folder)
        return (try ModelFolder.load(folder), plan.report)
    }

    private func difference(_ actual: Tensor, _ expected: Tensor) throws -> Double {
        let reference = try expected.to(.float64).reshaped([-1])
        let largest = try reference.absolute().maximum([0]).item()
        return try (actual.detached().to(.float64).reshaped([-1]) - reference).absolute().maximum([0]).item() / largest
    }

    @Test func `A pretraining checkpoint gives the published loss, prediction and target`() throws {
        try withTemporaryFolder { folder in
            let checkpoint = try CheckpointFiles.write(CheckpointFiles.goldenPretraining(), to: folder)
            let (model, report) = try imported(checkpoint, to: folder.appending(path: "model"))
            #expect(report.isComplete)
            #expect(report.used.count == 90 + 49)
            #expect(report.update == 408_402)
            #expect(
                report.parameterCount * 4
                    + report.used.filter { $0.parameter.hasPrefix("teacher.") }
                    .reduce(0) { $0 + 4 * $1.shape.reduce(1, *) } == report.usedBytes)

            var configuration = model.description.encoder
            #expect(configuration.dropout.projection == 0.1)
            configuration.dropout = .none
            let network = try Animal2Vec(configuration)
            let student = try network.student.load(model.weights) { $0.hasPrefix("teacher.") ? nil : $0 }
            let teacher = try network.teacher.load(model.weights, prefix: "teacher.")
            #expect(student.missing.isEmpty)
            #expect(teacher.isComplete)

            let golden = try CheckpointFiles.golden("pretrain_step")
            let mask = try golden.tensor("mask")
            let flags = try mask.array(Bool.self)
            let frames = mask.size(1)
            let noise = try golden.tensor("noise").selected(mask.unsqueezed(2).expanded([6, 200, 48]))
            let step = try network.pretrain(
                golden.tensor("wave"),
                mask: FrameMask(rows: (0..<6).map { Array(flags[$0 * frames..<($0 + 1) * frames]) }),
                noise: noise.reshaped([-1, 48]), mode: .learning(seed: 0))
            let expected: Double = try golden.tensor("loss_sum").item()
            #expect(abs(try step.loss.item() / expected - 1) < 1e-5)
        }
    }

    @Test func `A fine-tuned checkpoint gives the published logits`() throws {
        try withTemporaryFolder { folder in
            let checkpoint = try CheckpointFiles.write(CheckpointFiles.goldenFinetuned(), to: folder)
            let (model, report) = try imported(checkpoint, to: folder.appending(path: "model"))
            #expect(report.isComplete)
            #expect(report.stage == "finetuning")
            let golden = try CheckpointFiles.golden("finetune")
            let classifier = try model.classifier()
            #expect(try difference(classifier(golden.tensor("wave")), golden.tensor("logits")) < 1e-5)
            #expect(model.description.classes.first == "beep")
            #expect(model.description.classes.last == "focal")
        }
    }

    @Test func `What a model hears and says follows from the stored configuration`() throws {
        try withTemporaryFolder { folder in
            let (model, report) = try imported(
                CheckpointFiles.url("finetuned.pt"), to: folder.appending(path: "model"))
            let description = model.description
            #expect(description.kind == .frameClassifier)
            #expect(description.classes == ["call", "chirp's", "focal"])
            #expect(description.sampleRateHz == 8_000)
            #expect(description.framesPerSecond == 200)
            #expect(description.firstFrameCentreSeconds == 0)
            #expect(description.windowSeconds == 10)
            #expect(description.normalization == .layerNorm)
            #expect(description.channels == .loudest)
            #expect(description.decoding.threshold == 0.175)
            #expect(description.decoding.smoothing == .average)
            #expect(description.decoding.smoothingSeconds == 0.1)
            #expect(description.provenance.program == "animal2vec 1.0")
            let encoder = description.encoder
            #expect((encoder.width, encoder.heads, encoder.depth, encoder.prenetDepth) == (16, 2, 2, 1))
            #expect(encoder.averagedLayers == 2)
            #expect(encoder.frontEnd.layers.map(\.stride) == [1, 5, 2, 2, 2, 1, 1, 1])
            #expect(encoder.frontEnd.layers.map(\.kernel) == [15, 10, 3, 3, 3, 3, 2, 2])
            #expect(encoder.frontEnd.filterNorm == .layerNorm)
            #expect(encoder.frontEnd.pSwish && encoder.frontEnd.sincFilters && encoder.learnsAlibi)
            #expect(report.settings["criterion.metric_threshold"] == "0.175")
            let wave = try Tensor(syntheticSong(frames: 8_000, rateHz: 8_000), shape: [1, 8_000])
            let logits = try model.classifier()(wave)
            #expect(logits.shape == [1, 200, 3])
            #expect(try logits.isFinite().all().array(Bool.self) == [true])
        }
    }

    @Test func `Both layouts and both kinds of configuration give the same model`() throws {
        try withTemporaryFolder { folder in
            let (zip, report) = try imported(CheckpointFiles.url("pretraining.pt"), to: folder.appending(path: "zip"))
            let (legacy, other) = try imported(
                CheckpointFiles.url("pretraining_legacy.pt"), to: folder.appending(path: "legacy"))
            #expect(zip.description.encoder == legacy.description.encoder)
            #expect(zip.weights.names == legacy.weights.names)
            #expect(zip.weights.names.count == 139)
            for name in zip.weights.names where name != "blocks.1.norm1.weight" {
                #expect(try zip.weights.values(name, as: Float.self) == legacy.weights.values(name, as: Float.self))
            }
            // Kept in half precision in one of them.
            let half = try zip.weights.values("blocks.1.norm1.weight", as: Float.self)
            let whole = try legacy.weights.values("blocks.1.norm1.weight", as: Float.self)
            #expect(half == whole.map { Float(Float16($0)) })
            #expect(half != whole)
            #expect(report.layout == "zip")
            #expect(other.layout == "legacy")
            #expect(report.ignored.map(\.name).contains("last_optimizer_state"))
            #expect(report.text.contains("state of the optimizer"))

            // What fine-tuning does with a pretrained model.
            let classifier = try FrameClassifier(zip.description.encoder, classCount: 4)
            try zip.loadEncoder(into: classifier.store)
            let plain = try classifier.store["blocks.0.expand.weight"]!.master.array(Float.self)
            try zip.loadEncoder(into: classifier.store, network: .teacher)
            let averaged = try classifier.store["blocks.0.expand.weight"]!.master.array(Float.self)
            #expect(zip2(plain, averaged).allSatisfy { abs($1 - $0 - 1) < 1e-6 })
        }
    }

    private func zip2(_ left: [Float], _ right: [Float]) -> [(Float, Float)] { Array(Swift.zip(left, right)) }

    @Test func `The teacher's weights can be taken for the student's`() throws {
        try withTemporaryFolder { folder in
            let checkpoint = try CheckpointFiles.url("pretraining.pt")
            let (student, _) = try imported(checkpoint, to: folder.appending(path: "student"))
            var configuration = CheckpointImport.Configuration()
            configuration.weights = .teacher
            let (teacher, report) = try imported(checkpoint, to: folder.appending(path: "teacher"), configuration)
            let name = "blocks.0.expand.weight"
            #expect(
                try teacher.weights.values(name, as: Float.self)
                    == student.weights.values("teacher." + name, as: Float.self))
            // The teacher hears through the student's front-end, and decodes nothing.
            let shared = "front_end.layers.3.convolution.weight"
            #expect(
                try teacher.weights.values(shared, as: Float.self) == student.weights.values(shared, as: Float.self))
            #expect(!teacher.weights.names.contains { $0.hasPrefix("decoder.") || $0.hasPrefix("teacher.") })
            #expect(report.ignored.contains { $0.reason == "belongs to the student" })
            let classifier = try FrameClassifier(teacher.description.encoder, classCount: 4)
            try teacher.loadEncoder(into: classifier.store)
        }
    }
}
