import Atlas
import Corpus
import Foundation
import Labels
import Studio
import Testing

/// Labels, boxes, learning and export, as scripts with the key use them.
@Suite struct `Work in the studio` {
    struct Change: Decodable {
        var summary: String, ids: [Int], codes: [Int], labels: [Label], progress: Progress, changesBoxes: Bool
    }
    struct Label: Decodable, Equatable { var name: String, count: Int }
    struct Progress: Decodable { var total: Int, listened: Int, labelled: Int, byPeople: Int, labels: [LabelProgress] }
    struct LabelProgress: Decodable { var name: String, labelled: Int, expected: Double?, recall: Double? }
    struct List: Decodable {
        var ids: [Int], notes: [String], title: String, expectedPrecision: Double?, expectedRecall: Double?, total: Int
    }
    struct Learned: Decodable { var labels: Int, sounds: Int, macroF1: Double? }
    struct Boxes: Decodable { var id: Int, boxes: [Box] }
    struct Box: Decodable, Equatable {
        var id: Int, startSeconds: Double, endSeconds: Double, lowHz: Double?, highHz: Double?, label: String
    }
    struct LabelBody: Encodable { var ids: [Int], label: String? }
    struct BoxBody: Encodable {
        var id: Int?
        var soundID: Int
        var startSeconds = 0.2
        var endSeconds = 0.4
        var lowHz: Double?
        var highHz: Double?
        var label = "song"
    }

    @Test func `Labels are confirmed, counted, undone and redone, and stay after the studio has ended`() async throws {
        try await withFolder { folder in
            let atlas = try StudioFixture.make(in: folder)
            var studio = try await RunningStudio.start(atlas)
            var change = try await studio.post(
                "/api/label", LabelBody(ids: [3, 0, 3], label: " low "), as: Change.self)
            #expect(change.ids == [0, 3] && change.codes == [0, 0] && change.labels == [Label(name: "low", count: 2)])
            change = try await studio.post("/api/label", LabelBody(ids: [0, 1], label: "high"), as: Change.self)
            #expect(change.labels == [Label(name: "low", count: 1), Label(name: "high", count: 2)])
            #expect(change.progress.labelled == 3 && change.progress.byPeople == 3 && change.progress.total == 90)
            change = try await studio.post("/api/undo", [Int](), as: Change.self)
            #expect(change.ids == [0, 1] && change.codes == [0, -1])
            change = try await studio.post("/api/redo", [Int](), as: Change.self)
            #expect(change.codes == [1, 1])
            change = try await studio.post("/api/label", LabelBody(ids: [1], label: nil), as: Change.self)
            #expect(change.codes == [-1])
            for _ in 0..<2 { _ = try await studio.post("/api/listened", ["id": 7]) }
            await studio.stop()
            studio = try await RunningStudio.start(atlas)
            let progress = try JSONDecoder().decode(Progress.self, from: try await studio.get("/api/progress").body)
            #expect(progress.labelled == 2 && progress.listened == 1)
            for _ in 0..<3 { change = try await studio.post("/api/undo", [Int](), as: Change.self) }
            #expect(change.progress.labelled == 0 && change.ids == [0, 3])
            change = try await studio.post("/api/undo", [Int](), as: Change.self)
            #expect(change.summary == "" && change.ids.isEmpty)
            await studio.stop()
        }
    }

    @Test func `Labels that came with the recordings can be denied`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder), usesCorpusLabels: true)
            var change = try await studio.post("/api/label", LabelBody(ids: [0, 1], label: nil), as: Change.self)
            #expect(change.codes == [-1, -1] && change.progress.labelled == 88 && change.progress.byPeople == 0)
            change = try await studio.post("/api/label", LabelBody(ids: [0], label: "other"), as: Change.self)
            #expect(change.progress.labelled == 89 && change.progress.byPeople == 1)
            _ = try await studio.post("/api/undo", [Int]())
            change = try await studio.post("/api/undo", [Int](), as: Change.self)
            #expect(change.progress.labelled == 90 && change.ids == [0, 1])
            await studio.stop()
        }
    }

    @Test func `Events are drawn, moved and removed with their band, and undone`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            var answer = try await studio.post(
                "/api/box", BoxBody(soundID: 0, lowHz: 1000, highHz: 3000), as: Boxes.self)
            let id = answer.id
            #expect(
                answer.boxes == [
                    Box(id: id, startSeconds: 0.2, endSeconds: 0.4, lowHz: 1000, highHz: 3000, label: "song")
                ])
            answer = try await studio.post(
                "/api/box", BoxBody(id: id, soundID: 1, startSeconds: 0.3, endSeconds: 0.5, label: "call"),
                as: Boxes.self)
            #expect(
                answer.boxes == [
                    Box(id: id, startSeconds: 0.3, endSeconds: 0.5, lowHz: nil, highHz: nil, label: "call")
                ])
            // Sound 20 is of another recording: events of this one are not there.
            #expect(try await studio.post("/api/box", BoxBody(id: id, soundID: 20)).status == 404)
            struct Removal: Encodable { var id: Int, soundID = 0 }
            answer = try await studio.post("/api/box/delete", Removal(id: id), as: Boxes.self)
            #expect(answer.boxes.isEmpty)
            let undone = try await studio.post("/api/undo", [Int](), as: Change.self)
            #expect(undone.changesBoxes && undone.ids.isEmpty)
            let sound = try await studio.get("/api/sound?id=0")
            #expect(sound.text.contains("\"call\""))
            await studio.stop()
        }
    }

    @Test func `A few labels find the rest, and proposals are what is worth listening to`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            struct Wish: Encodable {
                var kind: String?
                var count: Int?
                var label: String?
                var text: String?
                var like: [Int]?
                var unlike: [Int]?
            }
            for (kind, name) in StudioFixture.kinds.enumerated() {
                _ = try await studio.post(
                    "/api/label", LabelBody(ids: [kind, kind + 3, kind + 6, kind + 9], label: name))
            }
            let learned = try await studio.post("/api/learn", [Int](), as: Learned.self)
            #expect(learned.labels == 3 && learned.sounds == 12 && learned.macroF1 == 1)
            let found = try await studio.post("/api/found", Wish(count: 100, label: "sweep"), as: List.self)
            #expect(found.ids.count == 26 && found.ids.allSatisfy { $0 % 3 == 2 && $0 > 11 })
            #expect(found.expectedPrecision! > 0.8 && found.expectedRecall! > 0.8)
            let guesses = try await studio.get("/api/guesses").body
            #expect(guesses.count == 8 + 90 * 8 && guesses.prefix(4) == Data("A2VG".utf8))
            for kind in ["mixed", "uncertain", "diverse", "rare"] {
                let list = try await studio.post("/api/propose", Wish(kind: kind, count: 12), as: List.self)
                #expect(list.ids.count == 12 && Set(list.ids).count == 12, "\(kind)")
                #expect(list.ids.allSatisfy { $0 > 11 } && list.notes.allSatisfy { !$0.isEmpty }, "\(kind)")
            }
            let like = try await studio.post("/api/like", Wish(count: 10, like: [0, 3], unlike: [1]), as: List.self)
            #expect(like.ids.count == 10 && like.ids.allSatisfy { $0 % 3 == 0 && $0 != 0 && $0 != 3 })
            let search = try await studio.post("/api/search", Wish(count: 100, text: "HIGH"), as: List.self)
            #expect(search.ids.prefix(4).sorted() == [1, 4, 7, 10] && search.ids.allSatisfy { $0 % 3 == 1 })
            let byName = try await studio.post("/api/search", Wish(text: "050002"), as: List.self)
            #expect(byName.ids == Array(30..<45))
            let progress = try JSONDecoder().decode(Progress.self, from: try await studio.get("/api/progress").body)
            #expect(progress.labels.allSatisfy { abs($0.expected! - 26) < 8 && abs($0.recall! - 4.0 / 30) < 0.05 })
            await studio.stop()
        }
    }

    @Test func `Labels leave in every format, and reading them back gives the same events`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            #expect(try await studio.get("/api/export?format=csv").status == 400)
            _ = try await studio.post("/api/label", LabelBody(ids: [0, 1, 20], label: "song"))
            // A format that holds less says so.
            let refused = try await studio.get("/api/export?format=evsonganaly")
            #expect(refused.status == 400 && refused.text.contains("one character"))
            #expect(!refused.text.contains(FileManager.default.temporaryDirectory.path))
            _ = try await studio.post("/api/undo", [Int]())
            _ = try await studio.post("/api/label", LabelBody(ids: [0, 1, 20], label: "s"))
            _ = try await studio.post(
                "/api/box",
                BoxBody(soundID: 0, startSeconds: 2, endSeconds: 2.2, lowHz: 1000, highHz: 3000, label: "s"))
            for format in LabelFormat.allCases {
                let answer = try await studio.get("/api/export?format=\(format.rawValue)")
                #expect(answer.status == 200, "\(format.rawValue): \(answer.text.prefix(200))")
                let isArchive = answer.body.prefix(2) == Data("PK".utf8)
                #expect(isArchive == !format.holdsManyRecordings)
                let file = folder.appending(path: "export.\(isArchive ? "zip" : "txt")")
                try answer.body.write(to: file)
                // Others of the kind differ only in the files inside.
                if format == .raven {
                    let out = folder.appending(path: format.rawValue)
                    let unpacked = try await offPool { try run("python3", "-m", "zipfile", "-e", file.path, out.path) }
                    #expect(unpacked == 0)
                    #expect(
                        try FileManager.default.contentsOfDirectory(atPath: out.path).count == 2, "\(format.rawValue)")
                }
            }
            let csv = folder.appending(path: "labels.csv")
            try await studio.get("/api/export?format=csv").body.write(to: csv)
            let events = try LabelFile.read(csv).events
            #expect(events.count == 4 && events.allSatisfy { $0.label == "s" })
            #expect(events.contains { $0.recording == "20210628_050001.wav" && abs($0.startSeconds - 3.1) < 1e-9 })
            #expect(events.contains { $0.lowHz == 1000 && $0.highHz == 3000 && $0.startSeconds == 2 })
            await studio.stop()
        }
    }

    @Test func `Labels are saved to the corpus, and saved again they replace themselves`() async throws {
        try await withFolder { folder in
            let atlas = try StudioFixture.make(in: folder)
            let corpus = folder.appending(path: "corpus")
            let recordings = try Atlas.open(atlas).recordings()
            let catalogue = try Catalogue(folder: corpus, makeIfMissing: true)
            let sources = URL(fileURLWithPath: recordings[0].path).deletingLastPathComponent().path
            _ = try Corpus.Scanner(catalogue).scan([sources])
            let alone = try await RunningStudio.start(atlas)
            #expect(try await alone.post("/api/corpus", [Int]()).status == 400)
            await alone.stop()
            let studio = try await RunningStudio.start(atlas, corpus: corpus)
            for ids in [[0, 1], [1, 16]] {
                _ = try await studio.post("/api/label", LabelBody(ids: ids, label: "song \(ids[0])"))
                let answer = try await studio.post("/api/corpus", [Int]())
                #expect(answer.status == 200, "\(answer.text)")
            }
            let events = try catalogue.events().values.joined().sorted(by: Event.isOrderedBefore)
            #expect(events.map(\.label) == ["song 0", "song 1", "song 1"])
            #expect(events.map(\.recording) == ["20210628_050000.wav", "20210628_050000.wav", "20210628_050001.wav"])
            #expect(abs(events[1].startSeconds - 0.7) < 1e-9 && events[1].annotator == "Ada")
            await studio.stop()
        }
    }

    @Test func `Sound is sent at the speed asked for, and pictures show what is in it`() async throws {
        try await withFolder { folder in
            let studio = try await RunningStudio.start(StudioFixture.make(in: folder))
            let normal = try await studio.get("/api/clip?id=1&from=0.5&to=1.5").body
            let slow = try await studio.get("/api/clip?id=1&from=0.5&to=1.5&slow=10&lift=40").body
            func rateHz(_ wav: Data) -> Int { Int(wav[24]) + Int(wav[25]) << 8 + Int(wav[26]) << 16 }
            #expect(rateHz(normal) == 16_000 && normal.count == 44 + 2 * 16_000)
            let slowSeconds = Double(slow.count - 44) / 2 / Double(rateHz(slow))
            #expect(abs(slowSeconds - 10) < 0.01)
            // Sound 1 is a tone of 4500 Hz: with 80 rows for 8 kHz, 45 rows from the bottom.
            let picture = [UInt8](try await studio.get("/api/spectrogram?id=1&width=40&height=80").body)
            #expect(picture.count == 3200)
            func loudestRow(_ picture: [UInt8]) -> Int {
                let column = (0..<80).map { picture[$0 * 40 + 20] }
                return column.firstIndex(of: column.max()!)!
            }
            #expect(abs(loudestRow(picture) - (79 - 45)) <= 1)
            let band = [UInt8](try await studio.get("/api/spectrogram?id=1&width=40&height=80&low=4000&high=5000").body)
            #expect(abs(loudestRow(band) - 40) <= 3)
            // Before the recording there is silence, not an error.
            #expect(try await studio.get("/api/spectrogram?id=0&from=-1&to=0").body.prefix(50).allSatisfy { $0 == 0 })
            await studio.stop()
        }
    }
}

/// Runs a program to its end.
func run(_ words: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
}
