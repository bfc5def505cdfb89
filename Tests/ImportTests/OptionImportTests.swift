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

/// Networks with options that no published recipe asks for, but the published program has.
@Suite(.serialized) struct OptionImportTests {
    private func imported(_ name: String, to folder: URL) throws -> (model: ModelFolder, report: ImportReport) {
        let plan = try CheckpointImport(CheckpointFiles.url("options_\(name).pt"))
        try plan.write(to: folder)
        return (try ModelFolder.load(folder), plan.report)
    }

    /// How far the logits of a model are from those of plain PyTorch, over the largest of these.
    private func difference(_ model: ModelFolder, _ name: String) throws -> Double {
        let reference = try SafetensorsFile.open(CheckpointFiles.url("options.safetensors"))
        let wave = try reference.tensor("wave").unsqueezed(0).layerNormalized([400])
        let expected = try reference.tensor(name)
        let actual = try model.classifier()(wave)
        #expect(actual.shape == [1] + expected.shape)
        let largest: Double = try expected.absolute().maximum([0, 1]).item()
        return try (actual.detached().squeezed(0) - expected).absolute().maximum([0, 1]).item() / largest
    }

    @Test func `PCEN, a norm before the positions and a head on the blocks' outputs give the logits of PyTorch`() throws
    {
        try withTemporaryFolder { folder in
            let (model, report) = try imported("pcen", to: folder.appending(path: "model"))
            #expect(report.isComplete)
            let encoder = model.description.encoder
            #expect(encoder.frontEnd.filterNorm == .pcen)
            #expect(encoder.positions.normsInput)
            #expect(encoder.targets.source == .block)
            #expect(encoder.dropout.prenetLayer == 0.05)
            #expect(model.description.head.dropout == 0.25)
            #expect(try difference(model, "pcen") < 1e-5)
        }
    }

    @Test func `Learned taps and attention without distances give the logits of PyTorch`() throws {
        try withTemporaryFolder { folder in
            let (model, report) = try imported("taps", to: folder.appending(path: "model"))
            #expect(report.isComplete)
            let description = model.description
            #expect(description.encoder.frontEnd.learnsTaps)
            #expect(description.encoder.frontEnd.filterNorm == .instance)
            #expect(description.encoder.distances.kind == .none)
            let dropout = description.encoder.dropout
            #expect((dropout.layer, dropout.firstPath, dropout.lastPath) == (0.02, 0.01, 0.03))
            #expect(try difference(model, "taps") < 1e-5)
            #expect(description.decoding.smoothing == .edges)
            let edges = try #require(description.decoding.edges)
            #expect((edges.sigmaSeconds, edges.filterSeconds) == (0.08, 0.09))
            #expect((edges.longestSeconds, edges.lowProbability) == (0.4, 0.2))
            #expect(description.decoding.focal?.className == "focal")
        }
    }

    @Test func `A class token, a teacher of blocks only and other targets come along`() throws {
        try withTemporaryFolder { folder in
            let (model, report) = try imported("token", to: folder.appending(path: "model"))
            #expect(report.isComplete)
            var encoder = model.description.encoder
            #expect(encoder.classToken)
            #expect((encoder.loss.classToken, encoder.loss.classTokenTarget) == (0.5, .mean))
            #expect((encoder.loss.regression, encoder.loss.beta, encoder.loss.scale) == (0.9, 0.25, 0.3))
            #expect(encoder.targets.follows == .blocks)
            #expect(encoder.targets.layerNorms == [.batch, .layer])
            #expect(encoder.targets.norms == [.layer, .instance])
            #expect((encoder.masking.counts, encoder.masking.dropout) == (.most, 0.2))
            #expect(encoder.dropout.input == 0.04)
            let teachers = model.weights.names.filter { $0.hasPrefix("teacher.") }
            #expect(teachers.count == 24)
            #expect(teachers.allSatisfy { $0.hasPrefix("teacher.blocks.") })

            // Pretraining goes on with it.
            encoder.masking.clones = 2
            let network = try Animal2Vec(encoder)
            let student = try network.student.load(model.weights) { $0.hasPrefix("teacher.") ? nil : $0 }
            #expect(student.missing.isEmpty)
            try network.teacher.copy(from: network.student)
            let teacher = try network.teacher.load(model.weights, prefix: "teacher.")
            #expect(teacher.missing.allSatisfy { !$0.hasPrefix("blocks.") })
            let wave = try SafetensorsFile.open(CheckpointFiles.url("options.safetensors")).tensor("wave").unsqueezed(0)
            let rows = (0..<2).map { row in (0..<40).map { ($0 + row) % 3 > 0 && $0 < 39 } }
            let count = rows.map { $0.count(where: \.self) }.min()!
            let even = rows.map { row in
                var left = count
                return row.map { isMasked in
                    guard isMasked, left > 0 else { return false }
                    left -= 1
                    return true
                }
            }
            let step = try network.pretrain(wave, mask: FrameMask(rows: even), mode: .learning(seed: 1))
            let loss: Double = try step.loss.item()
            #expect(loss.isFinite && loss > 0)

            // And so does fine-tuning, from the student and from the teacher.
            let classifier = try FrameClassifier(model.description.encoder, classCount: 2)
            for source in [ModelFolder.Network.student, .teacher] {
                try model.loadEncoder(into: classifier.store, network: source)
                let first = try classifier.store["blocks.0.expand.bias"]!.master.array(Float.self)
                let name = source == .teacher ? "teacher.blocks.0.expand.bias" : "blocks.0.expand.bias"
                #expect(try first == model.weights.values(name, as: Float.self))
            }
            #expect(try classifier(wave).shape == [1, 40, 2])
        }
    }
}
