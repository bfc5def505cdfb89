import ArgumentParser
import Terminal

/// `animal2vec`
@main
struct Animal2VecCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "animal2vec",
        abstract: "From field recordings to detected calls.",
        discussion: """
            The way through the program:
              prepare     cut long recordings into clips, for very large collections
              scan        catalogue folders of recordings and their labels
              split       choose which recordings train and which are only predicted
              pretrain    learn from recordings without labels
              finetune    learn the labels
              predict     find calls in recordings
              tune        choose thresholds on labelled recordings
              evaluate    compare with labels

            Without labels:
              embed       bring the sounds of an archive into an atlas
              cluster     group them by likeness, draw their map
              search      find sounds that are like a sound
              studio      look, listen and label in a page on this computer
              atlas       look into an atlas, check it, exchange it
            """,
        version: "animal2vec 0.1.0",
        subcommands: [
            PrepareCommand.self, ScanCommand.self, SplitCommand.self, PretrainCommand.self, FinetuneCommand.self,
            PredictCommand.self, TuneCommand.self, EvaluateCommand.self, EmbedCommand.self, ClusterCommand.self,
            SearchCommand.self, StudioCommand.self, AtlasCommand.self, ConvertCommand.self, SpectrogramCommand.self,
            ImportCommand.self, DoctorCommand.self, DemoCommand.self,
        ])

    static func main() { start() }
}
