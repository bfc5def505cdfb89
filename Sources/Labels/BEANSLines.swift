// BEANS detection sets: one JSON object per line and recording,
// {"path": …, "length": s, "annotations": [{"st": s, "ed": s, "label": …}]}.

/// BEANS detection lists.
enum BEANSLines {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        var line = 0
        for bytes in text.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            line += 1
            if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) { continue }
            do {
                try readLine(try JSONValue.parse(bytes, file: text.file, line: line), line, &builder)
            } catch {
                try builder.reject(error)
            }
        }
    }

    private static func readLine(_ root: JSONValue, _ line: Int, _ builder: inout TableBuilder) throws(LabelError) {
        guard let path = root["path"]?.text, let annotations = root["annotations"]?.array else {
            throw builder.error(
                line: line, "path or annotations are missing", remedy: "check that the file is a BEANS list")
        }
        builder.mention(path)
        for (index, annotation) in annotations.enumerated() {
            do {
                try builder.append(
                    Event(
                        recording: path, startSeconds: try builder.number(annotation, "st", entry: index + 1),
                        endSeconds: try builder.number(annotation, "ed", entry: index + 1),
                        label: annotation["label"]?.text ?? ""), line: line)
            } catch {
                var error = error
                error.line = line
                try builder.reject(error)
            }
        }
    }

    static func write(_ events: [Event], recordings: [String], options: LabelWritingOptions) -> [UInt8] {
        let byRecording = Dictionary(grouping: events, by: \.recording)
        var bytes: [UInt8] = []
        for recording in Set(recordings).union(byRecording.keys).sorted() {
            let events = (byRecording[recording] ?? []).sorted(by: Event.isOrderedBefore)
            let length = options.facts?(recording)?.durationSeconds ?? events.map(\.endSeconds).max() ?? 0
            let annotations = events.map { event in
                JSONValue.object([
                    "st": .number(event.startSeconds), "ed": .number(event.endSeconds), "label": .string(event.label),
                ])
            }
            bytes += JSONValue.object([
                "path": .string(recording), "length": .number(length), "annotations": .array(annotations),
            ]).bytes(pretty: false)
        }
        return bytes
    }
}
