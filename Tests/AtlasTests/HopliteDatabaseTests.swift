import Atlas
import Foundation
import TestSupport
import Testing

@Suite struct HopliteDatabaseTests {
    @Test func `An atlas goes to perch-hoplite and back without losing sounds, vectors or labels`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 300, dimension: 24, groups: 4, noise: 0.5)
            let atlas = try Atlas.filled(folder.appending(path: "a"), data, perRecording: 60)
            try atlas.label([7, 8], as: "wren", annotator: "me")
            try atlas.label([9], as: "robin", meaning: .negative)
            let database = folder.appending(path: "hoplite")
            let written = try HopliteDatabase.write(atlas, to: database)
            #expect(written.recordings == 5 && written.sounds == 300 && written.annotations == 303)
            #expect(throws: AtlasError.self) { try HopliteDatabase.write(atlas, to: database) }

            let (back, read) = try HopliteDatabase.read(database, into: folder.appending(path: "b"))
            #expect(read.recordings == 5 && read.sounds == 300 && read.annotations == 303 && read.withoutVector == 0)
            #expect(back.vectors.rows(0..<300) == atlas.vectors.rows(0..<300))
            let (old, new) = (try atlas.sounds(Array(0..<300)), try back.sounds(Array(0..<300)))
            #expect(old.map(\.startSeconds) == new.map(\.startSeconds) && old.map(\.recording) == new.map(\.recording))
            func words(_ atlas: Atlas) throws -> [String] {
                try atlas.annotations().map { "\($0.soundID ?? -1) \($0.label) \($0.meaning)" }.sorted()
            }
            #expect(try words(atlas) == words(back))
            // Once more changes nothing.
            let (_, again) = try HopliteDatabase.read(database, into: folder.appending(path: "b"))
            #expect(again.sounds == 0 && back.count == 300)
        }
    }

    @Test func `A damaged index is refused in words, wherever it is cut`() throws {
        try withTemporaryFolder { folder in
            let data = GroupedVectors(count: 20, dimension: 8, groups: 2, noise: 0.5)
            let atlas = try Atlas.filled(folder.appending(path: "a"), data)
            let database = folder.appending(path: "hoplite")
            _ = try HopliteDatabase.write(atlas, to: database)
            let file = database.appending(path: "usearch.index")
            let whole = try Data(contentsOf: file)
            for count in stride(from: 0, to: whole.count, by: 97) {
                try whole.prefix(count).write(to: file)
                #expect(throws: (any Error).self) {
                    try HopliteDatabase.read(database, into: folder.appending(path: "b"))
                }
            }
            for place in [0, 4, 330, 344, 360, 400, 410] {
                var flipped = whole
                flipped[place] ^= 0x55
                try flipped.write(to: file)
                _ = try? HopliteDatabase.read(database, into: folder.appending(path: "c\(place)"))
            }
            #expect(throws: AtlasError.self) { try HopliteDatabase.read(folder, into: folder) }
        }
    }
}
