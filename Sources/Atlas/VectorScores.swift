// What vectors are worth, where labels tell: neighbours with the same label, a linear classifier learned from many labels
// and from few. Recordings to learn from and to be scored on are never the same.
import Evaluation
import Foundation
import Randomness
import Torch

/// Scores of vectors against labels.
public struct VectorScores: Sendable, Codable, Hashable {
    /// Sounds to learn from.
    public var trainCount: Int
    /// Sounds that are scored.
    public var testCount: Int
    /// Classes, by name.
    public var classes: [String]
    /// Weighted vote of the 20 nearest sounds (temperature 0.07).
    public var nearest: ClassificationScores
    /// Logistic regression on all sounds to learn from.
    public var linear: ClassificationScores
    /// Macro-F1 of logistic regression on so many sounds per class: the mean over draws, and where 95 % of them lie.
    public var fewShot: [Int: ScoreInterval]
}

/// How vectors are scored.
public struct VectorScoring: Sendable {
    /// Sounds per class for the small classifiers.
    public var shots = [1, 5]
    /// How often these are drawn.
    public var draws = 20
    /// Neighbours that vote.
    public var neighbours = 20
    /// Weight of a neighbour: exp(cosine / temperature).
    public var temperature = 0.07
    /// Sounds to learn from at most, drawn at random.
    public var maximumTrainCount = 200_000
    /// Sounds that are scored at most, drawn at random.
    public var maximumTestCount = 50_000
    /// The seed of the draws.
    public var seed: UInt64 = 0
    /// How intervals over recordings are drawn.
    public var bootstrap = Bootstrap()

    /// The usual settings.
    public init() {}

    /// Sounds with exactly one label, and the recordings they are from.
    struct Labelled {
        var ids: [Int] = []
        var classes: [Int] = []
        var recordings: [Int64] = []
    }

    /// Scores the vectors of an atlas. `isTraining` says by its row which recordings are learned from. Nil where there are
    /// fewer than two classes on either side.
    public func scores(_ atlas: Atlas, isTraining: (AtlasRecording) -> Bool) throws -> VectorScores? {
        let recordings = try atlas.recordings()
        let training = Set(recordings.filter(isTraining).map(\.id))
        let labels = try atlas.labelsOfSounds().filter { $0.value.count == 1 }
        let hidden = try atlas.hiddenIDs()
        let recordingOf = try atlas.recordingOfSounds()
        let names = Set(labels.values.map { $0[0] }).sorted { $0.compare($1, options: .numeric) == .orderedAscending }
        let numbers = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        var (train, test) = (Labelled(), Labelled())
        for id in labels.keys.sorted() where !hidden.contains(id) {
            func add(_ list: inout Labelled) {
                list.ids.append(id)
                list.classes.append(numbers[labels[id]![0]]!)
                list.recordings.append(recordingOf[id])
            }
            if training.contains(recordingOf[id]) { add(&train) } else { add(&test) }
        }
        guard Set(train.classes).count > 1, Set(test.classes).count > 1 else { return nil }
        train = drawn(train, maximumTrainCount, sample: 0)
        test = drawn(test, maximumTestCount, sample: 1)
        return try scores(atlas, train, test, names)
    }

    private func drawn(_ list: Labelled, _ most: Int, sample: Int) -> Labelled {
        guard list.ids.count > most else { return list }
        let permutation = Permutation(count: list.ids.count, seed: seed, epoch: sample)
        let places = (0..<most).map { permutation[$0] }.sorted()
        return Labelled(
            ids: places.map { list.ids[$0] }, classes: places.map { list.classes[$0] },
            recordings: places.map { list.recordings[$0] })
    }

    private func scores(
        _ atlas: Atlas, _ train: Labelled, _ test: Labelled, _ names: [String]
    ) throws -> VectorScores {
        let dimension = atlas.vectors.dimension
        let (trainRows, testRows) = (try atlas.unitVectors(train.ids), try atlas.unitVectors(test.ids))
        let numbers = Dictionary(
            uniqueKeysWithValues: Set(test.recordings).sorted().enumerated().map { ($1, $0) })
        let recordings = test.recordings.map { numbers[$0]! }
        func classified(_ predicted: [Int]) -> ClassificationScores {
            ClassificationScores(
                truth: test.classes, predicted: predicted, recordings: recordings, bootstrap: bootstrap)
        }
        // Rows of length 1 are small numbers: at the scale of deviation 1 the usual regularisation fits.
        let scale = Float(dimension).squareRoot()
        let (scaledTrain, scaledTest) = (trainRows.map { $0 * scale }, testRows.map { $0 * scale })
        let linear = try LinearProbe(
            scaledTrain, dimension: dimension, classes: train.classes, classCount: names.count)
        var fewShot: [Int: ScoreInterval] = [:]
        for shot in shots {
            let values = try (0..<draws).map { draw in
                let chosen = self.shots(train.classes, names.count, each: shot, draw: draw)
                var rows: [Float] = []
                for place in chosen { rows += scaledTrain[place * dimension..<(place + 1) * dimension] }
                let probe = try LinearProbe(
                    rows, dimension: dimension, classes: chosen.map { train.classes[$0] }, classCount: names.count)
                return ClassificationScores.values(truth: test.classes, predicted: try probe.predict(scaledTest))
                    .macroF1!
            }
            fewShot[shot] = Bootstrap(level: 0.95).interval(
                values.reduce(0, +) / Double(max(1, values.count)), draws: values)
        }
        return VectorScores(
            trainCount: train.ids.count, testCount: test.ids.count, classes: names,
            nearest: classified(try vote(trainRows, train.classes, testRows, names.count, dimension)),
            linear: classified(try linear.predict(scaledTest)), fewShot: fewShot)
    }

    /// Places of so many members of each class, as many as there are of smaller ones.
    private func shots(_ classes: [Int], _ classCount: Int, each: Int, draw: Int) -> [Int] {
        var random = KeyedRandom(seed: seed, epoch: draw, sample: each, purpose: .split)
        var chosen: [Int] = []
        for place in 0..<classCount {
            var members = classes.indices.filter { classes[$0] == place }
            for index in 0..<min(each, members.count) {
                members.swapAt(index, index + random.below(members.count - index))
                chosen.append(members[index])
            }
        }
        return chosen
    }

    /// The class with the largest sum of exp(cosine / temperature) among the nearest rows.
    private func vote(
        _ train: [Float], _ classes: [Int], _ test: [Float], _ classCount: Int, _ dimension: Int
    ) throws -> [Int] {
        let count = min(neighbours, classes.count)
        return try withoutGradients {
            let train_DN = try Tensor(train, shape: [classes.count, dimension]).transposed(0, 1).contiguous()
            var predicted: [Int] = []
            let blockRows = max(1, min(1024, (64 << 20) / classes.count))
            for start in stride(from: 0, to: test.count / dimension, by: blockRows) {
                let rows = min(blockRows, test.count / dimension - start)
                let part = Array(test[start * dimension..<(start + rows) * dimension])
                let cosines = try Tensor(part, shape: [rows, dimension]).matmul(train_DN)
                let top = try operateMany("aten::topk", .tensor(cosines), .int(count))
                let (values, places) = (try top[0].array(Float.self), try top[1].array(Int64.self))
                for row in 0..<rows {
                    var votes = [Double](repeating: 0, count: classCount)
                    for index in row * count..<(row + 1) * count {
                        votes[classes[Int(places[index])]] += exp(Double(values[index]) / temperature)
                    }
                    predicted.append(votes.indices.max { votes[$0] < votes[$1] }!)
                }
            }
            return predicted
        }
    }
}
