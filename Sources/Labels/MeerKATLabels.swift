// The label files of animal2vec 1.0 and of the published MeerKAT data: HDF5 with seven data sets of equal length.
//
//   start_time_lbl, end_time_lbl    seconds in the clip
//   start_frame_lbl, end_frame_lbl  samples: floor of the start, ceiling of the end, the end not included
//   lbl, lbl_cat                    the class, and its number in a list that the file does not hold
//   foc                             1 for a call of the focal animal
//
// A file without events holds seven empty lists of floating-point numbers, also for the texts.
import Foundation
import Storage

/// MeerKAT label files.
enum MeerKATLabels {
    /// What a file must hold to be one.
    static let names = [
        "start_time_lbl", "start_frame_lbl", "end_time_lbl", "end_frame_lbl", "lbl", "lbl_cat", "foc",
    ]

    /// The property of a table that holds the sample rate that the frames count in.
    static let rateProperty = "rateHz"

    /// The property of a table to be written that holds the classes, one per line: `lbl_cat` counts in them.
    static let classesProperty = "classes"

    /// A part of a sample that is a rounding error: 9.35 s at 8 kHz is sample 74800 and not 74801.
    private static let hair = 1e-6

    // A clip of ten seconds needs 10 kB; some hours of calls some megabytes.
    private static let greatestByteCount = 64 << 20

    /// Whether a file with the extension `h5` is one. Damaged files are: reading them says what is wrong. HDF5 files of other
    /// things are not.
    static func isLabelFile(beginning: [UInt8]) -> Bool {
        if Data(beginning).range(of: Data("start_time_lbl".utf8)) != nil { return true }
        do throws(StorageError) {
            _ = try HDF5File(path: "", bytes: beginning)
            return false
        } catch {
            // Of a large file only the beginning is here.
            return error.code == .corrupt && beginning.count < 65_536
        }
    }

    static func read(_ url: URL, into builder: inout TableBuilder) throws(LabelError) {
        let bytes = try LabelText.load(url)
        guard bytes.count <= greatestByteCount else {
            throw builder.error(
                line: nil, value: "\(bytes.count) bytes", "is too large for the labels of one recording",
                remedy: "name a label file")
        }
        let file: HDF5File
        var columns: [String: HDF5File.Values] = [:]
        do throws(StorageError) {
            file = try HDF5File(path: builder.file, bytes: bytes)
            for name in names { columns[name] = try file.values(name) }
        } catch {
            throw builder.error(line: nil, error.message, remedy: "or leave the file out")
        }
        builder.mention(builder.recording)
        let rate = builder.facts(builder.recording)?.rateHz
        guard let labels = columns["lbl"],
            let starts = times("start", columns, rate), let ends = times("end", columns, rate)
        else {
            throw builder.error(
                line: nil, value: file.names.prefix(12).joined(separator: ", "),
                "the data sets lbl, start_time_lbl and end_time_lbl are not all there",
                remedy: "check that it is a label file of animal2vec")
        }
        let counts = columns.filter { $0.value.count > 0 || labels.count > 0 }.map(\.value.count)
        guard counts.allSatisfy({ $0 == labels.count }) else {
            throw builder.error(
                line: nil,
                value: columns.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value.count)" }.joined(separator: ", "),
                "the data sets differ in length", remedy: "write the file again")
        }
        if labels.count == 0 { return }
        if let rate = rateHz(columns) { builder.table.properties[rateProperty] = NumberText.write(rate, least: 0) }
        // Labels are text; somebody who named the classes 0, 1, 2 may have written numbers.
        let texts =
            switch labels {
            case .texts(let texts): texts
            case .numbers(let numbers): numbers.map { NumberText.write($0, least: 0) }
            }
        for index in texts.indices {
            var event = Event(
                recording: builder.recording, startSeconds: starts[index], endSeconds: ends[index], label: texts[index])
            if case .numbers(let focal)? = columns["foc"] { event.isFocal = focal[index] != 0 }
            try builder.append(event, line: index + 1)
        }
    }

    static func write(
        _ events: [Event], recording: String, file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        let given =
            options.facts?(recording)?.rateHz ?? options.properties[rateProperty].flatMap { NumberText.read($0) }
            ?? folderRateHz(recording) ?? folderRateHz(file)
        guard let rate = given ?? (events.isEmpty ? 1 : nil) else {
            throw LabelError(
                file: file, value: recording, reason: "a MeerKAT label file counts in samples of its recording",
                remedy: "give the folder of the recordings (--recordings)")
        }
        if let event = events.first(where: { $0.label.utf8.contains(0) }) {
            throw LabelError(
                file: file, value: event.label, reason: "a label holds a zero byte", remedy: "rename the label")
        }
        do throws(StorageError) {
            let writer = try HDF5Writer(path: file)
            if events.isEmpty {
                for name in names { try writer.add(name, [Double]()) }
                return try writer.finish()
            }
            let classes = classes(of: events, options)
            try writer.add("start_time_lbl", events.map(\.startSeconds))
            try writer.add("start_frame_lbl", events.map { frame(($0.startSeconds * rate + hair).rounded(.down)) })
            try writer.add("end_time_lbl", events.map(\.endSeconds))
            try writer.add("end_frame_lbl", events.map { frame(($0.endSeconds * rate - hair).rounded(.up)) })
            try writer.add("lbl", events.map(\.label))
            try writer.add("lbl_cat", events.map { Int64(classes[$0.label] ?? -1) })
            // Where nobody said, the recorder's own animal is not claimed to have called.
            try writer.add("foc", events.map { $0.isFocal == true ? 1 as Int64 : 0 })
            return try writer.finish()
        } catch {
            throw LabelError(
                file: file, reason: "cannot be written (\(error.message))", remedy: "choose another format")
        }
    }

    /// The times as seconds; from the samples where the seconds are missing and the rate is known.
    private static func times(
        _ which: String, _ columns: [String: HDF5File.Values], _ rate: Double?
    ) -> [Double]? {
        if case .numbers(let seconds)? = columns["\(which)_time_lbl"] { return seconds }
        guard case .numbers(let frames)? = columns["\(which)_frame_lbl"], let rate, rate > 0 else { return nil }
        return frames.map { $0 / rate }
    }

    /// The whole rate at which seconds and samples say the same; nil if there is none.
    private static func rateHz(_ columns: [String: HDF5File.Values]) -> Double? {
        guard case .numbers(let seconds)? = columns["end_time_lbl"],
            case .numbers(let frames)? = columns["end_frame_lbl"], seconds.count == frames.count,
            let last = seconds.indices.max(by: { seconds[$0] < seconds[$1] }), seconds[last] > 0
        else { return nil }
        let rate = (frames[last] / seconds[last]).rounded(.down)
        guard rate >= 1, rate <= 10_000_000 else { return nil }
        // The end is rounded up, so the true rate may lie a little lower; recorders have rates of hundreds.
        let candidates = [(rate / 100).rounded() * 100, rate, rate - 1]
        return candidates.first { candidate in
            candidate > 0 && zip(seconds, frames).allSatisfy { abs($0 * candidate - $1) <= 1.001 }
        }
    }

    /// `wav/08000Hz/a.wav` lies in a folder that names its rate.
    private static func folderRateHz(_ path: String) -> Double? {
        for component in path.split(separator: "/").reversed() {
            if component.lowercased().hasSuffix("hz"), let rate = Double(component.dropLast(2)), rate > 0 {
                return rate
            }
        }
        return nil
    }

    private static func classes(of events: [Event], _ options: LabelWritingOptions) -> [String: Int] {
        var classes: [String: Int] = [:]
        let given = options.properties[classesProperty].map { $0.split(separator: "\n").map(String.init) } ?? []
        for label in given + events.map(\.label) where classes[label] == nil { classes[label] = classes.count }
        return classes
    }

    private static func frame(_ value: Double) -> Int64 {
        Int64(exactly: min(max(value, 0), 9e15)) ?? 0
    }
}
