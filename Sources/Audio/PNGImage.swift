// Pictures for reports, through FFmpeg's PNG encoder.

import CFFmpeg
import Foundation

/// Encodes pictures.
public enum PNGImage {
    /// A PNG file of `width` x `height` pixels from bytes in the order red, green, blue, row by row from the top.
    /// Throws `AudioError.notEncodable` when the count of bytes does not fit.
    public static func encode(width: Int, height: Int, rgb: [UInt8]) throws(AudioError) -> Data {
        guard width > 0, height > 0, width <= 32_767, height <= 32_767, rgb.count == width * height * 3 else {
            throw .notEncodable(reason: "\(rgb.count) bytes are no picture of \(width) x \(height) pixels in RGB")
        }
        _ = FFmpegLog.install
        FFmpegLog.clear()
        guard let implementation = avcodec_find_encoder(AV_CODEC_ID_PNG) else {
            throw .notEncodable(reason: "this FFmpeg was built without a PNG encoder")
        }
        var codec = avcodec_alloc_context3(implementation)
        var packet = av_packet_alloc()
        var frame = av_frame_alloc()
        defer {
            avcodec_free_context(&codec)
            av_packet_free(&packet)
            av_frame_free(&frame)
        }
        guard let codec, let packet, let frame else { throw .notEncodable(reason: "out of memory") }
        codec.pointee.width = Int32(width)
        codec.pointee.height = Int32(height)
        codec.pointee.pix_fmt = AV_PIX_FMT_RGB24
        codec.pointee.time_base = AVRational(num: 1, den: 1)
        codec.pointee.thread_count = 1
        try check(avcodec_open2(codec, implementation, nil))
        frame.pointee.width = Int32(width)
        frame.pointee.height = Int32(height)
        frame.pointee.format = AV_PIX_FMT_RGB24.rawValue
        try check(av_frame_get_buffer(frame, 0))
        let rowBytes = Int(frame.pointee.linesize.0)
        rgb.withUnsafeBytes { bytes in
            let target = UnsafeMutableRawPointer(frame.pointee.data.0!)
            for row in 0..<height {
                (target + row * rowBytes).copyMemory(from: bytes.baseAddress! + row * width * 3, byteCount: width * 3)
            }
        }
        try check(avcodec_send_frame(codec, frame))
        try check(avcodec_receive_packet(codec, packet))
        return Data(bytes: packet.pointee.data, count: Int(packet.pointee.size))
    }

    private static func check(_ code: Int32) throws(AudioError) {
        if code < 0 { throw .notEncodable(reason: "PNG: \(FFmpegLog.reason(code))") }
    }
}
