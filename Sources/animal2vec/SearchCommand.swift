import ArgumentParser
import Atlas
import Audio
import Foundation
import Inference
import Labels
import Neural
import Terminal
import Torch
import Training

/// `animal2vec search --atlas DIR --like FILE[@start-end]`
struct SearchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "Find the sounds of an atlas that are most like a sound.",
        discussion: """
            Every vector of the atlas is compared. --like, --event and --label can be given several times: what is found \
            is like all of them. Exit status 1 says that nothing was found.
            """)

    @Option(help: "Folder of the atlas.", transform: { URL(fileURLWithPath: $0) })
    var atlas: URL

    @Option(help: "A recording, or a part of it in seconds: song.wav@2.5-3.1")
    var like: [String] = []

    @Option(help: "The number of a sound of the atlas.")
    var event: [Int] = []

    @Option(help: "Sounds with this label; with --like or --event only these are found.")
    var label: [String] = []

    @Option(help: "The number of a sound that it should not be like.")
    var unlike: [Int] = []

    @Option(help: "How many to find.")
    var count = 20

    @Option(help: "Model of the atlas, if its folder has moved.")
    var model: String?

    @Option(
        help: "Also write what is found as a label table, in the format of the file's extension: found.csv.",
        transform: { URL(fileURLWithPath: $0) })
    var out: URL?

    @OptionGroup var computing: ComputingOptions

    @Flag(help: "Print the sounds as JSON.")
    var json = false

    /// A sound that was found.
    struct Found: Codable {
        var score: Float
        var sound: Sound
    }

    func validate() throws {
        if like.isEmpty && event.isEmpty && label.isEmpty {
            throw ValidationError("nothing to look for: give --like FILE, --event NUMBER or --label TEXT")
        }
        if count < 1 { throw ValidationError("--count \(count): give 1 or more") }
    }

    func run() throws {
        let device = try computing.start()
        let opened = try Atlas.open(atlas)
        var query = SoundQuery()
        (query.like, query.unlike, query.count) = (event, unlike, count)
        query.excluding = Set(event + unlike)
        if !label.isEmpty {
            let wanted = label.map { $0.lowercased() }
            let found = try opened.labelsOfSounds().filter { _, labels in
                labels.contains { own in wanted.contains { own.lowercased() == $0 } }
            }
            guard !found.isEmpty else {
                let known = try opened.labelCounts().keys.sorted().prefix(12).joined(separator: ", ")
                throw ValidationError(
                    "--label \(label.joined(separator: ", ")): no sound is labelled so; there are \(known.isEmpty ? "no labels" : known)"
                )
            }
            if like.isEmpty && event.isEmpty {
                // The sounds with the label that lie in the middle of all of them come first.
                query.like = found.keys.sorted()
            }
            query.among = Set(found.keys)
        }
        if !like.isEmpty {
            query.likeVectors = try vectors(opened, device)
        }
        let hits = try opened.search(query, threads: computing.threadCount)
        let sounds = try opened.sounds(hits.map(\.id))
        if let out { try write(zip(hits, sounds).map { ($0.score, $1) }, to: out) }
        if json {
            try printJSON(zip(hits, sounds).map { Found(score: $0.score, sound: $1) })
        } else {
            for (hit, sound) in zip(hits, sounds) {
                let channel = sound.channel.map { " channel \($0)" } ?? ""
                print(
                    "\(String(format: "%6.3f", hit.score))  \(sound.id)  \(sound.recording)\(channel) \(String(format: "%.3f–%.3f s", sound.startSeconds, sound.endSeconds))  \(sound.labels.joined(separator: ", "))"
                )
            }
        }
        if hits.isEmpty {
            printError("animal2vec: nothing was found")
            throw ExitCode(1)
        }
    }

    /// The vectors of the sounds that were given as files.
    private func vectors(_ opened: Atlas, _ device: Device) throws -> [[Float]] {
        let stored: String? = try opened.property("model")
        let name = model ?? stored ?? opened.description.model
        let parts = try like.map { try Part($0) }
        let embedder = try SoundModel.embedder(
            name, knownAs: opened.description.model, detail: opened.property("detail") ?? .whole, device: device,
            paths: parts.map(\.path))
        guard embedder.fingerprint == opened.description.fingerprint else {
            throw ValidationError(
                "\(name) is not the model of the atlas, \(opened.description.model); give that one with --model")
        }
        return try parts.map { try Embedding(opened, embedder).vector(of: $0.path, seconds: $0.seconds) }
    }

    private func write(_ found: [(score: Float, sound: Sound)], to url: URL) throws {
        let events = found.map { score, sound in
            Event(
                recording: sound.recording, startSeconds: sound.startSeconds, endSeconds: sound.endSeconds,
                label: sound.labels.first ?? "", score: Double(score), channel: sound.channel)
        }
        try LabelFile.write(events, format: .csv, to: url)
    }

    /// `song.wav@2.5-3.1`
    struct Part {
        var path: String
        var seconds: Range<Double>?

        init(_ text: String) throws {
            path = text
            // A file may be called so.
            guard !FileManager.default.fileExists(atPath: text) else { return }
            guard let mark = text.lastIndex(of: "@") else {
                throw ValidationError("--like \(text): there is no such file")
            }
            let numbers = text[text.index(after: mark)...].split(separator: "-").map { Double($0) }
            guard numbers.count == 2, let start = numbers[0], let end = numbers[1], 0 <= start, start < end else {
                throw ValidationError("--like \(text): give the part in seconds, such as song.wav@2.5-3.1")
            }
            path = String(text[..<mark])
            seconds = start..<end
            guard FileManager.default.fileExists(atPath: path) else {
                throw ValidationError("--like \(text): there is no file \(path)")
            }
        }
    }
}
