// Labels and events: first to the disk, then to the page.
import Atlas
import Foundation

extension StudioSession {
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
        let ids = concerned.soundIDs.filter { isVisible.indices.contains($0) }
        try book.refresh(ids, atlas)
        var answer = changed("\(again ? "Again" : "Undone"): \(change.summary)", ids)
        answer.changesBoxes = !concerned.recordingIDs.isEmpty
        return answer
    }

    func changed(_ summary: String, _ ids: [Int]) -> ChangeAnswer {
        ChangeAnswer(
            summary: summary, ids: ids, codes: ids.map { book.codes[$0] }, labels: labelAnswers(),
            progress: progress())
    }

    func labelAnswers() -> [LabelAnswer] {
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

    func boxes(_ recordingID: Int64) throws -> [BoxAnswer] {
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
}
