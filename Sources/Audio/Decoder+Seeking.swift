// Jumps that land on the very sample: seek before the target, decode, discard.

import CFFmpeg

extension Decoder {
    /// The run that starts at `target`, or at the first frame after it that exists; nil when the recording ends before.
    /// What is read equals the same frames of a decode from the start: bit by bit, but for Opus, whose predictors agree
    /// to about 1e-6 after four seconds.
    func seek(toFrame target: Int) throws(AudioError) -> DecodedChunk? {
        let isNear = target >= position && target - position < 2 * media.rateHz
        if !mustFindPosition, isNear { return try skip(to: target, from: try next()) }
        switch media.seeking {
        case .fromStart:
            if target < position { try restart() }
        case .timestamps(let prerollSeconds):
            if let landed = try jump(to: target, preroll: Int(prerollSeconds * Double(media.rateHz))) {
                return try skip(to: target, from: landed)
            }
            try restart()
        case .packetTable:
            if try !jumpByTable(to: target) { try restart() }
        }
        return try skip(to: target, from: try next())
    }

    private func skip(to target: Int, from first: DecodedChunk?) throws(AudioError) -> DecodedChunk? {
        var run = first
        while let chunk = run {
            let passed = target - chunk.startFrame
            if passed < chunk.count {
                return passed <= 0 ? chunk : chunk.dropping(passed, channelCount: media.channelCount)
            }
            run = try next()
        }
        return nil
    }

    // The first run after a seek that landed early enough; nil when only a decode from the start helps.
    private func jump(to target: Int, preroll: Int) throws(AudioError) -> DecodedChunk? {
        if origin == nil {
            // Timestamps of lossy streams may not start at 0: the first frame of the recording tells.
            try restart()
            _ = try next()
        }
        guard let origin else { return nil }
        var back = preroll
        for _ in 0..<3 where target - back > 0 {
            let timestamp = media.timestamp(target - back + origin)
            guard av_seek_frame(media.format, media.stream.pointee.index, timestamp, audioSeekBackward) >= 0 else {
                break
            }
            avcodec_flush_buffers(media.codec)
            forgetState()
            mustFindPosition = true
            // Near the end the Ogg demuxer no longer trims the last packet: the last page's count says where it ends.
            if !media.isLossless { endFrame = media.promisedFrames }
            guard let landed = try next() else { break }
            if landed.startFrame <= target - preroll / 2 { return landed }
            back = max(back, media.rateHz / 4) * 4
        }
        return nil
    }

    private func jumpByTable(to target: Int) throws(AudioError) -> Bool {
        if origin == nil {
            try restart()
            _ = try next()
        }
        if table == nil { table = try PacketTable(path: media.path, timeoutSeconds: timeoutSeconds) }
        // 48 packets: more than the bit reservoir reaches back, plus the filter bank's memory.
        guard let table, let origin, let entry = table.entry(before: target + origin - 48 * 1_152), entry.byte > 0,
            av_seek_frame(media.format, media.stream.pointee.index, entry.byte, audioSeekByte) >= 0
        else { return false }
        avcodec_flush_buffers(media.codec)
        forgetState()
        packetPosition = entry.frame - origin
        endFrame = table.endFrame - origin
        mustFindPosition = true
        return true
    }
}

extension DecodedChunk {
    /// The run without its first frames.
    func dropping(_ frames: Int, channelCount: Int) -> DecodedChunk {
        let pointers = UnsafeMutablePointer(mutating: planes)
        for channel in 0..<channelCount { pointers[channel] += frames }
        return DecodedChunk(planes: planes, count: count - frames, startFrame: startFrame + frames)
    }
}
