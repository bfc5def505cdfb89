// Looking for sounds, and learning from labels.
import Atlas
import Foundation

extension StudioSession {
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
            for id in try atlas.soundIDs(ofRecording: recording.id)
            where isVisible.indices.contains(id) && isVisible[id] {
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
            open: open, codes: book.codes, clusters: clusterOfSounds, exemplars: clusters.map(\.exemplars),
            predictions: predictions, learner: learner)
        let chosen = try await proposals.choose(kind, count: count)
        shown.formUnion(chosen.map(\.id))
        return ListAnswer(
            ids: chosen.map(\.id), notes: chosen.map(\.reason), title: "Proposed: \(kind.rawValue)",
            total: open.count)
    }
}
