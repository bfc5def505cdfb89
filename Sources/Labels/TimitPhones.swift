// TIMIT `.phn`: start and end in samples and the label, separated by blanks.

/// TIMIT phone files.
enum TimitPhones {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        builder.mention(builder.recording)
        guard let rate = builder.facts(builder.recording)?.rateHz, rate > 0 else {
            throw builder.error(
                line: nil, "holds times in samples, and the sample rate of its recording is not known",
                remedy: "give the folder of the recordings (--recordings)")
        }
        // Tabs become blanks of one kind; the label is the rest of the line.
        var rows = DelimitedText(text, delimiter: 0, unquotes: false)
        try builder.forEachRow(of: &rows) { (builder, cells, line) throws(LabelError) in
            let parts = cells[0].split(maxSplits: 2, whereSeparator: \.isWhitespace)
            guard parts.count == 3, let start = NumberText.readInteger(parts[0]),
                let end = NumberText.readInteger(parts[1])
            else {
                throw builder.error(
                    line: line, value: cells[0], "is not a line of two sample numbers and a label",
                    remedy: "correct the row, or leave it out with --skip-bad-rows")
            }
            try builder.append(
                Event(
                    recording: builder.recording, startSeconds: Double(start) / rate, endSeconds: Double(end) / rate,
                    label: String(parts[2].drop(while: \.isWhitespace))), line: line)
        }
    }

    static func write(
        _ events: [Event], file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        var text = ""
        for event in events.sorted(by: Event.isOrderedBefore) {
            guard let rate = options.facts?(event.recording)?.rateHz, rate > 0 else {
                throw LabelError(
                    file: file, value: event.recording, reason: "times in samples need the sample rate",
                    remedy: "give the folder of the recordings (--recordings)")
            }
            let label = event.label.split(whereSeparator: \.isNewline).joined(separator: " ")
            guard label.first?.isWhitespace == false else {
                throw LabelError(
                    file: file, value: event.label, reason: "the format timit cannot hold this label",
                    remedy: "rename the label, or write another format")
            }
            text +=
                "\(Int((event.startSeconds * rate).rounded())) \(Int((event.endSeconds * rate).rounded())) \(label)\n"
        }
        return Array(text.utf8)
    }
}
