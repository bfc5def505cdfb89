// One atlas under work. What a person says goes to the atlas first; only when it is on the disk does the page hear of it.
import Atlas
import Corpus
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
    private let configuration: Configuration
    private let recordings: [Int64: AtlasRecording]
    private let isVisible: [Bool]
    private let visibleCount: Int
    private let clusters: [ClusterSummary]
    private let clusterOfSounds: [Int32]
    private let places: [Float]
    private let hasMap: Bool
    private var book: LabelBook
    private var listened: Set<Int>
    private var predictions: Predictions?
    /// Proposals that were shown without being labelled do not come back at once.
    private var shown: Set<Int> = []

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

    private func located(_ id: Int) throws -> (Sound, AtlasRecording) {
        try check([id])
        let sound = try atlas.sound(id)
        guard let recording = recordings[sound.recordingID] else {
            throw StudioError("The recording of sound \(id) was replaced by another version", isMissing: true)
        }
        return (sound, recording)
    }

    private func check(_ ids: [Int]) throws {
        if let bad = ids.first(where: { !isVisible.indices.contains($0) || !isVisible[$0] }) {
            throw StudioError("There is no sound \(bad)", isMissing: true)
        }
    }

    // MARK: Labelling

    /// Gives sounds a label, or takes it away (nil).
    func label(_ ids: [Int], as name: String?) throws -> ChangeAnswer {
        try check(ids)
        guard !ids.isEmpty else { throw StudioError("No sound was named") }
        let ids = Array(Set(ids)).sorted()
        let summary: String
        if let name {
            summary = try atlas.label(ids, as: try StudioSession.checked(name), annotator: configuration.annotator)
                .summary
        } else {
            summary = try unlabel(ids)
        }
        try book.refresh(ids, atlas)
        return changed(summary, ids)
    }

    /// The sounds of a cluster.
    func members(ofCluster number: Int) throws -> [Int] {
        _ = try cluster(number)
        return clusterOfSounds.indices.filter { clusterOfSounds[$0] == Int32(number) && isVisible[$0] }
    }

    /// A person's label goes; one that came with the recordings is denied.
    private func unlabel(_ ids: [Int]) throws -> String {
        var removed: [Int64] = []
        var denied: [Annotation] = []
        for start in stride(from: 0, to: ids.count, by: 1000) {
            for annotation in try atlas.annotations(ofSounds: Array(ids[start..<min(start + 1000, ids.count)])) {
                guard let id = annotation.soundID, annotation.meaning == .positive else { continue }
                if annotation.source == .person {
                    removed.append(annotation.id)
                } else if annotation.source == .corpus, book.isFromCorpus[id] {
                    var denial = annotation
                    (denial.id, denial.meaning, denial.source) = (0, .negative, .person)
                    denial.annotator = configuration.annotator
                    denied.append(denial)
                }
            }
        }
        guard !removed.isEmpty || !denied.isEmpty else { return "" }
        let summary = "\(ids.count == 1 ? "1 sound" : "\(ids.count) sounds"): no label"
        return try atlas.saveAnnotations(denied, removing: removed, summary: summary).change.summary
    }

    /// Takes the last change back, or makes it again.
    func undo(again: Bool = false) throws -> ChangeAnswer {
        guard let change = try again ? atlas.redo() : atlas.undo() else { return changed("", []) }
        let concerned = try atlas.concerned(byChange: change.id)
        try book.refresh(concerned.soundIDs, atlas)
        var answer = changed("\(again ? "Again" : "Undone"): \(change.summary)", concerned.soundIDs)
        answer.changesBoxes = !concerned.recordingIDs.isEmpty
        return answer
    }

    private func changed(_ summary: String, _ ids: [Int]) -> ChangeAnswer {
        ChangeAnswer(
            summary: summary, ids: ids, codes: ids.map { book.codes[$0] }, labels: labelAnswers(),
            progress: progress())
    }

    private func labelAnswers() -> [LabelAnswer] {
        zip(book.names, book.counts).map { LabelAnswer(name: $0, count: $1) }
    }

    /// Labels are one line of text.
    static func checked(_ name: String) throws -> String {
        let text = name.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !text.isEmpty, text.count <= 200, !text.unicodeScalars.contains(where: { $0.value < 32 }) else {
            throw StudioError("A label has 1 to 200 characters in one line")
        }
        return text
    }

    func markListened(_ id: Int) throws -> ProgressAnswer {
        try check([id])
        if !listened.contains(id) {
            try atlas.markListened([id])
            listened.insert(id)
        }
        return progress()
    }

    func setNote(_ note: String, ofCluster number: Int) throws {
        _ = try cluster(number)
        try atlas.setNote(String(note.prefix(500)), ofCluster: number)
    }

    // MARK: Boxes

    private func boxes(_ recordingID: Int64) throws -> [BoxAnswer] {
        try atlas.annotations(ofRecording: recordingID, source: .person).filter { $0.soundID == nil }.map {
            BoxAnswer(
                id: $0.id, startSeconds: $0.startSeconds, endSeconds: $0.endSeconds, lowHz: $0.lowHz,
                highHz: $0.highHz, label: $0.label)
        }
    }

    /// Saves an event in the recording of a sound; `box.id` 0 makes a new one. Returns its number and all of the recording.
    func save(_ box: BoxAnswer, nearSound id: Int) throws -> (id: Int64, boxes: [BoxAnswer]) {
        let (sound, recording) = try located(id)
        let end = max(recording.seconds, sound.endSeconds) + 1e-6
        guard box.startSeconds >= 0, box.endSeconds >= box.startSeconds, box.endSeconds <= end else {
            throw StudioError("An event lies within its recording, and ends after it begins")
        }
        if box.lowHz != nil || box.highHz != nil {
            guard let low = box.lowHz, let high = box.highHz, low >= 0, high > low,
                high <= recording.rateHz / 2 + 1e-6
            else { throw StudioError("A band lies between 0 and \(recording.rateHz / 2) Hz") }
        }
        if box.id > 0, try !boxes(sound.recordingID).contains(where: { $0.id == box.id }) {
            throw StudioError("There is no event \(box.id) in \(recording.name)", isMissing: true)
        }
        var annotation = Annotation(
            recordingID: sound.recordingID, channel: sound.channel, startSeconds: box.startSeconds,
            endSeconds: box.endSeconds, lowHz: box.lowHz, highHz: box.highHz,
            label: try StudioSession.checked(box.label), annotator: configuration.annotator)
        annotation.id = box.id
        let saved = try atlas.saveAnnotations([annotation], summary: "event \(annotation.label)")
        _ = book.number(annotation.label)
        return (saved.annotations[0].id, try boxes(sound.recordingID))
    }

    func removeBox(_ box: Int64, nearSound id: Int) throws -> [BoxAnswer] {
        let (sound, _) = try located(id)
        guard let old = try boxes(sound.recordingID).first(where: { $0.id == box }) else {
            throw StudioError("There is no event \(box) in \(sound.recording)", isMissing: true)
        }
        try atlas.saveAnnotations([], removing: [box], summary: "event \(old.label) removed")
        return try boxes(sound.recordingID)
    }

    // MARK: Finding

    func like(_ like: [Int], unlike: [Int], count: Int) throws -> ListAnswer {
        try check(like + unlike)
        guard !like.isEmpty else { throw StudioError("Say first which sounds the others should be like") }
        var query = SoundQuery()
        (query.like, query.unlike, query.count) = (like, unlike, count)
        query.excluding = Set(like + unlike)
        let hits = try atlas.search(query)
        return ListAnswer(
            ids: hits.map(\.id), notes: hits.map { "likeness \(String(format: "%.2f", $0.score))" },
            title: "Like \(like.count == 1 ? "sound \(like[0])" : "\(like.count) sounds")"
                + (unlike.isEmpty ? "" : ", unlike \(unlike.count)"), total: hits.count)
    }

    /// Sounds whose label, the classifier's guess for it, or recording contains a text.
    func search(_ text: String, count: Int) throws -> ListAnswer {
        let wanted = text.trimmingCharacters(in: .whitespaces)
        func fits(_ name: String) -> Bool { name.range(of: wanted, options: .caseInsensitive) != nil }
        guard !wanted.isEmpty else { throw StudioError("Type a label or a part of a recording's name") }
        let exact = book.names.firstIndex { $0.caseInsensitiveCompare(wanted) == .orderedSame }
        let codes = Set(exact.map { [Int32($0)] } ?? book.names.indices.filter { fits(book.names[$0]) }.map(Int32.init))
        var found: [(id: Int, note: String)] = book.codes.indices
            .filter { isVisible[$0] && codes.contains(book.codes[$0]) }
            .map { ($0, "labelled \(book.names[Int(book.codes[$0])])") }
        for recording in recordings.values.sorted(by: { $0.name < $1.name }) where fits(recording.name) {
            for id in try atlas.soundIDs(ofRecording: recording.id) where isVisible[id] {
                found.append((id, recording.name))
            }
        }
        if let predictions, !codes.isEmpty {
            let guessed = book.codes.indices.filter {
                isVisible[$0] && book.codes[$0] < 0
                    && codes.contains(Int32(predictions.classes[Int(predictions.best[$0])]))
            }.sorted { predictions.probability[$0] > predictions.probability[$1] }
            found += guessed.prefix(count).map {
                ($0, "perhaps, \(Int((100 * predictions.probability[$0]).rounded())) %")
            }
        }
        var seen: Set<Int> = []
        found = found.filter { seen.insert($0.id).inserted }
        return ListAnswer(
            ids: found.prefix(count).map(\.id), notes: found.prefix(count).map(\.note), title: "“\(wanted)”",
            total: found.count)
    }

    // MARK: Learning

    func learn() async throws -> LearningAnswer {
        let start = ContinuousClock.now
        let codes = book.codes
        let found = try await learner.train(labels: codes, names: book.names)
        predictions = found
        shown = []
        let time = ContinuousClock.now - start
        return LearningAnswer(
            labels: found.classes.count, sounds: found.labelled.reduce(0, +), macroF1: found.macroF1,
            seconds: time / .seconds(1), progress: progress())
    }

    /// The sounds without a label that the classifier takes for `name`, surest first.
    func found(_ name: String, minimum: Double, count: Int) throws -> ListAnswer {
        guard let predictions else { throw StudioError("Learn from the labels first") }
        guard let number = book.names.firstIndex(of: name), let place = predictions.classes.firstIndex(of: number)
        else { throw StudioError("Nothing was learned about “\(name)”; label some, then learn again") }
        let ids = book.codes.indices.filter {
            isVisible[$0] && book.codes[$0] < 0 && Int(predictions.best[$0]) == place
                && Double(predictions.probability[$0]) >= minimum
        }.sorted { predictions.probability[$0] > predictions.probability[$1] }
        let sum = ids.reduce(0) { $0 + Double(predictions.probability[$1]) }
        let labelled = Double(book.counts[number])
        return ListAnswer(
            ids: Array(ids.prefix(count)),
            notes: ids.prefix(count).map { "\(Int((100 * predictions.probability[$0]).rounded())) % \(name)" },
            title: "Found: \(name)", expectedPrecision: ids.isEmpty ? nil : sum / Double(ids.count),
            expectedRecall: min(1, (labelled + sum) / max(labelled + predictions.expected[place], 1e-9)),
            total: ids.count)
    }

    func progress() -> ProgressAnswer {
        var expected: [Int: Double] = [:]
        if let predictions {
            for (place, number) in predictions.classes.enumerated() { expected[number] = predictions.expected[place] }
        }
        let labelled = book.counts.reduce(0, +)
        return ProgressAnswer(
            total: visibleCount, listened: listened.count, labelled: labelled,
            byPeople: labelled - book.isFromCorpus.count { $0 },
            labels: book.names.indices.filter { book.counts[$0] > 0 || expected[$0] != nil }.map { number in
                let count = Double(book.counts[number])
                return .init(
                    name: book.names[number], labelled: book.counts[number], expected: expected[number],
                    recall: expected[number].map { count / max(count + $0, 1e-9) })
            }, macroF1: predictions?.macroF1)
    }

    /// What to listen to next.
    func propose(_ kind: ProposalKind, count: Int) async throws -> ListAnswer {
        let open = book.codes.indices.filter { isVisible[$0] && book.codes[$0] < 0 && !shown.contains($0) }
        let proposals = Proposals(
            open: open, codes: book.codes, clusters: clusterOfSounds, exemplars: clusters.map { $0.exemplars },
            predictions: predictions, learner: learner)
        let chosen = try await proposals.choose(kind, count: count)
        shown.formUnion(chosen.map(\.id))
        return ListAnswer(
            ids: chosen.map(\.id), notes: chosen.map(\.reason), title: "Proposed: \(kind.rawValue)",
            total: open.count)
    }

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
