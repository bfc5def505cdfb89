import ArgumentParser
import Atlas
import Foundation
import Labels
import Terminal

/// `animal2vec atlas info|verify|labels|import|export`
struct AtlasCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "atlas",
        abstract: "Look into an atlas, check it, take its labels out, exchange it with perch-hoplite.",
        subcommands: [Info.self, Verify.self, Labels.self, Import.self, Export.self])

    /// What an atlas holds.
    struct Info: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "info", abstract: "Say what an atlas holds.")

        @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
        var atlas: URL

        @Flag(help: "Print JSON.")
        var json = false

        private struct Answer: Codable {
            var description: Atlas.Description
            var recordings: Int
            var sounds: Int
            var labels: [String: Int]
            var listened: Int
            var clusterings: [Clustering]
        }

        func run() throws {
            let opened = try Atlas.open(atlas)
            let answer = Answer(
                description: opened.description, recordings: try opened.recordings().count,
                sounds: try opened.visibleIDs().count, labels: try opened.labelCounts(),
                listened: try opened.listenedIDs().count, clusterings: try opened.clusterings())
            if json { return try printJSON(answer) }
            print(
                "\(answer.sounds) sounds (\(answer.description.unit.rawValue)) of \(answer.recordings) recordings, \(answer.description.dimension) numbers each by \(answer.description.model)"
            )
            print(
                "\(answer.labels.values.reduce(0, +)) labels of \(answer.labels.count) kinds; \(answer.listened) sounds listened to"
            )
            for clustering in answer.clusterings {
                let silhouette = clustering.silhouette.map { String(format: ", silhouette %.3f", $0) } ?? ""
                print(
                    "  clustering \(clustering.id): k = \(clustering.k), \(clustering.soundCount) sounds\(silhouette)")
            }
        }
    }

    /// Reads everything.
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify", abstract: "Read every vector and compare it with its checksum.")

        @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
        var atlas: URL

        func run() throws {
            let opened = try Atlas.open(atlas)
            try opened.vectors.verify()
            print("\(opened.count) vectors are as they were written")
        }
    }

    /// Labels as a table.
    struct Labels: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "labels", abstract: "Write the labels that people gave as a table of any format.")

        @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
        var atlas: URL

        @Option(help: "Format: \(LabelFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
        var to = LabelFormat.csv

        @Option(
            help: "Where the table goes; a name without extension is a folder with one table per recording.",
            transform: { URL(fileURLWithPath: $0) })
        var out: URL

        @Flag(help: "Also the labels that were there before.")
        var all = false

        func run() throws {
            let events = try Atlas.open(atlas).events(sources: all ? [.person, .corpus] : [.person])
            guard !events.isEmpty else { throw ValidationError("\(atlas.path): nobody has labelled anything yet") }
            if out.pathExtension.isEmpty {
                try LabelFile.write(events, format: to, toFolder: out)
            } else {
                try LabelFile.write(events, format: to, to: out)
            }
            print("\(events.count) labels; \(out.path)")
        }
    }

    /// From perch-hoplite.
    struct Import: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "import", abstract: "Make an atlas of a perch-hoplite 1.x database.")

        @Argument(help: "Folder of the database.", transform: { URL(fileURLWithPath: $0) })
        var database: URL

        @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
        var atlas: URL

        @Option(help: "Folder of the recordings that the database names.", transform: { URL(fileURLWithPath: $0) })
        var recordings: URL?

        @Flag(help: "Print the summary as JSON.")
        var json = false

        func run() throws {
            let (_, summary) = try HopliteDatabase.read(database, into: atlas, audio: recordings)
            if json { return try printJSON(summary) }
            print(
                "\(summary.sounds) windows of \(summary.recordings) recordings with \(summary.annotations) annotations; \(atlas.path)"
            )
            if summary.withoutVector > 0 {
                print("  \(summary.withoutVector) windows have no vector and were left out")
            }
        }
    }

    /// To perch-hoplite.
    struct Export: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "export", abstract: "Write an atlas as a perch-hoplite 1.x database.")

        @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
        var atlas: URL

        @Option(help: "Folder for the database; it must hold none.", transform: { URL(fileURLWithPath: $0) })
        var out: URL

        @Option(help: "Name of the project in the database.")
        var project = "animal2vec"

        @Flag(help: "Print the summary as JSON.")
        var json = false

        func run() throws {
            let opened = try Atlas.open(atlas)
            let line = ProgressLine("export", total: Double(opened.count), measure: .items("vectors"))
            let summary = try HopliteDatabase.write(opened, to: out, project: project) { line.update(Double($0)) }
            line.finish()
            if json { return try printJSON(summary) }
            print(
                "\(summary.sounds) windows of \(summary.recordings) recordings with \(summary.annotations) annotations; \(out.path)"
            )
        }
    }
}
