import ArgumentParser
import Foundation
import Training

/// `animal2vec finetune RECIPE --from MODEL --corpus DIR --run DIR [key=value…]`
struct FinetuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "finetune", abstract: "Learn the labels of a corpus.",
        discussion:
            "Trains with the recordings of the corpus's train part; the valid part, where there is one, chooses the best model."
    )

    @Option(help: "Model or run folder to start from.", transform: { URL(fileURLWithPath: $0) })
    var from: URL

    @OptionGroup var options: TrainingOptions

    func run() throws {
        let device = try options.start()
        let run = FineTuningRun(
            recipe: options.recipe, settings: options.settings, from: from, corpus: options.corpus, folder: options.run)
        if options.dryRun {
            print(try run.resolvedRecipe())
            return
        }
        try options.leave(run.train(on: device))
        print("model: \(options.run.appending(path: "model").path)")
    }
}
