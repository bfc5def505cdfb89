// What there is to do: the recordings with their events, channels and names.
import Audio
import Corpus
import Foundation
import Labels
import Storage

/// The recordings of a preparation.
struct PreparationPlan {
    /// One recording to be cut.
    struct Task: Sendable {
        var file: FoundFile
        /// What its clips are named after.
        var source: String
        var channel: ChannelSelection
        var events: [Event]
        /// Whether a label table speaks of it.
        var isAnnotated: Bool
        var promisedSeconds: Double
        var channelCount: Int
        var fingerprint = ""
    }

    private struct Header: Sendable {
        var rateHz: Double
        var channelCount: Int
        var seconds: Double?
        var isExact: Bool
    }

    var tasks: [Task] = []

    init(
        _ paths: [String], labels: [String], reading: LabelReadingOptions, channels: ChannelTable,
        settings: PreparationSettings, threads: Int, report: inout PreparationReport
    ) throws {
        var problems: [String] = []
        let files = try FileSearch.files(in: paths, problems: &problems, where: AudioFile.hasAudioExtension)
        report.failed += problems.map { .init(path: String($0.prefix { $0 != ":" }), reason: $0) }
        guard !files.isEmpty else {
            throw PreparationError(
                "\(paths.joined(separator: ", ")): no recordings there; give files or folders of sound")
        }
        report.recordings = files.count
        let headers = Self.headers(of: files, threads: threads, report: &report)
        let index = RecordingIndex(files.map(\.relativePath))
        var events = [[Event]](repeating: [], count: files.count)
        var annotated = Set<Int>()
        try Self.read(
            labels, reading, files, headers, settings, into: &events, annotated: &annotated, report: &report)
        var chosen = [Int?](repeating: nil, count: files.count)
        for (name, channel) in channels.channels {
            if case .one(let position) = index.find(name, paths: files.map(\.relativePath)) {
                chosen[position] = channel
            }
        }
        for (position, file) in files.enumerated() {
            guard let header = headers[position] else { continue }
            if settings.onlyLabelled, !annotated.contains(position) { continue }
            let channel = chosen[position]
            if channel == nil, header.channelCount > 1, !channels.channels.isEmpty {
                report.channelUnknown.append(file.relativePath)
            }
            tasks.append(
                Task(
                    file: file, source: "",
                    channel: header.channelCount == 1 ? .index(0) : channel.map { .index($0) } ?? settings.channel,
                    events: events[position], isAnnotated: annotated.contains(position),
                    promisedSeconds: header.seconds ?? 0, channelCount: header.channelCount))
        }
    }

    /// Gives every recording a name of its own: its stem, with its folders where that is not enough. Names that were given
    /// before stay.
    mutating func nameSources(known: [String: String]) {
        let stems = Dictionary(grouping: tasks.indices) {
            Self.cleaned(RecordingName.stem(tasks[$0].file.relativePath))
        }
        var taken = Set(known.values)
        for index in tasks.indices {
            if let name = known[tasks[index].file.path] {
                tasks[index].source = name
                continue
            }
            let relative = tasks[index].file.relativePath
            var name = Self.cleaned(RecordingName.stem(relative))
            if stems[name]!.count > 1 || taken.contains(name) {
                let folders = relative.split(separator: "/").dropLast().joined(separator: "-")
                if !folders.isEmpty { name = Self.cleaned("\(folders)-\(name)") }
            }
            let base = name
            var number = 2
            while !taken.insert(name).inserted {
                name = "\(base)-\(number)"
                number += 1
            }
            tasks[index].source = name
        }
    }

    /// Notes what the clips of each recording depend on, apart from the file and the settings.
    mutating func markEvents() {
        struct Content: Encodable {
            var source: String
            var channel: String
            var isAnnotated: Bool
            var events: [Event]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for index in tasks.indices {
            let task = tasks[index]
            let content = Content(
                source: task.source, channel: task.channel.description, isAnnotated: task.isAnnotated,
                events: task.events.sorted(by: Event.isOrderedBefore))
            let bytes = [UInt8]((try? encoder.encode(content)) ?? Data())
            tasks[index].fingerprint = String(format: "%08x", CRC32C.of(bytes).value)
        }
    }

    /// Names that make trouble in lists and on other systems lose their blanks and control characters.
    private static func cleaned(_ name: String) -> String {
        String(name.map { $0.isWhitespace || $0.asciiValue.map { $0 < 0x21 || $0 == 0x7F } == true ? "_" : $0 })
    }

    private static func headers(
        of files: [FoundFile], threads: Int, report: inout PreparationReport
    ) -> [Header?] {
        var headers = [Header?](repeating: nil, count: files.count)
        var failed: [(Int, PreparationReport.Remark)] = []
        ParallelMap.run(files, threads: threads) { file in
            Result { () throws(AudioError) in
                let header = try AudioFile(path: file.path)
                // Headers of lossy codings round the length.
                let isExact = header.codec.hasPrefix("pcm") || header.codec == "flac"
                return Header(
                    rateHz: header.rateHz, channelCount: header.channelCount, seconds: header.promisedSeconds,
                    isExact: isExact)
            }
        } take: { arrived in
            guard let (index, result) = arrived else { return true }
            switch result {
            case .success(let header): headers[index] = header
            case .failure(let error): failed.append((index, .init(path: files[index].path, reason: error.reason)))
            }
            return true
        }
        report.failed += failed.sorted { $0.0 < $1.0 }.map(\.1)
        return headers
    }

    private static func read(
        _ labels: [String], _ reading: LabelReadingOptions, _ files: [FoundFile], _ headers: [Header?],
        _ settings: PreparationSettings, into events: inout [[Event]], annotated: inout Set<Int>,
        report: inout PreparationReport
    ) throws {
        guard !labels.isEmpty else { return }
        let finder = RecordingFinder(
            files.enumerated().map {
                Recording(
                    id: Int64($0.offset), path: $0.element.path, relativePath: $0.element.relativePath,
                    rateHz: headers[$0.offset]?.rateHz ?? 1, channelCount: 1, frames: 0)
            })
        var problems: [String] = []
        let named = Set(labels.map(FileSearch.absolute))
        let tables = try FileSearch.files(in: labels, problems: &problems) { _ in true }
        report.labelProblems += problems
        let mark = settings.nonFocalMark
        for file in tables {
            do throws(LabelError) {
                let url = URL(fileURLWithPath: file.path)
                guard try LabelFormat.detect(url) != nil || named.contains(file.path) else { continue }
                var options = reading
                options.facts = { name in
                    guard case .success(let recording) = finder.find(name, labelFile: file),
                        let header = headers[Int(recording.id)]
                    else { return nil }
                    return RecordingFacts(
                        durationSeconds: header.isExact ? header.seconds : nil, rateHz: header.rateHz)
                }
                let table = try LabelFile.read(url, options: options)
                report.labelProblems += table.problems.map(\.description)
                var positions: [String: Int] = [:]
                var unmatched: [String: Int] = [:]
                for name in table.recordings {
                    switch finder.find(name, labelFile: file) {
                    case .success(let recording):
                        positions[name] = Int(recording.id)
                        annotated.insert(Int(recording.id))
                    case .failure(let problem):
                        unmatched[name] = report.unmatched.count
                        let rows = table.events.count { $0.recording == name }
                        report.unmatched.append("\(file.path): \(name) (\(rows) rows): \(problem.reason)")
                    }
                }
                for event in table.events {
                    guard let position = positions[event.recording] else { continue }
                    var event = event
                    if !mark.isEmpty, event.label.hasSuffix(" " + mark) {
                        event.label = String(event.label.dropLast(mark.count + 1))
                        event.isFocal = false
                    }
                    event.recording = files[position].relativePath
                    events[position].append(event)
                }
            } catch {
                report.labelProblems.append("\(error)")
            }
        }
    }
}
