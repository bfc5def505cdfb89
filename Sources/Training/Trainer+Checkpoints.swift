// What a checkpoint of a run holds: weights, moments, companions such as the teacher, and the state of the loop.
import Corpus
import Foundation
import Neural
import Storage
import Torch

extension Trainer {
    /// Writes everything that affects what follows; what went wrong afterwards without harm is returned.
    func save() throws -> [StorageError] {
        state.optimizerCounts = optimizer.updateCounts
        let manifest = CheckpointManifest(
            step: state.update, epoch: state.position / loader.sampler.windowsPerEpoch, position: state.position,
            recipeHash: plan.recipeHash, versions: ["libtorch": Runtime.version], state: try JSONValue(encoding: state))
        let troubles = try checkpoints.save(manifest) { writer in
            try writer.write("weights.safetensors", safetensorsEntries(objective.learning.masters))
            try writer.write("optimizer.safetensors", safetensorsEntries(optimizer.moments))
            for (file, store) in objective.companions { try writer.write(file, safetensorsEntries(store.masters)) }
        }
        lastSave = .now
        return troubles
    }

    /// Puts the state of a checkpoint in place.
    func restore(_ checkpoint: CheckpointFolder.Checkpoint) throws {
        state = try checkpoint.manifest.state.decode(State.self)
        try loadStrictly(objective.learning, checkpoint.file("weights.safetensors"))
        for (file, store) in objective.companions { try loadStrictly(store, checkpoint.file(file)) }
        let moments = try SafetensorsFile.open(checkpoint.file("optimizer.safetensors"))
        for (name, tensor) in optimizer.moments {
            try withoutGradients { try tensor.copy(inPlace: moments.tensor(name)) }
        }
        optimizer.updateCounts = state.optimizerCounts
    }

    private func loadStrictly(_ store: ParameterStore, _ url: URL) throws {
        let coverage = try store.load(SafetensorsFile.open(url))
        guard coverage.isComplete else {
            throw RunError(
                description: "\(url.path): does not fit the model: missing \(coverage.missing.prefix(3)), unexpected "
                    + "\(coverage.unexpected.prefix(3)); the checkpoint belongs to another recipe")
        }
    }
}
