// Recordings with two kinds of calls, their labels, a corpus of them and small models: made once, used by all tests.
import Audio
import Foundation
import Labels
import Synchronization
import TestSupport

/// What the commands of the tests work on.
struct Workplace: Sendable {
    /// Folder of everything; it goes when the tests end.
    let folder: URL
    /// Recordings of 3 s at 8 kHz.
    var recordings: URL { folder.appending(path: "recordings") }
    /// All labels in one table.
    var labels: URL { folder.appending(path: "labels.csv") }
    /// Scanned and split.
    var corpus: URL { folder.appending(path: "corpus") }
    /// A pretraining that nothing has disturbed.
    var pretrained: URL { folder.appending(path: "pretrained") }
    /// A pretraining by DINO that nothing has disturbed.
    var distilled: URL { folder.appending(path: "distilled") }
    /// A fine-tuning that nothing has disturbed.
    var finetuned: URL { folder.appending(path: "finetuned") }

    /// The one of this process.
    static func shared() throws -> Workplace { try made.get() }

    private static let made = Result { try Workplace() }

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "animal2vec-commands-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        Self.removed.withLock { $0.append(folder.path) }
        atexit {
            for path in Workplace.removed.withLock({ $0 }) { try? FileManager.default.removeItem(atPath: path) }
        }
        let events = try Self.record(into: recordings, count: 5)
        try LabelFile.write(events, format: .csv, to: labels)
        try Self.succeed(["scan", recordings.path, "--corpus", corpus.path, "--labels", labels.path])
        try Self.succeed(["split", "--corpus", corpus.path])
        try Self.succeed(Self.pretraining(corpus: corpus, run: pretrained))
        try Self.succeed(Self.distilling(corpus: corpus, run: distilled))
        try Self.succeed(Self.finetuning(from: pretrained, corpus: corpus, run: finetuned))
    }

    private static let removed = Mutex<[String]>([])

    private static func succeed(_ arguments: [String]) throws {
        let answer = try Program.run(arguments)
        guard answer.ending == .status(0) else {
            throw ProgramFailure("animal2vec \(arguments.joined(separator: " ")): \(answer.ending): \(answer.errors)")
        }
    }

    // MARK: Commands

    /// Updates of every training here.
    static let updates = 80

    /// A network that learns in milliseconds.
    static let tinyNetwork = [
        "model.network.width=16", "model.network.heads=2", "model.network.depth=1", "model.network.frontEnd.channels=8",
        "model.network.frontEnd.filters=4", "model.network.positions.layers=1", "model.network.positions.kernel=5",
        "model.network.positions.groups=2", "model.network.decoder.width=8", "model.network.decoder.layers=1",
        "model.network.decoder.groups=2", "model.network.masking.clones=2", "data.sampleRateHz=8000",
        "model.network.residuals=plain",
    ]

    /// A training that saves often, but never because of the time.
    static let tinyTraining = [
        "schedule.totalUpdates=\(updates)", "schedule.warmupUpdates=4", "checkpoint.everyUpdates=2",
        "checkpoint.everySeconds=100000", "batch.clips=2", "data.windowSeconds=0.5", "data.decoderThreads=1",
        "log.everyUpdates=1",
    ]

    /// The command line of a pretraining.
    static func pretraining(corpus: URL, run: URL) -> [String] {
        ["pretrain", "tiny", "--corpus", corpus.path, "--run", run.path, "--threads", "1"] + tinyNetwork + tinyTraining
    }

    /// The command line of a pretraining by DINO.
    static func distilling(corpus: URL, run: URL) -> [String] {
        let network = [
            "model.spectrogram.bands=16", "model.spectrogram.frames=16", "model.network.imageHeight=16",
            "model.network.imageWidth=16", "model.network.width=16", "model.network.depth=2", "model.network.heads=2",
            "model.network.dropPath=0.1", "model.views.local.count=1", "model.views.local.height=8",
            "model.views.local.width=8", "model.head.hidden=16", "model.head.bottleneck=8", "model.head.prototypes=32",
            "model.health.everyUpdates=7", "model.health.windows=8", "model.health.labelledWindows=8",
            "data.sampleRateHz=8000",
        ]
        return ["pretrain", "small-data", "--corpus", corpus.path, "--run", run.path, "--threads", "1"] + network
            + tinyTraining
    }

    /// The command line of a fine-tuning.
    static func finetuning(from model: URL, corpus: URL, run: URL) -> [String] {
        ["finetune", "tiny", "--from", model.path, "--corpus", corpus.path, "--run", run.path, "--threads", "1"]
            + tinyTraining + ["validation.everyUpdates=5", "validation.afterUpdates=5"]
    }

    // MARK: Sound

    /// Records high and low calls of 0.15 s over soft noise, and returns where they are.
    @discardableResult
    static func record(
        into folder: URL, count: Int, seconds: Double = 3, rateHz: Double = 8_000, firstSeed: UInt64 = 1
    ) throws -> [Event] {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var events: [Event] = []
        for number in 0..<count {
            var random = SeededRandom(seed: firstSeed + UInt64(number))
            var samples = syntheticSong(frames: Int(seconds * rateHz), rateHz: rateHz, seed: firstSeed + UInt64(number))
            for index in samples.indices { samples[index] *= 0.05 }
            let name = "song\(number).wav"
            var start = 0.2
            while start + 0.3 < seconds {
                let label = Bool.random(using: &random) ? "high" : "low"
                let turns = (label == "high" ? 2_500 : 700) / rateHz
                let first = Int(start * rateHz)
                for index in first..<first + Int(0.15 * rateHz) {
                    samples[index] += Float(0.4 * sin(2 * .pi * turns * Double(index)))
                }
                events.append(Event(recording: name, startSeconds: start, endSeconds: start + 0.15, label: label))
                start += 0.15 + Double.random(in: 0.15...0.3, using: &random)
            }
            try AudioWriter.write([samples], rateHz: rateHz, to: folder.appending(path: name).path)
        }
        return events
    }
}

/// The same numbers from the same seed (SplitMix64).
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
