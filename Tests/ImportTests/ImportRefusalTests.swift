import Foundation
import Import
import Inference
import Storage
import TestSupport
import Testing

/// Checkpoints that do not become models, and what is said about them.
@Suite(.serialized) struct ImportRefusalTests {
    private func refusal(
        _ checkpoint: URL, _ settings: [String: String] = [:], classes: [String] = [],
        weights: ModelFolder.Network = .student
    ) throws -> String {
        try withTemporaryFolder { folder in
            var configuration = CheckpointImport.Configuration()
            (configuration.settings, configuration.classes, configuration.weights) = (settings, classes, weights)
            do {
                try CheckpointImport(checkpoint, configuration: configuration).write(
                    to: folder.appending(path: "model"))
                return ""
            } catch {
                // Nothing is left behind.
                #expect((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) == [])
                return "\(error)"
            }
        }
    }

    @Test(arguments: [
        (["model.depth": "3"], "lacks 'blocks.2."), (["model.depth": "1"], "no place for"),
        (["model.embed_dim": "32"], "needs ["), (["model.modalities.audio.conv_pos_depth": "4"], "no place for"),
        (["model.modalities.audio.prenet_depth": "0"], "no place for"),
        (["model.num_heads": "3"], "encoder.heads: must divide"), (["model.depth": "1000000000"], "encoder.depth"),
        (["model.depth": "-1"], "encoder.depth"), (["model.depth": "many"], "an integer is expected"),
        (["model.embed_dim": "1e300"], "an integer is expected"), (["task.sample_rate": "0"], "sampleRateHz"),
        (["task.conv_feature_layers": "[(5, 15, 1)] * 100000000"], "more than 64 layers"),
        (["task.conv_feature_layers": "__import__('os')"], "'[' is expected"),
        (["model.modalities.audio.sinc_norm": "pcen"], "lacks 'front_end.layers.0.norm.alpha'"),
        (["model.modalities.audio.sinc_norm": "group"], "is group, which is not supported"),
        (["model.modalities.audio.apply_window_to_root": "true"], "lacks 'front_end.layers.0.filters.taps'"),
        (["model.modalities.audio.conv_pos_pre_ln": "true"], "lacks 'positions.norm.bias'"),
        (["model.modalities.audio.use_alibi_encoder": "false"], "no place for"),
        (["model.layer_norm_first": "true"], "not supported"), (["model.dept": "2"], "no setting that matters"),
        (["model.modalities.audio.num_extra_tokens": "1"], "lacks 'class_token'"),
        (["model.modalities.audio.num_extra_tokens": "2"], "at most one"),
        (["model.modalities.audio.learned_alibi": "true"], "not supported"),
        (["model.modalities.audio.decoder.decoder_residual": "false"], "not supported"),
    ])
    func `Settings that do not fit the weights are refused by name`(settings: [String: String], expected: String) throws
    {
        let said = try refusal(CheckpointFiles.url("pretraining.pt"), settings)
        #expect(said.contains(expected), "\(said)")
    }

    @Test func `The head needs as many labels as it has rows`() throws {
        let checkpoint = try CheckpointFiles.url("finetuned.pt")
        #expect(try refusal(checkpoint, classes: ["a", "b", "c"]) == "")
        #expect(
            try refusal(checkpoint, classes: ["a", "b"]).contains("its head has 3 classes, but 2 labels are known"))
        #expect(
            try refusal(checkpoint, ["task.unique_labels": "['a', 'b', 'c'"]).contains(
                "task.unique_labels a list such as"))
        #expect(try refusal(checkpoint, weights: .teacher).contains("has no teacher"))
    }

    @Test func `Numbers that are none are refused, and no folder appears`() throws {
        try withTemporaryFolder { folder in
            var zip = try CheckpointFiles.goldenPretraining()
            #expect(try refusal(CheckpointFiles.write(zip, to: folder)) == "")
            for number in [Float.nan, .infinity, -.infinity] {
                zip.entries[50].content.replaceSubrange(4..<8, with: withUnsafeBytes(of: number) { Array($0) })
                #expect(try refusal(CheckpointFiles.write(zip, to: folder)).contains("holds NaN or infinity"))
            }
        }
    }

    @Test func `Other networks are named as such`() throws {
        try withTemporaryFolder { folder in
            let floats = [UInt8](repeating: 0, count: 48)
            let pickle = PickleBuilder.dictionary([
                .init("conv1.weight", key: "0", count: 12), .init("layer1.0.bn1.weight", key: "0", count: 12),
            ])
            let zip = ZipBuilder([("a/data.pkl", pickle), ("a/data/0", floats)])
            let other = try refusal(CheckpointFiles.write(zip, to: folder))
            #expect(
                other.contains(
                    "is no animal2vec 1.0 network: of its 2 tensors (conv1.weight, layer1.0.bn1.weight, …) none"))
            let escape = PickleBuilder.dictionary([.init("\u{1B}[2J.weight", key: "0", count: 12)])
            let steering = ZipBuilder([("a/data.pkl", escape), ("a/data/0", floats)])
            #expect(try refusal(CheckpointFiles.write(steering, to: folder)).contains("cannot be printed"))
            let empty = ZipBuilder([("a/data.pkl", PickleBuilder.dictionary([]))])
            #expect(try refusal(CheckpointFiles.write(empty, to: folder)).contains("holds no dictionary of parameters"))

            let file = folder.appending(path: "weights.safetensors")
            try SafetensorsWriter.write([.init("conv1.weight", [Float(1)], shape: [1])], to: file)
            #expect(try refusal(file).contains("is no animal2vec 1.0 network"))
            try SafetensorsWriter.write([.init("front_end.layers.0.norm.weight", [Float(1)], shape: [1])], to: file)
            #expect(try refusal(file).contains("weights of this program already"))
            try Data("not a checkpoint".utf8).write(to: file)
            #expect(try refusal(file).contains("no sound safetensors file"))
            #expect(try refusal(folder.appending(path: "nowhere.pt")).contains("nowhere.pt"))
        }
    }

    /// Published names without a configuration: what is needed is asked for, one setting after the other.
    @Test func `Weights without a configuration take it from the command line`() throws {
        let stored = try CheckpointFiles.golden("pretrain_step_params")
        try withTemporaryFolder { folder in
            let file = folder.appending(path: "weights.safetensors")
            let entries = try stored.names.filter { $0.hasPrefix("param.") }.map { name in
                let values = try stored.values(name, as: Float.self)
                return SafetensorsWriter.Entry(String(name.dropFirst(6)), values, shape: stored[name]!.shape)
            }
            try SafetensorsWriter.write(entries, to: file)
            #expect(try refusal(file).contains("model.embed_dim is not in the checkpoint's configuration"))
            let audio = "model.modalities.audio"
            let settings = [
                "model.embed_dim": "48", "model.num_heads": "4", "model.depth": "2", "\(audio).prenet_depth": "1",
                "task.sample_rate": "8000", "\(audio).conv_pos_groups": "4", "\(audio).decoder.decoder_dim": "32",
                "\(audio).decoder.decoder_layers": "4", "\(audio).decoder.decoder_kernel": "7",
                "\(audio).decoder.decoder_groups": "4", "\(audio).use_pswish": "true",
                "\(audio).sinc_norm": "layer_norm",
                "task.conv_feature_layers":
                    "[(15, 63, 1), (24, 10, 5)] + 3 * [(24, 3, 2)] + [(24,3,1)] + ([(24,2,1)]) * 2",
            ]
            #expect(try refusal(file, settings) == "")
        }
    }

    /// What stands in a pickle may be changed by hand: settings of other kinds, circles, names of all sorts.
    @Test func `Damaged descriptions of a network are answered`() throws {
        let sound = try CheckpointFiles.goldenFinetuned()
        let original = sound.entries[0].content
        var random: UInt64 = 7
        func roll(_ sides: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((random >> 33) % UInt64(sides))
        }
        let codes = Array("Nh)]}K0q.".utf8) + [0, 1, 2, 0x88, 0x89, 0xFF]
        var (planned, refused) = (0, 0)
        try withTemporaryFolder { folder in
            for _ in 0..<80 {
                var zip = sound
                for _ in 0...roll(3) { zip.entries[0].content[roll(original.count)] = codes[roll(codes.count)] }
                let checkpoint = try CheckpointFiles.write(zip, to: folder)
                do {
                    _ = try CheckpointImport(checkpoint).report.text
                    planned += 1
                } catch {
                    #expect(!"\(error)".isEmpty)
                    refused += 1
                }
            }
        }
        #expect(planned > 2 && refused > 10, "\(planned) and \(refused)")
    }
}
