import Audio
import Foundation
import Labels
import Storage

/// How long recordings become clips. Everything that decides about the bytes of a clip is here.
public struct PreparationSettings: Sendable, Hashable, Codable {
    /// What becomes of the end of a recording that fills no whole clip.
    public enum Rest: String, Sendable, Hashable, Codable, CaseIterable {
        /// A shorter clip, if it lasts at least `shortestSeconds`.
        case keep
        /// Nothing, as in animal2vec 1.0.
        case drop
        /// A clip filled up with silence, if its sound lasts at least `shortestSeconds`.
        case pad
    }

    /// Length of a clip in seconds.
    public var clipSeconds = 10.0
    /// The rate of the clips in hertz; nil for that of each recording.
    public var rateHz: Double? = 8_000
    /// What becomes of the end of a recording.
    public var rest = Rest.keep
    /// The shortest end that is kept, in seconds.
    public var shortestSeconds = 1.0
    /// The channel of a recording that the channel table does not name; `all` makes clips of each by itself.
    public var channel = ChannelSelection.index(0)
    /// Keep clips without any sound and without labels: dead microphones, holes in the data.
    public var keepsSilence = false
    /// Only recordings that a label table speaks of.
    public var onlyLabelled = false
    /// Write a label file without events for recordings that no label table speaks of, as animal2vec 1.0 wants it. Who
    /// reads it cannot tell "nothing heard" from "nobody listened" any more.
    public var labelsEverything = false
    /// Names of 32 random letters and digits for the clips.
    public var randomNames = false
    /// The key of the random names.
    public var seed: UInt64 = 1612
    /// Folders that the clips are spread over; 0 for as many as keep each below 10,000 clips, none if one is enough.
    public var subfolders = 0
    /// The end of a label, behind a blank, that says "not the focal animal", such as `nf`; empty for none.
    public var nonFocalMark = ""

    /// The settings of animal2vec 1.0, but nothing is lost that it lost.
    public init() {}

    /// Throws `PreparationError` for settings that make no sense.
    func check() throws(PreparationError) {
        guard clipSeconds >= 0.01, clipSeconds <= 3_600 else {
            throw PreparationError("a clip of \(clipSeconds) s cannot be made; give a length from 0.01 to 3600 s")
        }
        if let rateHz, rateHz != rateHz.rounded() || rateHz < 100 || rateHz > 1_000_000 {
            throw PreparationError("a rate of \(rateHz) Hz cannot be made; give whole hertz from 100 to 1000000")
        }
        guard shortestSeconds >= 0 else {
            throw PreparationError("a shortest clip of \(shortestSeconds) s makes no sense; give 0 or more")
        }
        guard (0...10_000).contains(subfolders) else {
            throw PreparationError("\(subfolders) folders cannot be made; give a number from 0 to 10000")
        }
    }
}

/// What keeps a preparation from beginning or going on.
public struct PreparationError: Error, CustomStringConvertible, Sendable, Hashable {
    /// What is wrong and what helps.
    public let description: String

    /// An error in words.
    public init(_ description: String) { self.description = description }
}
