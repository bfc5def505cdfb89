// What an atlas holds, as plain values.
import Foundation

/// A recording whose sounds are in an atlas.
public struct AtlasRecording: Sendable, Hashable, Codable, Identifiable {
    /// Its row in the catalogue.
    public var id: Int64
    /// What tables call it: a relative path.
    public var name: String
    /// Where the file lies.
    public var path: String
    /// Samples per second of the file.
    public var rateHz: Double
    /// Its length.
    public var seconds: Double
    /// When it began, ISO 8601, with or without a zone; nil if unknown.
    public var startTime: String?
    /// Where it was made, such as a folder name; nil if unknown.
    public var site: String?
    /// Why it could not be used, or not whole; empty if there is nothing to say.
    public var note: String
}

/// One sound: a window or an event of a recording.
public struct Sound: Sendable, Hashable, Codable, Identifiable {
    /// Its number, from 0; also the row of its vector.
    public var id: Int
    /// The recording's row in the catalogue.
    public var recordingID: Int64
    /// What tables call the recording.
    public var recording: String
    /// Where the recording's file lies.
    public var path: String
    /// The channel, from 0; nil for the mean of all.
    public var channel: Int?
    /// Its beginning in the recording.
    public var startSeconds: Double
    /// Its end in the recording.
    public var endSeconds: Double
    /// What people say it is, sorted; without people's word what the corpus says. Only positive labels.
    public var labels: [String]
    /// Its group in the current clustering; nil before the first.
    public var cluster: Int?
    /// Its place on the map, both coordinates from −1 to 1; nil before the first map.
    public var x: Float?
    /// Its place on the map, upward.
    public var y: Float?
    /// What a person remarked.
    public var note: String

    /// Its length.
    public var durationSeconds: Double { endSeconds - startSeconds }
}

/// Somebody's word about a stretch of a recording: a label of a sound, or a box drawn by hand.
public struct Annotation: Sendable, Hashable, Codable, Identifiable {
    /// Where a label comes from.
    public enum Source: String, Sendable, Hashable, Codable, CaseIterable {
        /// The label files that were there before.
        case corpus
        /// A person at work with the atlas.
        case person
        /// A classifier's proposal.
        case model
    }

    /// What the label says.
    public enum Meaning: String, Sendable, Hashable, Codable, CaseIterable {
        /// It is this.
        case positive
        /// It is not this.
        case negative
        /// It may be this.
        case uncertain
    }

    /// Its row in the catalogue; 0 before it is saved.
    public var id: Int64 = 0
    /// The sound it belongs to; nil for a box drawn by hand.
    public var soundID: Int?
    /// The recording's row in the catalogue.
    public var recordingID: Int64
    /// The channel, from 0; nil for all.
    public var channel: Int?
    /// Its beginning in the recording.
    public var startSeconds: Double
    /// Its end in the recording.
    public var endSeconds: Double
    /// The lower edge in hertz.
    public var lowHz: Double?
    /// The upper edge in hertz.
    public var highHz: Double?
    /// What it is (or is not).
    public var label: String
    /// What the label says.
    public var meaning: Meaning
    /// Where it comes from.
    public var source: Source
    /// Who gave it.
    public var annotator: String?
    /// How sure a classifier was.
    public var score: Double?

    /// A label of a stretch of a recording.
    public init(
        soundID: Int? = nil, recordingID: Int64, channel: Int? = nil, startSeconds: Double, endSeconds: Double,
        lowHz: Double? = nil, highHz: Double? = nil, label: String, meaning: Meaning = .positive,
        source: Source = .person, annotator: String? = nil, score: Double? = nil
    ) {
        (self.soundID, self.recordingID, self.channel) = (soundID, recordingID, channel)
        (self.startSeconds, self.endSeconds, self.lowHz, self.highHz) = (startSeconds, endSeconds, lowHz, highHz)
        (self.label, self.meaning, self.source) = (label, meaning, source)
        (self.annotator, self.score) = (annotator, score)
    }
}
