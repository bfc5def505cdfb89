// Prediction of a real file, tables included, beside the bare network on as many windows of the same length.
import Foundation
import Inference
import Labels
import Models
import Neural
import Torch
import Training

extension Benchmarks {
    /// Predicts a file from the first to the last byte with the network of a size, and times the bare network in between:
    /// `limit_seconds` is what the windows take without decoding, stitching, events and tables.
    static func predict(_ path: String, _ arguments: Arguments) throws {
        let name = arguments.text("size", "tiny")
        let precision = Precision(rawValue: arguments.text("precision", "fp32")) ?? .fp32
        let folder = FileManager.default.temporaryDirectory.appending(path: "animal2vec-bench-\(getpid())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        var network: Animal2VecConfiguration
        var windowSeconds = 10.0
        if name == "tiny" {
            let layer = try RecipeLayer.find("tiny", in: ShippedRecipes.pretraining)
            let recipe = try Animal2VecRecipe(method: .animal2vec, model: .init()).under([layer])
            network = recipe.model.network
            network.frontEnd.sampleRateHz = recipe.data.sampleRateHz
            windowSeconds = recipe.data.windowSeconds
        } else {
            network = try configuration(arguments)
        }
        let description = ModelDescription(
            kind: .frameClassifier, encoder: network, windowSeconds: windowSeconds, channels: .first,
            classes: (0..<11).map { "class \($0)" })
        let random = try FrameClassifier(network, classCount: 11, rates: .none, purpose: .prediction)
        try ModelFolder.write(description, weights: random.store.masters, to: folder.appending(path: "model"))
        let model = try ModelFolder.load(folder.appending(path: "model"))
        var settings = Prediction.Configuration()
        settings.precision = precision
        let prediction = try Prediction(model, configuration: settings)
        let classifier = try model.classifier(precision: precision)
        let plan = WindowPlan(
            network.frontEnd, windowSeconds: windowSeconds, overlapSeconds: settings.windows.overlap * windowSeconds)
        let batch = FramePredictor(classifier, description, configuration: settings.windows).batchWindows

        var (number, audioSeconds) = (0, 0.0)
        var (whole, bare): ([Timing], [Timing]) = ([], [])
        for _ in 0...Int(arguments.number("steps", 3)) {
            number += 1
            whole.append(
                try Timing {
                    let summary = try prediction.run(
                        [NamedRecording(path: path, name: "recording")], to: folder.appending(path: "out\(number)"),
                        formats: [.raven])
                    audioSeconds = summary.predictedSeconds
                })
            let samples = Int(audioSeconds * network.frontEnd.sampleRateHz)
            let length = plan.windowFrames * plan.samplesPerFrame
            let windows = 1 + (0...).first { plan.window($0).firstFrame * plan.samplesPerFrame + length >= samples }!
            // Waves that are there already.
            let waves = try Tensor.randomNormal([min(batch, windows), length]).to(precision.scalarType)
            bare.append(
                try Timing {
                    for first in stride(from: 0, to: windows, by: batch) {
                        let count = min(batch, windows - first)
                        _ = try withoutGradients { try classifier(waves.narrowed(0, 0, count)).sigmoid() }
                    }
                })
        }
        // The first round warms up; of the others the best counts on both sides.
        let best = { (rounds: [Timing]) in rounds.dropFirst().min { $0.seconds < $1.seconds }! }
        report(
            "predict", best(whole),
            [
                "audio_seconds": audioSeconds, "times_real_time": audioSeconds / best(whole).seconds,
                "limit_seconds": best(bare).seconds, "limit_cpu_seconds": best(bare).cpuSeconds,
            ])
    }
}
