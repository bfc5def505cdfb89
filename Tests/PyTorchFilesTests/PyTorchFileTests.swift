import Foundation
import PyTorchFiles
import Storage
import TestSupport
import Testing

/// PyTorch files that are what they say, in all the ways in which tensors are kept.
@Suite struct PyTorchFileTests {
    /// Files that PyTorch 2.11 has written.
    static let checkpoints = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "ImportTests/Checkpoints")

    private func open(_ bytes: [UInt8], in folder: URL) throws -> PyTorchFile {
        let url = folder.appending(path: "file.pt")
        try Data(bytes).write(to: url)
        return try PyTorchFile.open(url)
    }

    private func floats(_ name: String, in file: PyTorchFile) throws -> [Float] {
        let tensor = try #require(file.root[name]?.tensor)
        var bytes: [UInt8] = []
        try file.checkStorage(of: tensor)
        try file.read(tensor) { bytes += Array($0) }
        return bytes.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
    }

    private func content(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }

    @Test func `Files of torch.save in both layouts hold the same tensors`() throws {
        let zip = try PyTorchFile.open(Self.checkpoints.appending(path: "pretraining.pt"))
        let legacy = try PyTorchFile.open(Self.checkpoints.appending(path: "pretraining_legacy.pt"))
        #expect(zip.layout == .zip)
        #expect(legacy.layout == .legacy)
        let model = try #require(zip.root["model"]?.entries)
        let other = try #require(legacy.root["model"])
        var compared = 0
        for (key, value) in model {
            let name = try #require(key.text)
            guard let tensor = value.tensor, tensor.elementType == .float32 else { continue }
            let twin = try #require(other[name]?.tensor)
            var (left, right): ([UInt8], [UInt8]) = ([], [])
            try zip.checkStorage(of: tensor)
            try zip.read(tensor) { left += Array($0) }
            try legacy.read(twin) { right += Array($0) }
            #expect(left == right, "\(name)")
            #expect(!left.isEmpty)
            compared += 1
        }
        #expect(compared == 89)
        #expect(zip.root["model"]?["blocks.1.norm1.weight"]?.tensor?.elementType == .float16)
    }

    @Test func `Objects of unknown classes are read as their names and attributes`() throws {
        let file = try PyTorchFile.open(Self.checkpoints.appending(path: "pretraining.pt"))
        let configuration = try #require(file.root["cfg"])
        #expect(configuration.name == "omegaconf.dictconfig.DictConfig")
        let model = try #require(configuration.attribute("_content")?["model"])
        // A circle: the parent of a setting is the group that holds it.
        #expect(model.attribute("_parent")?.name == "omegaconf.dictconfig.DictConfig")
        let depth = try #require(model.attribute("_content")?["depth"])
        #expect(depth.name == "omegaconf.nodes.IntegerNode")
        #expect(depth.attribute("_val")?.integer == 2)
        let modality = try #require(model.attribute("_content")?["supported_modality"]?.attribute("_val"))
        #expect(modality.name == "nn.modalities.modality.Modality")
        #expect(modality.arguments.first?.integer == 1)
        #expect(
            configuration.attribute("_metadata")?.attribute("object_type")?.name == "nn.data2vec2.Data2VecMultiConfig")

        let meter = try #require(file.root["extra_state"]?["metrics"]?["train"]?.elements?.first?.elements?.last)
        #expect(meter.name == "fairseq.logging.meters.AverageMeter")
        #expect(meter.attribute("val")?.number == 1.25)
        #expect(meter.attribute("sum")?.number == 2.5)
        #expect(meter.attribute("count")?.integer == 3)
        #expect(file.root["extra_state"]?["classes"]?.elements?.count == 2)
        let legacy = try PyTorchFile.open(Self.checkpoints.appending(path: "pretraining_legacy.pt"))
        #expect(legacy.root["args"]?.name == "argparse.Namespace")
        #expect(legacy.root["args"]?.attribute("embed_dim")?.integer == 16)
    }

    @Test func `Views of a storage are read in their order`() throws {
        let values = (0..<24).map { Float($0) }
        var transposed = PickleBuilder.Tensor("transposed", key: "0", count: 24)
        (transposed.shape, transposed.strides) = ([4, 3], [1, 4])
        var slice = PickleBuilder.Tensor("slice", key: "0", count: 24)
        (slice.shape, slice.strides, slice.offset) = ([2, 2, 1], [12, 4, 99_999], 1)
        var scalar = PickleBuilder.Tensor("scalar", key: "0", count: 24)
        (scalar.shape, scalar.strides, scalar.offset) = ([], [], 23)
        var empty = PickleBuilder.Tensor("empty", key: "0", count: 24)
        (empty.shape, empty.strides) = ([0, 1 << 40, 1 << 40], [1, 1, 1])
        let pickle = PickleBuilder.dictionary([transposed, slice, scalar, empty])
        try withTemporaryFolder { folder in
            let zip = ZipBuilder([
                ("a/data.pkl", pickle), ("a/byteorder", Array("little".utf8)), ("a/data/0", content(values)),
            ])
            for bytes in [zip.bytes, PickleBuilder.legacyFile(pickle, storages: [("0", 24, content(values))])] {
                let file = try open(bytes, in: folder)
                #expect(try floats("transposed", in: file) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
                #expect(try floats("slice", in: file) == [1, 5, 13, 17])
                #expect(try floats("scalar", in: file) == [23])
                #expect(try floats("empty", in: file).isEmpty)
            }
        }
    }

    @Test func `Compressed archives are read, and only in the size that they announce`() throws {
        let pickle = PickleBuilder.dictionary([.init("zeros", key: "0", count: 1_000_000)])
        try withTemporaryFolder { folder in
            let source = folder.appending(path: "a")
            try FileManager.default.createDirectory(
                at: source.appending(path: "data"), withIntermediateDirectories: true)
            try Data(pickle).write(to: source.appending(path: "data.pkl"))
            try Data(count: 4_000_000).write(to: source.appending(path: "data/0"))
            let packer = Process()
            packer.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            packer.arguments = ["python3", "-c", "import shutil; shutil.make_archive('packed', 'zip', '.', 'a')"]
            packer.currentDirectoryURL = folder
            try packer.run()
            packer.waitUntilExit()
            let packed = folder.appending(path: "packed.zip")
            let file = try PyTorchFile.open(packed)
            #expect(try floats("zeros", in: file) == [Float](repeating: 0, count: 1_000_000))
            // Announce another size, in the directory and in the header.
            var bytes = try Array(Data(contentsOf: packed))
            #expect(bytes.count < 10_000)
            for index in bytes.indices.dropLast(4)
            where Array(bytes[index..<index + 4]) == ZipBuilder.little(4_000_000, 4) {
                bytes[index] &-= 4
            }
            #expect(throws: PyTorchFileError.self) { _ = try open(bytes, in: folder) }
        }
    }

    @Test func `A flipped bit in the numbers is found by the checksum`() throws {
        let values = content([1, 2, 3])
        var zip = ZipBuilder([
            ("a/data.pkl", PickleBuilder.dictionary([.init("x", key: "0", count: 3)])), ("a/data/0", values),
        ])
        zip.entries[1].checksum = ZipBuilder.checksum(values)
        try withTemporaryFolder { folder in
            #expect(try floats("x", in: open(zip.bytes, in: folder)) == [1, 2, 3])
            zip.entries[1].content[5] ^= 1
            let file = try open(zip.bytes, in: folder)
            let error = #expect(throws: PyTorchFileError.self) { _ = try floats("x", in: file) }
            #expect(error?.problem.contains("checksum of storage 0") == true)
        }
    }
}
