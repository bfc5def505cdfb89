import Atlas
import Foundation
import Storage
import TestSupport
import Testing

@Suite struct AtlasStoreTests {
    @Test func `What was written is found again after opening, in half precision`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 730, dimension: 37, groups: 5, noise: 0.5)
            _ = try Atlas.filled(folder, data)
            let atlas = try Atlas.open(folder)
            #expect(atlas.count == 730)
            let all = atlas.vectors.rows(0..<730)
            #expect(zip(all, data.rows).allSatisfy { $0 == Float(Float16($1)) })
            // Rows from several segments, in any order.
            let some = atlas.vectors.rows([729, 0, 250])
            #expect(Array(some[..<37]) == Array(all[729 * 37..<730 * 37]))
            #expect(Array(some[74...]) == Array(all[250 * 37..<251 * 37]))
            let sound = try atlas.sound(612)
            #expect(sound.recording == "r600.wav" && sound.startSeconds == 12 && sound.labels == ["group 2"])
            try atlas.vectors.verify()
        }
    }

    @Test func `A damaged file of vectors is named, by opening or by verifying`() throws {
        try withTemporaryFolder { folder in
            _ = try Atlas.filled(folder, GroupedVectors(count: 300, dimension: 16, groups: 3, noise: 0.5))
            let file = folder.appending(path: "vectors/000000000000.f16")
            let whole = try Data(contentsOf: file)
            var flipped = whole
            flipped[1000] ^= 4
            try flipped.write(to: file)
            let error = #expect(throws: AtlasError.self) { try Atlas.open(folder).vectors.verify() }
            #expect(error?.description.contains("000000000000.f16") == true)
            try whole.prefix(1000).write(to: file)
            #expect(throws: AtlasError.self) { try Atlas.open(folder) }
            var header = whole
            header[16] ^= 1
            try header.write(to: file)
            #expect(throws: AtlasError.self) { try Atlas.open(folder) }
        }
    }

    @Test func `A filling that is stopped at any step continues, and no sound is there twice`() throws {
        let data = GroupedVectors(count: 520, dimension: 8, groups: 4, noise: 0.5)
        try withTemporaryFolder { root in
            for step in 0..<24 {
                let folder = root.appending(path: "\(step)")
                let description = Atlas.Description(
                    model: "test", fingerprint: "1", dimension: 8, unit: .windows, windowSeconds: 1, hopSeconds: 1)
                let plan = FaultPlan(at: step)
                let stopped = try Atlas.open(
                    folder, makingFor: description, fileSystem: FileSystem(faults: plan))
                func fill(_ atlas: Atlas) throws {
                    let writer = try AtlasWriter(atlas, rowsPerSegment: 90)
                    for start in stride(from: 0, to: 520, by: 130) {
                        let version = RecordingVersion(name: "r\(start)", path: "/nowhere")
                        guard let (id, done) = try writer.begin(version) else { continue }
                        // Several pieces per recording: a stop may fall in the middle of one.
                        for piece in stride(from: start + done, to: start + 130, by: 50) {
                            let range = piece..<min(piece + 50, start + 130)
                            let places = range.map {
                                SoundPlace(startSeconds: Double($0), endSeconds: Double($0 + 1))
                            }
                            try writer.add(
                                places, vectors: Array(data.rows[range.lowerBound * 8..<range.upperBound * 8]),
                                recording: id)
                        }
                        try writer.finish(id, seconds: 130, rateHz: 8000)
                    }
                    try writer.commit()
                }
                do { try fill(stopped) } catch let error as StorageError { #expect(error.code == .stopped) }
                let atlas = try Atlas.open(folder)
                try fill(atlas)
                #expect(atlas.count == 520, "stopped at step \(step)")
                let starts = try atlas.sounds(Array(0..<520)).map(\.startSeconds)
                #expect(starts == (0..<520).map(Double.init))
                #expect(atlas.vectors.rows(0..<520) == data.rows.map { Float(Float16($0)) })
            }
        }
    }

    @Test func `A recording that changed takes the place of its old version`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 20, dimension: 8, groups: 2, noise: 0.5)
            let atlas = try Atlas.filled(folder, data, perRecording: 10)
            let writer = try AtlasWriter(atlas)
            var version = RecordingVersion(name: "r0.wav", path: "/nowhere/r0.wav")
            #expect(try writer.begin(version) == nil)
            version.cuts = "other events"
            let begun = try #require(try writer.begin(version))
            #expect(begun.done == 0)
            try writer.add(
                [SoundPlace(startSeconds: 3, endSeconds: 4)], vectors: Array(data.rows[..<8]), recording: begun.id)
            try writer.finish(begun.id, seconds: 10, rateHz: 8000)
            try writer.commit()
            #expect(try atlas.visibleIDs() == Array(10..<21))
            #expect(try atlas.recordings().map(\.name) == ["r0.wav", "r10.wav"])
        }
    }

    @Test func `An atlas of another model is refused in words`() throws {
        try withTemporaryFolder { folder in
            _ = try Atlas.filled(folder, GroupedVectors(count: 10, dimension: 8, groups: 2, noise: 0.5))
            let other = Atlas.Description(
                model: "other", fingerprint: "2", dimension: 8, unit: .windows, windowSeconds: 1, hopSeconds: 1)
            let error = #expect(throws: AtlasError.self) { try Atlas.open(folder, makingFor: other) }
            #expect(error?.description.contains("other (2, 8 numbers each)") == true)
            #expect(throws: AtlasError.self) { try Atlas.open(folder.appending(path: "vectors")) }
        }
    }
}
