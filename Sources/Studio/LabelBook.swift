// The label of every sound, in memory: the page wants all of them at once. The atlas on the disk is what counts; this is read
// from it, and changed only after it.
import Atlas

/// Labels by number, and the number of every sound's label.
struct LabelBook: Sendable {
    /// The names, in order of their first use.
    private(set) var names: [String] = []
    /// The label of each sound, −1 for none.
    private(set) var codes: [Int32]
    /// Whether the label came with the recordings, and nobody has said anything here.
    private(set) var isFromCorpus: [Bool]
    /// Sounds of each label.
    private(set) var counts: [Int] = []
    private var numbers: [String: Int32] = [:]
    private let countsCorpus: Bool

    /// Everything that is known. `countsCorpus` says whether labels that came with the recordings count.
    init(_ atlas: Atlas, countsCorpus: Bool) throws {
        codes = [Int32](repeating: -1, count: atlas.count)
        isFromCorpus = [Bool](repeating: false, count: atlas.count)
        self.countsCorpus = countsCorpus
        let byPeople = try atlas.annotations(source: .person)
        // Old names keep their numbers, and with them their keys and colours, from run to run.
        for annotation in byPeople where annotation.meaning == .positive { _ = number(annotation.label) }
        if countsCorpus {
            let all = try atlas.labelsOfSounds()
            for name in Set(all.values.compactMap(\.first)).sorted() { _ = number(name) }
            let spoken = Set(byPeople.compactMap(\.soundID))
            for (id, labels) in all { set(id, labels.first, isFromCorpus: !spoken.contains(id)) }
        } else {
            for annotation in byPeople where annotation.meaning == .positive {
                if let id = annotation.soundID { set(id, annotation.label, isFromCorpus: false) }
            }
        }
    }

    /// The number of a label, new ones included.
    mutating func number(_ name: String) -> Int32 {
        if let known = numbers[name] { return known }
        numbers[name] = Int32(names.count)
        names.append(name)
        counts.append(0)
        return Int32(names.count - 1)
    }

    /// Notes what the atlas holds now for a sound.
    mutating func set(_ id: Int, _ name: String?, isFromCorpus: Bool) {
        // Sounds that came into the atlas after it was opened are seen next time.
        guard codes.indices.contains(id) else { return }
        if codes[id] >= 0 { counts[Int(codes[id])] -= 1 }
        codes[id] = name.map { number($0) } ?? -1
        self.isFromCorpus[id] = isFromCorpus && name != nil
        if codes[id] >= 0 { counts[Int(codes[id])] += 1 }
    }

    /// Reads sounds anew after a change.
    mutating func refresh(_ ids: [Int], _ atlas: Atlas) throws {
        for start in stride(from: 0, to: ids.count, by: 1000) {
            let part = Array(ids[start..<min(start + 1000, ids.count)])
            var byPeople: [Int: String] = [:]
            var byCorpus: [Int: String] = [:]
            var spoken: Set<Int> = []
            for annotation in try atlas.annotations(ofSounds: part) {
                guard let id = annotation.soundID else { continue }
                if annotation.source == .person { spoken.insert(id) }
                guard annotation.meaning == .positive else { continue }
                if annotation.source == .person { byPeople[id] = byPeople[id] ?? annotation.label }
                if annotation.source == .corpus {
                    byCorpus[id] = min(byCorpus[id] ?? annotation.label, annotation.label)
                }
            }
            for id in part {
                if let name = byPeople[id] {
                    set(id, name, isFromCorpus: false)
                } else {
                    set(id, countsCorpus && !spoken.contains(id) ? byCorpus[id] : nil, isFromCorpus: true)
                }
            }
        }
    }
}
