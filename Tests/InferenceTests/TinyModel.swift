import Audio
import Foundation
import Inference
import Labels
import Models
import Neural
import Storage
import TestSupport
import Torch

/// A classifier with random weights that is computed in no time.
enum TinyModel {
    static func configuration(rateHz: Double = 8000) -> Animal2VecConfiguration {
        var configuration = Animal2VecConfiguration()
        configuration.frontEnd.sampleRateHz = rateHz
        (configuration.frontEnd.channels, configuration.frontEnd.filters) = (8, 8)
        configuration.frontEnd.filterNorm = .logEnergy
        (configuration.width, configuration.heads, configuration.depth, configuration.prenetDepth) = (16, 2, 2, 1)
        configuration.feedForwardRatio = 2
        (configuration.positions.layers, configuration.positions.kernel, configuration.positions.groups) = (1, 9, 4)
        (configuration.decoder.layers, configuration.decoder.width, configuration.decoder.groups) = (1, 8, 4)
        return configuration
    }

    static func description(rateHz: Double = 8000, windowSeconds: Double = 1) -> ModelDescription {
        var decoding = EventDecoder.Configuration()
        decoding.threshold = 0.5
        var provenance = ModelDescription.Provenance()
        provenance.licence = "CC0"
        return ModelDescription(
            kind: .frameClassifier, encoder: configuration(rateHz: rateHz), windowSeconds: windowSeconds,
            classes: ["chirp", "no", "007"], decoding: decoding, provenance: provenance)
    }

    static func classifier(_ description: ModelDescription, seed: UInt64 = 1) throws -> FrameClassifier {
        let classifier = try FrameClassifier(
            description.encoder, classCount: description.classes.count, rates: .none, seed: seed, purpose: .prediction)
        // Random logits lie close to 0; made larger, they cross the threshold often.
        try classifier.store["head.weight"]!.master.multiply(inPlace: 4)
        return classifier
    }

    @discardableResult
    static func write(_ description: ModelDescription = description(), to url: URL, seed: UInt64 = 1) throws
        -> ModelFolder
    {
        try ModelFolder.write(description, weights: classifier(description, seed: seed).store.masters, to: url)
        return try ModelFolder.load(url)
    }

    /// A recording of a synthetic song.
    static func record(_ url: URL, seconds: Double, rateHz: Double = 8000, channels: Int = 1, seed: UInt64 = 1) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        let planes = (0..<channels).map {
            syntheticSong(frames: Int(seconds * rateHz), rateHz: rateHz, seed: seed + UInt64($0))
        }
        try AudioWriter.write(planes, rateHz: rateHz, to: url.path)
    }
}
