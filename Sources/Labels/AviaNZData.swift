// AviaNZ `<wav>.data`: a JSON list of one object about the file and one list per segment,
// [start s, end s, low Hz, high Hz, [{species, certainty, filter, calltype}, …]].

/// AviaNZ segment files.
enum AviaNZData {
    private static let keys = ["certainty", "filter", "calltype"]

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        let root = try JSONValue.parse(text.bytes, file: text.file)
        guard let items = root.array else {
            throw builder.error(
                line: nil, "is not a list of segments", remedy: "check that the file was written by AviaNZ")
        }
        builder.mention(builder.recording)
        let annotator = items.first?["Operator"]?.text
        for (index, item) in items.enumerated() where item.object == nil {
            do {
                try readSegment(item, index + 1, annotator, &builder)
            } catch {
                try builder.reject(error)
            }
        }
    }

    private static func readSegment(
        _ item: JSONValue, _ entry: Int, _ annotator: String?, _ builder: inout TableBuilder
    ) throws(LabelError) {
        guard let parts = item.array, parts.count >= 5, let start = parts[0].number, let end = parts[1].number,
            let low = parts[2].number, let high = parts[3].number, let species = parts[4].array
        else {
            throw builder.error(
                line: nil, value: "entry \(entry)", "is not [start, end, low, high, species]",
                remedy: "correct the entry, or leave it out with --skip-bad-rows")
        }
        for one in species.isEmpty ? [JSONValue.object([:])] : species {
            var extra: [String: String] = [:]
            for key in keys { extra[key] = one[key]?.text }
            // 0 to 0 is AviaNZ's mark for the whole band.
            let hasBand = low != 0 || high != 0
            try builder.append(
                Event(
                    recording: builder.recording, startSeconds: start, endSeconds: end,
                    label: one["species"]?.text ?? "", lowHz: hasBand ? low : nil, highHz: hasBand ? high : nil,
                    annotator: annotator, extra: extra), line: nil)
        }
    }

    static func write(_ events: [Event], recording: String, options: LabelWritingOptions) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        var segments: [(box: [JSONValue], species: [JSONValue])] = []
        for event in events {
            let box: [JSONValue] = [
                .number(event.startSeconds), .number(event.endSeconds), .number(event.lowHz ?? 0),
                .number(event.highHz ?? 0),
            ]
            var species: [String: JSONValue] = ["species": .string(event.label)]
            species["certainty"] = .number(event.extra["certainty"].flatMap { NumberText.read($0) } ?? 100)
            for key in keys.dropFirst() { species[key] = event.extra[key].map { .string($0) } }
            if segments.last?.box != box { segments.append((box, [])) }
            segments[segments.count - 1].species.append(.object(species))
        }
        let duration = options.facts?(recording)?.durationSeconds ?? events.map(\.endSeconds).max() ?? 0
        let facts: [String: JSONValue] = [
            "Operator": .string(events.compactMap(\.annotator).first ?? ""), "Reviewer": .string(""),
            "Duration": .number(duration),
        ]
        return JSONValue.array([.object(facts)] + segments.map { .array($0.box + [.array($0.species)]) }).bytes()
    }
}
