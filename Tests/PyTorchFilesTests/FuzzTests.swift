import Foundation
import PyTorchFiles
import Storage
import TestSupport
import Testing

/// Thousands of damaged files: whatever comes, the reader answers, and takes no memory to speak of.
@Suite(.serialized) struct FuzzTests {
    /// The same numbers every time (SplitMix64).
    private struct Dice {
        var state: UInt64

        mutating func roll(_ sides: Int) -> Int {
            state &+= 0x9E37_79B9_7F4A_7C15
            var value = state
            value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
            value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
            return Int((value ^ value >> 31) % UInt64(sides))
        }
    }

    /// Sizes and codes that readers stumble over.
    private static let nasty: [UInt8] =
        [0, 1, 2, 0x7F, 0x80, 0x81, 0x8A, 0x8B, 0x8D, 0xFE, 0xFF] + Array("().}]abcdegijloqrstuBGQRTX".utf8)

    private func damaged(_ original: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var bytes = original
        for _ in 0...dice.roll(4) where !bytes.isEmpty {
            let place = dice.roll(bytes.count)
            switch dice.roll(7) {
            case 0: bytes[place] ^= 1 << UInt8(dice.roll(8))
            case 1: bytes[place] = Self.nasty[dice.roll(Self.nasty.count)]
            case 2: bytes[place] = UInt8(dice.roll(256))
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + 1 + dice.roll(8)))
            case 4:
                let from = dice.roll(bytes.count)
                bytes.insert(contentsOf: Array(bytes[from..<min(bytes.count, from + 1 + dice.roll(64))]), at: place)
            case 5: for index in place..<min(bytes.count, place + 8) { bytes[index] = 0xFF }
            default: if dice.roll(8) == 0 { bytes.removeLast(bytes.count - place) }
            }
        }
        return bytes
    }

    /// Everything that a reader of a file may ask for; a refusal is fine, a trap is not.
    private func explore(_ url: URL) -> Bool {
        do {
            let file = try PyTorchFile.open(url)
            var items = [file.root]
            var visited = 0
            while let item = items.popLast(), visited < 300 {
                visited += 1
                _ = (item.summary, item.text, item.number, item.integer, item.boolean, item.name, item["model"])
                items += item.arguments + (item.elements ?? [])
                for (key, value) in item.entries ?? [] { items += [key, value] }
                items += ["_content", "_val", "_parent"].compactMap { item.attribute($0) }
                if let tensor = item.tensor {
                    try file.checkStorage(of: tensor)
                    var bytes = 0
                    try file.read(tensor) { bytes += $0.count }
                    #expect(bytes == tensor.count * (tensor.elementType?.byteCount ?? 0))
                }
            }
            return true
        } catch {
            #expect(error is PyTorchFileError, "\(error)")
            return false
        }
    }

    private func peakBytes() throws -> Int {
        let data = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/status")).readToEnd() ?? Data()
        let line = try #require(
            String(decoding: data, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") })
        return try #require(Int(line.filter(\.isNumber))) << 10
    }

    private func small() -> [[UInt8]] {
        var view = PickleBuilder.Tensor("view", key: "0", count: 12)
        (view.shape, view.strides) = ([3, 4], [1, 3])
        var half = PickleBuilder.Tensor("half", key: "1", count: 4)
        half.type = "HalfStorage"
        let pickle = PickleBuilder.dictionary([view, half])
        let (large, little) = ([UInt8](repeating: 7, count: 48), [UInt8](repeating: 9, count: 8))
        let zip = ZipBuilder([
            ("a/data.pkl", pickle), ("a/byteorder", Array("little".utf8)), ("a/data/0", large), ("a/data/1", little),
        ])
        return [zip.bytes, PickleBuilder.legacyFile(pickle, storages: [("0", 12, large), ("1", 4, little)])]
    }

    // The peak of memory is that of a process: each of these has one of its own.

    @Test func `Three thousand damaged small files are answered`() async {
        await #expect(processExitsWith: .success) { try FuzzTests().answersDamagedSmallFiles() }
    }

    private func answersDamagedSmallFiles() throws {
        let before = try peakBytes()
        var dice = Dice(state: 1)
        var opened = 0
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "file.pt")
            for original in small() {
                for _ in 0..<1_500 {
                    try Data(damaged(original, &dice)).write(to: url)
                    if explore(url) { opened += 1 }
                }
            }
        }
        // Some damage is harmless, most is not.
        #expect((50..<1_500).contains(opened), "\(opened)")
        #expect(try peakBytes() - before < 200_000_000)
    }

    @Test(arguments: ["pretraining.pt", "pretraining_legacy.pt", "finetuned.pt"])
    func `Checkpoints with damaged pickles are answered`(name: String) async {
        await #expect(processExitsWith: .success) { [name] in try FuzzTests().answersDamagedPickles(name) }
    }

    private func answersDamagedPickles(_ name: String) throws {
        let original = try Array(Data(contentsOf: PyTorchFileTests.checkpoints.appending(path: name)))
        // The pickle stands in the first part of the file; damage there passes through the archive.
        let directory = original.indices.dropLast(46).first { index in
            original[index] == 0x50 && original[index..<index + 4].elementsEqual([0x50, 0x4B, 1, 2])
        }
        let pickle = 0..<min(original.count, 30_000)
        let before = try peakBytes()
        var dice = Dice(state: 2)
        try withTemporaryFolder { folder in
            let url = folder.appending(path: "file.pt")
            for _ in 0..<40 {
                var bytes = original
                for _ in 0...dice.roll(3) {
                    bytes[pickle.lowerBound + 60 + dice.roll(pickle.count - 60)] =
                        Self.nasty[dice.roll(Self.nasty.count)]
                }
                // Without a checksum, or the pickle would not be looked at.
                if let start = directory { for index in start + 16..<start + 20 { bytes[index] = 0 } }
                try Data(bytes).write(to: url)
                _ = explore(url)
            }
        }
        #expect(try peakBytes() - before < 200_000_000)
    }
}
