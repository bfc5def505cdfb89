// One row of the catalogue: a file of sound.

import Audio
import Foundation

/// A recording as the catalogue knows it.
public struct Recording: Sendable, Hashable, Codable, Identifiable {
    /// The row of the catalogue; stays while the catalogue lives.
    public var id: Int64
    /// Where the file lies.
    public var path: String
    /// The path below the folder that was scanned, with forward slashes.
    public var relativePath: String
    /// Bytes of the file when it was scanned (with its sidecar, where it has one).
    public var size: Int64
    /// Modification time of the file when it was scanned, in nanoseconds since 1970.
    public var modified: Int64
    /// Samples per second and channel by the header; 0 for an unreadable file.
    public var rateHz: Double
    /// Channels.
    public var channelCount: Int
    /// Frames that were decoded.
    public var frames: Int
    /// Length in seconds as decoded.
    public var seconds: Double
    /// How much of it can be used.
    public var verdict: AudioVerdict
    /// Greatest absolute sample; 1 is full scale.
    public var peak: Double
    /// Root mean square over all channels.
    public var rms: Double
    /// The channel with the greatest root mean square, counted from 0.
    public var loudestChannel: Int
    /// Start of the recording as ISO 8601, without a zone where none is known.
    public var startTime: String?
    /// Degrees north.
    public var latitude: Double?
    /// Degrees east.
    public var longitude: Double?
    /// How many times slower than real the header's rate is.
    public var timeExpansion: Int
    /// Where the recorder stood.
    public var site: String?
    /// The animal that was recorded.
    public var individual: String?
    /// The long recording that this one is a clip of; nil for a recording that is whole.
    public var source: String?
    /// The part of the split it belongs to; nil before `Split`.
    public var part: SplitPart?
    /// The fold it belongs to, counted from 0; nil without folds.
    public var fold: Int?
    /// Whether the file had vanished at the last scan.
    public var isMissing: Bool
    /// Whether somebody listened to it: then what is not labelled is silence of the animals.
    public var isAnnotated: Bool

    /// A whole recording of one channel or more, with nothing else known: for sources that are no catalogue.
    public init(id: Int64, path: String, relativePath: String, rateHz: Double, channelCount: Int, frames: Int) {
        self.init(
            id: id, path: path, relativePath: relativePath, size: 0, modified: 0, rateHz: rateHz,
            channelCount: channelCount, frames: frames, seconds: Double(frames) / rateHz, verdict: .whole, peak: 0,
            rms: 0,
            loudestChannel: 0, timeExpansion: 1, isMissing: false, isAnnotated: false)
    }

    init(
        id: Int64, path: String, relativePath: String, size: Int64, modified: Int64, rateHz: Double, channelCount: Int,
        frames: Int, seconds: Double, verdict: AudioVerdict, peak: Double, rms: Double, loudestChannel: Int,
        startTime: String? = nil, latitude: Double? = nil, longitude: Double? = nil, timeExpansion: Int,
        site: String? = nil, individual: String? = nil, source: String? = nil, part: SplitPart? = nil, fold: Int? = nil,
        isMissing: Bool,
        isAnnotated: Bool
    ) {
        self.id = id
        self.path = path
        self.relativePath = relativePath
        self.size = size
        self.modified = modified
        self.rateHz = rateHz
        self.channelCount = channelCount
        self.frames = frames
        self.seconds = seconds
        self.verdict = verdict
        self.peak = peak
        self.rms = rms
        self.loudestChannel = loudestChannel
        self.startTime = startTime
        self.latitude = latitude
        self.longitude = longitude
        self.timeExpansion = timeExpansion
        self.site = site
        self.individual = individual
        self.source = source
        self.part = part
        self.fold = fold
        self.isMissing = isMissing
        self.isAnnotated = isAnnotated
    }

    /// Whether there is sound to train on.
    public var isUsable: Bool { verdict.isUsable && !isMissing && frames > 0 }
}

/// The parts of a split.
public enum SplitPart: String, Sendable, Hashable, Codable, CaseIterable {
    /// Weights are fitted to it.
    case train
    /// Settings are chosen on it.
    case valid
    /// Only ever predicted.
    case test
}
