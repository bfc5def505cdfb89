// What a run's folder holds at its end, for comparing runs.
import Foundation

/// The files of a run.
struct RunContents: Equatable {
    /// Everything but logs and the lock, byte for byte.
    let files: [String: Data]
    /// The lines of the log without what the clock decides.
    let metrics: [String]

    init(_ run: URL) throws {
        var files: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: run.path) {
            let file = run.appending(path: path)
            guard try file.resourceValues(forKeys: [.isDirectoryKey]).isDirectory == false else { continue }
            if path == "run.lock" || path == "metrics.jsonl" || path.hasPrefix("events.out") { continue }
            files[path] = try Data(contentsOf: file)
        }
        self.files = files
        metrics = try String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8).split(separator: "\n")
            .map { line in
                guard var values = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
                    throw ProgramFailure("\(run.path): a line of the log is no object: \(line)")
                }
                for name in ["clips_per_second", "waiting_for_data"] { values[name] = nil }
                return String(
                    decoding: try JSONSerialization.data(withJSONObject: values, options: .sortedKeys), as: UTF8.self)
            }
    }

    /// Files and lines that differ.
    func differences(from other: RunContents) -> [String] {
        Set(files.keys).union(other.files.keys).sorted().filter { files[$0] != other.files[$0] }
            + (metrics == other.metrics ? [] : ["metrics.jsonl"])
    }
}

/// What a run that is under way has on the disk.
struct RunProgress {
    let run: URL

    /// The last logged update.
    var update: Int {
        guard let text = try? String(contentsOf: run.appending(path: "metrics.jsonl"), encoding: .utf8) else {
            return 0
        }
        let steps = text.split(separator: "\n").compactMap { line -> Int? in
            guard line.hasPrefix("{\"step\":"), line.hasSuffix("}") else { return nil }
            return Int(line.dropFirst(8).prefix { $0.isNumber })
        }
        return steps.last ?? 0
    }

    /// The updates that have a checkpoint, ascending.
    var checkpoints: [Int] {
        names.compactMap { $0.hasPrefix("step-") ? Int($0.dropFirst(5)) : nil }.sorted()
    }

    /// How many files lie in a checkpoint that is being written or removed; nil where there is none.
    var filesOfUnfinishedCheckpoint: Int? {
        guard let name = names.first(where: { $0.hasSuffix(".tmp") }) else { return nil }
        let folder = run.appending(path: "checkpoints/\(name)")
        return (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.count
    }

    private var names: [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: run.appending(path: "checkpoints").path)) ?? []
    }
}
