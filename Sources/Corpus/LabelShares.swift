// Shares of the labelled training recordings, the smaller ones inside the larger: how good is a model with 1 % of the
// labels, with 10 %? Drawn as in animal2vec 1.0, alike in their labels, but nested.

import Labels

/// Draws shares of the training recordings and keeps them in the catalogue as sets.
public struct LabelShares: Sendable {
    /// The shares of animal2vec 1.0, in per cent of the recordings: few_0 … few_4.
    public static let published: [Double] = [1, 10, 25, 50, 75]

    /// The shares in per cent, rising.
    public let percents: [Double]
    /// The key of the choice.
    public let seed: UInt64

    /// Shares in per cent, above 0 and below 100, in any order.
    public init(percents: [Double] = published, seed: UInt64 = 0) throws(CorpusError) {
        guard !percents.isEmpty, percents.allSatisfy({ $0 > 0 && $0 < 100 }) else {
            throw .invalidSetting(
                name: "label shares", value: percents.map { "\($0)" }.joined(separator: ","),
                remedy: "give numbers above 0 and below 100, separated by commas")
        }
        self.percents = Set(percents).sorted()
        self.seed = seed
    }

    /// Draws from the annotated recordings with events of each training set: `train_0`, `train_1`, … where the corpus has
    /// folds, else `train_0` from the training part. Keeps all of them, `train_0_few_0` and so on, and gives their sizes.
    @discardableResult
    public func apply(to catalogue: Catalogue) throws(CorpusError) -> [(name: String, summary: Split.Summary)] {
        let sets = try SplitSets(catalogue)
        var kept: [String: [Int64]] = [:]
        var report: [(name: String, summary: Split.Summary)] = []
        for (fold, train) in sets.train.enumerated() {
            var pool = train.filter { !$0.events.isEmpty }
            guard !pool.isEmpty else {
                throw .nothingFound(
                    what: "labelled recordings in the training part", remedy: "scan with --labels and split first")
            }
            let all = Double(pool.count)
            var shares: [[SplitSets.Entry]] = []
            for (step, percent) in percents.enumerated().reversed() {
                // At least one recording; the next smaller share is drawn from this one.
                let wanted = max(1, all * percent / 100)
                pool = Self.part(of: pool, share: min(1, wanted / Double(pool.count)), seed: seed, sample: 16 + step)
                shares.insert(pool, at: 0)
            }
            for (index, share) in shares.enumerated() {
                let name = "train_\(fold)_few_\(index)"
                kept[name] = share.map(\.recording.id)
                report.append((name, Split.Summary(share)))
            }
        }
        let old = try catalogue.recordingSets().keys.filter { $0.contains("_few_") }
        try catalogue.setRecordingSets(kept, removing: Array(old))
        return report
    }

    private static func part(
        of pool: [SplitSets.Entry], share: Double, seed: UInt64, sample: Int
    ) -> [SplitSets.Entry] {
        let groups = pool.map { entry in
            var group = Stratification.Group(name: entry.recording.relativePath)
            group.seconds = entry.recording.seconds
            for event in entry.events { group.labels[event.label, default: 0] += 1 }
            return group
        }
        let parts = Stratification.assign(groups, shares: [share, 1 - share], seed: seed, sample: sample)
        let chosen = zip(pool, parts).filter { $0.1 == 0 }.map(\.0)
        return chosen.isEmpty ? Array(pool.prefix(1)) : chosen
    }
}

/// The parts of a corpus as the lists of animal2vec 1.0 have them.
struct SplitSets {
    typealias Entry = (recording: Recording, events: [Event])

    /// Training recordings that somebody listened to, by fold; one list without folds.
    var train: [[Entry]] = []
    /// Validation recordings that somebody listened to, by fold.
    var valid: [[Entry]] = []
    /// Recordings that are only ever predicted and somebody listened to.
    var test: [Entry] = []
    /// All that may be learned from without labels: everything outside the test part.
    var pretrain: [Entry] = []

    init(_ catalogue: Catalogue) throws(CorpusError) {
        let recordings = try catalogue.recordings()
        guard recordings.contains(where: { $0.part != nil || $0.fold != nil }) else {
            throw .nothingFound(what: "split", remedy: "make one with `split` first")
        }
        let events = try catalogue.events(of: Set(recordings.map(\.id)))
        let all = recordings.map { ($0, events[$0.id] ?? []) }
        pretrain = all.filter { $0.0.part != .test }
        let heard = all.filter { $0.0.isAnnotated }
        test = heard.filter { $0.0.part == .test }
        let foldCount = (recordings.compactMap(\.fold).max() ?? -1) + 1
        for fold in 0..<foldCount {
            train.append(heard.filter { entry in entry.0.fold.map { $0 != fold } == true })
            valid.append(heard.filter { $0.0.fold == fold })
        }
        if foldCount == 0 {
            train = [heard.filter { $0.0.part == .train }]
            valid = [heard.filter { $0.0.part == .valid }]
        }
    }
}
