import Models
import Neural
import Testing
import Torch

/// Options against plain PyTorch (`Scripts/option_reference.py`).
@Suite(.serialized) struct OptionReferenceTests {
    private static func configuration(_ name: String) -> Animal2VecConfiguration {
        var configuration = Animal2VecConfiguration()
        configuration.frontEnd.sincFilters = false
        configuration.frontEnd.pSwish = false
        configuration.frontEnd.layers = [.init(12, 10, 5), .init(12, 3, 2), .init(12, 3, 2), .init(12, 2, 1)]
        (configuration.width, configuration.heads, configuration.depth, configuration.prenetDepth) = (24, 3, 2, 1)
        configuration.feedForwardRatio = 2
        (configuration.positions.layers, configuration.positions.kernel, configuration.positions.groups) = (2, 6, 4)
        configuration.positions.normsInput = true
        (configuration.decoder.width, configuration.decoder.layers) = (16, 2)
        (configuration.decoder.kernel, configuration.decoder.groups) = (3, 4)
        configuration.masking.clones = 2
        configuration.dropout = .none
        configuration.classToken = true
        if name == "modern" {
            (configuration.feedForward, configuration.residuals) = (.geglu, .deepScale)
            configuration.distances.kind = .rotary
            (configuration.loss.beta, configuration.loss.scale, configuration.loss.regression) = (0.5, 0.3, 0.9)
            (configuration.loss.classToken, configuration.loss.reconstruction) = (0.7, 0.4)
        } else {
            (configuration.loss.classToken, configuration.loss.classTokenTarget) = (0.5, .mean)
            (configuration.targets.layerNorms, configuration.targets.norms) = ([.layer], [.batch])
        }
        return configuration
    }

    @Test(arguments: ["modern", "stub"], [false, true])
    func `A step with options gives PyTorch's loss and every gradient`(name: String, recomputes: Bool) throws {
        let golden = try GoldenValues("options")
        let model = try Animal2Vec(Self.configuration(name), recomputes: recomputes)
        #expect(try model.student.load(golden.file, prefix: "\(name).param.").isComplete)
        #expect(try model.teacher.load(golden.file, prefix: "\(name).teacher.").isComplete)
        let mask = try golden["\(name).mask"]
        let flags = try mask.array(Bool.self)
        let rows = (0..<mask.size(0)).map { Array(flags[$0 * mask.size(1)..<($0 + 1) * mask.size(1)]) }
        let noise = try golden["\(name).noise"]
        let step = try model.pretrain(
            golden["\(name).wave"], mask: FrameMask(rows: rows),
            noise: noise.selected(mask.unsqueezed(2).expanded(noise.shape)).reshaped([-1, 24]),
            mode: .learning(seed: 0))
        try expectClose(step.prediction, golden["\(name).prediction"], 1e-5, "prediction")
        try expectClose(step.target(), golden["\(name).target"], 1e-5, "target")
        #expect(try abs(step.loss.item() / golden.number("\(name).loss") - 1) < 1e-5)
        #expect(step.weight == Double(step.maskedFrameCount + (name == "modern" ? 4 : 0)))
        try step.loss.backward()
        for parameter in model.student.parameters {
            let gradient = try parameter.master.gradient
            try expectClose(
                #require(gradient), golden["\(name).grad.\(parameter.name)"], 1e-4,
                "gradient of \(parameter.name)")
        }
    }

    @Test func `Per-channel energy normalisation gives PyTorch's values and gradients`() throws {
        let golden = try GoldenValues("options")
        let store = ParameterStore()
        let norm = try PerChannelEnergyNorm(store.root, 3)
        #expect(try store["smoothing"]!.master.array(Float.self) == [0.04, 0.04, 0.04])
        for parameter in store.parameters {
            try withoutGradients { try parameter.master.copy(inPlace: golden["pcen.\(parameter.name)"]) }
        }
        let x = try golden["pcen.x"].requiringGradient()
        let output = try norm(x)
        try expectClose(output, golden["pcen.output"], 1e-5, "output")
        try (output * golden["pcen.probe"]).sum().backward()
        try expectClose(x.gradient!, golden["pcen.grad.x"], 1e-4, "gradient of the input")
        for parameter in store.parameters {
            try expectClose(
                parameter.master.gradient!, golden["pcen.grad.\(parameter.name)"], 1e-4,
                "gradient of \(parameter.name)")
        }
    }
}
