// Labels on their way out: as events for tables, and into the corpus.
import Atlas
import Corpus
import Foundation
import Labels

extension StudioSession {
    // MARK: Out

    /// All labels given by people, as events, and the recordings they were given in.
    func events() throws -> (events: [Event], facts: [String: RecordingFacts]) {
        var facts: [String: RecordingFacts] = [:]
        for recording in recordings.values {
            facts[recording.name] = RecordingFacts(durationSeconds: recording.seconds, rateHz: recording.rateHz)
        }
        let sources: [Annotation.Source] = configuration.usesCorpusLabels ? [.person, .corpus] : [.person]
        guard configuration.usesCorpusLabels else { return (try atlas.events(sources: sources), facts) }
        return (try mergedEvents(), facts)
    }

    /// People's labels, and the corpus's for sounds about which nobody has said anything.
    private func mergedEvents() throws -> [Event] {
        let spoken = Set(try atlas.annotations(source: .person).compactMap(\.soundID))
        let kept = try atlas.annotations(source: .corpus).filter {
            $0.meaning == .positive && !($0.soundID.map(spoken.contains) ?? false)
        }
        let inherited = kept.compactMap { annotation in
            recordings[annotation.recordingID].map {
                Event(
                    recording: $0.name, startSeconds: annotation.startSeconds, endSeconds: annotation.endSeconds,
                    label: annotation.label, lowHz: annotation.lowHz, highHz: annotation.highHz,
                    channel: annotation.channel)
            }
        }
        return (try atlas.events(sources: [.person]) + inherited).sorted(by: Event.isOrderedBefore)
    }

    /// Writes the labels into the atlas's folder as a table, and lets the corpus read it. Returns what was done.
    func saveToCorpus() throws -> String {
        guard let corpus = configuration.corpus else {
            throw StudioError("Start the studio with --corpus to save labels there")
        }
        let events = try atlas.events(sources: [.person])
        let table = atlas.folder.appending(path: "studio-labels.csv")
        try LabelFile.write(
            events, format: .csv, to: table, recordings: Array(Set(events.map(\.recording))).sorted())
        let report = try Scanner(Catalogue(folder: corpus)).scan([], labels: [table.path])
        if let problem = report.labelProblems.first { throw StudioError("The corpus: \(problem)") }
        return "\(events.count) labels saved to \(corpus.lastPathComponent)"
    }
}
