import Corpus
import Foundation
import Neural
import Torch

/// What one update means for a method: everything the loop does not know.
package protocol TrainingObjective: AnyObject {
    /// The parameters that learn.
    var learning: ParameterStore { get }

    /// Tensors beside the learning ones that a checkpoint needs, by file: the teacher, for instance.
    var companions: [(file: String, store: ParameterStore)] { get }

    /// What the learning rate is multiplied with for the parameter of a name.
    func rateFactor(_ parameter: String) -> Double

    /// Before the first micro-batch of an update, also of one that is tried again with smaller ones.
    func updateBegins(_ update: Int)

    /// The forward pass of one micro-batch.
    ///
    /// - Parameters:
    ///   - batch: windows with their events.
    ///   - update: updates done before.
    func forward(_ batch: Batch, update: Int) throws -> ForwardPass

    /// After an update was applied; `update` counts it.
    func updateApplied(_ update: Int) throws

    /// Names of parameters start with one of these while they rest at this update.
    func frozenPrefixes(update: Int) -> [String]

    /// Why training should stop, in words for the user, judged by the metrics of an update.
    func collapse(update: Int, metrics: [String: Double]) -> String?

    /// How well the model is after an update; nil when no check-up is due.
    func checkUp(update: Int) throws -> CheckUp?

    /// A score on held-out recordings, more is better, with what else is worth logging; nil when there is nothing to try.
    func validate(update: Int) throws -> (score: Double, metrics: [String: Double])?

    /// Writes the model as it is now to a folder that appears whole or not at all.
    func export(to folder: URL, update: Int) throws
}

extension TrainingObjective {
    package func rateFactor(_ parameter: String) -> Double { 1 }
    package func updateBegins(_ update: Int) {}
    package func checkUp(update: Int) throws -> CheckUp? { nil }
}

/// How well a model is.
package struct CheckUp {
    /// Figures for the log; `collapse` judges them like those of an update.
    package let metrics: [String: Double]
    /// The same in one line for people.
    package let line: String

    /// Figures with their line.
    package init(metrics: [String: Double], line: String) { (self.metrics, self.line) = (metrics, line) }
}

/// What a forward pass yields.
package struct ForwardPass {
    /// Sum over what `weight` counts; its gradient is divided by the weights of all micro-batches.
    package let loss: Tensor
    /// Masked frames, labelled frames: what the loss is a mean over.
    package let weight: Double
    /// Figures for the log, computed only when asked for.
    package let metrics: () throws -> [String: Double]

    /// A loss with its weight.
    package init(loss: Tensor, weight: Double, metrics: @escaping () throws -> [String: Double] = { [:] }) {
        (self.loss, self.weight, self.metrics) = (loss, weight, metrics)
    }
}
