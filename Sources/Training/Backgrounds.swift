// Sound that lies behind what the student hears and not behind what the teacher hears: so the student learns what noise does
// not change.
//
// B windows, S samples
import Corpus
import Foundation
import Inference
import Models
import Randomness

extension Recipe {
    /// Recordings of background sound, and how much of it is mixed in.
    public struct Backgrounds: Codable, Sendable, Hashable {
        /// Recordings that serve as background and are not learned from: names, patterns such as `wind/*`, or ranges.
        public var recordings: [String] = []
        /// How often a window has some.
        public var probability = 0.8
        /// Decibels that the background lies below the window, drawn anew for each; below 0 it is louder.
        public var decibels = SoundViews.Span(-10, 10)

        /// None.
        public init() {}

        /// The recordings to learn from, and those that are background.
        package func parts(
            _ all: [LabelledRecording]
        ) throws -> (learned: [LabelledRecording], background: [LabelledRecording]) {
            let patterns = recordings.map { RecordingPattern($0) }
            func isBackground(_ entry: LabelledRecording) -> Bool {
                patterns.contains { $0.matches(entry.recording.relativePath) }
            }
            let (learned, background) = (all.filter { !isBackground($0) }, all.filter(isBackground))
            for (name, pattern) in zip(recordings, patterns)
            where !background.contains(where: { pattern.matches($0.recording.relativePath) }) {
                throw RecipeError(
                    "backgrounds.recordings", origin: "recipe",
                    "\"\(name)\" names no recording of the part that is learned from")
            }
            guard !learned.isEmpty else {
                throw RecipeError(
                    "backgrounds.recordings", origin: "recipe", "names every recording; leave some to learn from")
            }
            return (learned, background)
        }
    }
}

/// Mixes background sound behind windows. What is mixed is a function of the seed and the position of a window.
package final class BackgroundMixer {
    private let configuration: Recipe.Backgrounds
    private let loader: Loader
    private let seed: UInt64

    /// A mixer over recordings; nil where there are none.
    package init?(
        _ configuration: Recipe.Backgrounds, _ recordings: [LabelledRecording], _ data: Recipe.Data, seed: UInt64,
        clips: Int
    ) throws {
        guard !recordings.isEmpty else { return nil }
        (self.configuration, self.seed) = (configuration, seed)
        loader = try data.loader(recordings, seed: splitmix64(seed), clips: clips, labelled: false)
    }

    /// The windows of a batch with their backgrounds, before anything is normalised.
    package func mixed(_ batch: Batch) throws -> Batch {
        let background = try loader.batch(at: batch.positions[0], count: batch.count)
        var batch = batch
        for row in 0..<batch.count {
            var random = KeyedRandom(seed: seed, sample: batch.positions[row], purpose: .background)
            let (chance, below) = (random.uniform(), configuration.decibels.draw(&random))
            guard chance < configuration.probability else { continue }
            let (window, other) = (batch.row(row).prefix(batch.validFrames[row]), background.row(row))
            let heard = other.prefix(max(1, background.validFrames[row]))
            let (power, otherPower) = (Self.power(window), Self.power(heard))
            // A silent background changes nothing; behind a silent window there is no level to go by.
            guard power > 0, otherPower > 0 else { continue }
            let gain = Float((power / otherPower).squareRoot() * pow(10, -below / 20))
            for place in 0..<window.count {
                batch.samples_BS[row * batch.windowFrames + place] +=
                    gain * heard[heard.startIndex + place % heard.count]
            }
        }
        return batch
    }

    private static func power(_ samples: ArraySlice<Float>) -> Double {
        var sum = 0.0
        for sample in samples { sum += Double(sample) * Double(sample) }
        return sum / Double(max(1, samples.count))
    }
}
