// A run is a folder: the whole recipe, the checkpoints, the logs, and the models of the last and of the best update.
//
//   recipe.yaml          everything that decides what the run does
//   checkpoints/step-N/  where it continues
//   model/last, best     what others use
//   metrics.jsonl        one line per logged update
//   events.out.tfevents… the same for TensorBoard
import Foundation
import Storage

/// A run's folder, held by one process at a time.
public final class RunFolder {
    /// The folder.
    public let url: URL
    private let lock: FileLock

    /// Opens or creates the folder and holds it.
    ///
    /// - Throws: `StorageError` when another process holds it.
    public init(_ url: URL) throws {
        self.url = url
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        lock = try FileLock(url.appending(path: "run.lock"))
    }

    /// The complete recipe.
    public var recipe: URL { url.appending(path: "recipe.yaml") }
    /// The folder of checkpoints.
    public var checkpoints: URL { url.appending(path: "checkpoints") }
    /// The model of the last update.
    public var lastModel: URL { url.appending(path: "model/last") }
    /// The model of the best update.
    public var bestModel: URL { url.appending(path: "model/best") }
    /// JSON lines.
    public var metrics: URL { url.appending(path: "metrics.jsonl") }

    /// The batch that an existing run has settled on; nil for a new run.
    func batch<R: Codable>(of recipe: R, _ batch: KeyPath<R, Recipe.Batch>) throws -> Recipe.Batch? {
        guard FileManager.default.fileExists(atPath: self.recipe.path) else { return nil }
        return try RecipeDecoder.decode(R.self, defaults: recipe, layers: [.file(self.recipe)])[keyPath: batch]
    }

    /// Writes the recipe of a new run, or checks that an existing run has the same one.
    ///
    /// - Throws: `RecipeError` naming the keys that differ: a run keeps the recipe it began with.
    public func settle<R: Codable>(_ newRecipe: R, changeable: [String] = []) throws {
        let text = try RecipeDecoder.yaml(newRecipe)
        if FileManager.default.fileExists(atPath: recipe.path) {
            let old = try RecipeDecoder.decode(R.self, defaults: newRecipe, layers: [.file(recipe)], overrides: [])
            let differences = try RecipeDecoder.differences(from: old, to: newRecipe)
                .filter { difference in !changeable.contains(where: { "\(difference)".hasPrefix($0) }) }
            guard differences.isEmpty else {
                throw RunError(
                    description:
                        "\(url.path): the run was begun with another recipe: \(differences.map { "\($0)" }.joined(separator: "; ")); "
                        + "give the same recipe to continue it, or another --run folder to begin anew")
            }
        } else {
            try AtomicFile.write(text, to: recipe)
        }
    }
}

/// What keeps a run from going on, in words.
public struct RunError: Error, CustomStringConvertible, Sendable {
    /// One line: what, where, remedy.
    public let description: String

    /// An error in words.
    public init(description: String) { self.description = description }
}
