// What to listen to next. Uncertain: where the classifier hesitates between two labels. Diverse: far from everything that is
// labelled. Rare: probably of a label that has few sounds. Each of them alone is a bad teacher: mixed takes turns.
import Atlas

/// Why a sound is proposed.
public enum ProposalKind: String, Sendable, CaseIterable, Codable {
    /// By turns: uncertain, rare, diverse.
    case mixed
    /// Where the classifier hesitates.
    case uncertain
    /// Unlike all that is labelled.
    case diverse
    /// Of labels that have few sounds.
    case rare
}

/// Sounds that are worth a listener's time.
struct Proposals {
    let open: [Int]
    let codes: [Int32]
    let clusters: [Int32]
    let exemplars: [[Int]]
    let predictions: Predictions?
    let learner: Learner

    struct Choice: Sendable, Hashable {
        var id: Int
        var reason: String
    }

    func choose(_ kind: ProposalKind, count: Int) async throws -> [Choice] {
        guard !open.isEmpty else { return [] }
        guard kind == .mixed else { return try await choose(kind, count, except: []) }
        guard predictions != nil else { return try await choose(.diverse, count, except: []) }
        // Shares of the turns; the first kinds of a turn get what is left over.
        var lists: [[Choice]] = []
        var taken: Set<Int> = []
        for (kind, share) in [(ProposalKind.uncertain, 0.5), (.rare, 0.25), (.diverse, 0.25)] {
            let wanted = max(1, Int((Double(count) * share).rounded(.up)))
            let list = try await choose(kind, wanted, except: taken)
            taken.formUnion(list.map(\.id))
            lists.append(list)
        }
        return Proposals.byTurns(lists, count)
    }

    private static func byTurns(_ lists: [[Choice]], _ count: Int) -> [Choice] {
        var result: [Choice] = []
        var place = 0
        while result.count < count, lists.contains(where: { $0.count > place }) {
            for list in lists where list.count > place && result.count < count { result.append(list[place]) }
            place += 1
        }
        return result
    }

    private func choose(_ kind: ProposalKind, _ count: Int, except taken: Set<Int>) async throws -> [Choice] {
        let open = taken.isEmpty ? open : open.filter { !taken.contains($0) }
        switch kind {
        case .uncertain:
            guard let predictions else { return try await choose(.diverse, count, except: taken) }
            let hesitant = best(open, count * 8) { -predictions.margin[$0] }
            // Neighbours tell the same: the doubtful ones that differ from each other are asked.
            let spread = try await learner.spread(hesitant, from: [], wanted: count)
            return spread.map { Choice(id: $0, reason: "uncertain, \(percent(predictions.probability[$0]))") }
        case .rare:
            guard let predictions else { return try await choose(.diverse, count, except: taken) }
            // A label that nobody has given yet is the rarest: every second sound is of a group without labels.
            let novel = try await diverse(open, count / 2)
            let chosen = Set(novel.map(\.id))
            let rare = best(open.filter { !chosen.contains($0) }, count * 4) { predictions.rarity[$0] }
            let spread = try await learner.spread(rare, from: [], wanted: count - novel.count)
            let known = spread.map { Choice(id: $0, reason: "perhaps rare, \(percent(predictions.probability[$0]))") }
            return Proposals.byTurns([known, novel], count)
        case .diverse:
            return try await diverse(open, count)
        case .mixed:
            return try await choose(.diverse, count, except: taken)
        }
    }

    /// First typical sounds of groups without a label, those that differ most from what is labelled and from each other;
    /// when every group has one, any sounds that do.
    private func diverse(_ open: [Int], _ count: Int) async throws -> [Choice] {
        guard count > 0 else { return [] }
        var touched: Set<Int32> = []
        for id in codes.indices where codes[id] >= 0 { touched.insert(clusters[id]) }
        let isOpen = Set(open)
        var typical: [Int] = []
        for (number, candidates) in exemplars.enumerated() where !touched.contains(Int32(number)) {
            if let id = candidates.first(where: isOpen.contains) { typical.append(id) }
        }
        // Every n-th of very many is enough to know what is known, and to find something new.
        let known = codes.indices.filter { codes[$0] >= 0 }
        let labelled = stride(from: 0, to: known.count, by: max(1, known.count / 4000)).map { known[$0] }
        let chosen = try await learner.spread(typical, from: labelled, wanted: count)
        let result = chosen.map { Choice(id: $0, reason: "typical of cluster \(clusters[$0])") }
        guard result.count < count else { return result }
        let isChosen = Set(chosen)
        let rest = open.filter { !isChosen.contains($0) }
        let candidates = stride(from: 0, to: rest.count, by: max(1, rest.count / 8000)).map { rest[$0] }
        let far = try await learner.spread(candidates, from: labelled + chosen, wanted: count - result.count)
        return result + far.map { Choice(id: $0, reason: "unlike all labelled") }
    }

    /// The `count` of the largest score.
    private func best(_ ids: [Int], _ count: Int, _ score: (Int) -> Float) -> [Int] {
        let scored = ids.map { (id: $0, score: score($0)) }
        return scored.sorted { $0.score != $1.score ? $0.score > $1.score : $0.id < $1.id }.prefix(count).map(\.id)
    }

    private func percent(_ probability: Float) -> String { "\(Int((100 * probability).rounded())) %" }
}
