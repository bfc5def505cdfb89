import Foundation
import Models
import Neural
import Storage
import Testing
import Torch

/// The tiny model of the published values.
enum PublishedDINO {
    static var configuration: DINOConfiguration {
        var configuration = DINOConfiguration()
        configuration.network.imageHeight = 32
        configuration.network.imageWidth = 32
        configuration.network.patch = 8
        (configuration.network.width, configuration.network.depth, configuration.network.heads) = (48, 2, 3)
        configuration.network.dropPath = 0
        (configuration.head.hidden, configuration.head.bottleneck, configuration.head.prototypes) = (64, 24, 96)
        return configuration
    }

    /// The published name of a parameter in ours; nil for what we have not.
    static func ours(_ name: String) -> String? {
        guard !name.hasSuffix("weight_g") else { return nil }
        let pairs = [
            ("patch_embed.proj.", "patches."), ("cls_token", "class_token"), ("pos_embed", "positions"),
            ("attn.qkv.", "attention.qkv."), ("attn.proj.", "attention.output."), ("mlp.fc1.", "expand."),
            ("mlp.fc2.", "contract."), ("head.mlp.0.", "head.layers.0."), ("head.mlp.2.", "head.layers.1."),
            ("head.mlp.4.", "head.layers.2."), ("head.last_layer.weight_v", "head.prototypes"),
        ]
        return pairs.reduce(name) { $0.replacing($1.0, with: $1.1) }
    }

    /// The model with the stored weights of student and teacher.
    static func model(_ golden: GoldenValues) throws -> DINO {
        let model = try DINO(configuration)
        for (prefix, store) in [("student.", model.student), ("teacher.", model.teacher)] {
            let coverage = try store.load(golden.file, prefix: prefix, rename: ours)
            #expect(coverage.missing == [])
        }
        try model.centres["centre"]!.master.copy(inPlace: golden["center.before"])
        return model
    }

    static func views(_ golden: GoldenValues) throws -> (global: Tensor, local: Tensor) {
        (
            try .concatenated((0..<2).map { try golden["global.\($0)"] }, 0),
            try .concatenated((0..<4).map { try golden["local.\($0)"] }, 0)
        )
    }

    /// As published: AdamW of PyTorch, no decay for biases and norms.
    static var optimizer: AdamW.Configuration {
        var optimizer = AdamW.Configuration()
        (optimizer.beta2, optimizer.epsilon, optimizer.epsilonBeforeCorrection) = (0.999, 1e-8, false)
        return optimizer
    }
}

@Suite(.serialized) struct DINOTests {
    private struct Published: Decodable {
        struct Loss: Decodable { let teacher_temperature: Double }
        struct Steps: Decodable {
            let losses: [Double]
            let lr: [Double]
            let weight_decay: [Double]
            let teacher_momentum: [Double]
        }
        let loss: Loss
        let ten_steps: Steps

        static func read() throws -> Published {
            let url = try #require(Bundle.module.resourceURL).appending(path: "Golden/dino_step.json")
            return try JSONDecoder().decode(Published.self, from: Data(contentsOf: url))
        }
    }

    @Test func `The step gives the published outputs, loss, centre and every gradient`() throws {
        let golden = try GoldenValues("dino_step")
        let model = try PublishedDINO.model(golden)
        let views = try PublishedDINO.views(golden)
        let step = try model.step(
            global: views.global, local: views.local, pictures: 3,
            temperature: Published.read().loss.teacher_temperature, mode: .learning(seed: 0))
        try expectClose(step.studentOutput, golden["student_output"], 1e-5, "student's output")
        try expectClose(step.teacherOutput, golden["teacher_output"], 1e-5, "teacher's output")
        #expect(try abs(step.loss.item() / 3 / golden.number("loss") - 1) < 1e-5)
        #expect(try abs(step.figures()["cross_entropy"]! / golden.number("loss") - 1) < 1e-5)
        try (step.loss / 3).backward()
        var compared = 0
        for name in golden.file.names where name.hasPrefix("grad.") {
            let parameter = try #require(PublishedDINO.ours(String(name.dropFirst(5))))
            let gradient = try #require(try model.student[parameter]?.master.gradient, "gradient of \(parameter)")
            try expectClose(gradient, golden[name], 1e-4, "gradient of \(parameter)")
            compared += 1
        }
        #expect(compared == model.student.parameters.count)
        try model.moveCentre(towards: [step.teacherSum])
        try expectClose(model.centres["centre"]!.master, golden["center.after"], 1e-5, "centre")
    }

    @Test func `Ten updates give the published losses, weights, teacher and centre`() throws {
        let golden = try GoldenValues("dino_step")
        let published = try Published.read()
        let model = try PublishedDINO.model(golden)
        let views = try PublishedDINO.views(golden)
        try model.centres["centre"]!.master.copy(inPlace: golden["center.after"])
        let optimizer = try AdamW(model.student.parameters, PublishedDINO.optimizer)
        let steps = published.ten_steps
        for update in 0..<10 {
            let temperature = update < 5 ? 0.04 : 0.055
            let step = try model.step(
                global: views.global, local: views.local, pictures: 3, temperature: temperature,
                mode: .learning(seed: 0))
            #expect(try abs(step.loss.item() / 3 / steps.losses[update] - 1) < 1e-5, "loss of update \(update)")
            try model.student.clearGradients()
            try (step.loss / 3).backward()
            try model.student.limitEachGradient(to: 3)
            try optimizer.step(
                learningRate: steps.lr[update], weightDecay: steps.weight_decay[update],
                frozen: update < 5 ? DINO.prototypeNames : [])
            try model.moveTeacher(decay: steps.teacher_momentum[update])
            try model.moveCentre(towards: [step.teacherSum])
        }
        for (prefix, store) in [("student_final.", model.student), ("teacher_final.", model.teacher)] {
            for name in golden.file.names where name.hasPrefix(prefix) {
                guard let parameter = PublishedDINO.ours(String(name.dropFirst(prefix.count))) else { continue }
                try expectClose(store[parameter]!.master, golden[name], 1e-4, "\(prefix)\(parameter)")
            }
        }
        try expectClose(model.centres["centre"]!.master, golden["center.final"], 1e-4, "centre")
    }
}
