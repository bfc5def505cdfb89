import ArgumentParser
import Audio
import Corpus
import Foundation
import Inference
import Labels

/// What is really there: tables, a corpus, or a manifest of animal2vec 1.0.
struct TruthSource {
    /// The events of all recordings that were listened to.
    var table = LabelTable()
    /// The lengths of recordings, as far as they are known.
    var seconds: [String: Double] = [:]
    /// Where the recordings lie, as far as that is known.
    var paths: [String: String] = [:]

    /// Reads `url`: a corpus or a part of it, a manifest, or label files.
    init(_ url: URL, part: SplitPart?, fold: Int?, reading: LabelReadingFlags) throws {
        if FileManager.default.fileExists(atPath: url.appending(path: "corpus.sqlite").path) {
            try corpus(url, part, fold)
        } else if Manifest.isManifest(url) {
            try manifest(url)
        } else {
            if part != nil || fold != nil {
                throw ValidationError("--part and --fold divide a corpus, and \(url.path) is none")
            }
            table = try reading.read(url)
            guard let facts = try reading.facts() else { return }
            for name in table.recordings { seconds[name] = facts(name)?.durationSeconds }
        }
    }

    private mutating func corpus(_ url: URL, _ part: SplitPart?, _ fold: Int?) throws {
        let filter = RecordingFilter(isAnnotated: true, part: part, fold: fold)
        for entry in try Catalogue(folder: url).labelledRecordings(filter) {
            let name = entry.recording.relativePath
            table.recordings.append(name)
            seconds[name] = entry.recording.seconds
            paths[name] = entry.recording.path
            table.events += entry.events.map { event in
                var event = event
                event.recording = name
                return event
            }
        }
        guard !table.recordings.isEmpty else {
            throw ValidationError(
                "\(url.path): no annotated recording\(part.map { " in the part \($0.rawValue)" } ?? ""); "
                    + "scan it with --labels, and split it")
        }
    }

    private mutating func manifest(_ url: URL) throws {
        // Without a label file nobody has listened.
        for clip in try Manifest(contentsOf: url).clips() where clip.isAnnotated {
            let name = clip.relativePath
            table.recordings.append(name)
            paths[name] = clip.path
            if let rate = Self.rateHz(name) ?? (try? AudioFile(path: clip.path))?.rateHz {
                seconds[name] = Double(clip.frames) / rate
            }
            table.events += clip.events.map { event in
                var event = event
                event.recording = name
                return event
            }
        }
        guard !table.recordings.isEmpty else {
            throw ValidationError("\(url.path): the manifest lists no recording with a label file")
        }
    }

    /// The rate that a folder of the recording names: `08000Hz`.
    private static func rateHz(_ path: String) -> Double? {
        path.split(separator: "/").lazy.compactMap { part in
            part.hasSuffix("Hz") ? Double(part.dropLast(2)) : nil
        }.first
    }
}
