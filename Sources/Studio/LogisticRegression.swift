// Softmax regression on vectors: convex, so that the same labels give the same classifier whatever came before. Minimised by
// L-BFGS (Liu and Nocedal 1989) with the gradient in closed form.
//
// N sounds, D numbers per vector, C classes.
import Torch

/// A linear classifier of vectors.
struct LogisticRegression {
    /// How it is fitted.
    struct Configuration: Sendable, Hashable {
        /// Weight of half the squared weights against the mean loss of `referenceCount` sounds; falls as labels are added.
        var penalty = 1.0
        /// How much rare classes are lifted: 0 counts every sound alike, 1 every class.
        var balance = 0.5
        /// Steps at most.
        var steps = 120
        /// The gradient's largest element at which it is done.
        var tolerance = 1e-4
    }

    /// [C, D + 1], the last column is the offset.
    let weight_CD: Tensor
    /// Steps that were taken.
    let steps: Int

    /// Fits vectors [N, D] (of about unit variance) with their class numbers below `classCount`.
    init(
        _ x_ND: Tensor, classes: [Int], classCount: Int, _ configuration: Configuration = Configuration()
    ) throws(TorchError) {
        let count = classes.count
        precondition(x_ND.shape[0] == count && count > 0, "LogisticRegression: \(x_ND.shape) for \(count) classes")
        let inputs = try LogisticRegression.withOnes(x_ND)
        var occurrences = [Double](repeating: 0, count: classCount)
        for number in classes { occurrences[number] += 1 }
        var share = classes.map { Float(LogisticRegression.power(occurrences[$0], -configuration.balance)) }
        let total = share.reduce(0, +)
        for index in share.indices { share[index] /= total }
        var target = [Float](repeating: 0, count: count * classCount)
        for (row, number) in classes.enumerated() { target[row * classCount + number] = 1 }
        let problem = Problem(
            x: inputs, target: try Tensor(target, shape: [count, classCount]),
            share: try Tensor(share, shape: [count, 1]), penalty: configuration.penalty / Double(count),
            free: try LogisticRegression.penalised(classCount, inputs.shape[1]))
        (weight_CD, steps) = try problem.minimised(configuration)
    }

    /// Probabilities [N, C] of vectors [N, D].
    func probabilities(_ x_ND: Tensor) throws(TorchError) -> Tensor {
        try LogisticRegression.withOnes(x_ND).linear(weight_CD).softmax(1)
    }

    private static func withOnes(_ x: Tensor) throws(TorchError) -> Tensor {
        try Tensor.concatenated([x, Tensor.ones([x.shape[0], 1])], 1)
    }

    /// 1 where the penalty acts, 0 for offsets.
    private static func penalised(_ classes: Int, _ columns: Int) throws(TorchError) -> Tensor {
        var mask = [Float](repeating: 1, count: classes * columns)
        for row in 0..<classes { mask[row * columns + columns - 1] = 0 }
        return try Tensor(mask, shape: [classes, columns])
    }

    private static func power(_ base: Double, _ exponent: Double) -> Double {
        exponent == -0.5 ? 1 / base.squareRoot() : exponent == -1 ? 1 / base : 1
    }
}

/// Weighted cross-entropy with a penalty, and its minimum.
private struct Problem {
    let x: Tensor
    let target: Tensor
    let share: Tensor
    let penalty: Double
    let free: Tensor

    /// Value and gradient at weights [C, D + 1].
    func evaluate(_ weight: Tensor) throws(TorchError) -> (value: Double, gradient: Tensor) {
        let logits = try x.linear(weight).logSoftmax(1)
        let held = try weight * free
        let loss = try -(logits * target * share).sum().item() + penalty / 2 * held.squared().sum().item()
        let error = try (logits.exp() - target) * share
        let gradient = try error.transposed(0, 1).matmul(x) + held * penalty
        return (loss, gradient)
    }

    func minimised(_ configuration: LogisticRegression.Configuration) throws(TorchError) -> (Tensor, Int) {
        var weight = try Tensor.zeros([target.shape[1], x.shape[1]])
        var (value, gradient) = try evaluate(weight)
        var history: [(s: Tensor, y: Tensor, rho: Double)] = []
        for step in 0..<configuration.steps {
            if try gradient.absolute().maximum([0, 1]).item() < configuration.tolerance { return (weight, step) }
            var direction = try -descent(gradient, history)
            var slope = try (direction * gradient).sum().item()
            if slope >= 0 {
                direction = try -gradient
                slope = try -gradient.squared().sum().item()
                history = []
            }
            var length = history.isEmpty ? min(1, 1 / slope.magnitude.squareRoot()) : 1
            var next = try weight + direction * length
            var result = try evaluate(next)
            var tries = 0
            while result.value > value + 1e-4 * length * slope, tries < 20 {
                length /= 2
                tries += 1
                next = try weight + direction * length
                result = try evaluate(next)
            }
            // No step goes down any more: this is as low as single precision gets.
            if result.value >= value { return (weight, step) }
            let s = try next - weight
            let y = try result.gradient - gradient
            let curvature = try (s * y).sum().item()
            if curvature > 1e-12 { history.append((s, y, 1 / curvature)) }
            if history.count > 10 { history.removeFirst() }
            (weight, value, gradient) = (next, result.value, result.gradient)
        }
        return (weight, configuration.steps)
    }

    /// The gradient times an estimate of the inverse Hessian.
    private func descent(_ gradient: Tensor, _ history: [(s: Tensor, y: Tensor, rho: Double)]) throws(TorchError)
        -> Tensor
    {
        guard let last = history.last else { return gradient }
        var direction = gradient
        var factors: [Double] = []
        for pair in history.reversed() {
            let factor = try pair.rho * (pair.s * direction).sum().item()
            factors.append(factor)
            direction = try direction - pair.y * factor
        }
        direction = try direction * (1 / (last.rho * last.y.squared().sum().item()))
        for (pair, factor) in zip(history, factors.reversed()) {
            let correction = try pair.rho * (pair.y * direction).sum().item()
            direction = try direction + pair.s * (factor - correction)
        }
        return direction
    }
}
