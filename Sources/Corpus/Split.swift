// Which recordings train, validate and test. Whole recordings (or sites, or individuals) go to one part, never windows:
// neighbouring windows know each other. Stratified as in Sechidis et al. 2011 (iterative stratification): the rarest
// label first, to the part that lacks it most.

import Foundation
import GRDB
import Labels
import Randomness

/// Divides the recordings of a corpus and keeps the result in its catalogue.
public struct Split: Sendable {
    /// What goes to one part as a whole.
    public enum Unit: String, Sendable, Hashable, Codable, CaseIterable {
        /// Each recording by itself.
        case recording
        /// All recordings of a site; those without one by themselves.
        case site
        /// All recordings of an individual; those without one by themselves.
        case individual
        /// All clips of one long recording; recordings that are no clips by themselves.
        case source

        /// What holds a recording together with others; nil if it stands by itself.
        func name(of recording: Recording) -> String? {
            switch self {
            case .recording: nil
            case .site: recording.site
            case .individual: recording.individual
            case .source: recording.source
            }
        }
    }

    /// How to divide.
    public struct Configuration: Sendable, Hashable, Codable {
        /// The key of all randomness.
        public var seed: UInt64 = 0
        /// What stays together.
        public var unit = Unit.recording
        /// Share of the validation part, 0 to 1, of labels and seconds.
        public var validShare = 0.2
        /// Share of the test part, 0 to 1.
        public var testShare = 0.0
        /// Number of folds; 0 for none. Folds divide everything that is not in the test part.
        public var folds = 0
        /// The fold that is the validation part, all others training; nil to draw the parts by their shares.
        public var validFold: Int?
        /// Recordings that train, by `RecordingPattern`; with a unit, also names of sites, individuals or sources. When any
        /// of the three lists is given, they decide alone: what no list names goes to the first part without a list
        /// (train, valid, test), or to none.
        public var train: [String] = []
        /// Recordings that validate.
        public var valid: [String] = []
        /// Recordings that are only predicted.
        public var test: [String] = []

        /// The defaults.
        public init() {}

        /// Whether recordings are named, and nothing is drawn.
        public var isExplicit: Bool { !(train.isEmpty && valid.isEmpty && test.isEmpty) }
    }

    /// The sizes of one part.
    public struct Summary: Sendable, Hashable, Codable {
        /// Recordings in the part.
        public var recordings = 0
        /// Of these, recordings that somebody listened to.
        public var annotated = 0
        /// Seconds of sound in the part.
        public var seconds = 0.0
        /// Events by label.
        public var labels: [String: Int] = [:]
        /// Seconds of events by label; where two overlap, both count.
        public var labelSeconds: [String: Double] = [:]

        /// The sizes of some recordings with their events.
        init(_ entries: [(recording: Recording, events: [Event])] = []) {
            for (recording, events) in entries {
                recordings += 1
                if recording.isAnnotated { annotated += 1 }
                seconds += recording.seconds
                for event in events {
                    labels[event.label, default: 0] += 1
                    labelSeconds[event.label, default: 0] += event.durationSeconds
                }
            }
        }
    }

    /// How this split is made.
    public let configuration: Configuration

    /// A split. Throws `CorpusError.invalidSetting` for shares that leave nothing to train.
    public init(_ configuration: Configuration = .init()) throws(CorpusError) {
        for (name, share) in [("validShare", configuration.validShare), ("testShare", configuration.testShare)] {
            guard share >= 0, share < 1 else {
                throw .invalidSetting(name: name, value: "\(share)", remedy: "give a share from 0 up to less than 1")
            }
        }
        guard configuration.validShare + configuration.testShare < 1 else {
            throw .invalidSetting(
                name: "validShare + testShare", value: "\(configuration.validShare + configuration.testShare)",
                remedy: "leave something to train")
        }
        guard configuration.folds == 0 || configuration.folds >= 2 else {
            throw .invalidSetting(name: "folds", value: "\(configuration.folds)", remedy: "give 0 or at least 2")
        }
        if let fold = configuration.validFold {
            guard fold >= 0, fold < configuration.folds else {
                throw .invalidSetting(
                    name: "validFold", value: "\(fold)",
                    remedy: configuration.folds == 0
                        ? "make folds first" : "give a fold from 0 to \(configuration.folds - 1)")
            }
            guard !configuration.isExplicit else {
                throw .invalidSetting(name: "validFold", value: "\(fold)", remedy: "give either lists or a fold")
            }
        }
        self.configuration = configuration
    }

    /// Assigns every usable recording a part and, where asked for, a fold, and keeps both in the catalogue. Recordings
    /// that have a part already keep it, so that a corpus may grow; `anew` forgets all parts first.
    @discardableResult
    public func apply(to catalogue: Catalogue, anew: Bool = false) throws(CorpusError) -> [SplitPart: Summary] {
        let recordings = try catalogue.recordings()
        guard !recordings.isEmpty else {
            throw .nothingFound(what: "usable recordings", remedy: "scan a folder that holds some")
        }
        let events = try catalogue.events(of: Set(recordings.map(\.id)))
        // A change of the configuration is a new split; the same configuration goes on with the old one.
        let settings = Schema.json(configuration)
        let before = try catalogue.property("split")
        let isAnew = anew || before != settings
        var parts: [SplitPart?]
        if configuration.isExplicit {
            parts = try explicitParts(recordings)
        } else {
            parts = stratifiedParts(recordings, events, keeps: !isAnew)
        }
        let folds = assignFolds(recordings, parts, events, keeps: !isAnew)
        if let fold = configuration.validFold {
            for index in parts.indices where parts[index] != .test {
                parts[index] = folds[index] == fold ? .valid : .train
            }
        }
        try catalogue.write { database in
            try database.execute(sql: "UPDATE recordings SET part = NULL, fold = NULL")
            for (index, recording) in recordings.enumerated() {
                try database.execute(
                    sql: "UPDATE recordings SET part = ?, fold = ? WHERE id = ?",
                    arguments: [parts[index]?.rawValue, folds[index], recording.id])
            }
        }
        try catalogue.setProperty("split", settings)
        var entries: [SplitPart: [(recording: Recording, events: [Event])]] = [:]
        for (index, recording) in recordings.enumerated() {
            if let part = parts[index] { entries[part, default: []].append((recording, events[recording.id] ?? [])) }
        }
        return entries.mapValues { Summary($0) }
    }

    private func explicitParts(_ recordings: [Recording]) throws(CorpusError) -> [SplitPart?] {
        var owners = [SplitPart?](repeating: nil, count: recordings.count)
        let lists: [(SplitPart, [String])] = [
            (.train, configuration.train), (.valid, configuration.valid), (.test, configuration.test),
        ]
        for (part, patterns) in lists {
            for text in patterns {
                let pattern = RecordingPattern(text)
                let hits = recordings.indices.filter { index in
                    let recording = recordings[index]
                    return pattern.matches(recording.relativePath)
                        || configuration.unit.name(of: recording).map(pattern.matches) == true
                }
                guard !hits.isEmpty else {
                    throw .nothingFound(what: "recording that fits \(text)", remedy: "check the list \(part.rawValue)")
                }
                for index in hits {
                    if let owner = owners[index], owner != part {
                        throw .invalidSetting(
                            name: part.rawValue, value: text,
                            remedy: "\(recordings[index].relativePath) is in the list \(owner.rawValue) already")
                    }
                    owners[index] = part
                }
            }
        }
        let rest = lists.first { $0.1.isEmpty }?.0
        return owners.map { $0 ?? rest }
    }

    private func stratifiedParts(_ recordings: [Recording], _ events: [Int64: [Event]], keeps: Bool) -> [SplitPart?] {
        let shares = [
            1 - configuration.validShare - configuration.testShare, configuration.validShare, configuration.testShare,
        ]
        let assigned = stratify(recordings, events, shares: shares, sample: 0) { recording in
            keeps ? recording.part.flatMap(SplitPart.allCases.firstIndex(of:)) : nil
        }
        return assigned.map { SplitPart.allCases[$0] }
    }

    private func assignFolds(
        _ recordings: [Recording], _ parts: [SplitPart?], _ events: [Int64: [Event]], keeps: Bool
    ) -> [Int?] {
        guard configuration.folds > 0 else { return [Int?](repeating: nil, count: recordings.count) }
        let inner = recordings.indices.filter { parts[$0] != .test }
        let shares = [Double](repeating: 1 / Double(configuration.folds), count: configuration.folds)
        let assigned = stratify(inner.map { recordings[$0] }, events, shares: shares, sample: 1) {
            keeps ? $0.fold : nil
        }
        var folds = [Int?](repeating: nil, count: recordings.count)
        for (position, index) in inner.enumerated() { folds[index] = assigned[position] }
        return folds
    }

    private func stratify(
        _ recordings: [Recording], _ events: [Int64: [Event]], shares: [Double], sample: Int,
        fixed: (Recording) -> Int?
    ) -> [Int] {
        var groups: [Stratification.Group] = []
        var positions: [String: Int] = [:]
        var groupOf: [Int] = []
        for recording in recordings {
            let shared = configuration.unit.name(of: recording)
            let owner = shared.map { "\(configuration.unit.rawValue) \($0)" } ?? recording.relativePath
            // Two roots may hold the same relative path.
            let name = configuration.unit == .recording ? "\(owner)\u{0}\(recording.path)" : owner
            let position = positions[name] ?? groups.count
            if position == groups.count {
                positions[name] = position
                groups.append(Stratification.Group(name: owner))
            }
            groupOf.append(position)
            groups[position].seconds += recording.seconds
            for event in events[recording.id] ?? [] { groups[position].labels[event.label, default: 0] += 1 }
            if let part = fixed(recording), part < shares.count { groups[position].fixed = part }
        }
        let assigned = Stratification.assign(groups, shares: shares, seed: configuration.seed, sample: sample)
        return groupOf.map { assigned[$0] }
    }
}
