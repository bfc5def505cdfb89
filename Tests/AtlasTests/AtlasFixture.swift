import Atlas
import Foundation
import Randomness

/// Vectors in groups: every group has a direction of its own, its members deviate from it by `noise`.
struct GroupedVectors {
    let dimension: Int
    let groups: Int
    var rows: [Float] = []
    var truth: [Int] = []

    init(count: Int, dimension: Int, groups: Int, noise: Double, seed: UInt64 = 1) {
        (self.dimension, self.groups) = (dimension, groups)
        var random = KeyedRandom(seed: seed, purpose: .cluster)
        func normal() -> Double {
            (-2 * log(1 - random.uniform())).squareRoot() * cos(2 * .pi * random.uniform())
        }
        let centres = (0..<groups * dimension).map { _ in normal() }
        rows.reserveCapacity(count * dimension)
        for index in 0..<count {
            let group = index % groups
            truth.append(group)
            for j in 0..<dimension { rows.append(Float(centres[group * dimension + j] + noise * normal())) }
        }
    }
}

extension Atlas {
    /// A small atlas in `folder` with these vectors, `perRecording` of them in each recording of one-second sounds.
    static func filled(
        _ folder: URL, _ vectors: GroupedVectors, perRecording: Int = 100, labelled: Bool = true,
        scaling: VectorScaling.Method = .none
    ) throws -> Atlas {
        let description = Description(
            model: "test", fingerprint: "1", dimension: vectors.dimension, unit: .windows, windowSeconds: 1,
            hopSeconds: 1, scaling: scaling)
        let atlas = try open(folder, makingFor: description)
        let writer = try AtlasWriter(atlas, rowsPerSegment: 250)
        for start in stride(from: 0, to: vectors.truth.count, by: perRecording) {
            let range = start..<min(start + perRecording, vectors.truth.count)
            let version = RecordingVersion(name: "r\(start).wav", path: "/nowhere/r\(start).wav")
            guard let (id, done) = try writer.begin(version) else { continue }
            let places = range.dropFirst(done).map { index in
                SoundPlace(
                    startSeconds: Double(index - start), endSeconds: Double(index - start + 1),
                    labels: labelled ? ["group \(vectors.truth[index])"] : [])
            }
            let first = (start + done) * vectors.dimension
            try writer.add(
                places, vectors: Array(vectors.rows[first..<range.upperBound * vectors.dimension]), recording: id)
            try writer.finish(id, seconds: Double(range.count), rateHz: 16_000)
        }
        try writer.commit()
        return atlas
    }
}
