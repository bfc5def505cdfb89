import Foundation
import Models
import Neural
import Testing
import Torch

@Suite(.serialized) struct TargetTests {
    @Test func `Norms of targets give zero mean and unit variance where they say`() throws {
        let shown = try (0..<3).map { try Tensor.randomNormal([4, 50, 6]) * Double($0 + 1) + 2 }
        for (norm, axes) in [(TeacherTargets.Norm.batch, [0, 1]), (.instance, [1]), (.layer, [2])] {
            var targets = TeacherTargets()
            (targets.layerNorms, targets.norms) = ([], [norm])
            let y = try targets.target(shown[1...])
            #expect(try y.mean(axes).absolute().reshaped([-1]).maximum([0]).item() < 1e-5)
            #expect(try (y.variance(axes, correction: 0) - 1).absolute().reshaped([-1]).maximum([0]).item() < 1e-3)
        }
        // Without norms it is the plain mean, and what is shown stays as it was.
        var targets = TeacherTargets()
        targets.layerNorms = []
        let before = try shown[1].cloned()
        try expectClose(targets.target(shown[1...]), (shown[1] + shown[2]) / 2, 1e-6, "mean")
        try expectClose(shown[1], before, 0, "what was shown")
        // Each layer by itself: layers of different size count alike.
        targets.layerNorms = [.instance]
        let alike = try targets.target([shown[0], shown[0] * 100][...])
        try expectClose(alike, targets.target([shown[0]][...]), 1e-3, "scaled layers")
    }

    @Test func `The loss is quadratic below beta and linear above it, times its scale`() throws {
        let prediction = try Tensor([0, 0, 0, 0] as [Float], shape: [1, 4])
        let target = try Tensor([0.1, -0.5, 2, 0] as [Float], shape: [1, 4])
        var loss = RegressionLoss()
        #expect(try abs(loss(prediction, target).item() - (0.01 + 0.25 + 4) / 2) < 1e-6)
        loss.scale = 3
        #expect(try abs(loss(prediction, target).item() - (0.01 + 0.25 + 4) * 3) < 1e-5)
        (loss.scale, loss.beta) = (1, 1)
        #expect(try abs(loss(prediction, target).item() - (0.005 + 0.125 + 1.5)) < 1e-6)
    }

    @Test func `A teacher of blocks only takes positions and prenet from the student`() throws {
        var configuration = GoldenValues.tinyConfiguration
        let features = try Tensor.randomNormal([1, 40, 48])
        func change(_ name: String) throws -> Double {
            let model = try Animal2Vec(configuration, seed: 2)
            let before = try model.target(features)
            try withoutGradients {
                try model.student[name]!.master.copy(inPlace: .randomNormal(model.student[name]!.master.shape))
            }
            return try (model.target(features) - before).absolute().maximum([0, 1, 2]).item()
        }
        #expect(try change("prenet.blocks.0.expand.weight") == 0)
        configuration.targets.follows = .blocks
        #expect(try change("prenet.blocks.0.expand.weight") > 0.01)
        #expect(try change("positions.0.weight") > 0.01)
        #expect(try change("blocks.0.expand.weight") == 0)
    }

    @Test func `Targets can be what blocks hand on instead of what their feed-forward networks say`() throws {
        var configuration = GoldenValues.tinyConfiguration
        configuration.targets.layerNorms = []
        configuration.targets.source = .block
        configuration.averagedLayers = 1
        let model = try Animal2Vec(configuration, seed: 2)
        // The last block ends in a layer norm.
        let y = try model.target(.randomNormal([1, 40, 48]))
        #expect(try y.mean([2]).absolute().maximum([0, 1]).item() < 1e-5)
        #expect(try (y.variance([2], correction: 0) - 1).absolute().maximum([0, 1]).item() < 1e-2)
    }

    @Test func `A probe learns without a say in what the student learns`() throws {
        let configuration = GoldenValues.tinyConfiguration
        let wave = try Tensor.randomNormal([2, 2000])
        let frames = configuration.frontEnd.frameCount(samples: 2000)
        let rows = (0..<6).map { row in (0..<frames).map { $0 % 10 != row } }
        let hidden = rows[0].count(where: \.self)

        let noise = try Tensor.randomNormal([6 * hidden, 48])
        var gradients: [[Float]] = []
        for classes in [0, 3] {
            let model = try Animal2Vec(configuration, probedClasses: classes, seed: 2)
            let step = try model.pretrain(wave, mask: FrameMask(rows: rows), noise: noise, mode: .learning(seed: 1))
            var loss = step.loss
            if let logits = step.probeLogits {
                #expect(logits.shape == [6, frames, 3])
                loss = try loss + FocalLoss()(logits, logits.detached().zerosLike() + 1).sum()
            }
            try loss.backward()
            gradients.append(try model.student["blocks.0.expand.weight"]!.master.gradient!.array())
            if classes > 0 {
                #expect(try model.student["probe.weight"]!.master.gradient!.absolute().sum().item() > 0)
            }
        }
        #expect(gradients[0] == gradients[1])
    }
}
