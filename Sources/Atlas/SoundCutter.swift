// One recording, cut into sounds from front to back in bounded memory.
import Audio
import Foundation
import Inference
import Labels

/// Cuts the sounds of one recording, after those that are done.
final class SoundCutter {
    /// Length of what has been heard, in seconds; that of the recording at the end.
    var seconds: Double { Double(total) / stream.rateHz }
    /// The rate of the file.
    var fileRateHz: Double { stream.file.rateHz }
    /// What a user should know; empty if there is nothing.
    var note: String {
        var notes = stream.file.repairs + stream.damage
        if let promised = stream.file.promisedSeconds, promised - seconds > 0.25 {
            notes.append("its header promises \(short(promised)) s, \(short(seconds)) s are there")
        }
        if late > 0 { notes.append("\(late) events lie behind its end") }
        return notes.joined(separator: "; ")
    }

    // Samples given out at a time: some megabytes.
    private static let samplesPerPiece = 1 << 19
    private let stream: AudioStream
    private let cutting: SoundCutting
    private let events: [Event]
    // For every event the first sample that it or a later one needs.
    private let needed: [Int]
    private var samples: [[Float]]
    private var firstSample: Int
    private var total: Int
    private var isOver = false
    private var number: Int
    private var skip: Int
    private var late = 0
    private var isFinished = false

    init(_ source: EmbeddingSource, cutting: SoundCutting, done: Int) throws(AudioError) {
        self.cutting = cutting
        let stream = try AudioStream(
            path: source.recording.path, rateHz: cutting.rateHz, channel: cutting.channels)
        self.stream = stream
        events = source.events ?? []
        var needed: [Int] = []
        var least = Int.max
        for event in events.reversed() where cutting.unit == .events {
            least = min(least, max(0, cutting.clip(event.startSeconds, event.endSeconds).clip.lowerBound))
            needed.append(least)
        }
        self.needed = needed.reversed()
        let channels = stream.outputChannelCount
        samples = [[Float]](repeating: [], count: channels)
        // Sounds of several channels stand together; one of them may have been the last.
        number = done / channels
        skip = done % channels
        firstSample = 0
        total = 0
        if number > 0 {
            let start: Int
            switch cutting.unit {
            case .events: start = number < needed.count ? self.needed[number] : 0
            // The last window may be moved back by up to its length.
            case .windows: start = max(0, windowRange(number).lowerBound - windowSamples)
            }
            if start > 0 { try stream.seek(toFrame: start) }
            (firstSample, total) = (start, start)
        }
    }

    private var windowSamples: Int { max(1, Int((cutting.windowSeconds * cutting.rateHz).rounded())) }

    private func windowRange(_ number: Int) -> Range<Int> {
        let start = Int((Double(number) * cutting.hopSeconds * cutting.rateHz).rounded())
        return start..<start + windowSamples
    }

    /// The next sounds; nil when there are none left.
    func next() throws(AudioError) -> [SoundFeed.Clip]? {
        var clips: [SoundFeed.Clip] = []
        var count = 0
        while !isFinished, count < Self.samplesPerPiece {
            let (before, added) = (clips.count, try cutting.unit == .windows ? window() : event())
            clips += added
            for clip in clips[before...] { count += clip.samples.count }
        }
        guard clips.isEmpty else { return clips }
        // Events may end before the recording: its length is wanted, and whether all of it can be read.
        while let block = try stream.next(frames: 1 << 18) { total += block.frameCount }
        if total == 0 { throw .unreadable(path: stream.file.path, reason: "it holds no samples") }
        return nil
    }

    private func window() throws(AudioError) -> [SoundFeed.Clip] {
        var range = windowRange(number)
        try read(to: range.upperBound + 1)
        var span = 0..<windowSamples
        if isOver, total <= range.upperBound {
            isFinished = true
            let previous = number == 0 ? 0 : windowRange(number - 1).upperBound
            // A rest of less than a tenth of a window is left out.
            let rest = total - max(range.lowerBound, previous)
            guard number == 0 ? total > 0 : rest * 10 >= windowSamples else { return [] }
            if number > 0 || total == range.upperBound {
                range = total - windowSamples..<total
            } else {
                span = 0..<total
            }
        }
        let labels = overlappingLabels(range.lowerBound + span.lowerBound, range.lowerBound + span.upperBound)
        defer {
            number += 1
            drop(before: max(0, windowRange(number).lowerBound - windowSamples))
        }
        return clips(range, span, labels)
    }

    private func event() throws(AudioError) -> [SoundFeed.Clip] {
        guard number < events.count else {
            isFinished = true
            return []
        }
        let event = events[number]
        let (clip, span) = cutting.clip(event.startSeconds, event.endSeconds)
        try read(to: clip.upperBound)
        guard clip.lowerBound + span.lowerBound < total else {
            late = events.count - number
            isFinished = true
            return []
        }
        defer {
            number += 1
            drop(before: number < needed.count ? needed[number] : total)
        }
        var found = clips(clip, span, [event.label].filter { !$0.isEmpty })
        for index in found.indices {
            // The times as they were written, not rounded to samples.
            found[index].place.startSeconds = event.startSeconds
            found[index].place.endSeconds = event.endSeconds
        }
        return found
    }

    private func clips(_ range: Range<Int>, _ span: Range<Int>, _ labels: [String]) -> [SoundFeed.Clip] {
        let several = stream.outputChannelCount > 1
        let channels = skip..<stream.outputChannelCount
        skip = 0
        return channels.map { channel in
            var cut = [Float](repeating: 0, count: range.count)
            let from = max(range.lowerBound, firstSample)
            let to = min(range.upperBound, firstSample + samples[channel].count)
            if from < to {
                cut.withUnsafeMutableBufferPointer { cut in
                    samples[channel].withUnsafeBufferPointer { samples in
                        for index in from..<to { cut[index - range.lowerBound] = samples[index - firstSample] }
                    }
                }
            }
            let place = SoundPlace(
                channel: several ? channel : nil,
                startSeconds: Double(range.lowerBound + span.lowerBound) / cutting.rateHz,
                endSeconds: Double(range.lowerBound + span.upperBound) / cutting.rateHz, labels: labels)
            return SoundFeed.Clip(samples: cut, span: span, place: place)
        }
    }

    /// Labels of events of which at least half lies in a window, or that fill half of it.
    private func overlappingLabels(_ start: Int, _ end: Int) -> [String] {
        let (from, to) = (Double(start) / cutting.rateHz, Double(end) / cutting.rateHz)
        var labels: Set<String> = []
        for event in events where event.startSeconds < to && event.endSeconds > from && !event.label.isEmpty {
            let shared = min(to, event.endSeconds) - max(from, event.startSeconds)
            if shared >= event.durationSeconds / 2 || shared >= (to - from) / 2 { labels.insert(event.label) }
        }
        return labels.sorted()
    }

    private func read(to end: Int) throws(AudioError) {
        while !isOver, total < end {
            guard let block = try stream.next(frames: max(4096, end - total)) else {
                isOver = true
                return
            }
            for channel in samples.indices { samples[channel] += block.channels[channel] }
            total += block.frameCount
        }
    }

    private func drop(before sample: Int) {
        // What has not been read yet cannot be dropped.
        let sample = min(sample, total)
        // Moving the rest for every sound would cost more than keeping some.
        guard sample - firstSample > 1 << 16 else { return }
        for channel in samples.indices { samples[channel].removeFirst(sample - firstSample) }
        firstSample = sample
    }

    private func short(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
