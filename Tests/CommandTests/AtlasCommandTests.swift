import Foundation
import TestSupport
import Testing

/// `embed`, `cluster`, `search` and `atlas` as a user types them.
@Suite struct AtlasCommandTests {
    private struct Embedded: Decodable { let soundCount, keptCount, totalSoundCount: Int }
    private struct Clustered: Decodable {
        struct Result: Decodable {
            struct Cluster: Decodable { let size: Int }
            let clusters: [Cluster]
        }
        let results: [Result]
    }
    private struct Found: Decodable {
        struct Sound: Decodable {
            let id: Int
            let labels: [String]
        }
        let score: Double
        let sound: Sound
    }

    private func decoded<Value: Decodable>(_ arguments: [String], as type: Value.Type = Value.self) throws -> Value {
        let answer = try Program.run(arguments + ["--json"])
        #expect(answer.ending == .status(0), "\(arguments): \(answer.errors)")
        return try JSONDecoder().decode(Value.self, from: Data(answer.output.utf8))
    }

    @Test func `Events are embedded, grouped, found by file, number and label, and exchanged`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let atlas = folder.appending(path: "atlas").path
            let embed = [
                "embed", "log-mel", place.recordings.path, "--atlas", atlas, "--unit", "events", "--labels",
                place.labels.path,
            ]
            let first: Embedded = try decoded(embed)
            #expect(first.soundCount > 20 && first.totalSoundCount == first.soundCount)
            let again: Embedded = try decoded(embed)
            #expect(again.soundCount == 0 && again.keptCount == 5)

            let clustered: Clustered = try decoded(["cluster", "--atlas", atlas, "--k", "2,3", "--train", "song0.wav"])
            #expect(clustered.results.map(\.clusters.count) == [2, 3])
            let page = try String(
                contentsOf: URL(fileURLWithPath: atlas).appending(path: "clusters.html"), encoding: .utf8)
            #expect(page.contains("data:audio/flac") && page.contains("id=\"g1\""))

            let near: [Found] = try decoded(["search", "--atlas", atlas, "--event", "3", "--count", "4"])
            #expect(near.count == 4 && !near.contains { $0.sound.id == 3 })
            let label = try #require(near[0].sound.labels.first)
            let named: [Found] = try decoded(["search", "--atlas", atlas, "--label", label])
            #expect(!named.isEmpty && named.allSatisfy { $0.sound.labels == [label] })
            let song = place.recordings.appending(path: "song0.wav").path
            let like: [Found] = try decoded(["search", "--atlas", atlas, "--like", "\(song)@0.5-0.7"])
            #expect(like.count == 20)

            let database = folder.appending(path: "hoplite").path
            #expect(try Program.run(["atlas", "export", "--atlas", atlas, "--out", database]).ending == .status(0))
            let copy = folder.appending(path: "copy").path
            #expect(try Program.run(["atlas", "import", database, "--atlas", copy]).ending == .status(0))
            let verified = try Program.run(["atlas", "verify", "--atlas", copy])
            #expect(verified.output.hasPrefix("\(first.soundCount) vectors"))
        }
    }

    @Test func `A model's windows are embedded, and a file is searched with the same model`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let atlas = folder.appending(path: "atlas").path
            let windows: Embedded = try decoded([
                "embed", place.pretrained.path, "--corpus", place.corpus.path, "--atlas", atlas, "--window-seconds",
                "0.5",
            ])
            #expect(windows.soundCount == 30)
            let song = place.recordings.appending(path: "song1.wav").path
            let found: [Found] = try decoded(["search", "--atlas", atlas, "--like", "\(song)@1-1.5", "--count", "1"])
            #expect(found[0].sound.id == 8)
            let other = try Program.run(["embed", "log-mel", song, "--atlas", atlas, "--window-seconds", "0.5"])
            #expect(other.ending == .status(1) && other.errors.contains("choose another folder"))
        }
    }

    @Test func `Vectors in parts are another model's, and a file is searched with the same parts`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let atlas = folder.appending(path: "atlas").path
            let embed = [
                "embed", place.pretrained.path, "--corpus", place.corpus.path, "--unit", "events", "--atlas", atlas,
            ]
            let events: Embedded = try decoded(embed + ["--detail", "parts"])
            #expect(events.soundCount > 20)
            let whole = try Program.run(embed)
            #expect(whole.ending == .status(1) && whole.errors.contains("choose another folder"))
            let near: [Found] = try decoded(["search", "--atlas", atlas, "--event", "0", "--count", "1"])
            #expect(near.count == 1)
            let song = place.recordings.appending(path: "song0.wav").path
            let like: [Found] = try decoded(["search", "--atlas", atlas, "--like", "\(song)@0.5-0.7"])
            #expect(like.count == 20)
        }
    }

    @Test func `Mistakes are told in one line, with what helps`() throws {
        let place = try Workplace.shared()
        try withTemporaryFolder { folder in
            let atlas = folder.appending(path: "atlas").path
            let song = place.recordings.appending(path: "song0.wav").path
            let mistakes: [([String], String)] = [
                (["cluster", "--atlas", atlas], "no atlas there"),
                (["search", "--atlas", atlas, "--event", "1"], "no atlas there"),
                (["embed", "log-mel", song, "--atlas", atlas, "--unit", "events"], "--labels"),
                (["embed", "log-mel", "--atlas", atlas], "no recordings"),
                (["embed", "/nowhere", song, "--atlas", atlas], "/nowhere"),
                (["embed", "log-mel", song, "--atlas", atlas, "--window-seconds", "0"], "--window-seconds"),
                (["search", "--atlas", atlas], "nothing to look for"),
                (["cluster", "--atlas", atlas, "--k", "many"], "--k many"),
                (["atlas", "import", folder.path, "--atlas", atlas], "hoplite.sqlite"),
            ]
            for (arguments, words) in mistakes {
                let answer = try Program.run(arguments)
                #expect(answer.ending != .status(0), "\(arguments)")
                #expect(answer.errors.contains(words), "\(arguments): \(answer.errors)")
            }
            #expect(try Program.run(["embed", "log-mel", song, "--atlas", atlas]).ending == .status(0))
            for (arguments, words) in [
                (["cluster", "--atlas", atlas, "--k", "100"], "choose a number from 1 to 1"),
                (["search", "--atlas", atlas, "--event", "7"], "there is no sound 7"),
                (["search", "--atlas", atlas, "--like", "\(song)@2-1"], "song.wav@2.5-3.1"),
                (["search", "--atlas", atlas, "--like", "\(song)@90-91"], "lies behind its end"),
                (["search", "--atlas", atlas, "--label", "wren"], "no labels"),
            ] as [([String], String)] {
                let answer = try Program.run(arguments)
                #expect(answer.ending != .status(0), "\(arguments)")
                #expect(answer.errors.contains(words), "\(arguments): \(answer.errors)")
            }
        }
    }
}
