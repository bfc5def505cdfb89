// What can go wrong between a path and its samples, in words for the person who owns the recording.

/// A recording that cannot be read or written, or a request that does not fit it.
public enum AudioError: Error, CustomStringConvertible, Equatable, Sendable {
    /// The file cannot be opened or holds no sound that can be decoded.
    case unreadable(path: String, reason: String)
    /// A channel was asked for that the recording does not have.
    case noSuchChannel(path: String, channel: Int, channelCount: Int)
    /// A sample rate that cannot be used.
    case unusableRate(rateHz: Double, reason: String)
    /// The storage did not answer within the limit.
    case timedOut(path: String, seconds: Double)
    /// The file could not be written.
    case notWritten(path: String, reason: String)
    /// Samples or pixels that cannot be encoded.
    case notEncodable(reason: String)

    /// One line that names the file, the value and the remedy.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be read as sound: \(reason)"
        case .noSuchChannel(let path, let channel, let channelCount):
            "\(path): channel \(channel) was asked for, but it has \(channelCount) (counted from 0); "
                + "choose 0...\(channelCount - 1), mean or loudest"
        case .unusableRate(let rateHz, let reason): "sample rate \(rateHz) Hz cannot be used: \(reason)"
        case .timedOut(let path, let seconds):
            "\(path): the storage did not answer within \(seconds) s; check the disk or the network share"
        case .notWritten(let path, let reason): "\(path): not written: \(reason)"
        case .notEncodable(let reason): "cannot be encoded: \(reason)"
        }
    }

    /// The reason alone, for reports that name the file elsewhere.
    public var reason: String {
        switch self {
        case .unreadable(_, let reason), .notWritten(_, let reason), .notEncodable(let reason),
            .unusableRate(_, let reason):
            reason
        case .noSuchChannel, .timedOut: description
        }
    }
}
