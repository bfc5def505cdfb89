extension RavenTable {
    /// Writes a table that Raven Pro and Lite open. The label stands first behind Raven's own columns because Raven Lite
    /// shows one annotation column only. Frequencies that are not known become 0 and half the sample rate, and a band is
    /// clamped to half the sample rate, above which Raven refuses the file.
    static func write(
        _ events: [Event], recordings: [String], file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        let names = Set(events.map(\.recording)).union(recordings)
        let offsets = names.count > 1 ? try offsets(names.sorted(), file: file, options: options) : nil
        let hasBand = events.contains { $0.lowHz != nil || $0.highHz != nil }
        var nyquist: [String: Double] = [:]
        for name in names { nyquist[name] = options.facts?(name)?.rateHz.map { $0 / 2 } }
        let writesBand = hasBand || (!names.isEmpty && names.allSatisfy { nyquist[$0] != nil })
        let greatest = events.compactMap(\.highHz).max() ?? 0
        let hasScore = events.contains { $0.score != nil }
        let extraNames = Set(events.flatMap(\.extra.keys)).subtracting(ownColumns).sorted()

        var header = ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)"]
        if writesBand { header += ["Low Freq (Hz)", "High Freq (Hz)"] }
        header.append("Annotation")
        if hasScore { header.append("Confidence") }
        if offsets != nil { header += ["Begin File", "File Offset (s)"] }
        let alreadyWritten = Set(header)
        let extras = extraNames.filter { !alreadyWritten.contains($0) }
        var writer = DelimitedWriter(delimiter: UInt8(ascii: "\t"))
        writer.append(header + extras)
        for (index, event) in events.enumerated() {
            let shift = offsets?[event.recording] ?? 0
            var cells = [
                "\(index + 1)", event.extra["View"] ?? "Spectrogram 1", "\((event.channel ?? 0) + 1)",
                NumberText.write(event.startSeconds + shift), NumberText.write(event.endSeconds + shift),
            ]
            if writesBand {
                let limit = nyquist[event.recording] ?? max(greatest, event.lowHz ?? 0)
                let high = min(event.highHz ?? limit, limit)
                cells.append(NumberText.write(min(event.lowHz ?? 0, high), least: 1))
                cells.append(NumberText.write(high, least: 1))
            }
            cells.append(event.label)
            if hasScore { cells.append(event.score.map { NumberText.write($0, least: 4) } ?? "") }
            if offsets != nil { cells += [event.recording, NumberText.write(event.startSeconds)] }
            writer.append(cells + extras.map { event.extra[$0] ?? "" })
        }
        return writer.bytes
    }

    /// Columns that are made anew on writing, so that a kept cell of the same name must not stand beside them.
    private static let ownColumns: Set<String> = [
        "Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)",
        "Annotation", "Confidence", "File Offset (s)",
    ]

    /// Where each recording begins in a table through several files.
    private static func offsets(
        _ recordings: [String], file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [String: Double] {
        var offsets: [String: Double] = [:]
        var total = 0.0
        for recording in recordings {
            guard let duration = options.facts?(recording)?.durationSeconds else {
                throw LabelError(
                    file: file, value: recording,
                    reason: "a Raven table of several recordings needs their lengths, and this one is not known",
                    remedy: "write one table per recording, or give the folder of the recordings (--recordings)")
            }
            offsets[recording] = total
            total += duration
        }
        return offsets
    }
}
