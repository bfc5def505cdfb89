// One window as samples at the model's rate.

import Audio

/// Decodes and resamples windows, and keeps short recordings that will be asked for again. Used by several threads.
///
/// A window's samples depend on the window and on the corpus, never on what was read before it.
struct WindowReader: Sendable {
    let rateHz: Double
    let windowFrames: Int
    let channelTimeoutSeconds: Double
    private let cache: SoundCache
    // Recordings up to this length are always decoded from their start, kept or not.
    private let wholeSeconds: Double

    /// Reads windows of `recordings`. When all short recordings fit into `cacheBytes` they are kept decoded.
    init(_ recordings: [Recording], rateHz: Double, windowSeconds: Double, cacheBytes: Int, timeoutSeconds: Double) {
        self.rateHz = rateHz
        windowFrames = Int((windowSeconds * rateHz).rounded())
        channelTimeoutSeconds = timeoutSeconds
        let short = recordings.filter { $0.seconds <= 600 }
        let bytes = short.reduce(0) { $0 + $1.seconds * rateHz * 4 }
        wholeSeconds = bytes <= Double(cacheBytes) ? 600 : 1.5 * windowSeconds
        cache = SoundCache(capacityBytes: cacheBytes)
    }

    /// Fills `target`, which holds zeros, and gives the number of samples that are sound.
    func read(_ window: Window, of recording: Recording, into target: UnsafeMutableBufferPointer<Float>)
        throws(AudioError)
        -> Int
    {
        let start = Int((window.startSeconds * rateHz).rounded())
        let samples: ArraySlice<Float>
        if recording.seconds <= wholeSeconds {
            let key = SoundCache.Key(recordingID: recording.id, channel: window.channel)
            var whole = cache[key]
            if whole == nil {
                let stream = try open(recording, window.channel)
                let frames = Int(recording.seconds * rateHz) + 1
                let decoded = try stream.next(frames: max(1, frames))?.channels[0] ?? []
                cache[key] = decoded
                whole = decoded
            }
            samples = whole!.dropFirst(start).prefix(windowFrames)
        } else {
            samples = try open(recording, window.channel).read(startFrame: start, frameCount: windowFrames).channels[0][
                ...]
        }
        guard !samples.isEmpty else {
            throw .unreadable(path: recording.path, reason: "nothing at \(window.startSeconds) s; scan again")
        }
        samples.withUnsafeBufferPointer { source in
            target.baseAddress!.update(from: source.baseAddress!, count: source.count)
        }
        return samples.count
    }

    private func open(_ recording: Recording, _ channel: ChannelSelection) throws(AudioError) -> AudioStream {
        try AudioStream(path: recording.path, rateHz: rateHz, channel: channel, timeoutSeconds: channelTimeoutSeconds)
    }
}
