// What a recording says about itself before it is decoded.

/// The facts of one recording's header. The length it promises is a promise: `AudioInspection` counts.
public struct AudioFile: Sendable, Hashable {
    /// Where the file lies.
    public let path: String
    /// Samples per second and channel, as the header says (recorders with time expansion write a divided rate).
    public let rateHz: Double
    /// Interleaved channels, 1 to 64.
    public let channelCount: Int
    /// Length by the header in seconds; nil when the header makes no promise that can be believed.
    public let promisedSeconds: Double?
    /// FFmpeg's name of the container, such as `wav` or `ogg`.
    public let container: String
    /// FFmpeg's name of the coding, such as `pcm_s16le` or `flac`.
    public let codec: String
    /// What had to be corrected to open the file, in words; empty for a file that is right.
    public let repairs: [String]

    /// Opens the file far enough to know its rate, channels and coding. Throws `AudioError.unreadable` with the reason.
    public init(path: String) throws(AudioError) {
        self.init(try OpenedMedia(path: path))
    }

    init(_ media: OpenedMedia) {
        path = media.path
        rateHz = Double(media.rateHz)
        channelCount = media.channelCount
        promisedSeconds = media.promisedFrames.map { Double($0) / Double(media.rateHz) }
        container = media.container
        codec = media.codecName
        repairs = media.repairs
    }

    /// The extensions, in lower case and without the dot, that mean a recording when a folder is searched.
    public static let extensions: Set<String> = [
        "wav", "wave", "bwf", "rf64", "w64", "flac", "mp3", "ogg", "oga", "opus", "m4a", "mp4", "aac", "aif", "aiff",
        "aifc", "wma", "au", "snd", "caf", "cbin", "wv", "tta", "ape", "voc", "sph", "nist", "amr", "3gp", "mka",
        "webm",
    ]

    /// Whether a name ends like that of a recording, without regard to case.
    public static func hasAudioExtension(_ name: String) -> Bool {
        guard let dot = name.lastIndex(of: ".") else { return false }
        return extensions.contains(name[name.index(after: dot)...].lowercased())
    }
}
