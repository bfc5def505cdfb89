// One long recording to clips of sound and labels. Memory holds one clip.
import Audio
import Corpus
import Foundation
import Labels
import Randomness
import Storage
import Synchronization

/// Cuts one recording.
struct RecordingCutter {
    let task: PreparationPlan.Task
    let settings: PreparationSettings
    let folder: URL
    let subfolders: Int
    let classes: [String]
    /// Milliseconds of sound that all cutters have read.
    let readMilliseconds: SharedCounter
    let shouldStop: SharedFlag

    private static let fileSystem = FileSystem.hurried

    /// Cuts the recording; nil when it was asked to stop. Throws what makes the recording unusable or the disk full.
    func cut() throws -> PreparationJournal.Record? {
        let stream = try AudioStream(path: task.file.path, rateHz: settings.rateHz, channel: task.channel)
        let rate = stream.rateHz
        let clipFrames = Int((settings.clipSeconds * rate).rounded())
        guard clipFrames > 0 else {
            throw AudioError.unusableRate(rateHz: rate, reason: "a clip would hold no sample")
        }
        var record = PreparationJournal.Record(
            path: task.file.path, size: task.file.size, modified: task.file.modified, fingerprint: task.fingerprint,
            source: task.source, clips: [], seconds: 0, events: 0, cutEvents: 0, lostEvents: 0, otherChannelEvents: 0,
            silentClips: 0, restSeconds: 0, notes: [])
        var labels = (0..<stream.outputChannelCount).map { ClipLabels(events(ofOutput: $0)) }
        record.otherChannelEvents = task.events.count { event in
            !labels.indices.contains { isHeard(event, onOutput: $0) }
        }
        var position = 0
        while true {
            if shouldStop.isSet { return nil }
            // One frame more would begin the next clip: a recording of exactly one clip is one clip.
            guard let block = try stream.next(frames: clipFrames), block.frameCount > 0 else { break }
            let start = Double(position) / rate
            let seconds = Double(block.frameCount) / rate
            readMilliseconds.add(Int((seconds * 1000).rounded()))
            record.seconds += seconds
            position += block.frameCount
            for (output, samples) in block.channels.enumerated() {
                try write(samples, output, start, clipFrames, rate, &labels[output], &record)
            }
            if block.frameCount < clipFrames { break }
        }
        guard position > 0 else {
            throw AudioError.unreadable(path: task.file.path, reason: "it holds no sound")
        }
        for labels in labels {
            record.events += labels.pieceCount
            record.cutEvents += labels.cutCount
            record.lostEvents += labels.isUsed.count { !$0 }
        }
        record.notes = stream.damage
        return record
    }

    // Without a single channel every output is a channel.
    private func isHeard(_ event: Event, onOutput output: Int) -> Bool {
        guard let channel = event.channel, task.channelCount > 1 else { return true }
        switch task.channel {
        case .index(let index): return channel == index
        case .all: return channel == output
        case .mean, .loudest: return true
        }
    }

    private func events(ofOutput output: Int) -> [Event] { task.events.filter { isHeard($0, onOutput: output) } }

    private func write(
        _ sound: [Float], _ output: Int, _ start: Double, _ clipFrames: Int, _ rate: Double,
        _ labels: inout ClipLabels, _ record: inout PreparationJournal.Record
    ) throws {
        var samples = sound
        let seconds = Double(sound.count) / rate
        if sound.count < clipFrames {
            // A hair, because seconds are not exact.
            guard settings.rest != .drop, seconds + 1e-9 >= min(settings.shortestSeconds, settings.clipSeconds) else {
                record.restSeconds += seconds
                return
            }
            if settings.rest == .pad { samples += [Float](repeating: 0, count: clipFrames - sound.count) }
        }
        let pieces = labels.events(from: start, to: start + seconds, shortestSeconds: 1 / rate)
        if pieces.isEmpty, !settings.keepsSilence, Self.isSilent(sound) {
            record.silentClips += 1
            return
        }
        let original = ClipName.stem(
            source: task.source, channel: task.channel == .all && task.channelCount > 1 ? output : nil,
            startSeconds: start, endSeconds: start + Double(samples.count) / rate)
        let stem = settings.randomNames ? Self.randomName(original, settings.seed) : original
        let rateFolder = Self.rateFolder(rate)
        let inner =
            subfolders > 1
            ? "\(rateFolder)/\(Self.digits(Int(Self.hash(stem) % UInt64(subfolders)), 4))" : rateFolder
        let place = "\(inner)/\(stem)"
        let hasLabels = task.isAnnotated || settings.labelsEverything
        if hasLabels {
            let url = folder.appending(path: "lbl/\(place).h5")
            let facts = RecordingFacts(durationSeconds: Double(samples.count) / rate, rateHz: rate)
            let options = LabelWritingOptions(
                facts: { _ in facts },
                properties: ["classes": classes.joined(separator: "\n")])
            let events = pieces.map { entry in
                var event = entry.piece
                event.recording = "\(stem).wav"
                return event
            }
            let bytes = try LabelFile.bytes(
                events, format: .meerkat, file: url.path, recordings: ["\(stem).wav"], options: options)
            try store(Data(bytes), at: url)
        }
        // The sound comes last: a clip that is there has its labels.
        try store(
            try AudioWriter.encodedWAV([samples], rateHz: rate), at: folder.appending(path: "wav/\(place).wav"))
        labels.use(pieces)
        record.clips.append(
            .init(path: place, original: original, frames: samples.count, events: pieces.count, hasLabels: hasLabels))
    }

    private func store(_ data: Data, at url: URL) throws {
        do {
            try AtomicFile.write(data, to: url, fileSystem: Self.fileSystem)
        } catch {
            guard error.code == .notFound else { throw error }
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AtomicFile.write(data, to: url, fileSystem: Self.fileSystem)
        }
    }

    /// `08000Hz`, as animal2vec 1.0 names it.
    static func rateFolder(_ rateHz: Double) -> String { digits(Int(rateHz), 5) + "Hz" }

    /// Whether there is no sound: what a dead microphone or a hole in the data leaves.
    static func isSilent(_ samples: [Float]) -> Bool {
        samples.withUnsafeBufferPointer { samples in
            var sum = 0.0
            var squares = 0.0
            var peak: Float = 0
            for sample in samples {
                sum += Double(sample)
                squares += Double(sample) * Double(sample)
                peak = max(peak, abs(sample))
            }
            let count = Double(max(1, samples.count))
            let deviation = max(0, squares / count - (sum / count) * (sum / count)).squareRoot()
            return deviation < 1e-6 || (squares / count).squareRoot() < 1e-5 || peak < 1e-4
        }
    }

    private static func randomName(_ original: String, _ seed: UInt64) -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        var random = KeyedRandom(seed: seed ^ hash(original), purpose: .order)
        return String((0..<32).map { _ in letters[random.below(letters.count)] })
    }

    // FNV-1a: the same in every run.
    private static func hash(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return splitmix64(hash)
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}

/// A number that several threads add to.
final class SharedCounter: Sendable {
    private let number = Atomic<Int>(0)

    func add(_ count: Int) { number.add(count, ordering: .relaxed) }

    var value: Int { number.load(ordering: .relaxed) }
}

/// A flag that one thread sets and others look at.
final class SharedFlag: Sendable {
    private let flag = Atomic<Bool>(false)

    func set() { flag.store(true, ordering: .relaxed) }

    var isSet: Bool { flag.load(ordering: .relaxed) }
}
