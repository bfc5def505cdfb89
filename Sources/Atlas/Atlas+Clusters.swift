// What clusterings say: one is current, older ones stay to be looked at.
import Foundation
import GRDB

/// One way of dividing all sounds into groups.
public struct Clustering: Sendable, Hashable, Codable, Identifiable {
    /// Its row in the catalogue.
    public var id: Int64 = 0
    /// The number of groups.
    public var k: Int
    /// The seed of its random choices.
    public var seed: UInt64
    /// Mean cosine between a sound and the centre of its group.
    public var meanCosine: Double
    /// How much closer sounds lie to their own centre than to the next one: from −1 to 1.
    public var silhouette: Double?
    /// Adjusted Rand index between clusterings of different seeds; 1 when they agree.
    public var stability: Double?
    /// Agreement with labels, where there are some.
    public var adjustedMutualInformation: Double?
    /// Agreement with labels, where there are some.
    public var adjustedRandIndex: Double?
    /// Share of sounds whose label is the most frequent one of their group.
    public var purity: Double?
    /// Rounds until nothing moved any more.
    public var rounds: Int
    /// Sounds that were grouped.
    public var soundCount: Int
}

/// One group of sounds.
public struct ClusterSummary: Sendable, Hashable, Codable, Identifiable {
    /// A label and how many sounds of the group have it.
    public struct LabelCount: Sendable, Hashable, Codable {
        /// The label.
        public var label: String
        /// Sounds.
        public var count: Int
    }

    /// Another group and how close it is.
    public struct Neighbour: Sendable, Hashable, Codable {
        /// Its number.
        public var number: Int
        /// Cosine between the centres.
        public var cosine: Double
    }

    /// Its number, from 0; 0 is the largest group.
    public var number: Int
    /// Sounds in it.
    public var size: Int
    /// Sounds near the centre that differ from each other, nearest first.
    public var exemplars: [Int]
    /// Sounds at the rim, farthest first.
    public var rim: [Int]
    /// The closest other groups, closest first.
    public var neighbours: [Neighbour]
    /// Mean cosine between its sounds and its centre.
    public var meanCosine: Double
    /// Mean silhouette of its sounds.
    public var silhouette: Double?
    /// Its labels, most frequent first.
    public var labels: [LabelCount]
    /// Share of the labelled sounds that have the most frequent label; nil without labels.
    public var purity: Double?
    /// Sounds by hour of the day, 24 numbers; empty where no recording tells its time.
    public var hours: [Int]
    /// Sounds by date (`2021-06-28`), where recordings tell it.
    public var dates: [String: Int]
    /// Sounds by site, where known.
    public var sites: [String: Int]
    /// What a person called it.
    public var note: String

    /// Its identity within a clustering.
    public var id: Int { number }
}

extension Atlas {
    /// All clusterings, newest first.
    public func clusterings() throws -> [Clustering] {
        try read {
            try Row.fetchAll($0, sql: "SELECT id, summary FROM clusterings ORDER BY id DESC").map(Clustering.init(row:))
        }
    }

    /// The clustering that sounds and pages show; nil before the first.
    public func currentClustering() throws -> Clustering? {
        try read {
            try Row.fetchOne($0, sql: "SELECT id, summary FROM clusterings WHERE isCurrent").map(Clustering.init(row:))
        }
    }

    /// The groups of a clustering in order of their numbers; of the current one when nil.
    public func clusters(of id: Int64? = nil) throws -> [ClusterSummary] {
        let clustering: Int64? = if let id { id } else { try currentClustering()?.id }
        guard let clustering else { return [] }
        return try read {
            try Row.fetchAll(
                $0, sql: "SELECT summary, note FROM clusters WHERE clusteringID = ? ORDER BY number",
                arguments: [clustering]
            ).map { row in
                var summary = try JSONDecoder().decode(
                    ClusterSummary.self, from: Data((row["summary"] as String).utf8))
                summary.note = row["note"]
                return summary
            }
        }
    }

    /// The centre of a group: a scaled vector of length 1.
    public func clusterCentre(_ number: Int, of id: Int64) throws -> [Float]? {
        try read {
            try Data.fetchOne(
                $0, sql: "SELECT centre FROM clusters WHERE clusteringID = ? AND number = ?", arguments: [id, number])
        }?.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    /// The sounds of a group of the current clustering.
    public func soundIDs(inCluster number: Int) throws -> [Int] {
        guard let clusters = try clusterOfSounds() else { return [] }
        return clusters.indices.filter { clusters[$0] == Int32(number) }
    }

    /// Keeps what a person calls a group of the current clustering; it is on the disk when this returns.
    public func setNote(_ note: String, ofCluster number: Int) throws {
        guard let clustering = try currentClustering() else { return }
        try write {
            try $0.execute(
                sql: "UPDATE clusters SET note = ? WHERE clusteringID = ? AND number = ?",
                arguments: [note, clustering.id, number])
        }
    }

    /// Keeps a clustering with its groups, and makes it the current one.
    ///
    /// - Parameters:
    ///   - assignment: the group of every sound, −1 for none.
    ///   - centres: row-major, k × dimension.
    @discardableResult
    func save(
        _ clustering: Clustering, _ summaries: [ClusterSummary], assignment: [Int32], centres: [Float],
        isCurrent: Bool
    ) throws -> Clustering {
        let dimension = vectors.dimension
        let id = try write { database in
            try database.execute(
                sql: "INSERT INTO clusterings (k, time, summary) VALUES (?, ?, ?)",
                arguments: [clustering.k, Date().formatted(.iso8601), try Self.json(clustering)])
            let id = database.lastInsertedRowID
            for summary in summaries {
                let centre = centres[summary.number * dimension..<(summary.number + 1) * dimension]
                try database.execute(
                    sql: "INSERT INTO clusters (clusteringID, number, size, summary, centre) VALUES (?, ?, ?, ?, ?)",
                    arguments: [
                        id, summary.number, summary.size, try Self.json(summary),
                        Array(centre).withUnsafeBytes { Data($0) },
                    ])
            }
            return id
        }
        // A clustering becomes current only when its file is there.
        try setColumn("clusters-\(id)", assignment.map(Float.init))
        if isCurrent { try makeCurrent(id) }
        var saved = clustering
        saved.id = id
        return saved
    }

    /// Makes a clustering the one that sounds and pages show.
    public func makeCurrent(_ clusteringID: Int64) throws {
        try write {
            try $0.execute(sql: "UPDATE clusterings SET isCurrent = (id = ?)", arguments: [clusteringID])
        }
    }
}

extension Clustering {
    fileprivate init(row: Row) throws {
        self = try JSONDecoder().decode(Clustering.self, from: Data((row["summary"] as String).utf8))
        id = row["id"]
    }
}
