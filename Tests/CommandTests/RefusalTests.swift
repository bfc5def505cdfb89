import Foundation
import TestSupport
import Testing

/// What cannot work is refused in one line that says what, where and what helps.
@Suite struct RefusalTests {
    private func refusal(_ arguments: [String], status: Int32 = 1, _ parts: String...) throws {
        let answer = try Program.run(arguments)
        #expect(answer.ending == .status(status), "\(answer.errors)")
        #expect(answer.errorLines.count == 1, "\(answer.errors)")
        #expect(answer.errors.hasPrefix("animal2vec: "))
        for part in parts { #expect(answer.errors.contains(part), "\(answer.errors)") }
    }

    @Test func `A key that no recipe has is named with the one that was meant`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            try refusal(
                Workplace.pretraining(corpus: place.corpus, run: run) + ["model.network.wdith=3"],
                "unknown key model.network.wdith", "did you mean model.network.width?")
            try refusal(
                Workplace.finetuning(from: place.pretrained, corpus: place.corpus, run: run) + ["optimizer.rate=3"],
                "unknown key optimizer.rate")
            try refusal(
                ["pretrain", "tinny", "--corpus", place.corpus.path, "--run", run.path], "\"tinny\"", "tiny")
            try refusal(
                Workplace.pretraining(corpus: place.corpus, run: run) + ["batch.clips=none"], "batch.clips", "\"none\"")
            #expect(!FileManager.default.fileExists(atPath: run.path))
        }
    }

    @Test func `Another sample rate than the model's is refused`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            try refusal(
                Workplace.finetuning(from: place.pretrained, corpus: place.corpus, run: folder.appending(path: "run"))
                    + ["data.sampleRateHz=16000"],
                "data.sampleRateHz", "16000", "8000", "data.sampleRateHz=0")
        }
    }

    @Test func `A run keeps the recipe it began with`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            try FileManager.default.copyItem(at: place.pretrained, to: run)
            try refusal(
                Workplace.pretraining(corpus: place.corpus, run: run) + ["optimizer.learningRate=0.5"],
                "optimizer.learningRate", "0.5", "--run")
        }
    }

    @Test func `Labels that are not there are missed before anything starts`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let corpus = folder.appending(path: "corpus")
            let run = folder.appending(path: "run")
            #expect(
                try Program.run(["scan", place.recordings.path, "--corpus", corpus.path]).ending == .status(0))
            try refusal(
                Workplace.finetuning(from: place.pretrained, corpus: corpus, run: run), corpus.path, "annotated",
                "--labels")
            try refusal(
                Workplace.finetuning(from: place.pretrained, corpus: folder.appending(path: "nowhere"), run: run),
                "/nowhere", "animal2vec scan")
            #expect(!FileManager.default.fileExists(atPath: run.path))
        }
    }

    @Test func `A damaged model is refused by the name of the damaged file`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "found")
            func damaged(_ name: String, _ damage: (URL) throws -> Void) throws -> [String] {
                let model = folder.appending(path: name)
                try FileManager.default.copyItem(at: place.finetuned.appending(path: "model/last"), to: model)
                try damage(model)
                return ["predict", model.path, place.recordings.path, "--out", out.path]
            }
            try refusal(
                damaged("flipped") { try flipByte(of: $0.appending(path: "weights.safetensors")) },
                "flipped/weights.safetensors", "checksum")
            try refusal(
                damaged("cut") { model in
                    let weights = model.appending(path: "weights.safetensors")
                    try Data(contentsOf: weights).prefix(1_000).write(to: weights)
                }, "cut/weights.safetensors")
            try refusal(
                damaged("halved") { try FileManager.default.removeItem(at: $0.appending(path: "weights.safetensors")) },
                "halved/weights.safetensors")
            try refusal(
                damaged("emptied") { try Data().write(to: $0.appending(path: "model.yaml")) }, "emptied/model.yaml")
            try refusal(
                damaged("undescribed") { try FileManager.default.removeItem(at: $0.appending(path: "model.yaml")) },
                "/undescribed", "model.yaml")
            try refusal(
                ["predict", place.pretrained.path, place.recordings.path, "--out", out.path], "/pretrained",
                "names no classes", "finetune")
            #expect(!FileManager.default.fileExists(atPath: out.path))
        }
    }

    @Test func `A device that is not there is refused`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            try refusal(
                Workplace.pretraining(corpus: place.corpus, run: run) + ["--device", "tpu"], status: 64, "--device tpu",
                "cpu")
        }
    }

    @Test func `A dry run prints the complete recipe and makes nothing`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            let answer = try Program.run(Workplace.pretraining(corpus: place.corpus, run: run) + ["--dry-run"])
            #expect(answer.ending == .status(0), "\(answer.errors)")
            let recipe = try String(contentsOf: place.pretrained.appending(path: "recipe.yaml"), encoding: .utf8)
            #expect(answer.output.trimmingCharacters(in: .newlines) == recipe.trimmingCharacters(in: .newlines))
            #expect(!FileManager.default.fileExists(atPath: run.path))
        }
    }
}
