// batdetect2 1.x: one `<file>.wav.json` per recording, times in real seconds whatever the time expansion.

/// batdetect2 annotation and result files.
enum BatDetectJSON {
    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        let root = try JSONValue.parse(text.bytes, file: text.file)
        guard let annotations = root["annotation"]?.array else {
            throw builder.error(
                line: nil, column: "annotation", "the list of annotations is missing",
                remedy: "check that the file was written by batdetect2")
        }
        let recording = root["id"]?.text.map { RecordingName.lastComponent($0) } ?? builder.recording
        builder.mention(recording)
        for key in ["time_exp", "class_name", "duration", "notes"] {
            if let value = root[key]?.text { builder.table.properties[key] = value }
        }
        for (index, annotation) in annotations.enumerated() {
            do {
                var extra: [String: String] = [:]
                for key in ["event", "individual", "class_prob"] { extra[key] = annotation[key]?.text }
                try builder.append(
                    Event(
                        recording: recording,
                        startSeconds: try builder.number(annotation, "start_time", entry: index + 1),
                        endSeconds: try builder.number(annotation, "end_time", entry: index + 1),
                        label: annotation["class"]?.text ?? "", score: annotation["det_prob"]?.number,
                        lowHz: annotation["low_freq"]?.number, highHz: annotation["high_freq"]?.number, extra: extra),
                    line: nil)
            } catch {
                try builder.reject(error)
            }
        }
    }

    static func write(_ events: [Event], recording: String, options: LabelWritingOptions) -> [UInt8] {
        let facts = options.facts?(recording)
        let duration = facts?.durationSeconds ?? events.map(\.endSeconds).max() ?? 0
        let annotations = events.sorted(by: Event.isOrderedBefore).map { event in
            var members: [String: JSONValue] = [
                "class": .string(event.label), "event": .string(event.extra["event"] ?? "Echolocation"),
                "individual": .string(event.extra["individual"] ?? "-1"), "start_time": .number(event.startSeconds),
                "end_time": .number(event.endSeconds), "low_freq": .number(event.lowHz ?? 0),
                "high_freq": .number(event.highHz ?? (facts?.rateHz ?? 0) / 2),
            ]
            if let score = event.score {
                members["det_prob"] = .number(score)
                members["class_prob"] = .number(event.extra["class_prob"].flatMap { NumberText.read($0) } ?? score)
            }
            return JSONValue.object(members)
        }
        let timeExpansion = options.properties["time_exp"].flatMap { NumberText.read($0) } ?? 1
        return JSONValue.object([
            "id": .string(RecordingName.lastComponent(recording)), "duration": .number(duration),
            "time_exp": .number(timeExpansion),
            "class_name": .string(options.properties["class_name"] ?? events.first?.label ?? ""),
            "annotated": .bool(true), "issues": .bool(false), "notes": .string(options.properties["notes"] ?? ""),
            "annotation": .array(annotations),
        ]).bytes()
    }
}
