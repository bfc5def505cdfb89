import Audio
import Foundation
import Labels
import TestSupport
import Testing

/// `prepare` through kills, and the way from its clips over manifests to a split corpus.
@Suite struct PrepareTests {
    /// Everything in a folder of clips but the journal, whose order is that of the threads.
    private func contents(_ folder: URL) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        where !name.hasPrefix(".prepare/journal") && !name.hasPrefix(".prepare/lock") {
            var isFolder: ObjCBool = false
            let path = folder.appending(path: name).path
            if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue {
                contents[name] = try Data(contentsOf: folder.appending(path: name))
            }
        }
        return contents
    }

    @Test func `Killed twenty times, the clips are those of an undisturbed run`() throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            let events = try Workplace.record(into: recordings, count: 16, seconds: 6)
            let labels = folder.appending(path: "labels.csv")
            try LabelFile.write(events, format: .csv, to: labels)
            func command(_ out: URL) -> [String] {
                [
                    "prepare", recordings.path, "--labels", labels.path, "--out", out.path, "--seconds", "0.5",
                    "--shortest", "0.1",
                    "--random-names", "--threads", "2",
                ]
            }
            let undisturbed = folder.appending(path: "undisturbed")
            let process = try RunningProgram(command(undisturbed))
            #expect(try process.wait() == .status(0), "\(process.errors)")
            let seconds = process.seconds
            let expected = try contents(undisturbed)
            #expect(expected.keys.filter { $0.hasSuffix(".wav") }.count == 192)
            #expect(expected.keys.filter { $0.hasSuffix(".h5") }.count == 192)

            let out = folder.appending(path: "killed")
            var random = SeededRandom(seed: 5)
            var kills = 0
            var isFinished = false
            for _ in 0..<20 {
                let moment = Double.random(in: 0.02...max(0.1, 0.6 * seconds), using: &random)
                let process = try RunningProgram(command(out))
                _ = try process.wait { process.seconds > moment }
                process.send(SIGKILL)
                switch try process.wait() {
                case .signal: kills += 1
                case .status(let status):
                    isFinished = true
                    #expect(status == 0, "\(process.errors)")
                }
            }
            #expect(kills >= 10 || isFinished)
            let last = try Program.run(command(out))
            #expect(last.ending == .status(0), "\(last.errors)")
            var found = try contents(out)
            // The manifest names its own folder.
            let manifest = "manifest/pretrain.tsv"
            #expect(
                String(decoding: found[manifest] ?? Data(), as: UTF8.self).split(separator: "\n").dropFirst()
                    == String(decoding: expected[manifest]!, as: UTF8.self).split(separator: "\n").dropFirst())
            found[manifest] = expected[manifest]
            #expect(found == expected)

            let again = try Program.run(command(out))
            #expect(again.output.contains("0 recordings prepared now, 16 kept"))
        }
    }

    @Test func `From recordings and tables over clips and manifests to a corpus that is split`() throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            let events = try Workplace.record(into: recordings, count: 10, seconds: 6)
            try LabelFile.write(events, format: .raven, toFolder: folder.appending(path: "tables"))
            let plan = try Program.run(
                ["prepare", "recordings", "--labels", "tables", "--out", "data", "--seconds", "2", "--dry-run"],
                in: folder)
            #expect(plan.ending == .status(0) && plan.output.contains("about 30 clips; nothing was written"))
            #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "data").path))
            let made = try Program.run(
                ["prepare", "recordings", "--labels", "tables", "--out", "data", "--seconds", "2"], in: folder)
            #expect(made.ending == .status(0), "\(made.errors)")
            #expect(made.output.hasPrefix("30 clips of 0:01:00 of sound"), "\(made.output)")
            #expect(made.output.contains("classes: high, low"))

            let scan = try Program.run(["scan", "data/manifest/pretrain.tsv", "--corpus", "corpus"], in: folder)
            #expect(scan.ending == .status(0), "\(scan.output) \(scan.errors)")
            let split = try Program.run(
                [
                    "split", "--corpus", "corpus", "--by", "source", "--folds", "5", "--valid-fold", "0",
                    "--label-shares",
                    "10,50", "--manifests", "data/manifest",
                ], in: folder)
            #expect(split.ending == .status(0), "\(split.errors)")
            let names = split.output.split(separator: "\n").compactMap {
                $0.split(separator: " ").first.map(String.init)
            }
            for name in ["train", "valid", "train_0", "valid_4", "train_4_few_1", "pretrain"] {
                #expect(names.contains(name), "\(split.output)")
            }
            let manifests = folder.appending(path: "data/manifest")
            let files = try FileManager.default.contentsOfDirectory(atPath: manifests.path)
            #expect(files.count == 1 + 5 * 2 + 5 * 2)
            // Another corpus of these manifests has this split.
            let again = try Program.run(
                ["scan", "data/manifest/train_3.tsv", "data/manifest/valid_3.tsv", "--corpus", "other"], in: folder)
            #expect(again.ending == .status(0), "\(again.output)")
            let sizes = try Program.run(["split", "--corpus", "other", "--json"], in: folder)
            #expect(sizes.ending == .status(0) && sizes.output.contains("\"labelSeconds\""), "\(sizes.output)")
        }
    }

    @Test func `Mistakes on the command line are named in one line`() throws {
        try withTemporaryFolder { folder in
            try Workplace.record(into: folder.appending(path: "recordings"), count: 1)
            let refusals: [([String], Int32, String)] = [
                (["nowhere", "--out", "out"], 1, "nowhere: cannot be scanned"),
                (["recordings", "--out", "out", "--rate", "fast"], 64, "--rate fast: give a rate in hertz, or own"),
                (["recordings", "--out", "out", "--seconds", "0"], 1, "a clip of 0.0 s cannot be made"),
                (["recordings", "--out", "out", "--channels", "none.csv"], 1, "none.csv: cannot be read"),
                (["recordings", "--out", "out", "--labels", "none"], 1, "none: cannot be scanned"),
            ]
            for (arguments, status, message) in refusals {
                let answer = try Program.run(["prepare"] + arguments, in: folder)
                #expect(answer.ending == .status(status), "\(answer.errors)")
                #expect(answer.errors.contains(message), "\(answer.errors)")
                #expect(!FileManager.default.fileExists(atPath: folder.appending(path: "out").path))
            }
        }
    }
}
