// A recording decoded once from front to back, for its true length, its levels and its verdict.

/// What a full decode of one recording found.
public struct AudioInspection: Sendable, Equatable, Codable {
    /// The levels of one channel; 1 is full scale.
    public struct ChannelLevel: Sendable, Equatable, Codable {
        /// Greatest absolute sample.
        public var peak: Float
        /// Root mean square.
        public var rms: Double
        /// Mean: the direct-current offset.
        public var mean: Double
    }

    /// Something to look at in a file that can be used.
    public enum Warning: Sendable, Equatable, Codable {
        /// Every sample of every channel is 0.
        case silent
        /// A channel holds one value other than 0 throughout.
        case constant(channel: Int)
        /// More than one sample in a thousand is at full scale.
        case clipped(share: Double)
        /// Samples that were NaN or infinite and became 0.
        case nonFinite(count: Int)
    }

    /// How much can be used.
    public var verdict: AudioVerdict
    /// Samples per second and channel; 0 for an unreadable file.
    public var rateHz: Double = 0
    /// Interleaved channels; 0 for an unreadable file.
    public var channelCount = 0
    /// Frames that were decoded, silence in place of damage included.
    public var frames = 0
    /// Length in seconds as decoded.
    public var seconds = 0.0
    /// Length by the header in seconds, where it promises one.
    public var promisedSeconds: Double?
    /// FFmpeg's name of the container.
    public var container = ""
    /// FFmpeg's name of the coding.
    public var codec = ""
    /// Greatest absolute sample of all channels; 1 is full scale.
    public var peak: Float = 0
    /// Root mean square over all channels.
    public var rms = 0.0
    /// Share of samples at full scale, 0 to 1.
    public var clippedShare = 0.0
    /// Levels by channel.
    public var channels: [ChannelLevel] = []
    /// Things to look at.
    public var warnings: [Warning] = []

    /// Decodes the whole of a recording and judges it. Never throws: a file that cannot be opened is `unreadable`.
    /// Memory does not grow with the file.
    public static func inspect(path: String, timeoutSeconds: Double = 60) -> AudioInspection {
        do throws(AudioError) {
            return try judge(path, timeoutSeconds)
        } catch {
            return AudioInspection(verdict: .unreadable(reason: error.reason))
        }
    }

    private static func judge(_ path: String, _ timeoutSeconds: Double) throws(AudioError) -> AudioInspection {
        let decoder = try Decoder(path: path, timeoutSeconds: timeoutSeconds)
        let file = AudioFile(decoder.media)
        var levels = [LevelMeter](repeating: LevelMeter(), count: file.channelCount)
        var frames = 0
        while let chunk = try decoder.next() {
            for channel in 0..<file.channelCount {
                levels[channel].take(UnsafeBufferPointer(start: chunk.planes[channel], count: chunk.count))
            }
            frames += chunk.count
        }
        var result = AudioInspection(verdict: .whole)
        result.rateHz = file.rateHz
        result.channelCount = file.channelCount
        result.frames = frames
        result.seconds = Double(frames) / file.rateHz
        result.promisedSeconds = file.promisedSeconds
        result.container = file.container
        result.codec = file.codec
        guard frames > decoder.counts.silentFrames else {
            let reason = decoder.counts.reason.map { "nothing in it can be decoded: \($0)" }
            throw .unreadable(path: path, reason: reason ?? "it has a header but no samples")
        }
        result.channels = levels.map { $0.level(frames: frames) }
        result.peak = result.channels.map(\.peak).max() ?? 0
        let samples = Double(frames * file.channelCount)
        result.rms = (levels.reduce(0) { $0 + $1.energy } / samples).squareRoot()
        result.clippedShare = Double(levels.reduce(0) { $0 + $1.clipped }) / samples
        result.warnings = warnings(levels, decoder.counts, result.clippedShare)
        result.verdict = verdict(decoder, frames)
        return result
    }

    private static func warnings(_ levels: [LevelMeter], _ counts: DecodingCounts, _ clippedShare: Double) -> [Warning]
    {
        var warnings: [Warning] = []
        if levels.allSatisfy({ $0.lowest == 0 && $0.highest == 0 }) {
            warnings.append(.silent)
        } else {
            for (channel, level) in levels.enumerated() where level.lowest == level.highest && level.lowest != 0 {
                warnings.append(.constant(channel: channel))
            }
        }
        if clippedShare > 0.001 { warnings.append(.clipped(share: clippedShare)) }
        if counts.nonFiniteSamples > 0 { warnings.append(.nonFinite(count: counts.nonFiniteSamples)) }
        return warnings
    }

    private static func verdict(_ decoder: Decoder, _ frames: Int) -> AudioVerdict {
        let media = decoder.media
        let counts = decoder.counts
        let rate = Double(media.rateHz)
        let repairs = media.repairs + counts.repairs
        var losses: [String] = []
        var lostFrames = counts.silentFrames
        // Lossy headers count the padding of the encoder in or out: up to a quarter of a second is no loss.
        let tolerance = media.isLossless ? 0 : media.rateHz / 4
        if let promised = media.promisedFrames, promised - frames > tolerance {
            lostFrames += promised - frames
            losses.append("the header promises \(seconds(promised, rate)) s, \(seconds(frames, rate)) s are there")
        } else if media.container == "ogg", !hasOggEnd(media) {
            losses.append("the file is cut off; how much is missing is unknown")
        }
        if let loss = counts.loss { losses.append(loss) }
        if let failure = media.readFailure { losses.append("the storage failed: \(failure)") }
        if !losses.isEmpty {
            return .partial(lostSeconds: Double(lostFrames) / rate, reason: (losses + repairs).joined(separator: "; "))
        }
        return repairs.isEmpty ? .whole : .repaired(repairs)
    }

    private static func seconds(_ frames: Int, _ rate: Double) -> Double {
        (Double(frames) / rate * 1_000).rounded() / 1_000
    }

    // The last page of an Ogg stream says that it is the last.
    private static func hasOggEnd(_ media: OpenedMedia) -> Bool {
        let tail = media.tail(1 << 17)
        guard tail.count >= 27 else { return false }
        for start in stride(from: tail.count - 27, through: 0, by: -1)
        where tail[start] == 0x4F && tail[start + 1] == 0x67 && tail[start + 2] == 0x67 && tail[start + 3] == 0x53 {
            return tail[start + 5] & 4 != 0
        }
        return false
    }
}
