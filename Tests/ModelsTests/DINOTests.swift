import Foundation
import Models
import Neural
import Randomness
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

    private struct Peer: Decodable {
        struct Schedule: Decodable {
            let rate: Double
            let decay: Double
            let momentum: Double
            let temperature: Double
            let frozen: Bool
        }
        let losses: [Double]
        let centre_norm: Double
        let schedules: [Schedule]
    }

    @Test func `A hundred updates on changing views give the losses of plain PyTorch`() throws {
        let golden = try GoldenValues("dino_step")
        let url = try #require(Bundle.module.resourceURL).appending(path: "Golden/dino_100.json")
        let peer = try JSONDecoder().decode(Peer.self, from: Data(contentsOf: url))
        let model = try PublishedDINO.model(golden)
        let views = try PublishedDINO.views(golden)
        let optimizer = try AdamW(model.student.parameters, PublishedDINO.optimizer)
        #expect(peer.losses.count == 100)
        for (update, plan) in peer.schedules.enumerated() {
            func moved(_ view: Tensor) throws -> Tensor {
                try operate("aten::roll", .tensor(view), .ints([update]), .ints([3]))
            }
            let step = try model.step(
                global: moved(views.global), local: moved(views.local), pictures: 3, temperature: plan.temperature,
                mode: .learning(seed: 0))
            let loss = try step.loss.item() / 3
            #expect(abs(loss / peer.losses[update] - 1) < 1e-4, "loss of update \(update) is \(loss)")
            try model.student.clearGradients()
            try (step.loss / 3).backward()
            try model.student.limitEachGradient(to: 3)
            try optimizer.step(
                learningRate: plan.rate, weightDecay: plan.decay, frozen: plan.frozen ? DINO.prototypeNames : [])
            try model.moveTeacher(decay: plan.momentum)
            try model.moveCentre(towards: [step.teacherSum])
        }
        #expect(try abs(model.centres["centre"]!.master.norm().item() / peer.centre_norm - 1) < 1e-4)
    }

    // MARK: Options

    private func small(_ change: (inout DINOConfiguration) -> Void) throws -> DINO {
        var configuration = PublishedDINO.configuration
        change(&configuration)
        return try DINO(configuration, seed: 3)
    }

    private func noise(_ shape: [Int], seed: UInt64) throws -> Tensor {
        var random = KeyedRandom(seed: seed, purpose: .noise)
        return try Tensor((0..<shape.reduce(1, *)).map { _ in Float(random.uniform() - 0.5) }, shape: shape)
    }

    @Test func `Sinkhorn's targets share the prototypes evenly, and every picture says one whole`() throws {
        let shares = try DINO.sinkhorn(noise([64, 8], seed: 1) * 40, turns: 20)
        for sum in try shares.sum([1]).array(Float.self) { #expect(abs(sum - 1) < 1e-4) }
        for sum in try shares.sum([0]).array(Float.self) { #expect(abs(sum - 8) < 0.2) }
        let huge = try DINO.sinkhorn(noise([4, 8], seed: 2) * 1e4)
        #expect(try huge.isFinite().all().array(Bool.self) == [true])
    }

    @Test func `Every option learns: the loss falls, and gradients reach all parameters`() throws {
        let model = try small {
            $0.loss.centering = .sinkhorn
            $0.loss.koleoWeight = 0.1
            $0.loss.patches.weight = 1
            $0.network.registers = 2
        }
        let optimizer = try AdamW(model.student.parameters, PublishedDINO.optimizer)
        let (global, local) = (try noise([8, 1, 32, 32], seed: 1), try noise([8, 1, 16, 16], seed: 2))
        let hidden = (0..<8 * 16).map { $0 % 3 == 0 && $0 / 16 % 2 == 0 }
        var losses: [Double] = []
        for _ in 0..<30 {
            let step = try model.step(
                global: global, local: local, hidden_GN: hidden, pictures: 4, temperature: 0.06,
                mode: .learning(seed: 0))
            losses.append(try step.loss.item())
            let figures = try step.figures()
            #expect(figures.keys.sorted() == ["cross_entropy", "koleo", "patch_loss", "target_entropy"])
            try model.student.clearGradients()
            try step.loss.backward()
            for parameter in model.student.parameters {
                #expect(try parameter.master.gradient != nil, "\(parameter.name) gets no gradient")
            }
            try optimizer.step(learningRate: 1e-3)
            try model.moveCentre(towards: [step.teacherSum], patches: step.patchSum.map { [$0] } ?? [])
        }
        #expect(losses.last! < 0.9 * losses[0], "\(losses[0]) to \(losses.last!)")
    }

    @Test func `KoLeo is the distance to the nearest other picture`() throws {
        // Features are those of the backbone, so the term is seen through two pictures that are alike, and two that are not.
        let model = try small { $0.loss.koleoWeight = 1 }
        let one = try noise([1, 1, 32, 32], seed: 5)
        let other = try noise([1, 1, 32, 32], seed: 6)
        func koleo(_ pictures: [Tensor]) throws -> Double {
            try model.step(
                global: .concatenated(pictures, 0), local: nil, pictures: 2, temperature: 0.04,
                mode: .learning(seed: 0)
            ).figures()["koleo"]!
        }
        let apart = try koleo([one, other, one, other])
        let alike = try koleo([one, one, one, one])
        #expect(alike > apart + 5, "\(alike) against \(apart)")
    }

    @Test func `Health tells a model that hears differences from one that hears none`() throws {
        let model = try small { _ in }
        let seen = try model.look(noise([40, 1, 32, 32], seed: 9), temperature: 0.04)
        let well = try EmbeddingHealth(features_ND: noise([40, 48], seed: 8), shares_NK: seen.shares)
        #expect(well.effectiveRank > 30 && well.deviation > 0.9)
        let same = try Tensor.ones([40, 48])
        let uniform = try Tensor.full([40, 96], 1 / 96)
        let ill = try EmbeddingHealth(features_ND: same, shares_NK: uniform)
        #expect(ill.effectiveRank == 0 && ill.deviation < 1e-3)
        #expect(abs(ill.sampleEntropy - ill.largestEntropy) < 1e-4)
        let one = try Tensor((0..<40 * 96).map { $0 % 96 == 0 ? Float(1) : 0 }, shape: [40, 96])
        #expect(try abs(EmbeddingHealth(features_ND: same, shares_NK: one).meanEntropy) < 1e-4)
    }

    @Test func `Neighbours name windows, but not those of their own recording`() throws {
        // Two classes in two recordings; the features tell the classes apart.
        let features = try Tensor([1, 0, 0.9, 0.1, 0, 1, 0.1, 0.9] as [Float], shape: [4, 2])
        let right = try NearestNeighbours.accuracy(
            features, labels: ["a", "a", "b", "b"], groups: [0, 1, 0, 1], count: 1)
        #expect(right == 1)
        // Each class in a recording of its own: the only neighbours allowed are wrong.
        let wrong = try NearestNeighbours.accuracy(
            features, labels: ["a", "a", "b", "b"], groups: [0, 0, 1, 1], count: 1)
        #expect(wrong == 0)
        #expect(
            try NearestNeighbours.accuracy(features, labels: ["a", "a", "b", "b"], groups: [0, 0, 0, 0]) == nil)
    }
}
