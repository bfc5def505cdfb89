import Audio
import Corpus
import Foundation
import Labels
import TestSupport

/// A folder of sound and labels, and the corpus made of it.
struct Fixture {
    let folder: URL
    var sound: URL { folder.appending(path: "sound") }
    var labels: URL { folder.appending(path: "labels") }

    init(_ folder: URL) throws {
        self.folder = folder
        try FileManager.default.createDirectory(at: sound, withIntermediateDirectories: true)
        try FileManager.default.createDirectory(at: labels, withIntermediateDirectories: true)
    }

    /// Writes a recording whose sample k is its own number divided by `scale`, so that windows can be told by their values.
    func writeRamp(_ name: String, seconds: Double, rateHz: Double = 8_000, scale: Float = 1_000_000) throws {
        let ramp = (0..<Int(seconds * rateHz)).map { Float($0 + 1) / scale }
        try write(name, [ramp], rateHz: rateHz)
    }

    func writeSong(_ name: String, seconds: Double, rateHz: Double = 8_000, seed: UInt64 = 1) throws {
        try write(name, [syntheticSong(frames: Int(seconds * rateHz), rateHz: rateHz, seed: seed)], rateHz: rateHz)
    }

    func write(_ name: String, _ channels: [[Float]], rateHz: Double) throws {
        let url = sound.appending(path: name)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try AudioWriter.write(channels, rateHz: rateHz, to: url.path, as: name.hasSuffix("flac") ? .flac : .wavFloat)
    }

    func writeLabels(_ events: [Event], recordings: [String] = [], to name: String = "events.csv") throws {
        try LabelFile.write(events, format: .csv, to: labels.appending(path: name), recordings: recordings)
    }

    func catalogue() throws -> Catalogue {
        try Catalogue(folder: folder.appending(path: "corpus"), makeIfMissing: true)
    }

    @discardableResult
    func scan(_ catalogue: Catalogue, threads: Int = 2) throws -> ScanReport {
        var configuration = Scanner.Configuration()
        configuration.threads = threads
        return try Scanner(catalogue, configuration: configuration).scan([sound.path], labels: [labels.path])
    }
}

func withFixture<Result>(_ body: (Fixture) throws -> Result) throws -> Result {
    try withTemporaryFolder { try body(Fixture($0)) }
}

func event(_ recording: String, _ start: Double, _ end: Double, _ label: String) -> Event {
    Event(recording: recording, startSeconds: start, endSeconds: end, label: label)
}
