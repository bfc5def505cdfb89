import Foundation

extension AOEFDocument {
    /// Writes an annotation set, or a prediction set if every event has a score. Identifiers follow from the content, so
    /// the same labels give the same file but for its date.
    static func write(
        _ events: [Event], recordings: [String], file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        let events = events.sorted(by: Event.isOrderedBefore)
        let isPrediction = !events.isEmpty && events.allSatisfy { $0.score != nil }
        let now = Date().formatted(.iso8601)
        let labels = Vocabulary(events: events)
        let byRecording = Dictionary(grouping: events.indices, by: { events[$0].recording })
        var lists: [String: [JSONValue]] = [:]
        for (index, label) in labels.labels.enumerated() {
            lists["tags", default: []].append(
                .object(["id": .number(Double(index)), "key": .string("species"), "value": .string(label)]))
        }
        for recording in Set(recordings).union(byRecording.keys).sorted() {
            guard let facts = options.facts?(recording), let duration = facts.durationSeconds, let rate = facts.rateHz
            else {
                throw LabelError(
                    file: file, value: recording, reason: "AOEF needs length and sample rate of the recording",
                    remedy: "give the folder of the recordings (--recordings)")
            }
            let indices = byRecording[recording] ?? []
            let recordingID = identifier("recording", recording)
            let clipID = identifier("clip", recording)
            let channels = 1 + (indices.compactMap { events[$0].channel }.max() ?? 0)
            lists["recordings", default: []].append(
                .object([
                    "uuid": recordingID, "path": .string(recording), "duration": .number(duration),
                    "channels": .number(Double(channels)), "samplerate": .number(rate),
                ]))
            lists["clips", default: []].append(
                .object([
                    "uuid": clipID, "recording": recordingID, "start_time": .number(0), "end_time": .number(duration),
                ]))
            let ids = indices.map { identifier(isPrediction ? "prediction" : "annotation", "\($0) \(recording)") }
            lists[isPrediction ? "clip_predictions" : "clip_annotations", default: []].append(
                .object([
                    "uuid": identifier("clip of set", recording), "clip": clipID, "sound_events": .array(ids),
                ]))
            for (index, id) in zip(indices, ids) {
                let event = events[index]
                let soundID = identifier("sound", "\(index) \(recording)")
                lists["sound_events", default: []].append(
                    .object(["uuid": soundID, "recording": recordingID, "geometry": geometry(event, rate)]))
                let tag = JSONValue.number(Double(labels.index(of: event.label)!))
                if isPrediction {
                    let score = JSONValue.number(event.score ?? 0)
                    lists["sound_event_predictions", default: []].append(
                        .object([
                            "uuid": id, "sound_event": soundID, "score": score, "tags": .array([.array([tag, score])]),
                        ]))
                } else {
                    lists["sound_event_annotations", default: []].append(
                        .object([
                            "uuid": id, "sound_event": soundID, "tags": .array([tag]), "created_on": .string(now),
                        ]))
                }
            }
        }
        var data = lists.mapValues { JSONValue.array($0) }
        data["uuid"] = identifier("set", file)
        data["collection_type"] = .string(isPrediction ? "prediction_set" : "annotation_set")
        data["created_on"] = .string(now)
        return JSONValue.object([
            "version": .string("1.1.0"), "created_on": .string(now), "data": .object(data),
        ]).bytes()
    }

    private static func geometry(_ event: Event, _ rate: Double) -> JSONValue {
        func shape(_ kind: String, _ coordinates: JSONValue) -> JSONValue {
            .object(["type": .string(kind), "coordinates": coordinates])
        }
        let (start, end) = (JSONValue.number(event.startSeconds), JSONValue.number(event.endSeconds))
        if event.lowHz != nil || event.highHz != nil {
            let band = [JSONValue.number(event.lowHz ?? 0), .number(event.highHz ?? rate / 2)]
            return shape("BoundingBox", .array([start, band[0], end, band[1]]))
        }
        return event.durationSeconds == 0 ? shape("TimeStamp", start) : shape("TimeInterval", .array([start, end]))
    }

    /// A version 8 UUID from a text (FNV-1a, twice): stable, and different for different texts.
    private static func identifier(_ kind: String, _ name: String) -> JSONValue {
        func hash(_ start: UInt64) -> UInt64 {
            "\(kind)\u{0}\(name)".utf8.reduce(start) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
        var words = [hash(0xCBF2_9CE4_8422_2325), hash(0x8422_2325_CBF2_9CE4)]
        words[0] = words[0] & ~0xF000 | 0x8000
        words[1] = words[1] & ~(3 << 62) | 2 << 62
        let digits = words.map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
        var parts: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return .string(parts.joined(separator: "-"))
    }
}
