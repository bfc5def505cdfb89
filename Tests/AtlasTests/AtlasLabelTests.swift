import Atlas
import Foundation
import Labels
import TestSupport
import Testing

@Suite struct AtlasLabelTests {
    private func withAtlas(_ body: (Atlas) throws -> Void) throws {
        try withTemporaryFolder { folder in
            try body(Atlas.filled(folder, GroupedVectors(count: 60, dimension: 8, groups: 3, noise: 0.5)))
        }
    }

    @Test func `A person's word replaces the corpus's, and undoing brings it back`() throws {
        try withAtlas { (atlas: Atlas) throws in
            try atlas.label([4, 5], as: "wren", annotator: "me")
            try atlas.label([5], as: "robin")
            #expect(try atlas.sounds([3, 4, 5]).map(\.labels) == [["group 0"], ["wren"], ["robin"]])
            #expect(try atlas.undo()?.summary == "1 sound: robin")
            #expect(try atlas.sound(5).labels == ["wren"])
            #expect(try atlas.redo()?.id == atlas.changes()[0].id)
            #expect(try atlas.sound(5).labels == ["robin"])
            try atlas.undo()
            try atlas.undo()
            #expect(try atlas.undo() == nil)
            #expect(try atlas.sounds([4, 5]).map(\.labels) == [["group 1"], ["group 2"]])
            // Something new after an undo: what was undone is gone.
            try atlas.label([4], as: "wren", meaning: .negative)
            #expect(try atlas.redo() == nil)
            #expect(try atlas.sound(4).labels == [])
            #expect(try atlas.annotations(ofSounds: [4], source: .person).map(\.meaning) == [.negative])
        }
    }

    @Test func `Labels stand beside each other where they are not exclusive, and can be taken away`() throws {
        try withAtlas { (atlas: Atlas) throws in
            try atlas.label([0, 1], as: "a")
            try atlas.label([0], as: "b", exclusive: false)
            #expect(try atlas.sound(0).labels == ["a", "b"])
            #expect(try atlas.labelCounts()["a"] == 2)
            try atlas.removeLabels([0], label: "a")
            #expect(try atlas.sound(0).labels == ["b"])
            try atlas.undo()
            #expect(try atlas.sound(0).labels == ["a", "b"])
            #expect(
                try atlas.events().map { "\($0.recording) \($0.startSeconds) \($0.label)" }
                    == ["r0.wav 0.0 a", "r0.wav 0.0 b", "r0.wav 1.0 a"])
        }
    }

    @Test func `Boxes drawn by hand are saved, moved, removed and undone`() throws {
        try withAtlas { (atlas: Atlas) throws in
            let recording = try #require(try atlas.recordings().first)
            let box = Annotation(
                recordingID: recording.id, startSeconds: 1.25, endSeconds: 1.5, lowHz: 2000, highHz: 4000, label: "x")
            var saved = try atlas.saveAnnotations([box], summary: "box").annotations[0]
            saved.endSeconds = 1.75
            try atlas.saveAnnotations([saved], summary: "moved")
            #expect(try atlas.annotations(source: .person) == [saved])
            try atlas.saveAnnotations([], removing: [saved.id], summary: "removed")
            #expect(try atlas.annotations(source: .person).isEmpty)
            try atlas.undo()
            try atlas.undo()
            #expect(try atlas.annotations(source: .person).map(\.endSeconds) == [1.5])
        }
    }

    @Test func `A change that fails in the middle leaves nothing behind`() throws {
        try withAtlas { (atlas: Atlas) throws in
            #expect(throws: AtlasError.self) { try atlas.label([1, 999], as: "a") }
            #expect(try atlas.sound(1).labels == ["group 1"])
            #expect(try atlas.changes().isEmpty)
        }
    }

    @Test func `Remarks and listening are remembered`() throws {
        try withAtlas { (atlas: Atlas) throws in
            try atlas.markListened([3, 4, 3])
            try atlas.setNote("faint", ofSound: 3)
            try atlas.setProperty("goal", ["a", "b"])
            let again = try Atlas.open(atlas.folder)
            #expect(try again.listenedIDs() == [3, 4])
            #expect(try again.sound(3).note == "faint")
            #expect(try again.property("goal") == ["a", "b"])
        }
    }
}
