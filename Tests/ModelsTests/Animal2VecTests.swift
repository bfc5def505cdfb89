import Models
import Neural
import Storage
import Testing
import Torch

@Suite(.serialized) struct Animal2VecTests {
    /// The tiny model with the published weights of student and teacher.
    private func publishedModel() throws -> Animal2Vec {
        let weights = try GoldenValues("pretrain_step_params")
        let model = try Animal2Vec(GoldenValues.tinyConfiguration)
        let student = try model.student.load(weights.file, prefix: "param.", rename: PublishedNames.ours)
        let teacher = try model.teacher.load(weights.file, prefix: "ema.", rename: PublishedNames.ours)
        #expect(student.isComplete)
        #expect(teacher.isComplete)
        return model
    }

    private func mask(_ tensor: Tensor) throws -> FrameMask {
        let flags = try tensor.array(Bool.self)
        let frames = tensor.size(1)
        return FrameMask(rows: (0..<tensor.size(0)).map { Array(flags[$0 * frames..<($0 + 1) * frames]) })
    }

    /// Noise of the masked frames from a grid of noise for all frames.
    private func noise(_ grid_RTD: Tensor, _ mask_RT: Tensor) throws -> Tensor {
        let width = grid_RTD.size(2)
        return try grid_RTD.selected(mask_RT.unsqueezed(2).expanded(grid_RTD.shape)).reshaped([-1, width])
    }

    @Test func `The pretraining step gives the published loss, statistics and every gradient`() throws {
        let golden = try GoldenValues("pretrain_step")
        let weights = try GoldenValues("pretrain_step_params")
        let model = try publishedModel()
        let step = try model.pretrain(
            golden["wave_raw"].normalizedClips(), mask: mask(golden["mask"]),
            noise: noise(golden["noise"], golden["mask"]), mode: .learning(seed: 0))
        #expect(step.maskedFrameCount == 1098)
        #expect(try abs(step.loss.item() / golden.number("loss_sum") - 1) < 1e-5)
        let deviations = try step.deviations()
        #expect(try abs(deviations.prediction / golden.number("pred_var") - 1) < 1e-5)
        #expect(try abs(deviations.target / golden.number("target_var") - 1) < 1e-5)
        let flags = try golden["mask"].unsqueezed(2).expanded([6, 200, 48])
        try expectClose(step.prediction, golden["decoder_out"].selected(flags), 1e-5, "prediction")
        let repeated = try golden["y"].repeatInterleaved(3, 0)
        try expectClose(step.target(), repeated.selected(flags), 1e-5, "target")
        try step.loss.backward()
        var compared = 0
        for name in weights.file.names where name.hasPrefix("grad.") {
            let parameter = try #require(PublishedNames.ours(String(name.dropFirst(5))))
            try expectClose(model.student[parameter]!.master.gradient!, weights[name], 1e-4, "gradient of \(parameter)")
            compared += 1
        }
        #expect(compared == 90)
    }

    @Test(arguments: ["grouped", "all"])
    func `Ten updates give the published losses, norms and weights`(variant: String) throws {
        let golden = try GoldenValues("pretrain_train")
        let step = try GoldenValues("pretrain_step")
        let model = try publishedModel()
        var configuration = AdamW.Configuration()
        configuration.sparesVectors = variant == "grouped"
        let optimizer = try AdamW(model.student.parameters, configuration)
        let losses = try golden["\(variant).loss_sum"].array(Double.self)
        let norms = try golden["\(variant).grad_norm"].array(Double.self)
        let decays = try golden["ema_decay"].array(Double.self)
        for update in 0..<10 {
            let flags = try golden["mask"].slice(0, update)
            let result = try model.pretrain(
                step["wave"], mask: mask(flags), noise: noise(step["noise"], flags), mode: .learning(seed: 0))
            #expect(try abs(result.loss.item() / losses[update] - 1) < 1e-5, "loss of update \(update)")
            try model.student.clearGradients()
            try result.loss.backward()
            let norm = try model.student.gradientNorm() / Double(result.maskedFrameCount)
            #expect(abs(norm / norms[update] - 1) < 1e-4, "gradient norm of update \(update)")
            let factor = min(1, 1 / (norm + 1e-6)) / Double(result.maskedFrameCount)
            try optimizer.step(learningRate: 1e-4, gradientFactor: factor)
            try model.teacher.follow(model.student, decay: decays[update])
        }
        for name in golden.file.names where name.hasPrefix("\(variant).param.") {
            let parameter = try #require(PublishedNames.ours(String(name.dropFirst("\(variant).param.".count))))
            try expectClose(model.student[parameter]!.master, golden[name], 1e-5, parameter)
        }
        for name in golden.file.names where name.hasPrefix("\(variant).ema.") {
            let parameter = try #require(PublishedNames.ours(String(name.dropFirst("\(variant).ema.".count))))
            try expectClose(model.teacher[parameter]!.master, golden[name], 1e-5, "teacher's \(parameter)")
        }
    }

    @Test func `A hundred updates give the losses of plain PyTorch`() throws {
        let golden = try GoldenValues("hundred_updates")
        let step = try GoldenValues("pretrain_step")
        let model = try publishedModel()
        let optimizer = try AdamW(model.student.parameters)
        let (rates, decays) = (
            try golden["learning_rate"].array(Double.self), try golden["decay"].array(Double.self)
        )
        let (losses, norms) = (
            try golden["loss"].array(Double.self), try golden["gradient_norm"].array(Double.self)
        )
        #expect(losses.count == 100 && losses[99] < 0.3 * losses[0], "it learns")
        for update in losses.indices {
            let flags = try golden["mask"].slice(0, update)
            let result = try model.pretrain(
                step["wave"], mask: mask(flags), noise: noise(step["noise"], flags), mode: .learning(seed: 0))
            let count = Double(result.maskedFrameCount)
            #expect(try abs(result.loss.item() / count / losses[update] - 1) < 1e-4, "loss of update \(update)")
            try model.student.clearGradients()
            try result.loss.backward()
            let norm = try model.student.gradientNorm() / count
            #expect(abs(norm / norms[update] - 1) < 1e-2, "gradient norm of update \(update)")
            try optimizer.step(learningRate: rates[update], gradientFactor: min(1, 1 / (norm + 1e-6)) / count)
            try model.teacher.follow(model.student, decay: decays[update])
        }
    }

    @Test func `Fine-tuning gives the published logits, focal loss and gradients`() throws {
        let golden = try GoldenValues("finetune")
        let weights = try GoldenValues("pretrain_step_params")
        let model = try FrameClassifier(GoldenValues.tinyConfiguration, classCount: 12, rates: .none)
        _ = try model.store.load(weights.file, prefix: "param.", rename: PublishedNames.ours)
        _ = try model.store.load(golden.file, prefix: "head.", rename: { "head.\($0)" })
        let logits = try model(golden["wave"], mode: .learning(seed: 0))
        try expectClose(logits, golden["logits"], 1e-5, "logits")
        try expectClose(model(golden["wave"]), golden["logits"], 1e-5, "logits of prediction")
        let loss = try FocalLoss()(logits, golden["target"]).sum()
        #expect(try abs(loss.item() / golden.number("loss_sum") - 1) < 1e-5)
        try loss.backward()
        for name in golden.file.names where name.hasPrefix("grad.encoder.") || name.hasPrefix("grad.head.") {
            let published = name.replacing("grad.encoder.", with: "").replacing("grad.", with: "")
            let parameter = PublishedNames.ours(published) ?? published
            try expectClose(model.store[parameter]!.master.gradient!, golden[name], 1e-4, "gradient of \(parameter)")
        }
        let soft = try golden["logits"].requiringGradient()
        let elements = try FocalLoss()(soft, golden["target_soft"])
        try expectClose(elements, golden["loss_elem_soft"], 1e-5, "focal loss of soft targets")
        try elements.sum().backward()
        try expectClose(soft.gradient!, golden["grad.logits_soft"], 1e-4, "gradient of the logits")
    }

    @Test func `Masks of fine-tuning act as published`() throws {
        let golden = try GoldenValues("finetune")
        let weights = try GoldenValues("pretrain_step_params")
        let model = try FrameClassifier(GoldenValues.tinyConfiguration, classCount: 12, rates: .none)
        _ = try model.store.load(weights.file, prefix: "param.", rename: PublishedNames.ours)
        _ = try model.store.load(golden.file, prefix: "head.", rename: { "head.\($0)" })
        // Where noise was put in, the published features are the noise.
        let masks = try FrameClassifier.Masks(
            time: golden["mask.time"].greater(than: 0), channel: golden["mask.channel"].greater(than: 0),
            noise: golden["mask.features_out"])
        try expectClose(model(golden["wave"], masks: masks), golden["mask.logits"], 1e-5, "logits under masks")
    }

    @Test(arguments: ["a", "b"])
    func `Loudness and mixing agree with the published ones`(batch: String) throws {
        let golden = try GoldenValues("mixup")
        var mixup = BetweenClassMixup()
        let source = try golden["\(batch).source"]
        let partners = try golden["\(batch).perm"].to(.int64)
        let ratio = try golden["\(batch).r"].reshaped([-1, 1])
        try expectClose(
            mixup.windowLevels(source, sampleRateHz: 8000), golden["\(batch).gain_frames_db"], 1e-5, "levels")
        try expectClose(mixup.loudness(source, sampleRateHz: 8000), golden["\(batch).gain_db"], 1e-5, "loudness")
        try expectClose(
            mixup.share(source, partners: partners, ratio_B1: ratio, sampleRateHz: 8000), golden["\(batch).p"], 1e-5,
            "share")
        try expectClose(
            mixup.mix(source, partners: partners, ratio_B1: ratio, sampleRateHz: 8000), golden["\(batch).mixed"], 1e-5,
            "mixed")
        try expectClose(
            Tensor(BetweenClassMixup.aWeightingPower(sampleRateHz: 8000, size: 400)), golden["a_weight_power"], 1e-5,
            "A-weighting")
        mixup.gain = .rms
        try expectClose(
            mixup.loudness(source, sampleRateHz: 8000), golden["\(batch).gain_rmse_db"], 1e-5, "rms loudness")
    }
}
