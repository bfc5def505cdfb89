import ArgumentParser
import Foundation
import Training

/// `animal2vec pretrain RECIPE --corpus DIR --run DIR [key=value…]`
struct PretrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pretrain", abstract: "Learn from recordings without labels.",
        discussion: """
            The recipe's method says what is learned: animal2vec the frames of the waveform, to be fine-tuned on labels; dino \
            one vector per window from spectrograms, for search and clusters (recipes small-data and poster).
            """)

    @OptionGroup var options: TrainingOptions

    func run() throws {
        let device = try options.start()
        let run = PretrainingRun(
            recipe: options.recipe, settings: options.settings, corpus: options.corpus, folder: options.run)
        if options.dryRun {
            print(try run.resolvedRecipe())
            return
        }
        try options.leave(run.train(on: device))
        print("model: \(options.run.appending(path: "model/last").path)")
    }
}
