import Foundation
import Models
import Storage
import TestSupport
import Testing

/// Checkpoints that the tests import.
enum CheckpointFiles {
    /// One of those that the script `published_checkpoint.py` has written.
    static func url(_ name: String) throws -> URL {
        try #require(Bundle.module.resourceURL).appending(path: "Checkpoints/\(name)")
    }

    /// A file of the golden values.
    static func golden(_ name: String) throws -> SafetensorsFile {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        return try SafetensorsFile.open(tests.appending(path: "ModelsTests/Golden/\(name).safetensors"))
    }

    private static func contents(_ names: [String], in file: SafetensorsFile) throws -> [[UInt8]] {
        try names.map { name in try file.withUnsafeBytes(name) { Array($0) } }
    }

    private static func zip(_ pickle: String, _ storages: [[UInt8]]) throws -> ZipBuilder {
        var zip = ZipBuilder([("golden/data.pkl", try Array(Data(contentsOf: url(pickle))))])
        for (key, content) in storages.enumerated() { zip.entries.append(.init("golden/data/\(key)", content)) }
        return zip
    }

    /// A pretraining checkpoint with the weights of the golden values: the pickle of PyTorch, with their numbers.
    static func goldenPretraining() throws -> ZipBuilder {
        let file = try golden("pretrain_step_params")
        let names = ["param.", "ema."].flatMap { prefix in file.names.filter { $0.hasPrefix(prefix) } }
        return try zip("golden_pretraining.pkl", contents(names, in: file))
    }

    /// A fine-tuned one.
    static func goldenFinetuned() throws -> ZipBuilder {
        let file = try golden("pretrain_step_params")
        let names = file.names.filter { $0.hasPrefix("param.") && !$0.contains(".decoder.") }
        let head = try contents(["head.weight", "head.bias"], in: golden("finetune"))
        return try zip("golden_finetuned.pkl", contents(names, in: file) + head)
    }

    /// Writes the file into a folder.
    static func write(_ zip: ZipBuilder, to folder: URL, name: String = "checkpoint.pt") throws -> URL {
        let url = folder.appending(path: name)
        try Data(zip.bytes).write(to: url)
        return url
    }
}
