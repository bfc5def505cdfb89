import Corpus
import Foundation
import Labels
import TestSupport
import Testing

/// Lists of recordings as animal2vec 1.0 reads them, in and out.
@Suite struct ManifestTests {
    /// Clips of 0.25 s at 8 kHz in the MeerKAT layout; every clip but the last of each ten has labels, `rare` in few.
    private func data(_ fixture: Fixture, clips: Int) throws -> [String] {
        var names: [String] = []
        for index in 0..<clips {
            let name = "08000Hz/day\(index / 5)_\(String(format: "%09d_%09d", index % 5 * 250, index % 5 * 250 + 250))"
            let wav = fixture.folder.appending(path: "data/wav/\(name).wav")
            let labels = fixture.folder.appending(path: "data/lbl/\(name).h5")
            for url in [wav, labels] {
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            }
            try fixture.writeRamp("../data/wav/\(name).wav", seconds: 0.25)
            names.append("wav/\(name).wav")
            if index % 10 == 9 { continue }
            var events = [Event(recording: "\(name).wav", startSeconds: 0.05, endSeconds: 0.1, label: "common")]
            if index % 7 == 0 { events.append(event("\(name).wav", 0.1, 0.2, "rare")) }
            events[0].isFocal = index % 2 == 0
            try LabelFile.write(events, format: .meerkat, to: labels)
        }
        return names
    }

    private func write(_ name: String, _ entries: [String], root: String, in folder: URL) throws -> String {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let manifest = Manifest(
            name: name, root: root, entries: entries.map { .init(relativePath: $0, frames: 2_000) })
        return try manifest.write(toFolder: folder).path
    }

    @Test func `A manifest survives writing and reading, moved data are found, and bad lines are named`() throws {
        try withFixture { fixture in
            let names = try data(fixture, clips: 4)
            let folder = fixture.folder.appending(path: "data/manifest")
            let path = try write("train_0", names, root: "/nowhere/else", in: folder)
            let url = URL(fileURLWithPath: path)
            #expect(try String(contentsOf: url, encoding: .utf8).hasPrefix("/nowhere/else\nwav/08000Hz/day0_"))
            #expect(Manifest.isManifest(url))
            let manifest = try Manifest(contentsOf: url)
            #expect(manifest.root == fixture.folder.appending(path: "data").path)
            #expect(manifest.entries.map(\.relativePath) == names && manifest.entries.allSatisfy { $0.frames == 2_000 })
            #expect(try Manifest(contentsOf: url, root: "/tmp").root == "/tmp")

            let clips = try manifest.clips(threads: 2)
            #expect(clips.map(\.relativePath) == names)
            #expect(clips[0].events.map(\.label) == ["common", "rare"] && clips[0].events[0].isFocal == true)
            #expect(clips[1].events[0].isFocal == false && clips[1].events[0].recording == names[1])

            try Data("/data\r\na.wav\t5\r\nb.wav 6\r\n".utf8).write(to: url)
            let error = #expect(throws: CorpusError.self) { try Manifest(contentsOf: url) }
            #expect(error?.description.contains("train_0.tsv:3: ") == true, "\(String(describing: error))")
        }
    }

    @Test func `Scanned manifests give a corpus with their labels, their parts and their sets`() throws {
        try withFixture { fixture in
            let names = try data(fixture, clips: 20)
            let root = fixture.folder.appending(path: "data").path
            let folder = fixture.folder.appending(path: "manifest")
            var paths = [try write("pretrain", names + ["wav/gone.wav"], root: root, in: folder)]
            for fold in 0..<2 {
                let labelled = names.indices.filter { $0 % 10 != 9 }
                let valid = labelled.filter { $0 % 2 == fold }.map { names[$0] }
                let train = labelled.filter { $0 % 2 != fold }.map { names[$0] }
                paths.append(try write("train_\(fold)", train, root: root, in: folder))
                paths.append(try write("valid_\(fold)", valid, root: root, in: folder))
            }
            paths.append(try write("train_0_few_0", [names[1]], root: root, in: folder))
            let catalogue = try fixture.catalogue()
            let report = try Scanner(catalogue).scan(paths)
            #expect(report.recordings == 20 && report.labelFiles == 18 && report.labelProblems == [])
            #expect(report.folderProblems.count == 1 && report.folderProblems[0].contains("wav/gone.wav"))
            let train = try catalogue.labelledRecordings(.init(isAnnotated: true, part: .train))
            let valid = try catalogue.recordings(.init(part: .valid))
            #expect(train.count == 8 && valid.count == 10)
            #expect(valid.allSatisfy { $0.fold == 0 } && train.allSatisfy { $0.recording.fold == 1 })
            #expect(try catalogue.recordings().count { $0.part == nil } == 2)
            #expect(train.flatMap(\.events).contains { $0.isFocal == false })
            #expect(try catalogue.recordingSets()["train_0_few_0"] == 1)
            let few = try catalogue.labelledRecordings(.init(isAnnotated: true, part: .train), subset: "train_0_few_0")
            #expect(few.map(\.recording.relativePath) == [names[1]] && few[0].known == [0..<0.25])
            // The clips of a day know their source.
            #expect(Set(try catalogue.recordings().compactMap(\.source)) == ["day0", "day1", "day2", "day3"])

            var configuration = Scanner.Configuration()
            configuration.manifestFold = "1"
            _ = try Scanner(catalogue, configuration: configuration).scan(paths)
            #expect(try catalogue.recordings(.init(part: .valid)).count == 8)
            // A damaged label file costs itself and is named.
            let damaged = fixture.folder.appending(path: "data/lbl/08000Hz/day0_000000000_000000250.h5")
            for bytes in [Data(), Data("text".utf8), try Data(contentsOf: damaged).prefix(1_000)] {
                try bytes.write(to: damaged)
                let report = try Scanner(catalogue).scan(paths)
                #expect(report.labelProblems.count == 1 && report.labelProblems[0].hasPrefix(damaged.path))
                #expect(report.annotatedRecordings == 17)
            }
            configuration.manifestFold = "7"
            #expect(throws: CorpusError.self) { try Scanner(catalogue, configuration: configuration).scan(paths) }
        }
    }

    @Test func `A split written as manifests and scanned again is the same split`() throws {
        try withFixture { fixture in
            _ = try data(fixture, clips: 40)
            let root = fixture.folder.appending(path: "data")
            let catalogue = try fixture.catalogue()
            _ = try Scanner(catalogue).scan(
                [root.appending(path: "wav").path], labels: [root.appending(path: "lbl").path])
            var configuration = Split.Configuration()
            (configuration.folds, configuration.validFold, configuration.seed) = (5, 2, 1612)
            try Split(configuration).apply(to: catalogue)
            try LabelShares(percents: [10, 50]).apply(to: catalogue)
            let folder = root.appending(path: "manifest")
            let written = try ManifestExport().write(catalogue, to: folder)
            #expect(written.count == 1 + 5 * 2 + 5 * 2)
            for (manifest, summary) in written {
                #expect(manifest.root == root.path)
                #expect(manifest.entries.allSatisfy { $0.relativePath.hasPrefix("wav/08000Hz/") })
                // Only recordings in which something was heard, but for those without labels at all.
                #expect(manifest.name == "pretrain" || summary.annotated == summary.recordings)
            }
            #expect(written[0].manifest.entries.count == 40)

            let other = try Catalogue(folder: fixture.folder.appending(path: "other"), makeIfMissing: true)
            var scanning = Scanner.Configuration()
            scanning.manifestFold = "2"
            _ = try Scanner(other, configuration: scanning).scan(
                written.map { "\(folder.path)/\($0.manifest.name).tsv" })
            for part in [SplitPart.train, .valid] {
                let before = try catalogue.recordings(.init(isAnnotated: true, part: part)).map(\.path)
                #expect(try other.recordings(.init(part: part)).map(\.path) == before)
            }
            #expect(
                try other.recordings(.init(isAnnotated: true)).map(\.fold)
                    == catalogue.recordings(.init(isAnnotated: true)).map(\.fold))
        }
    }

    @Test func `Shares of the labels are nested, of their size, and alike in their labels`() throws {
        try withFixture { fixture in
            _ = try data(fixture, clips: 200)
            let root = fixture.folder.appending(path: "data")
            let catalogue = try fixture.catalogue()
            _ = try Scanner(catalogue).scan(
                [root.appending(path: "wav").path], labels: [root.appending(path: "lbl").path])
            try Split(.init()).apply(to: catalogue)
            let shares = try LabelShares(seed: 3).apply(to: catalogue)
            #expect(shares.map(\.name) == (0..<5).map { "train_0_few_\($0)" })
            let all = try catalogue.labelledRecordings(.init(isAnnotated: true, part: .train)).filter {
                !$0.events.isEmpty
            }
            let rare = all.flatMap(\.events).count { $0.label == "rare" }
            var inner: Set<Int64> = []
            for (percent, share) in zip(LabelShares.published, shares) {
                let recordings = Set(try catalogue.recordings(.init(set: share.name)).map(\.id))
                #expect(recordings.isSuperset(of: inner))
                #expect(recordings.isSubset(of: all.map(\.recording.id)))
                #expect(abs(Double(recordings.count) - max(1, Double(all.count) * percent / 100)) <= 2)
                #expect(abs(Double(share.summary.labels["rare"] ?? 0) - Double(rare) * percent / 100) <= 2)
                inner = recordings
            }
            try LabelShares(percents: [20], seed: 3).apply(to: catalogue)
            #expect(try catalogue.recordingSets().keys.sorted() == ["train_0_few_0"])
            #expect(throws: CorpusError.self) { try LabelShares(percents: [0]) }
            #expect(throws: CorpusError.self) { try LabelShares(percents: [100]) }
        }
    }

    @Test func `Clips of one recording, and the recordings of one individual, stay in one part`() throws {
        try withFixture { fixture in
            _ = try data(fixture, clips: 40)
            let catalogue = try fixture.catalogue()
            let path = fixture.folder.appending(path: "data/wav").path
            _ = try Scanner(catalogue).scan([path])
            var configuration = Split.Configuration()
            configuration.unit = .source
            try Split(configuration).apply(to: catalogue)
            for (_, group) in Dictionary(grouping: try catalogue.recordings(), by: \.source) {
                #expect(group.count == 5 && Set(group.map(\.part)).count == 1)
            }
            #expect(Set(try catalogue.recordings().map(\.part)) == [.train, .valid])
            // Who wore the recorder is known later: the table names sources.
            var scanning = Scanner.Configuration()
            scanning.individuals = ["day0": "F1", "day1": "F2", "day2": "F1", "day3": "M3"]
            let report = try Scanner(catalogue, configuration: scanning).scan([path])
            #expect(report.decoded == 0)
            (configuration.unit, configuration.valid) = (.individual, ["F1"])
            try Split(configuration).apply(to: catalogue)
            #expect(Set(try catalogue.recordings(.init(part: .valid)).compactMap(\.source)) == ["day0", "day2"])
            #expect(try catalogue.recordings(.init(part: .train)).count == 30)
        }
    }
}
