import Foundation
import Inference
import Labels
import Models
import Neural
import Storage
import TestSupport
import Testing
import Torch

/// Model folders, sound and otherwise.
@Suite("Model folder") struct ModelFolderTests {
    private func edited(_ folder: URL, _ change: (String) -> String) throws -> String {
        let file = folder.appending(path: ModelFolder.descriptionName)
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = change(text)
        #expect(changed != text, "the test changes nothing")
        try changed.write(to: file, atomically: true, encoding: .utf8)
        return fault(folder)
    }

    private func fault(_ folder: URL) -> String {
        do {
            _ = try ModelFolder.load(folder)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func `What is written is loaded again, weights to the last bit`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "model")
            var description = TinyModel.description()
            description.decoding.classes["007"] = .init(threshold: 0.4)
            let original = try TinyModel.classifier(description)
            try ModelFolder.write(description, weights: original.store.masters, to: url)
            let model = try ModelFolder.load(url)
            description.weightsChecksum = model.description.weightsChecksum
            #expect(model.description == description)
            #expect(model.description.classes == ["chirp", "no", "007"])
            #expect(model.description.weightsChecksum.count == 8)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["model"])
            let loaded = try model.classifier()
            for (name, tensor) in original.store.masters {
                #expect(try loaded.store[name]!.master.array(Float.self) == tensor.array(Float.self))
            }
            #expect(loaded.store.purpose == .prediction)
            // The same model is the same bytes, and one that differs in a threshold is another one.
            try ModelFolder.write(description, weights: original.store.masters, to: folder.appending(path: "same"))
            #expect(try ModelFolder.load(folder.appending(path: "same")).fingerprint == model.fingerprint)
            var other = description
            other.decoding.threshold = 0.6
            try ModelFolder.write(other, weights: original.store.masters, to: folder.appending(path: "other"))
            #expect(try ModelFolder.load(folder.appending(path: "other")).fingerprint != model.fingerprint)
        }
    }

    @Test func `The folder of a run stands for its best model, else its last`() throws {
        try withTemporaryFolder { run in
            #expect(fault(run).contains("holds no model.yaml"))
            #expect(fault(run.appending(path: "nowhere")).contains("does not exist"))
            let last = try TinyModel.write(to: run.appending(path: "model/last"), seed: 2)
            #expect(try ModelFolder.load(run).fingerprint == last.fingerprint)
            let best = try TinyModel.write(to: run.appending(path: "model/best"), seed: 3)
            #expect(try ModelFolder.load(run).fingerprint == best.fingerprint)
            #expect(best.fingerprint != last.fingerprint)
        }
    }

    @Test("Stopped at any system call, the folder holds the old model or the new one", arguments: [false, true])
    func stopEverywhere(tear: Bool) throws {
        try withTemporaryFolder { run in
            let url = run.appending(path: "model/best")
            let description = TinyModel.description()
            // Made once: initial weights come from libtorch's one generator, which other tests draw from as well.
            let oldWeights = try TinyModel.classifier(description, seed: 1).store.masters
            let weights = try TinyModel.classifier(description, seed: 2).store.masters
            try ModelFolder.write(description, weights: oldWeights, to: url)
            let old = try ModelFolder.load(url).fingerprint
            let counting = FaultPlan(at: .max)
            try ModelFolder.write(description, weights: weights, to: url, fileSystem: FileSystem(faults: counting))
            let new = try ModelFolder.load(run).fingerprint
            var seen: Set<String> = []
            for step in 0..<counting.steps {
                try ModelFolder.write(description, weights: oldWeights, to: url)
                let fileSystem = FileSystem(faults: FaultPlan(at: step, tear ? .tear : .stop))
                try? ModelFolder.write(description, weights: weights, to: url, fileSystem: fileSystem)
                let found = try ModelFolder.load(run).fingerprint
                #expect(found == old || found == new, "stopped at step \(step)")
                seen.insert(found)
            }
            #expect(seen == [old, new])
            // Whatever is left of all this is gone after the next write.
            try ModelFolder.write(description, weights: weights, to: url)
            #expect(try FileManager.default.contentsOfDirectory(atPath: run.appending(path: "model").path) == ["best"])
        }
    }

    @Test func `Every fault of a description is named with file, key and remedy`() throws {
        try withTemporaryFolder { folder in
            let cases: [(change: (String) -> String, words: [String])] = [
                ({ $0.replacing("windowSeconds", with: "windowSecond") }, ["model.yaml", "windowSecond", "missing"]),
                ({ $0 + "surprise: 1\n" }, ["model.yaml", "unknown key surprise"]),
                ({ $0.replacing("depth: 2", with: "depth: two") }, ["encoder.depth", "a whole number"]),
                ({ $0.replacing("depth: 2", with: "depth: 1000000000") }, ["encoder.depth", "1 to 1000"]),
                ({ $0.replacing("depth: 2", with: "depth: 900") }, ["lacks 'blocks.2.attention.qkv.weight'", "copy"]),
                ({ $0.replacing("  width: 16", with: "  width: 65536") }, ["weights.safetensors", "has the shape"]),
                ({ $0.replacing("heads: 2", with: "heads: 0") }, ["encoder.heads", "must divide"]),
                ({ $0.replacing("kind: frameClassifier", with: "kind: oracle") }, ["kind", "one of pretrained"]),
                (
                    { $0.replacing("formatVersion: 1", with: "formatVersion: 9") },
                    ["formatVersion", "newer animal2vec"]
                ),
                ({ $0.replacing("threshold: 0.5", with: "threshold: 7") }, ["decoding.threshold", "found 7"]),
                ({ $0.replacing("[chirp,", with: "[\"007\",") }, ["classes", "twice"]),
                ({ $0.replacing(/weightsChecksum: .*/, with: "weightsChecksum: x") }, ["checksum", "copy"]),
                ({ _ in "just text" }, ["model.yaml", "settings (key: value)"]),
                ({ _ in "a: [unclosed" }, ["model.yaml", "no sound YAML"]),
                ({ _ in "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *nothing]\n" }, ["model.yaml"]),
                ({ _ in String(repeating: "[", count: 5000) }, ["model.yaml"]),
            ]
            for (change, words) in cases {
                let url = folder.appending(path: "model")
                try TinyModel.write(to: url)
                let fault = try edited(url, change)
                for word in words { #expect(fault.contains(word)) }
            }
        }
    }

    @Test func `Bytes that are no text, and weights that are no tensors, are refused`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "model")
            try TinyModel.write(to: url)
            let weights = url.appending(path: ModelFolder.weightsName)
            var bytes = try Data(contentsOf: weights)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: weights)
            #expect(fault(url).contains("has the checksum"))
            try Data().write(to: weights)
            #expect(fault(url).contains("weights.safetensors"))
            try Data([0xFF, 0xFE, 0x00]).write(to: url.appending(path: ModelFolder.descriptionName))
            #expect(fault(url).contains("no text in UTF-8"))
        }
    }

    @Test func `Weights with a number that is none, or of another model, do not become a classifier`() throws {
        try withTemporaryFolder { folder in
            let description = TinyModel.description()
            let store = try TinyModel.classifier(description).store
            let url = folder.appending(path: "model")
            try ModelFolder.write(description, weights: store.masters.filter { $0.name != "alibi_scale" }, to: url)
            #expect(throws: ModelFolderError.self) { try ModelFolder.load(url).classifier() }
            let extra = store.masters + [(name: "stowaway", tensor: try Tensor.ones([3]))]
            try ModelFolder.write(description, weights: extra, to: url)
            let error = #expect(throws: ModelFolderError.self) { try ModelFolder.load(url).classifier() }
            #expect(error?.description.contains("stowaway") == true)
            try store["head.bias"]!.master.multiply(inPlace: .nan)
            try store["head.bias"]!.master.copy(inPlace: Tensor([Float](repeating: .nan, count: 3)))
            try ModelFolder.write(description, weights: store.masters, to: url)
            #expect(throws: WeightsError.self) { try ModelFolder.load(url).classifier() }
        }
    }

    @Test func `A pretrained model names no classes, and lends its encoder to one that does`() throws {
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "model")
            let pretraining = try Animal2Vec(TinyModel.configuration(), seed: 5)
            try pretraining.teacher["alibi_scale"]!.master.multiply(inPlace: 3)
            let description = ModelDescription(kind: .pretrained, encoder: pretraining.configuration, windowSeconds: 1)
            let teacher = pretraining.teacher.masters.map { (ModelFolder.teacherPrefix + $0.name, $0.tensor) }
            try ModelFolder.write(description, weights: pretraining.student.masters + teacher, to: url)
            let model = try ModelFolder.load(url)
            let error = #expect(throws: ModelFolderError.self) { try model.classifier() }
            #expect(error?.description.contains("finetune") == true)

            let classifier = try FrameClassifier(pretraining.configuration, classCount: 2, seed: 6)
            let head = try classifier.store["head.weight"]!.master.array(Float.self)
            func parameter(_ name: String, of store: ParameterStore) throws -> [Float] {
                try store[name]!.master.array(Float.self)
            }
            try model.loadEncoder(into: classifier.store)
            for name in ["blocks.1.expand.weight", "projection.linear.bias", "alibi_scale"] {
                #expect(try parameter(name, of: classifier.store) == parameter(name, of: pretraining.student))
            }
            #expect(try parameter("head.weight", of: classifier.store) == head)
            try model.loadEncoder(into: classifier.store, network: .teacher)
            #expect(
                try parameter("alibi_scale", of: classifier.store) == parameter("alibi_scale", of: pretraining.teacher))
            // Another size is refused by name.
            var larger = pretraining.configuration
            larger.depth = 3
            let other = try FrameClassifier(larger, classCount: 2)
            #expect(throws: ModelFolderError.self) { try model.loadEncoder(into: other.store) }
        }
    }
}
