// When and where a recording was made, and by what. Order of trust: GUANO, the comment of an AudioMoth, the file name.

import CFFmpeg
import Foundation

/// What a recording and its name tell about the recording itself.
public struct RecordingMetadata: Sendable, Hashable, Codable {
    /// Where the start time comes from.
    public enum Source: String, Sendable, Codable {
        /// The GUANO chunk of a WAV file.
        case guano
        /// The comment that an AudioMoth writes.
        case audioMoth
        /// The name of the file.
        case fileName
        /// There is no start time.
        case unknown
    }

    /// When the recording began; local time without zone stays so.
    public var start: RecordingTime?
    /// Where the start time comes from.
    public var startSource = Source.unknown
    /// Degrees north, WGS84.
    public var latitude: Double?
    /// Degrees east, WGS84.
    public var longitude: Double?
    /// Metres above sea level.
    public var elevation: Double?
    /// How many times slower than real the header's rate is: true rate = header rate x this. 1 for most.
    public var timeExpansion = 1
    /// Make, model or serial of the recorder, as far as it says so.
    public var device: String?
    /// What stands before the date in the file name: usually the site.
    public var namePrefix: String?
    /// Whether silent stretches were left out by the recorder.
    public var isTriggered = false
    /// All GUANO fields by their full names.
    public var guano: [String: String] = [:]

    /// Reads what a file and its name tell. Never throws: what cannot be read is not known.
    public init(path: String) {
        let name = RecorderFileName(path)
        namePrefix = name.prefix
        isTriggered = name.isTriggered
        var size: Int64 = 0
        let descriptor = audio_open_regular_file(path, &size)
        if descriptor >= 0 {
            defer { close(descriptor) }
            if let riff = RIFFChunks(descriptor: descriptor, fileBytes: Int(size)) { read(riff) }
        }
        if start == nil, let fromName = name.start {
            start = fromName
            startSource = .fileName
        }
    }

    private mutating func read(_ riff: RIFFChunks) {
        if let body = riff.body("guan") { readGUANO(String(decoding: body, as: UTF8.self)) }
        let comment = Self.information(riff, "ICMT")
        if start == nil, let comment, let time = Self.audioMothTime(comment) {
            start = time
            startSource = .audioMoth
        }
        if device == nil { device = Self.information(riff, "IART") }
    }

    private mutating func readGUANO(_ text: String) {
        for line in text.split(whereSeparator: { $0.isNewline || $0 == "\0" }) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let trimmed = CharacterSet.whitespaces.union(CharacterSet(charactersIn: "\0"))
            let key = line[..<colon].trimmingCharacters(in: trimmed)
            guano[key] = line[line.index(after: colon)...].trimmingCharacters(in: trimmed)
        }
        if let time = guano["Timestamp"].flatMap(RecordingTime.init(iso8601:)) {
            start = time
            startSource = .guano
        }
        let place = (guano["Loc Position"] ?? "").split(whereSeparator: { $0 == " " || $0 == "," }).compactMap {
            Double($0)
        }
        if place.count == 2, abs(place[0]) <= 90, abs(place[1]) <= 180 {
            (latitude, longitude) = (place[0], place[1])
        }
        elevation = guano["Loc Elevation"].flatMap { Double($0) }
        if let expansion = guano["TE"].flatMap({ Double($0) }), expansion >= 1, expansion <= 1_000 {
            timeExpansion = Int(expansion.rounded())
        }
        let parts = ["Make", "Model", "Serial"].compactMap { guano[$0] }.filter { !$0.isEmpty }
        if !parts.isEmpty { device = parts.joined(separator: " ") }
    }

    /// One entry of the LIST/INFO chunk, without padding.
    private static func information(_ riff: RIFFChunks, _ name: String) -> String? {
        guard let body = riff.body("LIST", limit: 1 << 16), body.count >= 4, RIFFChunks.name(body, 0) == "INFO" else {
            return nil
        }
        var offset = 4
        while offset + 8 <= body.count {
            let size = RIFFChunks.littleEndian(body, offset + 4, 4)
            guard size <= body.count - offset - 8 else { return nil }
            if RIFFChunks.name(body, offset) == name {
                let text = String(decoding: body[offset + 8..<offset + 8 + size].prefix { $0 != 0 }, as: UTF8.self)
                let trimmed = text.trimmingCharacters(in: .whitespaces)
                return trimmed.isEmpty ? nil : trimmed
            }
            offset += 8 + size + size % 2
        }
        return nil
    }

    /// `Recorded at 20:26:15 03/09/2024 (UTC+1) by AudioMoth …`: day first; no zone in the oldest firmware means UTC.
    static func audioMothTime(_ comment: String) -> RecordingTime? {
        let pattern =
            /Recorded at (\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))? (\d{2})\/(\d{2})\/(\d{4})(?: \(UTC([+-]\d{1,2}(?::\d{2})?)?\))?/
        guard comment.contains("AudioMoth"), let match = comment.firstMatch(of: pattern) else { return nil }
        let milliseconds = match.4.flatMap { Double($0) } ?? 0
        guard let offset = RecordingTime.offset(match.8.map(String.init) ?? "") else { return nil }
        return RecordingTime(
            year: Int(match.7)!, month: Int(match.6)!, day: Int(match.5)!, hour: Int(match.1)!, minute: Int(match.2)!,
            second: Double(match.3)! + milliseconds / 1_000, offsetSeconds: offset)
    }
}
