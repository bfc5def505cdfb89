import Foundation
import Testing

/// People script these names.
@Suite struct HelpTests {
    /// Commands, and the arguments and options that must stay.
    static let commands = [
        "prepare": ["<paths> ...", "--out", "--labels", "--dry-run", "--json"],
        "scan": ["<paths> ...", "--corpus", "--labels", "--json"],
        "split": ["--corpus", "--by", "--folds", "--few-shot", "--label-shares", "--manifests", "--seed"],
        "pretrain": ["<recipe>", "--corpus", "--run", "[<settings> ...]", "--dry-run"],
        "finetune": ["<recipe>", "--from", "--corpus", "--run", "[<settings> ...]", "--dry-run"],
        "predict": ["<model>", "<paths> ...", "--out", "--format", "--json"],
        "evaluate": ["--truth", "--predictions", "--json"],
        "convert": ["<labels>", "--to", "--out"],
        "embed": ["<model>", "[<paths> ...]", "--atlas", "--unit", "--labels", "--corpus", "--json", "--dry-run"],
        "cluster": ["--atlas", "--k", "--choose", "--seeds", "--train", "--json"],
        "search": ["--atlas", "--like", "--event", "--label", "--json"],
        "studio": ["--atlas", "--corpus", "--port", "--annotator", "--without-corpus-labels"],
        "atlas": [],
        "import": ["<checkpoint>", "--out", "--weights", "--window-seconds", "--classes", "--json", "--dry-run"],
        "spectrogram": ["<recording>", "--out", "--start", "--seconds"],
        "doctor": [],
        "demo": [],
    ]

    @Test("A command tells its arguments and options", arguments: commands.keys.sorted())
    func help(_ command: String) throws {
        let answer = try Program.run([command, "--help"])
        #expect(answer.ending == .status(0))
        #expect(answer.errors == "")
        let usage = answer.output.split(separator: "\n").first { $0.hasPrefix("USAGE: animal2vec \(command)") } ?? ""
        #expect(!usage.isEmpty, "\(answer.output)")
        // A usage of very many options names only those that are needed.
        for word in Self.commands[command] ?? [] {
            #expect(usage.contains(word) || answer.output.contains("\n  \(word) "), "\(word): \(answer.output)")
        }
    }

    @Test func `The program names its commands, and refuses others`() throws {
        let answer = try Program.run(["--help"])
        #expect(answer.ending == .status(0))
        for command in Self.commands.keys {
            #expect(
                answer.output.split(separator: "\n").contains { $0.hasPrefix("  \(command) ") },
                "\(command) is not listed")
        }
        let unknown = try Program.run(["frobnicate"])
        #expect(unknown.ending == .status(64))
        #expect(unknown.errors.contains("frobnicate"))
    }

    @Test func `The doctor finds libtorch and that it computes`() throws {
        let answer = try Program.run(["doctor"])
        #expect(answer.ending == .status(0), "\(answer.errors)")
        #expect(answer.output.contains("libtorch       2."))
        #expect(answer.output.contains("GFLOP/s"))
        #expect(answer.output.hasSuffix("all parts work\n"))
    }
}
