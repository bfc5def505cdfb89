import Foundation
import TestSupport
import Testing

/// Options of training, as a user gives them.
@Suite struct OptionCommandTests {
    @Test func `A network with every modern option learns, continues to the same bits, and names calls`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let options = [
                "model.network.distances.kind=rotary", "model.network.classToken=true",
                "model.network.loss.classToken=1", "model.network.feedForward=geglu",
                "model.network.residuals=deepScale", "model.network.prenetDepth=1", "model.network.loss.beta=0.5",
                "model.network.loss.reconstruction=0.2", "model.network.frontEnd.filterNorm=pcen",
                "model.network.masking.kind=blocks", "model.network.masking.probability=0.7",
                "model.network.dropout.lastPath=0.1", "model.mixup.sameRatio=false", "model.probe.isOn=true",
                "optimizer.adaptiveClipping.isOn=true", "optimizer.adaptiveClipping.warmupUpdates=5",
                "optimizer.finalWeightDecay=0.02", "batch.recomputesLayers=true", "schedule.totalUpdates=20",
                "batch.clips=auto", "batch.windowsPerUpdate=4",
            ]
            let run = folder.appending(path: "run")
            let command = Workplace.pretraining(corpus: place.corpus, run: run) + options
            let whole = try Program.run(command)
            #expect(whole.ending == .status(0), "\(whole.errors)")
            #expect(whole.errors.contains("batch.clips: 4 windows at a time, 1 times per update"), "\(whole.errors)")
            let recipe = try String(contentsOf: run.appending(path: "recipe.yaml"), encoding: .utf8)
            #expect(recipe.contains("clips: 4") && !recipe.contains("auto"))
            let metrics = try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8)
            #expect(metrics.contains("probe_loss"))

            // Stopped in the middle and continued with the same words, which find no new number.
            let halves = folder.appending(path: "halves")
            let again = Workplace.pretraining(corpus: place.corpus, run: halves) + options
            let process = try RunningProgram(again)
            while RunProgress(run: halves).update < 5 { usleep(1_000) }
            process.send(SIGKILL)
            _ = try process.wait()
            let second = try Program.run(again)
            #expect(second.ending == .status(0), "\(second.errors)")
            #expect(!second.errors.contains("batch.clips"))
            #expect(try weights(halves) == weights(run))

            // The attentive probe of the teacher, then the class token for clips.
            let probed = folder.appending(path: "probed")
            let probing =
                Workplace.finetuning(from: run, corpus: place.corpus, run: probed) + [
                    "model.start=teacher", "model.head.kind=attentive", "model.classWeights=balanced",
                    "model.loss.smoothing=0.1", "freeze.encoderUpdates=1000", "schedule.totalUpdates=6",
                ]
            let answer = try Program.run(probing)
            #expect(answer.ending == .status(0), "\(answer.errors)")
            try predicts(probed, place, folder)
            let clips = folder.appending(path: "clips")
            let token =
                Workplace.finetuning(from: run, corpus: place.corpus, run: clips) + [
                    "model.head.scope=clipToken", "batch.recomputesLayers=true", "schedule.totalUpdates=6",
                ]
            let clipAnswer = try Program.run(token)
            #expect(clipAnswer.ending == .status(0), "\(clipAnswer.errors)")
            try predicts(clips, place, folder)
        }
    }

    private func weights(_ run: URL) throws -> Data {
        try Data(contentsOf: run.appending(path: "model/last/weights.safetensors"))
    }

    private func predicts(_ model: URL, _ place: Workplace, _ folder: URL) throws {
        let found = folder.appending(path: "\(model.lastPathComponent)-found")
        let answer = try Program.run([
            "predict", model.path, place.recordings.path, "--out", found.path, "--threads", "1",
        ])
        #expect(answer.ending == .status(0), "\(answer.errors)")
    }

    @Test func `Options that a model cannot have are refused before its run begins`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let run = folder.appending(path: "run")
            for (command, message) in [
                (
                    Workplace.pretraining(corpus: place.corpus, run: run) + ["model.network.loss.classToken=1"],
                    "model.network.loss.classToken: is 1.0, but model.network.classToken is false"
                ),
                (
                    Workplace.finetuning(from: place.pretrained, corpus: place.corpus, run: run)
                        + ["model.head.scope=clipToken"], "model.head.scope: clipToken needs a model with"
                ),
                (
                    Workplace.finetuning(from: place.pretrained, corpus: place.corpus, run: run)
                        + ["model.dropout.lastPath=1"], "model.dropout.lastPath: a number from 0 to below 1"
                ),
                (
                    Workplace.pretraining(corpus: place.corpus, run: run) + ["model.mixup.lowestRatio=-1"],
                    "model.mixup.lowestRatio: a number from 0 to 1"
                ),
                (
                    Workplace.pretraining(corpus: place.corpus, run: run) + ["batch.clips=auto"],
                    "batch.windowsPerUpdate: is needed with clips: auto"
                ),
            ] {
                let answer = try Program.run(command)
                #expect(answer.ending == .status(1))
                #expect(answer.errors.contains(message), "\(answer.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: run.path))
        }
    }
}
