// One atlas under work. What a person says goes to the atlas first; only when it is on the disk does the page hear of it.
import Atlas
import Foundation
import Labels

/// The state behind the page. Requests come one after another.
actor StudioSession {
    /// How a session is set up.
    struct Configuration: Sendable {
        /// Where labels are saved besides the atlas; nil for nowhere.
        var corpus: URL?
        /// Whether labels that came with the recordings are shown and learned from.
        var usesCorpusLabels = true
        /// Who labels.
        var annotator: String?
    }

    let atlas: Atlas
    let learner: Learner
    let configuration: Configuration
    let recordings: [Int64: AtlasRecording]
    let isVisible: [Bool]
    let visibleCount: Int
    let clusters: [ClusterSummary]
    let clusterOfSounds: [Int32]
    private let places: [Float]
    private let hasMap: Bool
    var book: LabelBook
    var listened: Set<Int>
    var predictions: Predictions?
    /// Proposals that were shown without being labelled do not come back at once.
    var shown: Set<Int> = []

    init(_ atlas: Atlas, _ configuration: Configuration = Configuration()) throws {
        var isVisible = [Bool](repeating: false, count: atlas.count)
        for id in try atlas.visibleIDs() { isVisible[id] = true }
        let clusterOfSounds = try atlas.clusterOfSounds() ?? [Int32](repeating: -1, count: atlas.count)
        let map = try atlas.mapOfSounds()
        let book = try LabelBook(atlas, countsCorpus: configuration.usesCorpusLabels)
        let listened = try atlas.listenedIDs()
        recordings = Dictionary(uniqueKeysWithValues: try atlas.recordings().map { ($0.id, $0) })
        clusters = try atlas.clusters()
        learner = Learner(vectors: atlas.vectors, isHidden: isVisible.map { !$0 })
        (self.atlas, self.configuration, self.isVisible) = (atlas, configuration, isVisible)
        (self.clusterOfSounds, self.book, self.listened) = (clusterOfSounds, book, listened)
        (hasMap, places) = (map != nil, map ?? StudioSession.spiral(clusterOfSounds))
        visibleCount = isVisible.count { $0 }
    }

    /// Places for an atlas without a map: clusters one after another along a spiral, so that each is a ring.
    private static func spiral(_ clusters: [Int32]) -> [Float] {
        var places = [Float](repeating: 0, count: 2 * clusters.count)
        for (order, id) in clusters.indices.sorted(by: { clusters[$0] < clusters[$1] }).enumerated() {
            let radius = (Double(order + 1) / Double(clusters.count)).squareRoot()
            let angle = Double(order) * 2.399963
            (places[2 * id], places[2 * id + 1]) = (Float(radius * cos(angle)), Float(radius * sin(angle)))
        }
        return places
    }

    // MARK: Looking

    func summary() -> SummaryAnswer {
        SummaryAnswer(
            name: atlas.folder.lastPathComponent, model: atlas.description.model,
            unit: atlas.description.unit.rawValue, count: visibleCount, hasMap: hasMap,
            hasCorpus: configuration.corpus != nil, hasLearned: predictions != nil,
            clusters: clusters.map {
                .init(number: $0.number, size: $0.size, exemplars: Array($0.exemplars.prefix(4)), note: $0.note)
            }, labels: labelAnswers(), progress: progress(),
            formats: LabelFormat.allCases.map {
                .init(name: $0.rawValue, holdsManyRecordings: $0.holdsManyRecordings)
            })
    }

    /// `A2VP`, count, then x, y (Float32), cluster, label (Int32), flags (UInt8: 1 listened, 2 label from the corpus) of all
    /// sounds, little-endian. Sounds that do not count lie nowhere (NaN).
    func points() -> Data {
        let count = atlas.count
        var data = Data(capacity: 8 + 17 * count)
        data.append(contentsOf: Array("A2VP".utf8))
        withUnsafeBytes(of: UInt32(count).littleEndian) { data.append(contentsOf: $0) }
        for axis in 0..<2 {
            let values = (0..<count).map { isVisible[$0] ? places[2 * $0 + axis] : .nan }
            values.withUnsafeBytes { data.append(contentsOf: $0) }
        }
        clusterOfSounds.withUnsafeBytes { data.append(contentsOf: $0) }
        book.codes.withUnsafeBytes { data.append(contentsOf: $0) }
        var flags = [UInt8](repeating: 0, count: count)
        for id in listened where id < count { flags[id] |= 1 }
        for id in 0..<count where book.isFromCorpus[id] { flags[id] |= 2 }
        data.append(contentsOf: flags)
        return data
    }

    /// `A2VG`, count, then the likeliest label (Int32) and its probability (Float32) of all sounds; nil before learning.
    func guesses() -> Data? {
        guard let predictions else { return nil }
        var data = Data(Array("A2VG".utf8))
        withUnsafeBytes(of: UInt32(atlas.count).littleEndian) { data.append(contentsOf: $0) }
        let codes = predictions.best.map { Int32(predictions.classes[Int($0)]) }
        codes.withUnsafeBytes { data.append(contentsOf: $0) }
        predictions.probability.withUnsafeBytes { data.append(contentsOf: $0) }
        return data
    }

    func sound(_ id: Int) throws -> SoundAnswer {
        let (sound, recording) = try located(id)
        let guess = predictions.map {
            LabelGuess(label: book.names[$0.classes[Int($0.best[id])]], probability: Double($0.probability[id]))
        }
        let own = book.codes[id]
        let corpus = try atlas.annotations(ofSounds: [id], source: .corpus).map(\.label)
        return SoundAnswer(
            id: id, recording: sound.recording, recordingSeconds: max(recording.seconds, sound.endSeconds),
            rateHz: recording.rateHz, channel: sound.channel, startSeconds: sound.startSeconds,
            endSeconds: sound.endSeconds, startTime: recording.startTime, site: recording.site,
            cluster: sound.cluster, label: own >= 0 ? book.names[Int(own)] : nil,
            corpusLabels: configuration.usesCorpusLabels ? corpus : [], guess: guess,
            boxes: try boxes(sound.recordingID))
    }

    /// The stretch of a sound's recording that is to be seen or heard; the sound with a little around it by default.
    func stretch(_ id: Int, from: Double?, to: Double?) throws -> Stretch {
        let (sound, recording) = try located(id)
        let around = min(max(0.1 * sound.durationSeconds, 0.02), 1)
        return Stretch(
            path: recording.path, channel: sound.channel, startSeconds: from ?? sound.startSeconds - around,
            endSeconds: to ?? sound.endSeconds + around)
    }

    func cluster(_ number: Int) throws -> ClusterSummary {
        guard let found = clusters.first(where: { $0.number == number }) else {
            throw StudioError("There is no cluster \(number)", isMissing: true)
        }
        return found
    }

    func located(_ id: Int) throws -> (Sound, AtlasRecording) {
        try check([id])
        let sound = try atlas.sound(id)
        guard let recording = recordings[sound.recordingID] else {
            throw StudioError("The recording of sound \(id) was replaced by another version", isMissing: true)
        }
        return (sound, recording)
    }

    func check(_ ids: [Int]) throws {
        if let bad = ids.first(where: { !isVisible.indices.contains($0) || !isVisible[$0] }) {
            throw StudioError("There is no sound \(bad)", isMissing: true)
        }
    }
}
