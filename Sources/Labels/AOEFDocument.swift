// AOEF 1.1.0, the JSON of soundevent, whombat and batdetect2 2.x. Lists refer to each other by uuid, tags by number.
import Foundation

/// AOEF annotation sets, projects and prediction sets.
enum AOEFDocument {
    /// Tags that name what was heard, best first; the user can name another key.
    private static let labelKeys = ["species", "scientific_name", "class", "label", "event", "sound_type"]

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        let root = try JSONValue.parse(text.bytes, file: text.file)
        guard root["version"]?.text == "1.1.0", let data = root["data"] else {
            throw builder.error(
                line: nil, column: "version", value: root["version"]?.text, "is not an AOEF file of version 1.1.0",
                remedy: "export it again with a current version of the program")
        }
        let recordings = index(data["recordings"]) { $0["path"]?.text }
        let clips = index(data["clips"]) { $0["recording"]?.text.flatMap { recordings[$0] } }
        let tags = index(data["tags"], key: "id") { tag in
            tag["value"]?.text.map { Tag(key: tag["key"]?.text ?? "", value: $0) }
        }
        let users = index(data["users"]) { $0["name"]?.text ?? $0["username"]?.text ?? $0["email"]?.text }
        let soundEvents = index(data["sound_events"]) { $0 }
        mentionListened(data, clips, &builder)

        func take(_ annotation: JSONValue, _ entry: Int, _ chosen: [(id: String, score: Double?)]) throws(LabelError) {
            guard let id = annotation["sound_event"]?.text, let sound = soundEvents[id],
                let recording = sound["recording"]?.text.flatMap({ recordings[$0] }),
                let box = sound["geometry"].flatMap(bounds)
            else {
                throw builder.error(
                    line: nil, value: annotation["uuid"]?.text,
                    "entry \(entry) refers to a sound event, recording or shape that is not in the file",
                    remedy: "export the file again, or leave the entry out with --skip-bad-rows")
            }
            let named = chosen.compactMap { choice in tags[choice.id].map { (tag: $0, score: choice.score) } }
            let label = pick(named, builder.options.labelColumn)
            var extra: [String: String] = [:]
            for (tag, _) in named where tag != label?.tag { extra[tag.key] = extra[tag.key] ?? tag.value }
            try builder.append(
                Event(
                    recording: recording, startSeconds: box.start, endSeconds: box.end,
                    label: label?.tag.value ?? "", score: label?.score ?? annotation["score"]?.number,
                    lowHz: box.low, highHz: box.high,
                    annotator: annotation["created_by"]?.text.map { users[$0] ?? $0 }, extra: extra), line: nil)
        }
        for (entry, annotation) in (data["sound_event_annotations"]?.array ?? []).enumerated() {
            do {
                try take(annotation, entry + 1, (annotation["tags"]?.array ?? []).map { ($0.text ?? "", nil) })
            } catch {
                try builder.reject(error)
            }
        }
        for (entry, prediction) in (data["sound_event_predictions"]?.array ?? []).enumerated() {
            do {
                let chosen = (prediction["tags"]?.array ?? []).compactMap { pair -> (String, Double?)? in
                    guard let pair = pair.array, pair.count == 2 else { return nil }
                    return (pair[0].text ?? "", pair[1].number)
                }
                try take(prediction, entry + 1, chosen.sorted { ($0.1 ?? 0) > ($1.1 ?? 0) })
            } catch {
                try builder.reject(error)
            }
        }
    }

    private struct Tag: Hashable {
        var key: String
        var value: String
    }

    /// A list as a dictionary by its key.
    private static func index<Value>(
        _ list: JSONValue?, key: String = "uuid", _ value: (JSONValue) -> Value?
    ) -> [String: Value] {
        var result: [String: Value] = [:]
        for item in list?.array ?? [] {
            if let id = item[key]?.text { result[id] = value(item) }
        }
        return result
    }

    /// In a project only clips that somebody completed or verified were listened to in full; a set without tasks is a
    /// finished one.
    private static func mentionListened(
        _ data: JSONValue, _ clips: [String: String], _ builder: inout TableBuilder
    ) {
        if let tasks = data["tasks"]?.array {
            for task in tasks {
                let states = (task["status_badges"]?.array ?? []).compactMap { $0["state"]?.text }
                if states.contains("completed") || states.contains("verified"),
                    let recording = task["clip"]?.text.flatMap({ clips[$0] })
                {
                    builder.mention(recording)
                }
            }
        } else {
            for key in ["clip_annotations", "clip_predictions"] {
                for item in data[key]?.array ?? [] {
                    if let recording = item["clip"]?.text.flatMap({ clips[$0] }) { builder.mention(recording) }
                }
            }
        }
    }

    private static func pick(
        _ tags: [(tag: Tag, score: Double?)], _ wanted: String?
    ) -> (tag: Tag, score: Double?)? {
        if let wanted { return tags.first { $0.tag.key == wanted } }
        for key in labelKeys {
            if let found = tags.first(where: { $0.tag.key.lowercased().hasSuffix(key) }) { return found }
        }
        return tags.first
    }

    /// The bounds of any shape. Times alternate with frequencies in every shape that has both.
    private static func bounds(_ geometry: JSONValue) -> (start: Double, end: Double, low: Double?, high: Double?)? {
        guard let kind = geometry["type"]?.text, let coordinates = geometry["coordinates"] else { return nil }
        var values: [Double] = []
        var open = [coordinates]
        while let value = open.popLast() {
            if let list = value.array {
                open += list.reversed()
            } else if let number = value.number {
                values.append(number)
            }
        }
        switch kind {
        case "TimeStamp": return values.count == 1 ? (values[0], values[0], nil, nil) : nil
        case "TimeInterval": return values.count == 2 ? (values[0], values[1], nil, nil) : nil
        default:
            guard values.count >= 2, values.count % 2 == 0 else { return nil }
            let times = stride(from: 0, to: values.count, by: 2).map { values[$0] }
            let frequencies = stride(from: 1, to: values.count, by: 2).map { values[$0] }
            return (times.min()!, times.max()!, frequencies.min(), frequencies.max())
        }
    }
}
