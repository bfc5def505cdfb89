import Foundation

/// The recipes that ship with the program.
public enum ShippedRecipes {
    /// Those of pretraining.
    public static var pretraining: URL { folder.appending(path: "pretrain") }
    /// Those of fine-tuning.
    public static var fineTuning: URL { folder.appending(path: "finetune") }

    private static var folder: URL { Bundle.module.resourceURL!.appending(path: "Recipes") }
}
