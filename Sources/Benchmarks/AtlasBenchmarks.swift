// The atlas at its full size: opening, exact search and k-means over a million vectors.
import Atlas
import Foundation
import Randomness
import Torch

extension Benchmarks {
    /// An atlas of `rows` random vectors around some hundred directions; made once and kept.
    static func syntheticAtlas(rows: Int, dimension: Int, folder: URL) throws -> Atlas {
        if FileManager.default.fileExists(atPath: folder.appending(path: Atlas.catalogueName).path) {
            let atlas = try Atlas.open(folder)
            if atlas.count == rows { return atlas }
        }
        try? FileManager.default.removeItem(at: folder)
        let atlas = try Atlas.open(
            folder,
            makingFor: Atlas.Description(
                model: "synthetic", fingerprint: "1", dimension: dimension, unit: .windows, windowSeconds: 6,
                hopSeconds: 6))
        let writer = try AtlasWriter(atlas)
        try Runtime.seed(1)
        let directions = try Tensor.randomNormal([400, dimension])
        let perRecording = 10_000
        var random = KeyedRandom(seed: 1, purpose: .cluster)
        for start in stride(from: 0, to: rows, by: perRecording) {
            let count = min(perRecording, rows - start)
            let groups = (0..<count).map { _ in Int64(random.below(400)) }
            let values =
                try directions.selected(0, Tensor(groups)) + Tensor.randomNormal([count, dimension]) * 4
            let (id, _) = try writer.begin(RecordingVersion(name: "\(start).wav", path: "/nowhere/\(start).wav"))!
            let places = (0..<count).map { SoundPlace(startSeconds: Double(6 * $0), endSeconds: Double(6 * $0 + 6)) }
            try writer.add(places, vectors: values.array(Float.self), recording: id)
            try writer.finish(id, seconds: Double(6 * count), rateHz: 48_000)
        }
        try writer.commit()
        return atlas
    }

    static func atlas(_ arguments: Arguments) throws {
        let rows = Int(arguments.number("rows", 1_000_000))
        let dimension = Int(arguments.number("dimension", 768))
        let folder = URL(fileURLWithPath: arguments.text("folder", ".cache/bench/atlas-\(rows)x\(dimension)"))
        try? FileManager.default.createDirectory(
            at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        let atlas = try syntheticAtlas(rows: rows, dimension: dimension, folder: folder)

        let open = try median(5) { _ = try Atlas.open(folder) }
        report("atlas-open", ["seconds": open, "limit_seconds": 0.1, "rows": Double(rows)])

        var query = SoundQuery()
        query.count = 50
        var number = 0
        let search = try median(9) {
            number += rows / 10
            query.like = [number % rows]
            _ = try atlas.search(query)
        }
        let bytes = Double(rows * dimension * 2)
        report("atlas-search", ["seconds": search, "limit_seconds": 0.4, "gigabytes_per_second": bytes / search / 1e9])

        // What the matrix products of a round would take by themselves, as a library gives them.
        let k = Int(arguments.number("k", 100))
        let block = try Tensor.randomNormal([8192, dimension])
        let centres = try Tensor.randomNormal([dimension, k])
        let product = try median(20) { _ = try block.matmul(centres) }
        let left = try Tensor.randomNormal([2048, 2048])
        let large = try median(10) { _ = try left.matmul(left) }
        let productRate = 2.0 * 8192 * Double(dimension * k) / product / 1e9
        let largeRate = 2.0 * 2048 * 2048 * 2048 / large / 1e9

        var configuration = SphericalKMeans.Configuration()
        (configuration.k, configuration.tolerance) = (k, 0)
        var times: [ContinuousClock.Instant] = []
        configuration.maximumRounds = Int(arguments.number("rounds", 8))
        let started = ContinuousClock.now
        let fit = try SphericalKMeans.fit(atlas, configuration: configuration) { _, _ in times.append(.now) }
        let whole = ContinuousClock.now - started
        // The first round also brings the vectors to memory.
        let rounds = times.suffix(fit.rounds - 1)
        let span = rounds.last! - rounds.first!
        let perRound =
            (Double(span.components.seconds) + Double(span.components.attoseconds) * 1e-18) / Double(rounds.count - 1)
        let rate = 2.0 * Double(rows) * Double(dimension * k) / perRound / 1e9
        report(
            "atlas-kmeans",
            [
                "seconds": perRound, "limit_seconds": perRound * rate / largeRate, "gflops": rate,
                "share_of_product": rate / productRate,
                "product_gflops": productRate, "large_product_gflops": largeRate,
                "share_of_large_product": rate / largeRate, "rounds": Double(fit.rounds),
                "whole_seconds": Double(whole.components.seconds), "mean_cosine": fit.meanCosine,
            ])

        let began = ContinuousClock.now
        try SoundMap().draw(atlas)
        let mapping = ContinuousClock.now - began
        report("atlas-map", ["seconds": Double(mapping.components.seconds), "rows": Double(rows)])
    }
}
