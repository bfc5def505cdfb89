// What the studio learns from the labels given so far. Vectors are centred and brought to unit variance once; then a
// classifier of a few hundred labels takes well under a second, and asking it about every sound is one matrix product.
//
// N sounds, D numbers per vector, C classes, Q vectors asked for.
import Atlas
import Torch

/// A classifier of all sounds of an atlas, and a sense of how far they are from each other. Computes on a thread of its own.
actor Learner {
    private nonisolated let thread = ComputeThread(name: "studio learner")
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let vectors: VectorStore
    private let isHidden: [Bool]
    private let count: Int
    private var standard: (mean_D: Tensor, scale_D: Tensor)?
    private(set) var predictions: Predictions?
    static let chunkRows = 8192

    init(vectors: VectorStore, isHidden: [Bool]) {
        (self.vectors, self.isHidden) = (vectors, isHidden)
        count = isHidden.count
    }

    /// Fits a classifier to labelled sounds and asks it about all. `labels` are class numbers by sound, −1 without label.
    func train(labels: [Int32], names: [String]) throws -> Predictions {
        // Classes without a sound are left out, and found again by their number in `names`.
        var number: [Int32: Int] = [:]
        var present: [Int32] = []
        var rows: [Int] = []
        var classes: [Int] = []
        for (row, label) in labels.enumerated() where label >= 0 && row < count && !isHidden[row] {
            if number[label] == nil {
                number[label] = present.count
                present.append(label)
            }
            rows.append(row)
            classes.append(number[label]!)
        }
        guard present.count >= 2 else {
            throw StudioError(
                "Give sounds of at least two different labels (one may mean anything else) before learning")
        }
        let x_ND = try standardised(rows)
        let classifier = try withoutGradients { () throws(TorchError) in
            try LogisticRegression(x_ND, classes: classes, classCount: present.count)
        }
        var found = Predictions(count: count, classes: present.map { Int($0) })
        var occurrences = [Double](repeating: 0, count: present.count)
        for number in classes { occurrences[number] += 1 }
        let wanted = try Tensor(occurrences.map { Float(1 / ($0 + 1)) }, shape: [present.count, 1])
        for start in stride(from: 0, to: count, by: Self.chunkRows) {
            let end = min(start + Self.chunkRows, count)
            let p_NC = try classifier.probabilities(try standardised(start..<end))
            let rarity = try p_NC.matmul(wanted).array(Float.self)
            try p_NC.array(Float.self).withUnsafeBufferPointer { p in
                for row in start..<end {
                    let own = UnsafeBufferPointer(
                        rebasing: p[(row - start) * present.count..<(row - start + 1) * present.count])
                    found.take(row, own, rarity: rarity[row - start], isOpen: labels[row] < 0 && !isHidden[row])
                }
            }
        }
        found.labelled = occurrences.map { Int($0) }
        found.macroF1 = try crossValidated(x_ND, classes, present.count)
        found.steps = classifier.steps
        predictions = found
        return found
    }

    /// Macro-F1 over the labelled sounds, each judged by a classifier that has not seen it; nil for too few.
    private func crossValidated(_ x_ND: Tensor, _ classes: [Int], _ classCount: Int) throws -> Double? {
        let folds = 4
        guard classes.count >= 12, classes.count <= 4000 else { return nil }
        var seen = [Int](repeating: 0, count: classCount)
        let fold = classes.map { number in
            seen[number] += 1
            return (seen[number] - 1) % folds
        }
        var guesses = [Int](repeating: -1, count: classes.count)
        for index in 0..<folds {
            let learned = classes.indices.filter { fold[$0] != index }
            let held = classes.indices.filter { fold[$0] == index }
            guard !held.isEmpty, !learned.isEmpty else { continue }
            let classifier = try LogisticRegression(
                x_ND.selected(0, Tensor(learned.map { Int64($0) })), classes: learned.map { classes[$0] },
                classCount: classCount)
            let best = try classifier.probabilities(x_ND.selected(0, Tensor(held.map { Int64($0) })))
                .argmax(1).array(Int64.self)
            for (row, guess) in zip(held, best) { guesses[row] = Int(guess) }
        }
        return Self.macroF1(truth: classes, guesses: guesses, classCount: classCount)
    }

    /// The mean over classes of 2 · hits / (true + guessed).
    static func macroF1(truth: [Int], guesses: [Int], classCount: Int) -> Double {
        var hits = [Double](repeating: 0, count: classCount)
        var both = [Double](repeating: 0, count: classCount)
        for (a, b) in zip(truth, guesses) {
            if a == b { hits[a] += 1 }
            both[a] += 1
            if b >= 0 { both[b] += 1 }
        }
        let scores = zip(hits, both).filter { $0.1 > 0 }.map { 2 * $0.0 / $0.1 }
        return scores.isEmpty ? 0 : scores.reduce(0, +) / Double(scores.count)
    }

    /// `wanted` of the candidates that are far from each other and from `known`: farthest first.
    func spread(_ candidates: [Int], from known: [Int], wanted: Int) throws -> [Int] {
        guard candidates.count > wanted else { return candidates }
        let x_QD = try directions(standardised(candidates))
        var nearest = [Float](repeating: -2, count: candidates.count)
        func note(_ others_ND: Tensor) throws {
            let closest = try x_QD.matmul(others_ND.transposed(0, 1)).maximum([1]).array(Float.self)
            for index in nearest.indices { nearest[index] = max(nearest[index], closest[index]) }
        }
        if !known.isEmpty { try note(directions(standardised(known))) }
        var chosen: [Int] = []
        while chosen.count < wanted {
            // Without anything known the first candidate, which the caller ranked first.
            guard let next = nearest.indices.min(by: { nearest[$0] < nearest[$1] }) else { break }
            chosen.append(candidates[next])
            try note(x_QD.narrowed(0, next, 1))
            nearest[next] = 3
        }
        return chosen
    }

    // MARK: Vectors

    private func standardised(_ rows: [Int]) throws -> Tensor {
        try standardised(Tensor(vectors.rows(rows), shape: [rows.count, vectors.dimension]))
    }

    private func standardised(_ range: Range<Int>) throws -> Tensor {
        try standardised(Tensor(vectors.rows(range), shape: [range.count, vectors.dimension]))
    }

    private func standardised(_ x_ND: Tensor) throws -> Tensor {
        if standard == nil {
            // Every n-th sound is enough for a mean.
            let step = max(1, count / 20_000)
            let rows = stride(from: 0, to: count, by: step).filter { !isHidden[$0] }
            let sample = try Tensor(vectors.rows(rows), shape: [rows.count, vectors.dimension])
            let mean = try sample.mean([0])
            let deviation = try sample.variance([0], correction: 0).squareRoot()
            // A number that never changes says nothing, and must not blow up.
            let floor = try deviation.mean().item() * 1e-3 + 1e-9
            standard = (mean, try deviation.clamped(min: floor).reciprocal())
        }
        return try (x_ND - standard!.mean_D) * standard!.scale_D
    }

    private func directions(_ x_ND: Tensor) throws -> Tensor {
        try x_ND / (x_ND.squared().sum([1], keep: true).squareRoot() + 1e-9)
    }
}
