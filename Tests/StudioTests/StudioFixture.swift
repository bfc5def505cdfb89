// Atlases for the studio's tests: three kinds of calls with vectors of their own, and very many dots.
import Atlas
import Audio
import Foundation
import Glibc
import Randomness
import Synchronization

enum StudioFixture {
    /// What the calls are, in turn.
    static let kinds = ["low", "high", "sweep"]
    static let callCount = 90

    /// Recordings of 9 s at 16 kHz with a call every 0.6 s, and an atlas of them: the kind of sound i is i modulo 3. The
    /// corpus's label of every sound is its kind.
    static func make(in folder: URL) throws -> URL {
        let copy = folder.appending(path: "atlas")
        try FileManager.default.copyItem(at: made.get(), to: copy)
        return copy
    }

    /// Made once; every test works on a copy, with the same recordings.
    private static let made = Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "animal2vec-studio-\(UUID().uuidString)")
        forgotten.withLock { $0 = folder.path }
        atexit { try? FileManager.default.removeItem(atPath: StudioFixture.forgotten.withLock(\.self)) }
        return try make(anewIn: folder)
    }
    private static let forgotten = Mutex("")

    private static func make(anewIn folder: URL) throws -> URL {
        let rateHz = 16_000.0
        let atlasFolder = folder.appending(path: "atlas")
        let recordings = folder.appending(path: "recordings")
        try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
        let atlas = try Atlas.open(
            atlasFolder, makingFor: .init(model: "kinds", fingerprint: "1", dimension: 6, unit: .events))
        let writer = try AtlasWriter(atlas)
        var random = KeyedRandom(seed: 5, purpose: .noise)
        var number = 0
        for file in 0..<6 {
            var samples = (0..<Int(9 * rateHz)).map { _ in Float(random.uniform() - 0.5) * 0.01 }
            var places: [SoundPlace] = []
            var vectors: [Float] = []
            for call in 0..<15 {
                let kind = number % 3
                let start = Double(call) * 0.6 + 0.1
                for frame in 0..<Int(0.3 * rateHz) {
                    let time = Double(frame) / rateHz
                    let hz = [900.0, 4500, 2000 + 8000 * time][kind]
                    let turn = kind == 2 ? 2000 * time + 4000 * time * time : hz * time
                    samples[Int(start * rateHz) + frame] += Float(0.3 * sin(2 * .pi * turn) * sin(.pi * time / 0.3))
                }
                places.append(SoundPlace(startSeconds: start, endSeconds: start + 0.3, labels: [kinds[kind]]))
                for axis in 0..<6 { vectors.append(Float((axis == kind ? 2 : 0) + 0.8 * (random.uniform() - 0.5))) }
                number += 1
            }
            let name = "20210628_05000\(file).wav"
            let path = recordings.appending(path: name).path
            try AudioWriter.write([samples], rateHz: rateHz, to: path)
            let begun = try writer.begin(RecordingVersion(name: name, path: path))!
            try writer.add(places, vectors: vectors, recording: begun.id)
            try writer.finish(
                begun.id, seconds: 9, rateHz: rateHz, startTime: "2021-06-28T05:00:0\(file)", site: "oak")
        }
        try writer.commit()
        var map: [Float] = []
        for id in 0..<callCount {
            let angle = Double(id % 3) * 2.0944 + 0.6
            map.append(Float(0.6 * cos(angle) + 0.5 * (random.uniform() - 0.5)))
            map.append(Float(0.6 * sin(angle) + 0.5 * (random.uniform() - 0.5)))
        }
        try atlas.setMap(map)
        try group(atlas, into: 3)
        return atlasFolder
    }

    private static func group(_ atlas: Atlas, into k: Int) throws {
        var configuration = SoundGrouping.Configuration()
        (configuration.k, configuration.seeds) = ([k], [0])
        _ = try SoundGrouping(atlas, configuration: configuration).run()
    }

    /// An atlas of very many sounds of one short recording, in sixty heaps on the map.
    static func makeLarge(in folder: URL, count: Int) throws -> URL {
        let atlasFolder = folder.appending(path: "large")
        let path = folder.appending(path: "noise.wav").path
        var random = KeyedRandom(seed: 6, purpose: .noise)
        try AudioWriter.write([(0..<160_000).map { _ in Float(random.uniform() - 0.5) }], rateHz: 16_000, to: path)
        let atlas = try Atlas.open(
            atlasFolder, makingFor: .init(model: "heaps", fingerprint: "1", dimension: 8, unit: .windows))
        let writer = try AtlasWriter(atlas)
        let begun = try writer.begin(RecordingVersion(name: "noise.wav", path: path))!
        var map = [Float](repeating: 0, count: 2 * count)
        var vectors = [Float](repeating: 0, count: 8 * count)
        // Tables and few draws: tests build it unoptimised.
        let middles = (0..<60).map { heap in
            (0..<8).map { Float(sin(Double(heap) * Double($0 + 1))) }
        }
        let centres = (0..<60).map { heap -> (x: Double, y: Double) in
            let (turn, far) = (Double(heap) * 2.4, (Double(heap) / 60).squareRoot() * 0.85)
            return (far * cos(turn), far * sin(turn))
        }
        for id in 0..<count {
            let (place, noise) = (random.next(), random.next())
            let spread = 0.1 * Double(place & 0xFFFF) / 65_536 * Double(place >> 16 & 0xFFFF) / 65_536
            let way = 2 * Double.pi * Double(place >> 32 & 0xFFFF) / 65_536
            let centre = centres[id % 60]
            map[2 * id] = Float(centre.x + spread * cos(way))
            map[2 * id + 1] = Float(centre.y + spread * sin(way))
            let middle = middles[id % 60]
            for axis in 0..<8 {
                vectors[8 * id + axis] = middle[axis] + Float(noise >> UInt64(8 * axis) & 0xFF) * 0.0008
            }
        }
        let places = (0..<count).map { id in
            SoundPlace(startSeconds: Double(id % 90) * 0.1, endSeconds: Double(id % 90) * 0.1 + 0.5)
        }
        try writer.add(places, vectors: vectors, recording: begun.id)
        try writer.finish(begun.id, seconds: 10, rateHz: 16_000)
        try writer.commit()
        try atlas.setMap(map)
        try group(atlas, into: 60)
        return atlasFolder
    }
}

/// Runs `body` with a fresh folder that is removed afterwards, whatever happens.
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "animal2vec-studio-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}
