// Packets to planar 32-bit floats at their true places. A packet that cannot be decoded becomes silence of its length,
// so that everything after it keeps its time.

import CFFmpeg

/// A run of decoded frames. The planes are valid until the decoder is asked for the next run.
struct DecodedChunk {
    /// One pointer per channel to `count` samples.
    var planes: UnsafePointer<UnsafeMutablePointer<Float>>
    /// Frames in the run.
    var count: Int
    /// The place of its first frame in the recording.
    var startFrame: Int
}

/// What a decoder met on its way.
struct DecodingCounts {
    /// Packets that could not be decoded.
    var damagedPackets = 0
    /// Frames of silence in their place and in gaps of the timestamps.
    var silentFrames = 0
    /// Samples that were NaN or infinite and became 0.
    var nonFiniteSamples = 0
    /// Places where the timestamps jump by more than can be filled, or backwards.
    var jumps = 0
    /// The first reason FFmpeg gave.
    var reason: String?

    /// What was put right without loss of time, in words.
    var repairs: [String] {
        var repairs: [String] = []
        if nonFiniteSamples > 0 { repairs.append("\(nonFiniteSamples) samples that were NaN or infinite became 0") }
        if jumps > 0 { repairs.append("its timestamps jump \(jumps) times; what is there was joined") }
        return repairs
    }

    /// What became silence, in words; nil where nothing did.
    var loss: String? {
        let because = reason.map { " (\($0))" } ?? ""
        return silentFrames > 0 ? "\(damagedPackets) damaged packets became silence\(because)" : nil
    }
}

/// Decodes one recording from front to back, with jumps. Used by one thread at a time.
final class Decoder {
    private(set) var media: OpenedMedia
    let timeoutSeconds: Double
    private(set) var counts = DecodingCounts()
    /// The frame that the next run starts with.
    var position = 0

    var packet: UnsafeMutablePointer<AVPacket>
    private var frame: UnsafeMutablePointer<AVFrame>
    private let conversion = FloatConversion()
    private let planes: UnsafeMutablePointer<UnsafeMutablePointer<Float>>

    // Damage whose length is settled by the next good frame, silence to be given out, and the frame waiting behind it.
    private var unsettledFrames = 0
    private var owedFrames = 0
    private var heldFrames = 0
    private var silence: UnsafeMutablePointer<Float>?
    private static let silenceCapacity = 16_384

    // Where timestamps stand: the timestamp, in frames, of frame 0; nil until the first frame.
    var origin: Int?
    var mustFindPosition = false
    private var isDraining = false
    private var isFinished = false
    private var demuxerErrors = 0
    private var lastFrameLength = 0

    // Only with a packet table, after a jump.
    var packetPosition: Int?
    var endFrame: Int?
    var table: PacketTable?

    init(path: String, timeoutSeconds: Double) throws(AudioError) {
        media = try OpenedMedia(path: path)
        self.timeoutSeconds = timeoutSeconds
        packet = av_packet_alloc()
        frame = av_frame_alloc()
        planes = .allocate(capacity: 64)
        if media.isLossless { origin = 0 }
    }

    deinit {
        var packet: UnsafeMutablePointer<AVPacket>? = packet
        var frame: UnsafeMutablePointer<AVFrame>? = frame
        av_packet_free(&packet)
        av_frame_free(&frame)
        planes.deallocate()
        silence?.deallocate()
    }

    /// The next run of frames; nil at the end.
    func next() throws(AudioError) -> DecodedChunk? {
        media.setDeadline(seconds: timeoutSeconds)
        while true {
            if owedFrames > 0 { return takeSilence() }
            if heldFrames > 0 { return takeHeld() }
            if isFinished { return nil }
            let code = avcodec_receive_frame(media.codec, frame)
            if code == 0 {
                hold()
            } else if code == audioErrorAgain {
                try feed()
            } else if code == audioErrorEndOfFile {
                isFinished = true
                settleAtEnd()
            } else {
                damaged(code)
            }
            if media.timedOut { throw .timedOut(path: media.path, seconds: timeoutSeconds) }
        }
    }

    /// Opens the file anew, for a decode from its very start.
    func restart() throws(AudioError) {
        media = try OpenedMedia(path: media.path)
        forgetState()
        position = 0
        origin = media.isLossless ? 0 : nil
        mustFindPosition = false
        packetPosition = nil
        endFrame = nil
    }

    /// Forgets everything that belongs to the place left by a jump.
    func forgetState() {
        av_packet_unref(packet)
        av_frame_unref(frame)
        unsettledFrames = 0
        owedFrames = 0
        heldFrames = 0
        isDraining = false
        isFinished = false
        demuxerErrors = 0
    }

    /// Counts start again, for a reader that inspects a part.
    func resetCounts() { counts = DecodingCounts() }

    // Reads packets until one of the stream was given to the decoder.
    private func feed() throws(AudioError) {
        guard !isDraining else {
            isFinished = true
            return
        }
        while true {
            av_packet_unref(packet)
            let code = av_read_frame(media.format, packet)
            if code >= 0 {
                guard packet.pointee.stream_index == media.stream.pointee.index else { continue }
                demuxerErrors = 0
                break
            }
            if media.timedOut { throw .timedOut(path: media.path, seconds: timeoutSeconds) }
            if code == audioErrorAgain { continue }
            // Damage between packets: go on, but not for ever.
            if code == audioErrorInvalidData, demuxerErrors < 64 {
                demuxerErrors += 1
                note(code)
                continue
            }
            if code != audioErrorEndOfFile { note(code) }
            isDraining = true
            let drained = avcodec_send_packet(media.codec, nil)
            if drained < 0, drained != audioErrorEndOfFile { isFinished = true }
            return
        }
        // After a byte seek the demuxer takes any packet for the first or the last and would trim it.
        if packetPosition != nil { av_packet_shrink_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, 0) }
        if media.codecName == "flac" { media.codec.pointee.err_recognition = recognition(flacFrame: packet) }
        let code = avcodec_send_packet(media.codec, packet)
        if code < 0, code != audioErrorAgain { damaged(code) }
    }

    // A frame whose checksum was seen to be right need not be checked again, more slowly, by FFmpeg's decoder.
    private func recognition(flacFrame packet: UnsafePointer<AVPacket>) -> Int32 {
        let bytes = UnsafeBufferPointer(start: packet.pointee.data, count: Int(packet.pointee.size))
        return FLACChecksum.remainder(bytes) == 0 ? audioErrorRecognitionChecked : audioErrorRecognition
    }

    private func note(_ code: Int32) {
        if counts.reason == nil { counts.reason = FFmpegLog.reason(code) }
    }

    private func damaged(_ code: Int32) {
        var length = packet.pointee.duration > 0 ? media.frames(packet.pointee.duration) : 0
        if length <= 0 { length = Int(media.codec.pointee.frame_size) }
        if length <= 0 { length = lastFrameLength }
        // A cut last sample of PCM is no damage.
        if media.codecName.hasPrefix("pcm_"), packet.pointee.size < max(1, media.codec.pointee.block_align) { return }
        if let place = packetPosition { packetPosition = place + length }
        if mustFindPosition { return }
        note(code)
        counts.damagedPackets += 1
        unsettledFrames += min(max(0, length), 1 << 20)
    }

    // Places the decoded frame on the time line and decides how much silence comes before it.
    private func hold() {
        let length = Int(frame.pointee.nb_samples)
        guard length > 0 else { return }
        lastFrameLength = length
        let stamp = frame.pointee.best_effort_timestamp
        let stamped = stamp == audioNoTimestamp ? nil : media.frames(stamp)
        if let place = packetPosition {
            // The packet table knows the place of every packet.
            if mustFindPosition { position = place }
            mustFindPosition = false
            owedFrames = place - position
            packetPosition = place + length
        } else if mustFindPosition {
            guard let stamped, let origin else { return }
            position = stamped - origin
            mustFindPosition = false
        } else if case .timestamps = media.seeking, let stamped {
            if let origin {
                settle(gap: stamped - origin - position)
            } else {
                origin = stamped - unsettledFrames
                owedFrames = unsettledFrames
            }
        } else {
            if origin == nil { origin = (stamped ?? 0) - unsettledFrames }
            owedFrames = unsettledFrames
        }
        unsettledFrames = 0
        if let endFrame, position + owedFrames + length > endFrame {
            heldFrames = max(0, endFrame - position - owedFrames)
            isFinished = true
        } else {
            heldFrames = length
        }
        counts.silentFrames += owedFrames
        if !conversion.convert(frame, media: media, into: planes, nonFinite: &counts.nonFiniteSamples) {
            // Cannot be brought into the form of the rest: silence of its length.
            note(audioErrorInvalidData)
            counts.damagedPackets += 1
            counts.silentFrames += heldFrames
            owedFrames += heldFrames
            heldFrames = 0
        }
    }

    private func settle(gap: Int) {
        let longest = media.promisedFrames.map { max(0, $0 - position) } ?? 60 * media.rateHz
        if gap == 0 || (unsettledFrames == 0 && abs(gap) < 64 && !media.isLossless) {
            return
        } else if gap > 0, gap <= longest {
            owedFrames = gap
        } else {
            owedFrames = unsettledFrames
            origin! += gap - unsettledFrames
            if abs(gap - unsettledFrames) >= 64 { counts.jumps += 1 }
        }
    }

    private func settleAtEnd() {
        if let promise = media.promisedFrames { unsettledFrames = max(0, min(unsettledFrames, promise - position)) }
        owedFrames = unsettledFrames
        counts.silentFrames += unsettledFrames
        unsettledFrames = 0
    }

    private func takeSilence() -> DecodedChunk {
        if silence == nil {
            silence = .allocate(capacity: Self.silenceCapacity)
            silence!.initialize(repeating: 0, count: Self.silenceCapacity)
        }
        let count = min(owedFrames, Self.silenceCapacity)
        // The held frame's planes must survive: silence has its own.
        let pointers = conversion.silentPlanes
        for channel in 0..<media.channelCount { pointers[channel] = silence! }
        defer { (owedFrames, position) = (owedFrames - count, position + count) }
        return DecodedChunk(planes: UnsafePointer(pointers), count: count, startFrame: position)
    }

    private func takeHeld() -> DecodedChunk {
        defer { (heldFrames, position) = (0, position + heldFrames) }
        return DecodedChunk(planes: UnsafePointer(planes), count: heldFrames, startFrame: position)
    }
}
