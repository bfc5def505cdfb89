// One open recording: FFmpeg's demuxer and decoder behind a file that is read with pread.

import CFFmpeg
import Foundation

/// The demuxer and the decoder of one file, and what they say about it. Used by one thread at a time.
final class OpenedMedia {
    /// How a position inside the recording is reached so that the samples are those of a decode from the start.
    enum Seeking {
        /// Timestamps count samples: seek, decode `prerollSeconds` more, discard.
        case timestamps(prerollSeconds: Double)
        /// A table of packets, made on the first seek (MP3: its own seek points are estimates).
        case packetTable
        /// Decode from the start: the decoder carries state or random numbers over the whole file.
        case fromStart
    }

    let path: String
    let format: UnsafeMutablePointer<AVFormatContext>
    let codec: UnsafeMutablePointer<AVCodecContext>
    let stream: UnsafeMutablePointer<AVStream>
    let rateHz: Int
    let channelCount: Int
    let container: String
    let codecName: String
    let seeking: Seeking
    /// Frames that the header promises, when it is a promise and no estimate.
    let promisedFrames: Int?
    /// Whether a sample is never more or less than the container says (PCM and lossless).
    let isLossless: Bool
    /// Whether the samples are integers, which are never NaN.
    let isInteger: Bool
    /// What had to be corrected to open the file.
    let repairs: [String]
    let fileBytes: Int

    private let source: UnsafeMutablePointer<AudioSource>
    private var io: UnsafeMutablePointer<AVIOContext>?

    init(path: String) throws(AudioError) {
        _ = FFmpegLog.install
        FFmpegLog.clear()
        var size: Int64 = 0
        let descriptor = audio_open_regular_file(path, &size)
        guard descriptor >= 0 else {
            let reason = -descriptor == EISDIR ? "not a regular file" : String(cString: strerror(-descriptor))
            throw .unreadable(path: path, reason: reason)
        }
        let source = UnsafeMutablePointer<AudioSource>.allocate(capacity: 1)
        source.initialize(to: AudioSource(fd: descriptor, position: 0, end: size, deadline: 0, timedOut: 0, failed: 0))
        var opened: UnsafeMutablePointer<AVFormatContext>? = avformat_alloc_context()
        var decoder: UnsafeMutablePointer<AVCodecContext>?
        var io = audio_source_io(source, 1 << 17)
        var succeeded = false
        defer {
            if !succeeded {
                avcodec_free_context(&decoder)
                avformat_close_input(&opened)
                audio_source_io_free(&io)
                close(descriptor)
                source.deallocate()
            }
        }
        guard size > 0 else { throw .unreadable(path: path, reason: "the file is empty (0 bytes)") }
        guard opened != nil, io != nil else { throw .unreadable(path: path, reason: "out of memory") }

        var repairs: [String] = []
        var promise: Int?
        var options: OpaquePointer?
        defer { av_dict_free(&options) }
        var inputFormat: UnsafePointer<AVInputFormat>?
        var layout: WAVLayout?
        if path.lowercased().hasSuffix(".cbin") {
            let sidecar = try RecFile(cbinPath: path)
            inputFormat = av_find_input_format("s16be")
            av_dict_set(&options, "sample_rate", String(sidecar.rateHz), 0)
            av_dict_set(&options, "ch_layout", "\(sidecar.channelCount)C", 0)
            source.pointee.end = size / Int64(2 * sidecar.channelCount) * Int64(2 * sidecar.channelCount)
            promise = sidecar.frameCount
            let present = Int(size) / (2 * sidecar.channelCount)
            if let frames = sidecar.frameCount, frames < present {
                repairs.append("the .rec promises \(frames) frames but \(present) are there; all were read")
                promise = nil
            }
        } else if let wave = WAVLayout(descriptor: descriptor, fileBytes: Int(size)) {
            layout = wave
            promise = wave.promisedFrames
            av_dict_set(&options, "max_size", "65536", 0)
            if let repair = wave.repair {
                repairs.append(repair)
                av_dict_set(&options, "ignore_length", "1", 0)
            }
            source.pointee.end = Int64(wave.dataOffset + wave.dataBytes)
        }
        // A playlist or a script in disguise must not make FFmpeg open other files: only sound containers are tried.
        av_dict_set(&options, "format_whitelist", Self.containers, 0)
        av_dict_set(&options, "protocol_whitelist", "", 0)
        opened!.pointee.pb = io
        var code = avformat_open_input(&opened, path, inputFormat, &options)
        guard code >= 0, let format = opened else {
            throw .unreadable(path: path, reason: Self.failure(code, descriptor, source.pointee))
        }
        format.pointee.error_recognition = audioErrorRecognition

        func audioStream() -> Int32 { av_find_best_stream(format, AVMEDIA_TYPE_AUDIO, -1, -1, nil, 0) }
        func isComplete(_ index: Int32) -> Bool {
            guard index >= 0, let parameters = format.pointee.streams[Int(index)]!.pointee.codecpar else {
                return false
            }
            let name = String(cString: avcodec_get_name(parameters.pointee.codec_id))
            return parameters.pointee.sample_rate > 0 && parameters.pointee.ch_layout.nb_channels > 0
                && name.hasPrefix("pcm_")
        }
        // PCM headers say everything; all others need a look at the first packets.
        if !isComplete(audioStream()) {
            code = avformat_find_stream_info(format, nil)
            guard code >= 0 else {
                throw .unreadable(path: path, reason: Self.failure(code, descriptor, source.pointee))
            }
        }
        let index = audioStream()
        guard index >= 0, let stream = format.pointee.streams[Int(index)] else {
            throw .unreadable(path: path, reason: Self.textSniff(descriptor) ?? "it holds no sound")
        }
        for other in 0..<Int(format.pointee.nb_streams) where other != Int(index) {
            format.pointee.streams[other]!.pointee.discard = AVDISCARD_ALL
        }
        let parameters = stream.pointee.codecpar!
        let codecName = String(cString: avcodec_get_name(parameters.pointee.codec_id))
        guard let implementation = avcodec_find_decoder(parameters.pointee.codec_id) else {
            throw .unreadable(path: path, reason: "FFmpeg has no decoder for its coding \(codecName)")
        }
        decoder = avcodec_alloc_context3(implementation)
        guard let codec = decoder, avcodec_parameters_to_context(codec, parameters) >= 0 else {
            throw .unreadable(path: path, reason: "out of memory")
        }
        codec.pointee.thread_count = 1
        codec.pointee.err_recognition = audioErrorRecognition
        codec.pointee.pkt_timebase = stream.pointee.time_base
        code = avcodec_open2(codec, implementation, nil)
        guard code >= 0 else {
            throw .unreadable(path: path, reason: Self.failure(code, descriptor, source.pointee))
        }
        let rateHz = Int(codec.pointee.sample_rate)
        let channelCount = Int(codec.pointee.ch_layout.nb_channels)
        guard (100...10_000_000).contains(rateHz) else {
            throw .unreadable(path: path, reason: "its rate of \(rateHz) Hz is outside 100 Hz to 10 MHz")
        }
        guard (1...64).contains(channelCount) else {
            throw .unreadable(path: path, reason: "it has \(channelCount) channels; 1 to 64 can be read")
        }
        let container = String(cString: format.pointee.iformat.pointee.name)
        isInteger =
            codecName.hasPrefix("pcm_") && !codecName.hasPrefix("pcm_f") || codecName == "flac"
            || codecName == "alac"
        isLossless = codecName.hasPrefix("pcm_") || ["flac", "alac", "wavpack", "tta"].contains(codecName)
        if promise == nil, layout?.repair == nil, inputFormat == nil {
            promise = Self.promise(format, stream, rateHz, Int(size), channelCount, isLossless, &repairs)
        }
        seeking = Self.seeking(container, codecName, stream.pointee.time_base, rateHz)
        self.path = path
        self.format = format
        self.codec = codec
        self.stream = stream
        self.rateHz = rateHz
        self.channelCount = channelCount
        self.container = container
        self.codecName = codecName
        self.source = source
        self.io = io
        self.repairs = repairs
        promisedFrames = promise
        fileBytes = Int(size)
        succeeded = true
    }

    deinit {
        var codec: UnsafeMutablePointer<AVCodecContext>? = codec
        var format: UnsafeMutablePointer<AVFormatContext>? = format
        avcodec_free_context(&codec)
        avformat_close_input(&format)
        audio_source_io_free(&io)
        close(source.pointee.fd)
        source.deallocate()
    }

    /// Lets reads of the file fail from `seconds` after now on.
    func setDeadline(seconds: Double) {
        source.pointee.deadline = audio_monotonic_nanoseconds() + Int64(min(seconds, 1e9) * 1e9)
    }

    /// Whether a read came after the deadline.
    var timedOut: Bool { source.pointee.timedOut != 0 }

    /// What the operating system said when a read failed; nil when none did.
    var readFailure: String? { source.pointee.failed == 0 ? nil : String(cString: strerror(source.pointee.failed)) }

    /// Frames at the file's rate for a duration or timestamp of the stream.
    func frames(_ timestamp: Int64) -> Int {
        let base = stream.pointee.time_base
        return Int(av_rescale(timestamp, Int64(base.num) * Int64(rateHz), Int64(max(1, base.den))))
    }

    /// The timestamp of the stream for a frame.
    func timestamp(_ frame: Int) -> Int64 {
        let base = stream.pointee.time_base
        return av_rescale(Int64(frame), Int64(base.den), Int64(max(1, base.num)) * Int64(rateHz))
    }

    /// The last bytes of the file.
    func tail(_ count: Int) -> [UInt8] {
        RIFFChunks.bytes(source.pointee.fd, max(0, fileBytes - count), min(count, fileBytes))
    }

    private static let containers =
        "wav,w64,flac,mp3,ogg,mov,mp4,m4a,3gp,3g2,mj2,aiff,asf,asf_o,au,caf,aac,s16be,voc,nistsphere,amr,wv,tta,ape,"
        + "matroska,webm,sox,ircam,avi,ac3,mpc,mpc8,dsf,iff,loas,adts,gsm,tak,xwma,paf,avr,sds,svx,pvf,sln,mpeg"

    private static func seeking(_ container: String, _ codec: String, _ base: AVRational, _ rateHz: Int) -> Seeking {
        let countsSamples = base.num > 0 && Int(base.den) % (Int(base.num) * rateHz) == 0
        guard countsSamples else { return codec == "mp3" && container == "mp3" ? .packetTable : .fromStart }
        switch (container, codec) {
        case ("mp3", "mp3"): return .packetTable
        case ("ogg", "vorbis"): return .timestamps(prerollSeconds: 0.5)
        // The predictors of Opus forget in some dozens of 20 ms packets.
        case ("ogg", "opus"): return .timestamps(prerollSeconds: 4)
        case ("ogg", "flac"): return .timestamps(prerollSeconds: 1)
        case ("flac", "flac"): return .timestamps(prerollSeconds: 0)
        case ("wav", _), ("w64", _), ("aiff", _), ("au", _), ("caf", _), ("s16be", _), ("mov,mp4,m4a,3gp,3g2,mj2", _):
            return codec.hasPrefix("pcm_") || codec == "alac" ? .timestamps(prerollSeconds: 0) : .fromStart
        default: return .fromStart
        }
    }

    /// Frames that the header promises. Estimates from the bit rate are no promise, nor are lengths that a file of
    /// this size cannot hold.
    private static func promise(
        _ format: UnsafeMutablePointer<AVFormatContext>, _ stream: UnsafeMutablePointer<AVStream>, _ rateHz: Int,
        _ bytes: Int, _ channelCount: Int, _ isLossless: Bool, _ repairs: inout [String]
    ) -> Int? {
        guard format.pointee.duration_estimation_method != AVFMT_DURATION_FROM_BITRATE else { return nil }
        let base = stream.pointee.time_base
        let seconds: Double
        if stream.pointee.duration != audioNoTimestamp, stream.pointee.duration > 0, base.den > 0 {
            // The length of Opus in Ogg counts the frames that the decoder drops at the start.
            let parameters = stream.pointee.codecpar!
            let isOggOpus = parameters.pointee.codec_id == AV_CODEC_ID_OPUS && base.den == 48_000
            let dropped = isOggOpus ? Int64(parameters.pointee.initial_padding) : 0
            seconds = Double(stream.pointee.duration - dropped) * Double(base.num) / Double(base.den)
        } else if format.pointee.duration != audioNoTimestamp, format.pointee.duration > 0 {
            seconds = Double(format.pointee.duration) / Double(audioTimeBase)
        } else {
            return nil
        }
        // Digital silence in FLAC takes about 0.03 bits per sample, in a lossy coding no less than 50 bits per second.
        let frames = seconds * Double(rateHz)
        let leastBits = isLossless ? frames * Double(channelCount) * 0.01 : seconds * 50
        guard leastBits <= Double(bytes) * 8, frames < 1e15 else {
            repairs.append(
                "the header promises \(Int(min(seconds, 1e12))) s, which a file of \(bytes) bytes cannot hold")
            return nil
        }
        return Int(frames.rounded())
    }

    private static func failure(_ code: Int32, _ descriptor: Int32, _ source: AudioSource) -> String {
        if source.failed != 0 { return String(cString: strerror(source.failed)) }
        return textSniff(descriptor) ?? FFmpegLog.reason(code)
    }

    /// Says so when the file is text; nil otherwise.
    static func textSniff(_ descriptor: Int32) -> String? {
        let head = RIFFChunks.bytes(descriptor, 0, 512)
        guard head.count >= 4, head.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (9...13).contains($0) }),
            head.filter({ $0 < 0x80 }).count * 10 >= head.count * 7
        else { return nil }
        let start = String(decoding: head.prefix(24), as: UTF8.self).split(whereSeparator: \.isNewline).first ?? ""
        let kind =
            start.lowercased().hasPrefix("<!doctype html") || start.lowercased().hasPrefix("<html") ? "HTML" : "text"
        return "the file is \(kind), not sound (it starts with \"\(start)\")"
    }
}
