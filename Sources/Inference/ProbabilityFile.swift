// Frame probabilities on the disk: one safetensors file per recording, so that thresholds can be tuned, plates drawn and
// average precision computed without the model.
import Foundation
import Labels
import Models
import Storage

/// The saved frame probabilities of one recording.
public struct ProbabilityFile: Sendable {
    /// The folder among the results of a prediction.
    public static let folderName = "probabilities"

    /// What the recording is called.
    public let recording: String
    /// The labels, C of them.
    public let classes: [String]
    /// The times of the T frames.
    public let grid: FrameGrid
    /// Length of the recording in seconds.
    public let seconds: Double
    /// How the prediction made events of them; nil if that is not told.
    public let decoding: EventDecoder.Configuration?
    /// Channels that were heard by themselves.
    public let channelCount: Int
    private let file: SafetensorsFile
    private static let tensor = "probabilities"

    /// Opens a file that a prediction has written.
    public init(_ url: URL) throws {
        file = try SafetensorsFile.open(url)
        guard let shape = file[Self.tensor]?.shape, shape.count == 3, let name = file.metadata["recording"],
            let classes = file.metadata["classes"].flatMap({
                try? JSONDecoder().decode([String].self, from: Data($0.utf8))
            }), classes.count == shape[2],
            let rate = file.metadata["frames_per_second"].flatMap(Double.init), rate > 0,
            let first = file.metadata["first_centre_seconds"].flatMap(Double.init),
            let seconds = file.metadata["seconds"].flatMap(Double.init)
        else {
            throw PredictionError(
                file: url.path, problem: "holds no frame probabilities of a prediction",
                remedy: "predict with --probabilities")
        }
        (recording, self.classes, self.seconds, channelCount) = (name, classes, seconds, shape[0])
        decoding = file.metadata["decoding"].flatMap {
            try? JSONDecoder().decode(EventDecoder.Configuration.self, from: Data($0.utf8))
        }
        grid = FrameGrid(framesPerSecond: rate, count: shape[1], firstCentreSeconds: first)
    }

    /// The probabilities of a channel, row-major T × C.
    public func values(channel: Int = 0) throws -> [Float] {
        let bytes = grid.count * classes.count * MemoryLayout<Float>.size
        return try file.withUnsafeBytes(Self.tensor) { all in
            [Float](unsafeUninitializedCapacity: grid.count * classes.count) { buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: all[channel * bytes..<(channel + 1) * bytes]))
                count = buffer.count
            }
        }
    }

    /// All files in the folder of a prediction, by the names of their recordings.
    public static func all(in prediction: URL) throws -> [ProbabilityFile] {
        let folder = prediction.appending(path: folderName)
        let names = (try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []
        return try names.filter { $0.hasSuffix(".safetensors") }.sorted().map {
            try ProbabilityFile(folder.appending(path: $0))
        }
    }

    /// Writes raw T × C numbers of every channel.
    static func write(
        _ channels: [MappedFile], to url: URL, recording: String, seconds: Double, _ description: ModelDescription,
        _ decoding: EventDecoder.Configuration
    ) throws {
        let width = description.classes.count
        let frames = channels[0].byteCount / width / MemoryLayout<Float>.size
        let entry = SafetensorsWriter.Entry(tensor, .float32, shape: [channels.count, frames, width]) { take in
            for channel in channels { try channel.withUnsafeBytes { try take($0) } }
        }
        var metadata = try metadata(recording, description)
        metadata["seconds"] = "\(seconds)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        metadata["decoding"] = String(decoding: try encoder.encode(decoding), as: UTF8.self)
        try SafetensorsWriter.write([entry], metadata: metadata, to: url)
    }

    static func metadata(_ recording: String, _ description: ModelDescription) throws -> [String: String] {
        [
            "recording": recording,
            "classes": String(decoding: try JSONEncoder().encode(description.classes), as: UTF8.self),
            "frames_per_second": "\(description.framesPerSecond)",
            "first_centre_seconds": "\(description.grid(frames: 0).firstCentreSeconds)",
        ]
    }
}
