import CFFmpeg

/// FFmpeg's log, silenced: its last error message on a thread becomes the reason of the Swift error thrown there.
enum FFmpegLog {
    /// Silences FFmpeg for the whole process, once.
    static let install: Void = audio_log_install()

    /// Forgets the last message of this thread.
    static func clear() { audio_log_clear() }

    /// The text of `code`, preceded by what the demuxer or decoder said last on this thread, if anything.
    static func reason(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        av_strerror(code, &buffer, buffer.count)
        let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let message = String(cString: audio_log_last())
        return message.isEmpty ? text : "\(message) (\(text))"
    }
}
