import Foundation
import Storage
import TestSupport
import Testing
import Training

@Suite struct CheckpointFolderTests {
    private func manifest(_ step: Int) -> CheckpointManifest {
        CheckpointManifest(
            step: step, epoch: 1, position: 2 * step, recipeHash: "0a", versions: ["program": "1"],
            state: .object([
                "seed": .unsigned(.max), "loss": .number(0.1), "list": .list([.integer(-3), .null, .bool(true)]),
            ]))
    }

    @discardableResult
    private func save(_ folder: CheckpointFolder, _ step: Int, value: Float? = nil) throws -> [StorageError] {
        try folder.save(manifest(step)) { writer in
            try writer.write("student.safetensors", [.init("w", [value ?? Float(step)], shape: [1])])
            try writer.write("notes.txt") { try $0.write("step \(step)") }
        }
    }

    private func value(_ checkpoint: CheckpointFolder.Checkpoint) throws -> Float {
        try SafetensorsFile.open(checkpoint.file("student.safetensors")).values("w", as: Float.self)[0]
    }

    /// Without waiting for the disk, otherwise real.
    private var fast: FileSystem { FileSystem(faults: FaultPlan(at: .max)) }

    private func names(_ url: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
    }

    @Test func `What is saved is loaded, state and all`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root.appending(path: "checkpoints"))
            #expect(try folder.loadNewest() == nil)
            for step in [5, 10] { #expect(try save(folder, step) == []) }
            let loaded = try #require(try folder.loadNewest())
            #expect(loaded.skipped.isEmpty)
            #expect(try value(loaded.checkpoint) == 10)
            #expect(loaded.checkpoint.manifest.state == manifest(10).state)
            #expect(loaded.checkpoint.manifest.position == 20)
            #expect(loaded.checkpoint.manifest.files.keys.sorted() == ["notes.txt", "student.safetensors"])
            #expect(try String(contentsOf: folder.url.appending(path: "latest"), encoding: .utf8) == "step-10\n")
            #expect(try value(folder.load(step: 5)) == 5)
        }
    }

    @Test(
        "Stopped at any system call, an old or the new checkpoint loads whole, and the next save works",
        arguments: [
            // Which checkpoints are there, and which one is then written: a new one, the same again, the only one again.
            ([1, 2], 3, false), ([1, 2], 3, true), ([1, 2, 3], 4, false), ([1, 2], 2, false), ([2], 2, false),
            ([2], 2, true),
            ([], 1, false),
        ])
    func stopEverywhere(existing: [Int], next: Int, tear: Bool) throws {
        try withTemporaryFolder { root in
            let counting = FaultPlan(at: .max)
            let retention = CheckpointFolder.Retention(last: 2)
            let counted = CheckpointFolder(
                root.appending(path: "count"), retention: retention, fileSystem: FileSystem(faults: counting))
            for step in existing {
                try save(CheckpointFolder(counted.url, retention: retention, fileSystem: fast), step)
            }
            try save(counted, next, value: 99)
            var outcomes: Set<Float> = []
            for index in 0..<counting.steps {
                let url = root.appending(path: "at-\(index)")
                let good = CheckpointFolder(url, retention: retention, fileSystem: fast)
                for step in existing { try save(good, step) }
                let plan = FaultPlan(at: index, tear ? .tear : .stop)
                // What comes after the checkpoint is in place is not allowed to fail the save.
                _ = try? save(
                    CheckpointFolder(url, retention: retention, fileSystem: FileSystem(faults: plan)), next, value: 99)
                if let loaded = try good.loadNewest() {
                    #expect(loaded.skipped.isEmpty, "stopped at step \(index)")
                    let found = try value(loaded.checkpoint)
                    #expect(found == 99 || existing.last.map(Float.init) == found, "stopped at step \(index)")
                    outcomes.insert(found)
                } else {
                    #expect(existing.isEmpty, "stopped at step \(index), nothing is left")
                }
                try good.removeLeftovers()
                #expect(try save(good, next + 1, value: 100) == [])
                #expect(try value(#require(try good.loadNewest()).checkpoint) == 100)
                #expect(try names(url).allSatisfy { $0.hasPrefix("step-") && !$0.contains(".") || $0 == "latest" })
            }
            #expect(outcomes.contains(99))
        }
    }

    @Test func `A full disk at any system call costs the new checkpoint at most, and says so`() throws {
        try withTemporaryFolder { root in
            let counting = FaultPlan(at: .max)
            try save(CheckpointFolder(root.appending(path: "count"), fileSystem: FileSystem(faults: counting)), 1)
            for index in 0..<counting.steps {
                for fault in [FaultPlan.Fault.fail(ENOSPC), .failWrites(ENOSPC)] {
                    let url = root.appending(path: "at-\(index)-\(fault)")
                    let good = CheckpointFolder(url, fileSystem: fast)
                    for step in [1, 2] { try save(good, step) }
                    let failing = CheckpointFolder(url, fileSystem: FileSystem(faults: FaultPlan(at: index, fault)))
                    var reported = false
                    do { reported = try !save(failing, 3).isEmpty } catch let error as StorageError {
                        reported = error.code == .diskFull
                    }
                    #expect(reported, "\(fault) at step \(index)")
                    let loaded = try #require(try good.loadNewest())
                    #expect(loaded.skipped.isEmpty)
                    #expect([2, 3].contains(try value(loaded.checkpoint)))
                    #expect(try save(good, 4) == [])
                    #expect(try !names(url).contains { $0.hasSuffix(".tmp") })
                }
            }
        }
    }

    @Test func `Any flipped bit, cut or missing file falls back to the checkpoint before and says why`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            try save(folder, 1)
            try save(folder, 2)
            let step = root.appending(path: "step-2")
            for name in try names(step) {
                let url = step.appending(path: name)
                let good = try Data(contentsOf: url)
                for offset in stride(from: 0, to: good.count, by: 3) {
                    var bad = good
                    bad[offset] ^= 1 << UInt8(offset % 8)
                    try bad.write(to: url)
                    let loaded = try #require(try folder.loadNewest())
                    #expect(try value(loaded.checkpoint) == 1, "\(name), byte \(offset)")
                    #expect(loaded.skipped.count == 1)
                    #expect(loaded.skipped[0].path.hasSuffix("step-2/\(name)"))
                }
                try good.dropLast().write(to: url)
                #expect(try value(#require(try folder.loadNewest()).checkpoint) == 1)
                try FileManager.default.removeItem(at: url)
                #expect(try value(#require(try folder.loadNewest()).checkpoint) == 1)
                try good.write(to: url)
                #expect(try value(#require(try folder.loadNewest()).checkpoint) == 2)
            }
        }
    }

    @Test func `If all checkpoints are damaged that is an error, not a new start`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            for step in [1, 2] {
                try save(folder, step)
                try Data().write(to: root.appending(path: "step-\(step)/student.safetensors"))
            }
            let error = #expect(throws: StorageError.self) { try folder.loadNewest() }
            #expect(error?.description.contains("all 2 checkpoints are damaged") == true)
        }
    }

    @Test func `A checkpoint of a newer form is refused with that reason`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            var manifest = manifest(1)
            manifest.formatVersion = 99
            try folder.save(manifest) { _ in }
            let error = #expect(throws: StorageError.self) { try folder.load(step: 1) }
            #expect(error?.description.contains("form 99, this program reads up to 1") == true)
        }
    }

    @Test func `The last ones, every k-th and the best stay`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root, retention: .init(last: 2, every: 10), fileSystem: fast)
            for step in stride(from: 2, through: 30, by: 2) {
                try save(folder, step)
                if step == 4 { try folder.markBest(step: 4) }
            }
            #expect(folder.steps == [30, 28, 20, 10, 4])
            #expect(folder.best == 4)
            try folder.markBest(step: 28)
            try save(folder, 32)
            #expect(folder.steps == [32, 30, 28, 20, 10])
            #expect(try names(root) == ["best", "latest", "step-10", "step-20", "step-28", "step-30", "step-32"])
        }
    }

    @Test func `After going back newer checkpoints are no longer there`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            for step in [1, 2, 3] { try save(folder, step) }
            try folder.discard(newerThan: 1)
            #expect(folder.steps == [1])
            #expect(try value(#require(try folder.loadNewest()).checkpoint) == 1)
        }
    }

    @Test func `An error while the files are written leaves no trace`() throws {
        struct Broken: Error {}
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            try save(folder, 1)
            #expect(throws: Broken.self) {
                try folder.save(manifest(2)) { writer in
                    try writer.write("a") { try $0.write("x") }
                    throw Broken()
                }
            }
            #expect(try names(root) == ["latest", "step-1"])
        }
    }

    @Test func `A state that JSON cannot express is refused before anything is in place`() throws {
        try withTemporaryFolder { root in
            let folder = CheckpointFolder(root)
            let manifest = CheckpointManifest(step: 1, epoch: 0, position: 0, state: .number(.nan))
            #expect(throws: StorageError.self) { try folder.save(manifest) { _ in } }
            let newest = try folder.loadNewest()
            #expect(newest == nil)
        }
    }
}
