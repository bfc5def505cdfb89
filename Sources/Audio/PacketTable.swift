// Where the packets of an MP3 file start and which samples they hold: the seek points that MP3 files carry are
// estimates, and a range read must give exactly the samples of a decode from the start.

import CFFmpeg

/// Every sixteenth packet of a file: its byte and its frame, counted before the encoder's delay is taken off.
struct PacketTable {
    private(set) var bytes: [Int64] = []
    private(set) var frames: [Int] = []
    /// Frames in all packets, less the padding that the encoder declared at the end.
    private(set) var endFrame = 0

    /// Reads all packets of `path` without decoding them.
    init(path: String, timeoutSeconds: Double) throws(AudioError) {
        let media = try OpenedMedia(path: path)
        var packet = av_packet_alloc()
        defer { av_packet_free(&packet) }
        guard let packet else { throw .unreadable(path: path, reason: "out of memory") }
        var count = 0
        while true {
            media.setDeadline(seconds: timeoutSeconds)
            av_packet_unref(packet)
            guard av_read_frame(media.format, packet) >= 0 else { break }
            guard packet.pointee.stream_index == media.stream.pointee.index else { continue }
            if count % 16 == 0 {
                bytes.append(packet.pointee.pos)
                frames.append(endFrame)
            }
            count += 1
            endFrame += media.frames(max(0, packet.pointee.duration))
            var size = 0
            if let skip = av_packet_get_side_data(packet, AV_PKT_DATA_SKIP_SAMPLES, &size), size >= 8 {
                endFrame -= (0..<4).reduce(0) { $0 | Int(skip[4 + $1]) << (8 * $1) }
            }
        }
        if media.timedOut { throw .timedOut(path: path, seconds: timeoutSeconds) }
    }

    /// The last entry at or before `frame`.
    func entry(before frame: Int) -> (byte: Int64, frame: Int)? {
        var (low, high) = (0, frames.count)
        while low < high {
            let middle = (low + high) / 2
            if frames[middle] <= frame { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : (bytes[low - 1], frames[low - 1])
    }
}
