// Samples of one recording at its own rate, block after block or by seconds.

/// Consecutive frames of one or more channels.
public struct AudioBlock: Sendable, Equatable {
    /// The frame, at the block's rate, of its first sample in the recording.
    public var startFrame: Int
    /// Samples by channel, all of the same count, in -1...1 for integer codings.
    public var channels: [[Float]]

    /// A block of samples by channel.
    public init(startFrame: Int, channels: [[Float]]) {
        (self.startFrame, self.channels) = (startFrame, channels)
    }

    /// Frames in the block.
    public var frameCount: Int { channels.first?.count ?? 0 }
}

/// Reads one recording as it lies on the disk: its own rate, the chosen channels. Memory does not grow with the file.
///
/// A reader belongs to one thread at a time; several readers work side by side.
public final class AudioReader {
    /// What the header says.
    public let file: AudioFile
    /// The channels that blocks hold: 1 for a mean or a single channel, all otherwise.
    public let outputChannelCount: Int

    let decoder: Decoder
    private let mix: ChannelMix
    private var leftover: DecodedChunk?

    /// Opens a recording. Throws `AudioError`: unreadable, or without the channel asked for.
    ///
    /// `timeoutSeconds` bounds the wait for the storage in each call.
    public init(path: String, channel: ChannelSelection = .all, timeoutSeconds: Double = 60) throws(AudioError) {
        let decoder = try Decoder(path: path, timeoutSeconds: timeoutSeconds)
        file = AudioFile(decoder.media)
        mix = try ChannelMix(channel, file: file)
        outputChannelCount = mix.outputCount
        self.decoder = decoder
    }

    /// The next frames, at most `maximumFrames`; nil at the end.
    public func next(maximumFrames: Int = 65_536) throws(AudioError) -> AudioBlock? {
        precondition(maximumFrames > 0, "next(maximumFrames: \(maximumFrames)): ask for at least one frame")
        var block = AudioBlock(startFrame: 0, channels: [[Float]](repeating: [], count: outputChannelCount))
        for channel in 0..<outputChannelCount { block.channels[channel].reserveCapacity(min(maximumFrames, 1 << 16)) }
        var isFirst = true
        while block.frameCount < maximumFrames, let chunk = try takeChunk() {
            if isFirst { block.startFrame = chunk.startFrame }
            isFirst = false
            let count = min(chunk.count, maximumFrames - block.frameCount)
            mix.append(chunk, count: count, to: &block.channels)
            if count < chunk.count { leftover = chunk.dropping(count, channelCount: file.channelCount) }
        }
        return isFirst ? nil : block
    }

    /// Lets the next block start at a frame of the recording.
    public func seek(toFrame frame: Int) throws(AudioError) {
        leftover = try decoder.seek(toFrame: max(0, frame))
    }

    /// The samples from one second to another, rounded to frames; shorter where the recording ends before.
    ///
    /// Equal to the same slice of the whole recording, bit by bit (Opus: to 1e-4).
    public func read(seconds: Range<Double>) throws(AudioError) -> AudioBlock {
        let first = max(0, Int((seconds.lowerBound * file.rateHz).rounded()))
        let end = Int((min(seconds.upperBound, 1e12) * file.rateHz).rounded())
        return try read(frames: first..<max(first, end))
    }

    /// The samples of a range of frames; shorter where the recording ends before.
    public func read(frames: Range<Int>) throws(AudioError) -> AudioBlock {
        let none = AudioBlock(
            startFrame: frames.lowerBound, channels: [[Float]](repeating: [], count: outputChannelCount))
        guard !frames.isEmpty else { return none }
        try seek(toFrame: frames.lowerBound)
        return try next(maximumFrames: frames.count) ?? none
    }

    func takeChunk() throws(AudioError) -> DecodedChunk? {
        if let chunk = leftover {
            leftover = nil
            return chunk
        }
        return try decoder.next()
    }
}
