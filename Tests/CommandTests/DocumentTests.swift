import Foundation
import Labels
import TestSupport
import Testing

/// The command lines in the README, as readers will type them.
@Suite struct DocumentTests {
    /// The words of the `animal2vec` lines of each block of code.
    private func blocks() throws -> [[[String]]] {
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: package.appending(path: "README.md"), encoding: .utf8)
        // Every second piece is a block.
        let pieces = text.components(separatedBy: "```").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
        return pieces.map { piece in
            piece.replacing("\\\n", with: " ").split(separator: "\n").compactMap { line -> [String]? in
                let command = line.components(separatedBy: " #")[0]
                let words = command.split(separator: " ").map(String.init)
                return words.first == "animal2vec" ? Array(words.dropFirst()) : nil
            }
        }
    }

    @Test func `Every command of the README exists with its options`() throws {
        let lines = try blocks().flatMap(\.self)
        #expect(lines.count >= 6)
        for words in lines {
            let command = try #require(words.first)
            let help = try Program.run([command, "--help"])
            #expect(help.output.contains("USAGE: animal2vec \(command)"), "\(words)")
            for option in words where option.hasPrefix("--") { #expect(help.output.contains("\(option) "), "\(words)") }
        }
    }

    @Test func `The way through the program in the README finds calls in new recordings`() throws {
        let way = try #require(try blocks().first { $0.first?.first == "scan" })
        #expect(way.compactMap(\.first) == ["scan", "split", "pretrain", "finetune", "predict", "evaluate"])
        try withTemporaryFolder { folder in
            for (number, (recordings, tables)) in [("recordings", "tables"), ("new-recordings", "new-tables")]
                .enumerated()
            {
                let events = try Workplace.record(
                    into: folder.appending(path: recordings), count: number == 0 ? 8 : 3, seconds: 6,
                    firstSeed: UInt64(100 + 50 * number))
                try LabelFile.write(events, format: .raven, toFolder: folder.appending(path: tables))
            }
            let network = [
                "model.network.width=32", "model.network.depth=2", "model.network.frontEnd.channels=32",
                "model.network.frontEnd.filters=16", "model.network.positions.layers=1",
                "model.network.positions.kernel=9", "model.network.decoder.width=16", "data.sampleRateHz=8000",
                "model.network.decoder.layers=1", "batch.clips=4", "schedule.totalUpdates=20",
                "schedule.warmupUpdates=5",
            ]
            let small = [
                "pretrain": network,
                "finetune": ["batch.clips=8", "schedule.totalUpdates=120", "schedule.warmupUpdates=10"],
                "evaluate": ["--json"],
            ]
            var scores = ""
            for words in way {
                let answer = try Program.run(words + small[words[0], default: []], in: folder)
                #expect(answer.ending == .status(0), "\(words.joined(separator: " ")): \(answer.errors)")
                scores = answer.output
            }
            struct Scores: Decodable {
                struct Events: Decodable {
                    struct Estimate: Decodable { let value: Double? }
                    let f1: Estimate
                }
                let events: [Events]
            }
            let f1 = try JSONDecoder().decode(Scores.self, from: Data(scores.utf8)).events[0].f1.value
            #expect(try #require(f1) > 0.5, "\(scores)")
        }
    }
}
