import Foundation
import Labels
import TestSupport
import Testing

/// A user of animal2vec 1.0 moves over: import, then predict and finetune.
@Suite struct ImportTests {
    private func checkpoint(_ name: String) -> String {
        URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "ImportTests/Checkpoints/\(name)").path
    }

    private struct Report: Decodable {
        struct Used: Decodable { let source: String }
        let stage: String
        let used: [Used]
        let missing: [String]
    }

    @Test func `A fine-tuned checkpoint predicts, and its report can be read by programs`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            let answer = try Program.run(["import", checkpoint("finetuned.pt"), "--out", model.path, "--json"])
            try #require(answer.ending == .status(0), "\(answer.errors)")
            let report = try JSONDecoder().decode(Report.self, from: Data(answer.output.utf8))
            #expect(report.stage == "finetuning")
            #expect(report.used.count == 82)
            #expect(report.missing.isEmpty)
            let out = folder.appending(path: "predictions")
            let prediction = try Program.run([
                "predict", model.path, place.recordings.path, "--out", out.path, "--threshold", "0.2",
            ])
            #expect(prediction.ending == .status(0), "\(prediction.errors)")
            let events = try LabelFile.read(out.appending(path: "events.csv")).events
            #expect(!events.isEmpty)
            #expect(Set(events.map(\.label)).isSubset(of: ["call", "chirp's", "focal"]))
        }
    }

    @Test(arguments: ["student", "teacher"])
    func `A pretrained checkpoint is fine-tuned`(weights: String) throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let model = folder.appending(path: "model")
            let answer = try Program.run([
                "import", checkpoint("pretraining.pt"), "--out", model.path, "--weights", weights,
            ])
            try #require(answer.ending == .status(0), "\(answer.errors)")
            #expect(answer.output.contains("state of the optimizer"))
            let run = folder.appending(path: "run")
            let training = try Program.run(
                Workplace.finetuning(from: model, corpus: place.corpus, run: run) + ["schedule.totalUpdates=8"])
            #expect(training.ending == .status(0), "\(training.errors)")
        }
    }

    @Test func `What cannot be imported is said in one line, and leaves nothing behind`() throws {
        try withTemporaryFolder { folder in
            let out = folder.appending(path: "model").path
            for (arguments, part) in [
                ([checkpoint("pretraining.pt"), "model.depth=3"], "lacks 'blocks.2."),
                ([checkpoint("pretraining.pt"), "model.dept=3"], "model.dept is no setting that matters"),
                ([checkpoint("golden_finetuned.pkl")], "not one that torch.save has written"),
                ([folder.appending(path: "nothing.pt").path], "nothing.pt"),
                ([folder.path], "is no regular file"),
            ] {
                let answer = try Program.run(["import"] + arguments + ["--out", out])
                #expect(answer.ending == .status(1))
                #expect(answer.errorLines.count == 1, "\(answer.errors)")
                #expect(answer.errors.hasPrefix("animal2vec: ") && answer.errors.contains(part), "\(answer.errors)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
            }
            let careless = try Program.run(["import", checkpoint("pretraining.pt")])
            #expect(careless.ending == .status(64))
            #expect(careless.errors.contains("--out"))
            let dry = try Program.run(["import", checkpoint("pretraining.pt"), "--dry-run"])
            #expect(dry.ending == .status(0))
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }
}
