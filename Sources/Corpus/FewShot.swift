// A few labelled events per class: what a biologist labels in ten minutes.

import GRDB
import Labels

/// Draws few-shot subsets of the labelled events and keeps them in the catalogue by name.
public struct FewShot: Sendable {
    /// Events per label.
    public var eventsPerLabel: Int
    /// The key of the choice.
    public var seed: UInt64

    /// A choice of some events per label.
    public init(eventsPerLabel: Int, seed: UInt64 = 0) {
        precondition(eventsPerLabel > 0, "FewShot: \(eventsPerLabel) events per label")
        (self.eventsPerLabel, self.seed) = (eventsPerLabel, seed)
    }

    /// The name under which the subset is kept.
    public var name: String { "few-\(eventsPerLabel)-\(seed)" }

    /// Chooses among the events of the recordings that fit (by default the training part), keeps the choice, and gives
    /// the number of events by label: fewer where there are not as many. Every event has a rank of its own, so a larger
    /// subset holds the smaller ones, and new recordings change little.
    @discardableResult
    public func apply(
        to catalogue: Catalogue, _ filter: RecordingFilter = .init(isAnnotated: true, part: .train)
    ) throws(CorpusError) -> [String: Int] {
        let included = Set(try catalogue.recordings(filter).map(\.id))
        struct Candidate {
            var id: Int64
            var label: String
            var rank: UInt64
        }
        let candidates = try catalogue.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT events.id AS eventID, recordingID, relativePath, startSeconds, label FROM events
                    JOIN recordings ON recordings.id = recordingID
                    """
            ).compactMap { row -> Candidate? in
                guard included.contains(row["recordingID"]) else { return nil }
                let (path, label): (String, String) = (row["relativePath"], row["label"])
                let microseconds = Int64(((row["startSeconds"] as Double) * 1e6).rounded())
                let rank = Stratification.rank("\(path)\u{0}\(microseconds)\u{0}\(label)", seed: seed, sample: 2)
                return Candidate(id: row["eventID"], label: label, rank: rank)
            }
        }
        guard !candidates.isEmpty else {
            throw .nothingFound(what: "labelled events to choose from", remedy: "scan with --labels and split first")
        }
        var counts: [String: Int] = [:]
        var chosen: [Int64] = []
        for (label, events) in Dictionary(grouping: candidates, by: \.label) {
            let first = events.sorted { ($0.rank, $0.id) < ($1.rank, $1.id) }.prefix(eventsPerLabel)
            counts[label] = first.count
            chosen += first.map(\.id)
        }
        try catalogue.write { database in
            try database.execute(sql: "DELETE FROM subsets WHERE name = ?", arguments: [name])
            for id in chosen.sorted() {
                try database.execute(sql: "INSERT INTO subsets (name, eventID) VALUES (?, ?)", arguments: [name, id])
            }
        }
        return counts
    }
}
