import Audio
import Corpus
import Foundation
import Inference
import Models
import TestSupport
import Testing
import Training

@Suite struct BackgroundTests {
    /// A corpus of two tones to learn from and one of another pitch as background, with the batch of its first windows.
    private func withCorpus(_ body: (Catalogue, [LabelledRecording]) throws -> Void) throws {
        try withTemporaryFolder { folder in
            let recordings = folder.appending(path: "recordings")
            try FileManager.default.createDirectory(at: recordings, withIntermediateDirectories: true)
            for (name, hertz, level) in [("a", 500.0, 0.2), ("b", 600.0, 0.02), ("wind", 1_500.0, 0.4)] {
                let samples = (0..<16_000).map { Float(level * sin(2 * .pi * hertz / 8_000 * Double($0))) }
                try AudioWriter.write(
                    [samples], rateHz: 8_000, to: recordings.appending(path: "\(name).wav").path, as: .wavFloat)
            }
            let catalogue = try Catalogue(folder: folder.appending(path: "corpus"), makeIfMissing: true)
            _ = try Scanner(catalogue).scan([recordings.path], labels: [])
            try body(catalogue, catalogue.labelledRecordings(RecordingFilter()))
        }
    }

    private func power(_ samples: some Collection<Float>) -> Double {
        samples.reduce(0) { $0 + Double($1) * Double($1) } / Double(samples.count)
    }

    @Test func `A background lies as far below a window as it is told to, and the same window gets the same again`()
        throws
    {
        try withCorpus { _, all in
            var backgrounds = Recipe.Backgrounds()
            backgrounds.recordings = ["wind"]
            backgrounds.probability = 1
            var data = Recipe.Data()
            (data.sampleRateHz, data.windowSeconds) = (8_000, 0.5)
            let parts = try backgrounds.parts(all)
            #expect(parts.learned.map(\.recording.relativePath).sorted() == ["a.wav", "b.wav"])
            #expect(parts.background.map(\.recording.relativePath) == ["wind.wav"])
            for decibels in [-10.0, 0, 12] {
                (backgrounds.decibels.low, backgrounds.decibels.high) = (decibels, decibels)
                let mixer = try #require(
                    try BackgroundMixer(backgrounds, parts.background, data, seed: 3, clips: 4))
                let configuration = WindowSampler.Configuration(windowSeconds: 0.5, seed: 3, isLabelled: false)
                let loader = try Loader(WindowSampler(parts.learned, configuration), rateHz: 8_000)
                let batch = try loader.batch(at: 4, count: 4)
                let mixed = try mixer.mixed(batch)
                for row in 0..<4 {
                    let added = zip(mixed.row(row), batch.row(row)).map { $0 - $1 }
                    let below = 10 * log10(power(batch.row(row)) / power(added))
                    #expect(abs(below - decibels) < 0.1, "\(below) for \(decibels)")
                }
                #expect(try mixer.mixed(batch).samples_BS == mixed.samples_BS)
            }
            backgrounds.probability = 0
            let none = try #require(try BackgroundMixer(backgrounds, parts.background, data, seed: 3, clips: 4))
            let configuration = WindowSampler.Configuration(windowSeconds: 0.5, seed: 3, isLabelled: false)
            let batch = try Loader(WindowSampler(parts.learned, configuration), rateHz: 8_000).batch(at: 0, count: 2)
            #expect(try none.mixed(batch).samples_BS == batch.samples_BS)
        }
    }

    @Test func `Patterns that name nothing, or everything, are refused by name`() throws {
        try withCorpus { _, all in
            var backgrounds = Recipe.Backgrounds()
            for (patterns, reason) in [(["rain"], "\"rain\" names no recording"), (["*"], "leave some to learn from")] {
                backgrounds.recordings = patterns
                let error = #expect(throws: RecipeError.self) { _ = try backgrounds.parts(all) }
                let words = error.map { "\($0)" } ?? ""
                #expect(words.contains("backgrounds.recordings") && words.contains(reason), "\(words)")
            }
            backgrounds.recordings = []
            let parts = try backgrounds.parts(all)
            #expect(parts.learned.count == 3 && parts.background.isEmpty)
        }
    }
}
