// Whether features still tell things apart. Self-distillation can fall silent in two ways: everything looks the same to it, or
// one prototype takes all; both show in these figures long before anybody uses the model.
import Foundation
import Torch

/// Figures of the features of a set of windows.
public struct EmbeddingHealth: Sendable, Hashable {
    /// Windows looked at.
    public let windowCount: Int
    /// Width of the features.
    public let width: Int
    /// Number of prototypes.
    public let prototypeCount: Int
    /// Mean entropy of what the teacher says of one window, in nats. log K: it says nothing.
    public let sampleEntropy: Double
    /// Entropy of the mean of what it says of all, in nats. 0: it says the same of all.
    public let meanEntropy: Double
    /// Standard deviation of the normalised features, times √width: 1 when they fill all directions, 0 when all are alike.
    public let deviation: Double
    /// How many directions the features fill: e to the entropy of the shares of their singular values (arXiv 2210.02885).
    public let effectiveRank: Double

    /// The figures of features [N, D] and shares of prototypes [N, K].
    public init(features_ND: Tensor, shares_NK: Tensor) throws(TorchError) {
        (windowCount, width, prototypeCount) = (features_ND.size(0), features_ND.size(1), shares_NK.size(1))
        sampleEntropy = try shares_NK.entropies().mean().item()
        meanEntropy = try shares_NK.mean([0]).entropies().item()
        let directions = try features_ND.to(.float64).normalizedRows()
        let deviations = try directions.variance([0], correction: 0).squareRoot()
        deviation = try deviations.mean().item() * Double(features_ND.size(1)).squareRoot()
        let centred = try directions - directions.mean([0], keep: true)
        let values = try operate("aten::linalg_svdvals", .tensor(centred)).array(Double.self)
        let sum = values.reduce(0, +)
        effectiveRank =
            sum > 1e-6 ? exp(values.reduce(0) { $1 > 0 ? $0 - $1 / sum * log($1 / sum) : $0 }) : 0
    }

    /// The largest entropy that there could be.
    public var largestEntropy: Double { log(Double(prototypeCount)) }

    /// By name, for logs.
    public var metrics: [String: Double] {
        [
            "health_sample_entropy": sampleEntropy, "health_mean_entropy": meanEntropy,
            "health_feature_deviation": deviation, "health_effective_rank": effectiveRank,
        ]
    }
}

/// Names windows by their nearest neighbours; the accuracy says how well features follow labels.
public enum NearestNeighbours {
    /// Share of windows that their `count` nearest neighbours name rightly, votes weighted by e^(cosine / temperature) as
    /// published for DINO; nil when no window has a neighbour.
    ///
    /// - Parameters:
    ///   - features_ND: one row per window.
    ///   - labels: the class of each window.
    ///   - groups: windows of one group (a recording) do not name each other: its neighbours are the same bird.
    public static func accuracy(
        _ features_ND: Tensor, labels: [String], groups: [Int], count: Int = 20, temperature: Double = 0.07
    ) throws(TorchError) -> Double? {
        precondition(features_ND.size(0) == labels.count && labels.count == groups.count, "one label and group per row")
        guard Set(groups).count > 1 else { return nil }
        let directions = try features_ND.to(.float32).normalizedRows()
        let likeness = try directions.matmul(directions.transposed(0, 1)).array(Float.self)
        let windows = labels.count
        var right = 0
        for window in 0..<windows {
            let others = (0..<windows).filter { groups[$0] != groups[window] }
            let nearest = others.sorted {
                let (a, b) = (likeness[window * windows + $0], likeness[window * windows + $1])
                return a == b ? $0 < $1 : a > b
            }.prefix(count)
            var votes: [String: Double] = [:]
            for other in nearest {
                votes[labels[other], default: 0] += exp(Double(likeness[window * windows + other]) / temperature)
            }
            let chosen = votes.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key
            if chosen == labels[window] { right += 1 }
        }
        return Double(right) / Double(windows)
    }
}
