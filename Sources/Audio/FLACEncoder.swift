// FLAC in memory through FFmpeg's encoder and muxer.

import CFFmpeg
import Foundation

/// Encodes 16-bit samples as a FLAC file.
enum FLACEncoder {
    static func encode(_ samples: [Int16], channelCount: Int, rateHz: Int) throws(AudioError) -> Data {
        guard channelCount <= 8 else { throw .notEncodable(reason: "FLAC holds up to 8 channels, not \(channelCount)") }
        _ = FFmpegLog.install
        FFmpegLog.clear()
        guard let implementation = avcodec_find_encoder(AV_CODEC_ID_FLAC) else {
            throw .notEncodable(reason: "this FFmpeg was built without a FLAC encoder")
        }
        var codec = avcodec_alloc_context3(implementation)
        var format: UnsafeMutablePointer<AVFormatContext>?
        var io: UnsafeMutablePointer<AVIOContext>?
        var packet = av_packet_alloc()
        var frame = av_frame_alloc()
        defer {
            avcodec_free_context(&codec)
            avformat_free_context(format)
            av_packet_free(&packet)
            av_frame_free(&frame)
            if let io { discard(io) }
        }
        guard let codec, let packet, let frame else { throw .notEncodable(reason: "out of memory") }
        codec.pointee.sample_fmt = AV_SAMPLE_FMT_S16
        codec.pointee.sample_rate = Int32(rateHz)
        codec.pointee.time_base = AVRational(num: 1, den: Int32(rateHz))
        av_channel_layout_default(&codec.pointee.ch_layout, Int32(channelCount))
        codec.pointee.thread_count = 1
        try check(avcodec_open2(codec, implementation, nil), "FLAC at \(rateHz) Hz")
        try check(avformat_alloc_output_context2(&format, nil, "flac", nil), "FLAC")
        guard let format, let stream = avformat_new_stream(format, nil) else {
            throw .notEncodable(reason: "out of memory")
        }
        try check(avcodec_parameters_from_context(stream.pointee.codecpar, codec), "FLAC")
        stream.pointee.time_base = codec.pointee.time_base
        try check(avio_open_dyn_buf(&io), "FLAC")
        format.pointee.pb = io
        try check(avformat_write_header(format, nil), "FLAC")

        func drain() throws(AudioError) {
            while avcodec_receive_packet(codec, packet) >= 0 {
                av_packet_rescale_ts(packet, codec.pointee.time_base, stream.pointee.time_base)
                packet.pointee.stream_index = 0
                try check(av_write_frame(format, packet), "FLAC")
                av_packet_unref(packet)
            }
        }
        let block = max(16, Int(codec.pointee.frame_size))
        let frames = samples.count / channelCount
        var start = 0
        while start < frames {
            let count = min(block, frames - start)
            frame.pointee.nb_samples = Int32(count)
            frame.pointee.format = AV_SAMPLE_FMT_S16.rawValue
            frame.pointee.sample_rate = Int32(rateHz)
            frame.pointee.pts = Int64(start)
            av_channel_layout_default(&frame.pointee.ch_layout, Int32(channelCount))
            try check(av_frame_get_buffer(frame, 0), "FLAC")
            samples.withUnsafeBytes { bytes in
                let source = bytes.baseAddress! + start * channelCount * 2
                UnsafeMutableRawPointer(frame.pointee.data.0!).copyMemory(
                    from: source, byteCount: count * channelCount * 2)
            }
            try check(avcodec_send_frame(codec, frame), "FLAC")
            av_frame_unref(frame)
            try drain()
            start += count
        }
        try check(avcodec_send_frame(codec, nil), "FLAC")
        while avcodec_receive_packet(codec, packet) >= 0 {
            av_packet_rescale_ts(packet, codec.pointee.time_base, stream.pointee.time_base)
            try check(av_write_frame(format, packet), "FLAC")
            av_packet_unref(packet)
        }
        try check(av_write_trailer(format), "FLAC")
        var buffer: UnsafeMutablePointer<UInt8>?
        let size = avio_close_dyn_buf(io, &buffer)
        io = nil
        format.pointee.pb = nil
        defer { av_free(buffer) }
        guard let buffer, size > 0 else { throw .notEncodable(reason: "out of memory") }
        return Data(bytes: buffer, count: Int(size))
    }

    private static func check(_ code: Int32, _ what: String) throws(AudioError) {
        if code < 0 { throw .notEncodable(reason: "\(what): \(FFmpegLog.reason(code))") }
    }

    private static func discard(_ io: UnsafeMutablePointer<AVIOContext>) {
        var buffer: UnsafeMutablePointer<UInt8>?
        avio_close_dyn_buf(io, &buffer)
        av_free(buffer)
    }
}
