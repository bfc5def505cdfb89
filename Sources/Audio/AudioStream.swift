// A recording at the rate a model wants, from any second on. A frame has the same value wherever reading starts: the
// resampler is started early enough for its filters to be full, and on a frame that both rates share.

/// Reads one recording at another rate. Memory does not grow with the file. Belongs to one thread at a time.
///
/// Frame k of the stream lies at second k / `rateHz` of the recording. Reads of the same frames from different places
/// agree within 1e-4 (in fact about 1e-6: the blocks of the resampler fall differently); equal reads agree bit by bit.
public final class AudioStream {
    /// What the header says.
    public let file: AudioFile
    /// The rate of what is given out, in hertz.
    public let rateHz: Double
    /// The channels of every block.
    public let outputChannelCount: Int

    private let decoder: Decoder
    private let mix: ChannelMix
    private var resamplers: [Resampler] = []
    // Frames per output channel that are ready, of which the first `readyStart` are given out already.
    private var ready: [[Float]]
    private var readyStart = 0
    private var position = 0
    private var dropFrames = 0
    private var first: DecodedChunk?
    private var isFinished = false

    /// Opens a recording for reading at `rateHz` (nil: its own rate) from `startSeconds` on.
    public init(
        path: String, rateHz: Double? = nil, channel: ChannelSelection = .mean, startSeconds: Double = 0,
        timeoutSeconds: Double = 60
    ) throws(AudioError) {
        let decoder = try Decoder(path: path, timeoutSeconds: timeoutSeconds)
        self.decoder = decoder
        file = AudioFile(decoder.media)
        mix = try ChannelMix(channel, file: file)
        self.rateHz = rateHz ?? file.rateHz
        outputChannelCount = mix.outputCount
        ready = [[Float]](repeating: [], count: mix.outputCount)
        try makeResamplers()
        if startSeconds > 0 { try seek(toFrame: Int((startSeconds * self.rateHz).rounded())) }
    }

    /// What was wrong with the sound that has been read so far, in words: damaged packets, samples that are no numbers.
    public var damage: [String] { decoder.counts.repairs + (decoder.counts.loss.map { [$0] } ?? []) }

    /// Lets the next block start at a frame of the stream.
    public func seek(toFrame frame: Int) throws(AudioError) {
        let target = max(0, frame)
        for channel in ready.indices { ready[channel].removeAll(keepingCapacity: true) }
        (readyStart, isFinished, position, first) = (0, false, target, nil)
        let (from, to) = (Int(file.rateHz), Int(rateHz))
        if from == to {
            dropFrames = 0
            first = try decoder.seek(toFrame: target)
            isFinished = first == nil
            return
        }
        // Filters reach about 100 frames of the lower rate to each side.
        let context = Int((512 * max(1, file.rateHz / rateHz)).rounded(.up))
        let divisor = Self.greatestCommonDivisor(from, to)
        let periodIn = from / divisor
        let periodOut = to / divisor
        let place = target.multipliedFullWidth(by: from)
        let sourceFrame = to.dividingFullWidth((place.high, place.low)).quotient
        let periods = max(0, sourceFrame - context) / periodIn
        dropFrames = target - periods * periodOut
        try makeResamplers()
        first = try decoder.seek(toFrame: periods * periodIn)
        if first == nil { isFinished = true }
    }

    /// The next `frames` frames, fewer only at the end of the recording; nil when there are none left.
    public func next(frames: Int) throws(AudioError) -> AudioBlock? {
        precondition(frames > 0, "next(frames: \(frames)): ask for at least one frame")
        while ready[0].count - readyStart < frames, !isFinished { try fill() }
        let count = min(frames, ready[0].count - readyStart)
        guard count > 0 else { return nil }
        let range = readyStart..<readyStart + count
        let block = AudioBlock(startFrame: position, channels: ready.map { Array($0[range]) })
        readyStart += count
        position += count
        if readyStart > 1 << 16 || readyStart == ready[0].count {
            for channel in ready.indices { ready[channel].removeFirst(readyStart) }
            readyStart = 0
        }
        return block
    }

    /// Frames `startFrame ..< startFrame + frameCount` of the stream, shorter where the recording ends before.
    public func read(startFrame: Int, frameCount: Int) throws(AudioError) -> AudioBlock {
        try seek(toFrame: startFrame)
        return try next(frames: frameCount)
            ?? AudioBlock(startFrame: startFrame, channels: [[Float]](repeating: [], count: outputChannelCount))
    }

    private func makeResamplers() throws(AudioError) {
        guard rateHz != file.rateHz else { return }
        resamplers = []
        for _ in 0..<outputChannelCount { resamplers.append(try Resampler(fromHz: file.rateHz, toHz: rateHz)) }
    }

    private func fill() throws(AudioError) {
        let chunk: DecodedChunk?
        if let waiting = first { chunk = waiting } else { chunk = try decoder.next() }
        first = nil
        if let chunk {
            try mix.forEachOutput(chunk) { (channel, samples) throws(AudioError) in
                if resamplers.isEmpty {
                    ready[channel].append(contentsOf: samples)
                } else {
                    try resamplers[channel].process(samples, appendingTo: &ready[channel])
                }
            }
        } else {
            isFinished = true
            for channel in resamplers.indices { try resamplers[channel].finish(appendingTo: &ready[channel]) }
        }
        if dropFrames > 0 {
            let dropped = min(dropFrames, ready[0].count)
            for channel in ready.indices { ready[channel].removeFirst(dropped) }
            dropFrames -= dropped
        }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
