// From vectors to groups that help a person: k-means for one or several k, how sure the groups are, and what to listen to.
import Evaluation
import Foundation
import Randomness
import Torch

/// Groups the sounds of an atlas and describes the groups.
public struct SoundGrouping {
    /// Which of several clusterings becomes the current one.
    public enum Choice: String, Sendable, Codable, CaseIterable {
        /// The first k that was given.
        case first
        /// The one of largest silhouette.
        case silhouette
        /// The one on which different seeds agree best.
        case stability
    }

    /// How groups are found and described.
    public struct Configuration: Sendable {
        /// Numbers of groups.
        public var k = [100]
        /// Which of them becomes the current one.
        public var choice = Choice.first
        /// Seeds that are tried for each; the best is kept, and their agreement is the stability.
        public var seeds: [UInt64] = [0, 1, 2]
        /// k-means itself; `k` and `seed` come from above.
        public var kMeans = SphericalKMeans.Configuration()
        /// Sounds near the centre to remember.
        public var exemplars = 8
        /// Sounds at the rim to remember.
        public var rim = 4
        /// Other groups to remember.
        public var neighbours = 5
        /// Draws for the intervals of scores against labels.
        public var bootstrap = Bootstrap(resamples: 200)

        /// The usual settings.
        public init() {}
    }

    /// A clustering, and how it agrees with labels.
    public struct Result: Sendable, Codable, Hashable {
        /// The clustering as it was saved.
        public var clustering: Clustering
        /// Agreement with labels of sounds that have exactly one; nil without any.
        public var scores: GroupingScores?
        /// Its groups.
        public var clusters: [ClusterSummary]
    }

    private let atlas: Atlas
    private let configuration: Configuration

    /// A grouping of an atlas.
    public init(_ atlas: Atlas, configuration: Configuration = Configuration()) {
        (self.atlas, self.configuration) = (atlas, configuration)
    }

    /// Finds groups for every k and saves them; the chosen one becomes the current one. `progress` is called after each round
    /// with k, the seed's place, the round, and the share of sounds that moved.
    public func run(progress: (Int, Int, Int, Double) throws -> Void = { _, _, _, _ in }) throws -> [Result] {
        let ids = try atlas.visibleIDs()
        guard !ids.isEmpty else {
            throw AtlasError(
                atlas.folder.path, "holds no sounds", remedy: "embed recordings into it with `animal2vec embed` first")
        }
        for k in configuration.k where k < 1 || k > ids.count {
            throw AtlasError(
                "k = \(k)", "cannot divide \(ids.count) sounds", remedy: "choose a number from 1 to \(ids.count)")
        }
        let rows = try UnitRows(atlas, ids: ids, memoryBytes: configuration.kMeans.memoryBytes)
        let facts = try Facts(atlas, ids)
        var fits: [(k: Int, fit: SphericalKMeans, seed: UInt64, stability: Double?)] = []
        for k in configuration.k {
            var best: (fit: SphericalKMeans, seed: UInt64)?
            var assignments: [[Int32]] = []
            for (place, seed) in configuration.seeds.enumerated() {
                var settings = configuration.kMeans
                (settings.k, settings.seed) = (k, seed)
                let fit = try SphericalKMeans.fit(rows, settings) { try progress(k, place, $0, $1) }
                assignments.append(fit.assignment)
                if fit.meanCosine > best?.fit.meanCosine ?? -.infinity { best = (fit, seed) }
            }
            fits.append((k, best!.fit, best!.seed, Self.stability(assignments)))
        }
        func rank(_ index: Int) -> Double {
            switch configuration.choice {
            case .first: -Double(index)
            case .silhouette: fits[index].fit.silhouette
            case .stability: fits[index].stability ?? 0
            }
        }
        let current = fits.indices.max { rank($0) < rank($1) }!
        return try fits.enumerated().map { index, found in
            let scores = facts.scores(found.fit, bootstrap: configuration.bootstrap)
            let clustering = Clustering(
                k: found.k, seed: found.seed, meanCosine: found.fit.meanCosine,
                silhouette: found.k > 1 ? found.fit.silhouette : nil, stability: found.stability,
                adjustedMutualInformation: scores?.adjustedMutualInformation.value,
                adjustedRandIndex: scores?.adjustedRandIndex.value, purity: scores?.purity.value,
                rounds: found.fit.rounds, soundCount: ids.count)
            let summaries = try describe(found.fit, rows, facts)
            var assignment = [Int32](repeating: -1, count: atlas.count)
            for (row, id) in ids.enumerated() { assignment[id] = found.fit.assignment[row] }
            let saved = try atlas.save(
                clustering, summaries, assignment: assignment, centres: found.fit.centres,
                isCurrent: index == current)
            return Result(clustering: saved, scores: scores, clusters: summaries)
        }
    }

    /// The mean adjusted Rand index of all pairs; nil for fewer than two.
    private static func stability(_ assignments: [[Int32]]) -> Double? {
        var values: [Double] = []
        for first in assignments.indices {
            for second in assignments.indices where second > first {
                let table = ContingencyTable(
                    groups: assignments[first].map(Int.init), labels: assignments[second].map(Int.init))
                values.append(table.adjustedRandIndex ?? 0)
            }
        }
        return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
    }

    private func describe(_ fit: SphericalKMeans, _ rows: UnitRows, _ facts: Facts) throws -> [ClusterSummary] {
        let k = fit.sizes.count
        let centres = try withoutGradients { () throws(TorchError) in
            let centres_KD = try Tensor(fit.centres, shape: [k, rows.dimension])
            return try centres_KD.matmul(centres_KD.transposed(0, 1)).array(Float.self)
        }
        var members = [[Int]](repeating: [], count: k)
        for row in fit.assignment.indices { members[Int(fit.assignment[row])].append(row) }
        return members.enumerated().map { number, members in
            let byCosine = members.sorted { (fit.cosines[$1], $0) < (fit.cosines[$0], $1) }
            let others = (0..<k).filter { $0 != number }
                .sorted { (centres[number * k + $1], $0) < (centres[number * k + $0], $1) }
            let count = Double(max(1, members.count))
            var summary = ClusterSummary(
                number: number, size: members.count,
                exemplars: facts.varied(byCosine, count: configuration.exemplars).map { rows.ids[$0] },
                rim: byCosine.suffix(configuration.rim).reversed().map { rows.ids[$0] },
                neighbours: others.prefix(configuration.neighbours).map {
                    .init(number: $0, cosine: Double(centres[number * k + $0]))
                },
                meanCosine: members.reduce(0) { $0 + Double(fit.cosines[$1]) } / count,
                silhouette: k > 1 ? members.reduce(0) { $0 + fit.silhouette(ofRow: $1) } / count : nil, labels: [],
                purity: nil, hours: [], dates: [:], sites: [:], note: "")
            facts.describe(&summary, members)
            return summary
        }
    }

    /// What is known of the sounds apart from their vectors, row by row.
    private struct Facts {
        private let atlas: Atlas
        private let recordings: [Int64: AtlasRecording]
        private let recordingOfRow: [Int64]
        private let startOfRow: [Double]
        private let labelsOfRow: [[String]]

        init(_ atlas: Atlas, _ ids: [Int]) throws {
            self.atlas = atlas
            recordings = Dictionary(uniqueKeysWithValues: try atlas.recordings().map { ($0.id, $0) })
            let all = try atlas.recordingOfSounds()
            let starts = try atlas.startOfSounds()
            let labels = try atlas.labelsOfSounds()
            recordingOfRow = ids.map { all[$0] }
            startOfRow = ids.map { starts[$0] }
            labelsOfRow = ids.map { labels[$0] ?? [] }
        }

        /// Rows from the front, but first at most two of a recording: ten renderings of one bird say less than ten birds.
        func varied(_ rows: [Int], count: Int) -> [Int] {
            var chosen: [Int] = []
            var passed: [Int] = []
            var times: [Int64: Int] = [:]
            for row in rows.prefix(50 * count) where chosen.count < count {
                if times[recordingOfRow[row], default: 0] < 2 {
                    times[recordingOfRow[row], default: 0] += 1
                    chosen.append(row)
                } else {
                    passed.append(row)
                }
            }
            return chosen + passed.prefix(count - chosen.count)
        }

        func describe(_ summary: inout ClusterSummary, _ rows: [Int]) {
            var labels: [String: Int] = [:]
            var labelled = 0
            var hours = [Int](repeating: 0, count: 24)
            for row in rows {
                if !labelsOfRow[row].isEmpty { labelled += 1 }
                for label in labelsOfRow[row] { labels[label, default: 0] += 1 }
                guard let recording = recordings[recordingOfRow[row]] else { continue }
                if let site = recording.site { summary.sites[site, default: 0] += 1 }
                guard let start = recording.startTime.flatMap(SoundTime.init) else { continue }
                let time = start.adding(startOfRow[row])
                hours[time.hour] += 1
                summary.dates[time.date, default: 0] += 1
            }
            summary.hours = hours.contains { $0 > 0 } ? hours : []
            summary.labels = labels.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { .init(label: $0.key, count: $0.value) }
            summary.purity = summary.labels.first.map { Double($0.count) / Double(labelled) }
        }

        /// The number of a name; a new one gets the next.
        private func number<Name: Hashable>(_ name: Name, in numbers: inout [Name: Int]) -> Int {
            if let known = numbers[name] { return known }
            numbers[name] = numbers.count
            return numbers.count - 1
        }

        /// Agreement with the labels of rows that have exactly one.
        func scores(_ fit: SphericalKMeans, bootstrap: Bootstrap) -> GroupingScores? {
            let rows = labelsOfRow.indices.filter { labelsOfRow[$0].count == 1 }
            guard Set(rows.lazy.map { labelsOfRow[$0][0] }).count > 1 else { return nil }
            var names: [String: Int] = [:]
            var numbers: [Int64: Int] = [:]
            let labels = rows.map { number(labelsOfRow[$0][0], in: &names) }
            let places = rows.map { number(recordingOfRow[$0], in: &numbers) }
            // A million places make a table slow: fewer draws.
            let draws = Bootstrap(
                resamples: min(bootstrap.resamples, max(0, 20_000_000 / rows.count)), level: bootstrap.level,
                seed: bootstrap.seed)
            return GroupingScores(
                groups: rows.map { Int(fit.assignment[$0]) }, labels: labels, recordings: places, bootstrap: draws)
        }
    }
}

/// The local time of a recording's beginning, as far as hours and dates need it.
struct SoundTime {
    private var days: Int
    private var seconds: Double

    /// Reads `2021-06-28T05:30:00` with anything behind it: local times are wanted as they were written.
    init?(_ iso8601: String) {
        let parts = iso8601.split { !$0.isNumber }.prefix(6).compactMap { Int($0) }
        guard parts.count >= 5, (1...12).contains(parts[1]), (1...31).contains(parts[2]), parts[3] < 24 else {
            return nil
        }
        days = Self.day(parts[0], parts[1], parts[2])
        seconds = Double(parts[3] * 3600 + parts[4] * 60 + (parts.count > 5 ? parts[5] : 0))
    }

    /// The time some seconds later.
    func adding(_ more: Double) -> SoundTime {
        var time = self
        time.seconds += more
        let whole = Int((time.seconds / 86_400).rounded(.down))
        time.days += whole
        time.seconds -= Double(whole) * 86_400
        return time
    }

    /// 0 to 23
    var hour: Int { min(23, Int(seconds / 3600)) }

    /// `2021-06-28`
    var date: String {
        // Civil date from days since 1970-03-01 of year 0 (Hinnant's algorithms).
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(year)-\(two(month))-\(two(day))"
    }

    private static func day(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
