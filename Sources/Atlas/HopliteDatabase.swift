// Databases of perch-hoplite 1.x: a folder with `hoplite.sqlite` and `usearch.index`. Windows become sounds and annotations
// become labels, and back.
import Foundation
import GRDB
import Storage

/// Exchange with perch-hoplite.
public enum HopliteDatabase {
    /// What was moved.
    public struct Summary: Codable, Sendable, Hashable {
        /// Recordings.
        public var recordings = 0
        /// Windows, that is sounds.
        public var sounds = 0
        /// Annotations.
        public var annotations = 0
        /// Windows without a vector, which were left out.
        public var withoutVector = 0
    }

    static let databaseName = "hoplite.sqlite"
    static let indexName = "usearch.index"

    // MARK: Import

    /// Makes an atlas of a database. What was imported before is left alone.
    ///
    /// - Parameters:
    ///   - source: the folder of the database.
    ///   - audio: the folder in which the recordings lie; their names in the database are relative to it.
    public static func read(_ source: URL, into folder: URL, audio: URL? = nil) throws -> (Atlas, Summary) {
        let file = source.appending(path: databaseName)
        guard FileManager.default.fileExists(atPath: file.path) else {
            throw AtlasError(
                source.path, "holds no \(databaseName)", remedy: "give the folder of a perch-hoplite 1.x database")
        }
        let index = try USearchIndex(source.appending(path: indexName))
        var configuration = Configuration()
        configuration.readonly = true
        let database = try DatabaseQueue(path: file.path, configuration: configuration)
        do {
            return try database.read { try read($0, index, source, folder, audio) }
        } catch let error as DatabaseError {
            throw AtlasError(
                file.path, "is no database of perch-hoplite 1.x: \(error.message ?? "unreadable")",
                remedy: "databases of 0.1 have another layout: convert them with perch-hoplite first")
        }
    }

    private static func read(
        _ database: Database, _ index: USearchIndex, _ source: URL, _ folder: URL, _ audio: URL?
    ) throws -> (Atlas, Summary) {
        let model = try String.fetchOne(
            database, sql: "SELECT value FROM hoplite_metadata WHERE key = 'model_config'")
        let fields = model.flatMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
        let name = ["model_key", "model_name", "embedding_model"].lazy.compactMap { fields?[$0] as? String }.first
        let first = try Data.fetchOne(database, sql: "SELECT offsets FROM windows ORDER BY id").flatMap(offsets)
        let seconds = first.map { $0.end - $0.start } ?? 0
        let atlas = try Atlas.open(
            folder,
            makingFor: Atlas.Description(
                model: name ?? "perch-hoplite",
                fingerprint: "hoplite \(model.map { CRC32C.of(Array($0.utf8)).value } ?? 0)",
                dimension: index.dimension, unit: .windows, windowSeconds: seconds, hopSeconds: seconds))
        let writer = try AtlasWriter(atlas)
        var summary = Summary()
        let recordings = try Row.fetchAll(
            database,
            sql: """
                SELECT recordings.id, filename, datetime, name, project FROM recordings
                LEFT JOIN deployments ON deployments.id = deployment_id ORDER BY recordings.id
                """)
        for recording in recordings {
            let (id, filename): (Int64, String) = (recording["id"], recording["filename"])
            let path = audio?.appending(path: filename).path ?? filename
            let windows = try Row.fetchAll(
                database, sql: "SELECT id, offsets FROM windows WHERE recording_id = ? ORDER BY id", arguments: [id])
            let annotations = try Row.fetchAll(
                database, sql: "SELECT * FROM annotations WHERE recording_id = ? ORDER BY id", arguments: [id])
            var version = RecordingVersion(name: filename, path: path, cuts: "hoplite, \(windows.count) windows")
            // The file may be elsewhere, or come back: that changes nothing of its vectors.
            (version.size, version.modified) = (0, 0)
            guard let (row, done) = try writer.begin(version) else { continue }
            var places: [SoundPlace] = []
            var vectors: [Float] = []
            for window in windows {
                guard let vector = index.vector(UInt64(window["id"] as Int64)), let span = offsets(window["offsets"])
                else {
                    summary.withoutVector += 1
                    continue
                }
                places.append(SoundPlace(startSeconds: span.start, endSeconds: span.end))
                vectors += vector
            }
            let rest = places.dropFirst(done)
            try writer.add(
                Array(rest), vectors: Array(vectors[min(vectors.count, done * index.dimension)...]), recording: row)
            try writer.finish(
                row, seconds: places.map(\.endSeconds).max() ?? 0, rateHz: 0, startTime: recording["datetime"],
                site: recording["name"])
            try writer.commit()
            try insert(annotations, atlas, recording: row)
            summary.recordings += 1
            summary.sounds += rest.count
            summary.annotations += annotations.count
        }
        if atlas.count > 0 { try atlas.setScaling(atlas.scalingMethod()) }
        return (atlas, summary)
    }

    /// Annotations find the window that has their times; others stand by themselves.
    private static func insert(_ rows: [Row], _ atlas: Atlas, recording: Int64) throws {
        try atlas.write { database in
            var sounds: [String: Int] = [:]
            let own = try Row.fetchAll(
                database, sql: "SELECT id, startSeconds, endSeconds FROM sounds WHERE recordingID = ?",
                arguments: [recording])
            for row in own { sounds[key(row["startSeconds"], row["endSeconds"])] = row["id"] }
            for row in rows {
                guard let span = offsets(row["offsets"]) else { continue }
                let meaning: Annotation.Meaning =
                    switch row["label_type"] as Int {
                    case 0: .negative
                    case 1: .positive
                    default: .uncertain
                    }
                try Annotation(
                    soundID: sounds[key(span.start, span.end)], recordingID: recording, startSeconds: span.start,
                    endSeconds: span.end, label: row["label"], meaning: meaning, source: .corpus,
                    annotator: row["provenance"]
                ).write(database)
            }
        }
    }

    private static func key(_ start: Double, _ end: Double) -> String {
        "\((start * 1000).rounded()) \((end * 1000).rounded())"
    }

    /// Little-endian doubles: start and end.
    private static func offsets(_ data: Data?) -> (start: Double, end: Double)? {
        guard let data, data.count >= 16 else { return nil }
        let numbers = data.withUnsafeBytes { bytes in
            (0..<2).map {
                Double(
                    bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
            }
        }
        guard numbers.allSatisfy(\.isFinite), numbers[0] < numbers[1] else { return nil }
        return (numbers[0], numbers[1])
    }

    private static func offsets(_ start: Double, _ end: Double) -> Data {
        var data = Data()
        for number in [start, end] {
            withUnsafeBytes(of: number.bitPattern.littleEndian) { data.append(contentsOf: $0) }
        }
        return data
    }

    // MARK: Export

    /// Writes the sounds and labels of an atlas as a database, into a folder that holds none yet.
    ///
    /// - Parameter progress: called with the number of vectors that are linked.
    public static func write(
        _ atlas: Atlas, to folder: URL, project: String = "animal2vec", progress: (Int) throws -> Void = { _ in }
    ) throws -> Summary {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appending(path: databaseName)
        guard !FileManager.default.fileExists(atPath: file.path) else {
            throw AtlasError(file.path, "is there already", remedy: "choose another folder")
        }
        let ids = try atlas.visibleIDs()
        // The database appears last: without it the folder is none.
        try USearchIndex.write(
            atlas.vectors, ids: ids, keys: ids.map { UInt64($0 + 1) }, to: folder.appending(path: indexName),
            progress: progress)
        let temporary = folder.appending(path: ".\(databaseName)\(AtomicFile.unfinishedSuffix)")
        try? FileManager.default.removeItem(at: temporary)
        let database = try DatabaseQueue(path: temporary.path)
        let summary = try database.write { try write(atlas, ids, project, $0) }
        try database.close()
        try FileSystem.live.rename(temporary, to: file)
        try FileSystem.live.synchronizeFolder(folder)
        return summary
    }

    private static func write(
        _ atlas: Atlas, _ ids: [Int], _ project: String, _ database: Database
    ) throws -> Summary {
        try database.execute(sql: schema)
        let metadata: [(String, String)] = [
            (
                "usearch_config",
                """
                {"dtype": "float16", "embedding_dim": \(atlas.vectors.dimension), "expansion_add": 256, \
                "expansion_search": 128, "metric_name": "IP"}
                """
            ),
            ("model_config", try Atlas.json(["model_key": atlas.description.model])),
        ]
        for (key, value) in metadata {
            try database.execute(
                sql: "INSERT INTO hoplite_metadata (key, value) VALUES (?, ?)", arguments: [key, value])
        }
        var summary = Summary()
        var deployments: [String: Int64] = [:]
        for recording in try atlas.recordings() {
            let site = recording.site ?? ""
            if deployments[site] == nil {
                try database.execute(
                    sql: "INSERT INTO deployments (name, project) VALUES (?, ?)",
                    arguments: [site.isEmpty ? "unknown" : site, project])
                deployments[site] = database.lastInsertedRowID
            }
            try database.execute(
                sql: "INSERT INTO recordings (id, filename, datetime, deployment_id) VALUES (?, ?, ?, ?)",
                arguments: [recording.id, recording.name, recording.startTime, deployments[site]])
            summary.recordings += 1
        }
        let window = try database.makeStatement(sql: "INSERT INTO windows (id, recording_id, offsets) VALUES (?, ?, ?)")
        for start in stride(from: 0, to: ids.count, by: 10_000) {
            for sound in try atlas.sounds(Array(ids[start..<min(start + 10_000, ids.count)])) {
                try window.execute(arguments: [
                    sound.id + 1, sound.recordingID, offsets(sound.startSeconds, sound.endSeconds),
                ])
                summary.sounds += 1
            }
        }
        let known = Set(try atlas.recordings().map(\.id))
        for annotation in try atlas.annotations() where known.contains(annotation.recordingID) {
            let type = [Annotation.Meaning.negative: 0, .positive: 1, .uncertain: 2][annotation.meaning]!
            try database.execute(
                sql: """
                    INSERT INTO annotations (recording_id, offsets, label, label_type, provenance)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                arguments: [
                    annotation.recordingID, offsets(annotation.startSeconds, annotation.endSeconds), annotation.label,
                    type, annotation.annotator ?? annotation.source.rawValue,
                ])
            summary.annotations += 1
        }
        return summary
    }

    private static let schema = """
        CREATE TABLE hoplite_metadata (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE deployments (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, project TEXT NOT NULL,
            latitude REAL, longitude REAL, UNIQUE (name, project));
        CREATE TABLE recordings (id INTEGER PRIMARY KEY AUTOINCREMENT, filename TEXT NOT NULL, datetime TEXT,
            deployment_id INTEGER REFERENCES deployments(id) ON DELETE CASCADE,
            UNIQUE (id, deployment_id), UNIQUE (filename, deployment_id));
        CREATE TABLE windows (id INTEGER PRIMARY KEY AUTOINCREMENT,
            recording_id INTEGER NOT NULL REFERENCES recordings(id) ON DELETE CASCADE, offsets FLOAT_LIST NOT NULL,
            UNIQUE (id, recording_id, offsets));
        CREATE TABLE annotations (id INTEGER PRIMARY KEY AUTOINCREMENT,
            recording_id INTEGER NOT NULL REFERENCES recordings(id) ON DELETE CASCADE, offsets FLOAT_LIST NOT NULL,
            label TEXT NOT NULL, label_type INTEGER NOT NULL, provenance TEXT NOT NULL,
            UNIQUE (id, recording_id, offsets));
        CREATE INDEX idx_annotations ON annotations(recording_id, offsets, label, label_type, provenance);
        CREATE INDEX idx_labels ON annotations(label, label_type, provenance);
        CREATE INDEX idx_recordings_deployment_id ON recordings(deployment_id);
        CREATE INDEX idx_windows_recording_id ON windows(recording_id);
        """
}
