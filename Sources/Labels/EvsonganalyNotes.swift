// `.not.mat` files of evsonganaly: one character per syllable, onsets and offsets in milliseconds.
import Foundation

/// evsonganaly note files.
enum EvsonganalyNotes {
    /// The segmentation settings that a note file carries along.
    private static let settings = ["Fs", "min_int", "min_dur", "threshold", "sm_win"]

    static func read(_ url: URL, into builder: inout TableBuilder) throws(LabelError) {
        let mat = try MatFile(file: builder.file, bytes: try LabelText.load(url))
        builder.mention(builder.recording)
        guard let labels = try mat.text("labels"), let onsets = try mat.numbers("onsets"),
            let offsets = try mat.numbers("offsets")
        else {
            throw builder.error(
                line: nil, "the variables labels, onsets and offsets are not all there",
                remedy: "check that the file is whole and was written by evsonganaly")
        }
        let characters = Array(labels)
        guard onsets.count == offsets.count, onsets.count == characters.count else {
            throw builder.error(
                line: nil, value: "\(characters.count) labels, \(onsets.count) onsets, \(offsets.count) offsets",
                "labels and times differ in number", remedy: "open the file in evsonganaly and save it again")
        }
        for name in settings {
            if let value = try mat.numbers(name)?.first {
                builder.table.properties[name] = NumberText.write(value, least: 0)
            }
        }
        for (index, label) in characters.enumerated() {
            try builder.append(
                Event(
                    recording: builder.recording, startSeconds: onsets[index] / 1000,
                    endSeconds: offsets[index] / 1000, label: String(label)), line: nil)
        }
    }

    static func write(
        _ events: [Event], recording: String, file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        for event in events {
            let scalars = event.label.unicodeScalars
            guard scalars.count == 1, scalars.first!.value < 256 else {
                throw LabelError(
                    file: file, value: event.label, reason: "a note file holds one character per label",
                    remedy: "rename the labels, or write another format")
            }
        }
        let rate = options.properties["Fs"].flatMap { NumberText.read($0) } ?? options.facts?(recording)?.rateHz
        guard let rate else {
            throw LabelError(
                file: file, value: recording, reason: "a note file needs the sample rate of its recording",
                remedy: "give the folder of the recordings (--recordings)")
        }
        var variables: [(name: String, content: MatFile.Content)] = [
            ("Fs", .numbers([rate])), ("fname", .text(recording)),
            ("labels", .text(events.map(\.label).joined())),
            ("onsets", .numbers(events.map { $0.startSeconds * 1000 })),
            ("offsets", .numbers(events.map { $0.endSeconds * 1000 })),
        ]
        // evsonganaly will not open a file without its settings; these are its own defaults.
        for (name, normal) in [("min_int", 5.0), ("min_dur", 30), ("threshold", 1000), ("sm_win", 2)] {
            let value = options.properties[name].flatMap { NumberText.read($0) } ?? normal
            variables.append((name, .numbers([value])))
        }
        return MatFile.bytes(variables)
    }
}
