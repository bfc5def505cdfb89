// Recordings as disks and recorders really return them.
import Audio
import Foundation

/// Files that are not what they seem, put among good recordings.
enum BadRecordings {
    /// What a scan says of each: its verdict and a part of the reason.
    static let remarks = [
        "truncated.wav": ("partial", "the header promises 3.0 s"),
        "empty.wav": ("unreadable", "the file is empty"),
        "lying.wav": ("repaired", "the header does not know the data size"),
        "nan.wav": ("repaired", "24000 samples that were NaN or infinite became 0"),
        "notes.wav": ("unreadable", "the file is text, not sound"),
    ]

    /// Those that hold no sound.
    static let unreadable = remarks.filter { $0.value.0 == "unreadable" }.keys.sorted()

    /// Writes them into a folder; `good` is a recording of 3 s.
    static func write(into folder: URL, good: URL) throws {
        let bytes = try Data(contentsOf: good)
        try bytes.prefix(20_000).write(to: folder.appending(path: "truncated.wav"))
        try Data().write(to: folder.appending(path: "empty.wav"))
        var lying = bytes
        for place in [4, 40] { lying.replaceSubrange(place..<place + 4, with: [0xFF, 0xFF, 0xFF, 0x7F]) }
        try lying.write(to: folder.appending(path: "lying.wav"))
        try AudioWriter.write(
            [[Float](repeating: .nan, count: 24_000)], rateHz: 8_000, to: folder.appending(path: "nan.wav").path,
            as: .wavFloat)
        try Data("these are field notes, not sound\n".utf8).write(to: folder.appending(path: "notes.wav"))
    }
}
