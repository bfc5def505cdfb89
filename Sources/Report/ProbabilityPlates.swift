// One page per stretch of a recording: the spectrogram above, and below it what the model thinks of every class, with the
// events that follow from it and those that are really there.
import Audio
import Foundation
import Inference
import Labels
import Storage

/// The plates of one recording.
public struct ProbabilityPlates {
    private let audio: String
    private let file: ProbabilityFile
    private let found: [Event]
    private let truth: [Event]
    private let channels: ModelDescription.Channels
    private let pageSeconds: Double
    private let onlyEvents: Bool

    /// Plates of the first channel that was heard.
    ///
    /// - Parameters:
    ///   - audio: where the recording lies.
    ///   - found: the events that were predicted in it.
    ///   - truth: the events that are there, as far as they are known.
    ///   - onlyEvents: whether stretches without any event are left out.
    public init(
        audio: String, probabilities: ProbabilityFile, found: [Event], truth: [Event],
        channels: ModelDescription.Channels, pageSeconds: Double = 10, onlyEvents: Bool = true
    ) {
        (self.audio, file, self.channels) = (audio, probabilities, channels)
        self.found = found.filter { ($0.channel ?? 0) == 0 }
        self.truth = truth
        (self.pageSeconds, self.onlyEvents) = (pageSeconds, onlyEvents)
    }

    /// Writes the PDF, whole or not at all; no page without anything to show, and no file without a page.
    public func write(to url: URL) throws {
        var document = PDFDocument(title: "\(file.recording): frame probabilities")
        let stream = try AudioStream(path: audio, channel: channels == .each ? .index(0) : channels.selection)
        let values = try file.values()
        let pageCount = max(1, Int((file.seconds / pageSeconds).rounded(.up)))
        for number in 0..<pageCount {
            let range = Double(number) * pageSeconds..<Double(number + 1) * pageSeconds
            let isShown =
                !onlyEvents
                || (found + truth).contains { $0.startSeconds < range.upperBound && $0.endSeconds > range.lowerBound }
            // Read on in any case: a jump would cost more.
            let block = try stream.next(frames: max(1, Int(pageSeconds * stream.rateHz)))
            guard isShown, let samples = block?.channels[0] else { continue }
            document.add(try page(range, samples, stream.rateHz, values, number: number + 1, of: pageCount))
        }
        guard !document.isEmpty else { return try FileSystem.live.remove(url) }
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try AtomicFile.write(document.data(), to: url)
    }

    // MARK: One page

    private static let left = 74.0
    private static let width = 720.0
    private static let right = 18.0
    private static let imageTop = 56.0
    private static let imageHeight = 170.0
    private static let rowHeight = 30.0
    private static let rowGap = 7.0
    private static let curve = PDFDocument.Color(0.16, 0.36, 0.62)
    private static let soft = PDFDocument.Color(0.80, 0.87, 0.95)
    private static let faint = PDFDocument.Color(0.66, 0.66, 0.7)
    private static let foundColor = PDFDocument.Color(0.84, 0.37, 0.0)
    private static let truthColor = PDFDocument.Color(0.0, 0.50, 0.36)

    private func page(
        _ range: Range<Double>, _ samples: [Float], _ rateHz: Double, _ values: [Float], number: Int, of count: Int
    ) throws -> PDFDocument.Page {
        let classes = file.classes
        let rowsTop = Self.imageTop + Self.imageHeight + 12
        let bottom = rowsTop + Double(classes.count) * (Self.rowHeight + Self.rowGap) - Self.rowGap
        var page = PDFDocument.Page(width: Self.left + Self.width + Self.right, height: bottom + 44)
        func x(_ seconds: Double) -> Double {
            Self.left + min(max((seconds - range.lowerBound) / pageSeconds, 0), 1) * Self.width
        }
        page.fill(0, 0, page.width, page.height, PDFDocument.Color(1, 1, 1))
        heading(&page, number, count)
        try spectrogram(&page, samples, rateHz, x(range.lowerBound + Double(samples.count) / rateHz))
        for (column, label) in classes.enumerated() {
            let top = rowsTop + Double(column) * (Self.rowHeight + Self.rowGap)
            row(&page, label, column, top, range, values, x)
        }
        timeAxis(&page, range, bottom, x)
        return page
    }

    private func heading(_ page: inout PDFDocument.Page, _ number: Int, _ count: Int) {
        page.text(file.recording, Self.left, 22, size: 12, isBold: true)
        page.text("page \(number) of \(count)", page.width - Self.right, 22, .gray, anchor: .end)
        var place = Self.left
        func key(_ name: String, _ color: PDFDocument.Color) {
            page.fill(place, 34, 14, 5, color)
            page.text(name, place + 18, 40, .gray)
            place += 30 + Helvetica.width(name) * 8
        }
        key("probability", Self.curve)
        key("found", Self.foundColor)
        if !truth.isEmpty { key("true", Self.truthColor) }
        let threshold = file.decoding.flatMap { $0.smoothing == .edges ? nil : $0.threshold }
        if let threshold {
            page.line([(place, 36.5), (place + 14, 36.5)], Self.faint, width: 0.8, isDashed: true)
            page.text(
                "threshold \(NumberText.short(threshold)), where a class has none of its own", place + 18, 40, .gray)
        }
    }

    private func spectrogram(
        _ page: inout PDFDocument.Page, _ samples: [Float], _ rateHz: Double, _ end: Double
    ) throws {
        var configuration = Spectrogram.Configuration()
        configuration.width = max(1, Int((end - Self.left) * 2))
        configuration.height = 256
        let picture = Spectrogram(samples: samples, rateHz: rateHz, configuration)
        try page.image(
            Self.left, Self.imageTop, end - Self.left, Self.imageHeight,
            pixels: (picture.width, picture.height, picture.rgb()))
        page.frame(Self.left, Self.imageTop, Self.width, Self.imageHeight, .gray)
        let unit = picture.highHz >= 2000 ? 1000.0 : 1
        let ticks = AxisTicks(picture.lowHz / unit...picture.highHz / unit, atMost: 7)
        for value in ticks.values {
            let y = Self.imageTop + picture.verticalShare(ofHz: value * unit) * Self.imageHeight
            page.line([(Self.left - 4, y), (Self.left, y)], .gray, width: 0.6)
            page.text(ticks.text(value), Self.left - 7, y + 2.8, .gray, anchor: .end)
        }
        page.text(
            unit == 1000 ? "kHz" : "Hz", Self.left - 34, Self.imageTop + Self.imageHeight / 2, .gray, anchor: .end)
    }

    private func row(
        _ page: inout PDFDocument.Page, _ label: String, _ column: Int, _ top: Double, _ range: Range<Double>,
        _ values: [Float], _ x: (Double) -> Double
    ) {
        let (bottom, height) = (top + Self.rowHeight, Self.rowHeight)
        page.text(
            label.isEmpty ? "(no label)" : label, Self.left - 22, top + height / 2 + 3, size: 9, anchor: .end,
            isBold: true)
        for (value, text) in [(1.0, "1"), (0.0, "0")] {
            let y = bottom - value * height
            page.line([(Self.left - 4, y), (Self.left, y)], .gray, width: 0.6)
            page.text(text, Self.left - 7, y + 2.4, size: 7, .gray, anchor: .end)
        }
        page.frame(Self.left, top, Self.width, height, .pale)
        let points = curve(column, range, values, x) { bottom - $0 * height }
        page.area(points, base: bottom, Self.soft)
        page.line(points, Self.curve, width: 0.9)
        if let decoding = file.decoding, decoding.smoothing != .edges {
            let y = bottom - (decoding.classes[label]?.threshold ?? decoding.threshold) * height
            page.line([(Self.left, y), (Self.left + Self.width, y)], Self.faint, width: 0.5, isDashed: true)
        }
        func bars(_ events: [Event], _ y: Double, _ color: PDFDocument.Color) {
            for event in events
            where event.startSeconds < range.upperBound && event.endSeconds > range.lowerBound {
                page.fill(x(event.startSeconds), y, max(0.8, x(event.endSeconds) - x(event.startSeconds)), 2.6, color)
            }
        }
        bars(found.filter { belongs($0.label, label) }, top - 3.2, Self.foundColor)
        bars(truth.filter { $0.label == label }, bottom + 0.6, Self.truthColor)
    }

    /// Whether an event of that label stands in the row of a class: calls of other animals carry a mark.
    private func belongs(_ label: String, _ row: String) -> Bool {
        label == row || (file.decoding?.focal).map { label == row + $0.mark } == true
    }

    /// The probability over time; where several frames share a point of the page, the least and the greatest of them.
    private func curve(
        _ column: Int, _ range: Range<Double>, _ values: [Float], _ x: (Double) -> Double, _ y: (Double) -> Double
    ) -> [(x: Double, y: Double)] {
        let frames = file.grid.frames(from: range.lowerBound, to: range.upperBound)
        let step = max(1, frames.count / 1440)
        return stride(from: frames.lowerBound, to: frames.upperBound, by: step).flatMap { first in
            let block = (first..<min(first + step, frames.upperBound)).map {
                Double(values[$0 * file.classes.count + column])
            }
            let seconds = file.grid.centreSeconds(first)
            let (low, high) = (block.min()!, block.max()!)
            return low == high ? [(x(seconds), y(high))] : [(x(seconds), y(high)), (x(seconds), y(low))]
        }
    }

    private func timeAxis(
        _ page: inout PDFDocument.Page, _ range: Range<Double>, _ bottom: Double, _ x: (Double) -> Double
    ) {
        let ticks = AxisTicks(range.lowerBound...range.upperBound, atMost: 12)
        for value in ticks.values {
            page.line([(x(value), bottom + 4), (x(value), bottom + 8)], .gray, width: 0.6)
            page.text(
                ticks.timeText(value, upTo: range.upperBound), x(value), bottom + 18, .gray, anchor: .middle)
        }
        page.text("time in the recording", Self.left + Self.width / 2, bottom + 32, .gray, anchor: .middle)
    }
}
