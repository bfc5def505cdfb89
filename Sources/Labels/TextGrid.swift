// Praat TextGrid in the long and the short form. Both are the same sequence of numbers and quoted texts; the long form
// puts words around them, which mean nothing, and counters in brackets.

/// Praat TextGrids. Every tier is read, or the one named as label column; empty texts are silence.
enum TextGrid {
    /// The key in `extra` that keeps the name of the tier.
    static let tierKey = "tier"

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        var tokens = Tokens(text)
        builder.mention(builder.recording)
        guard tokens.next() == .text("ooTextFile"), tokens.next() == .text("TextGrid") else {
            throw builder.error(line: 1, "is not a TextGrid", remedy: "save it from Praat as a text file")
        }
        let file = builder.file
        func damaged(_ line: Int) -> LabelError {
            LabelError(
                file: file, line: line, reason: "the TextGrid is cut off or damaged", remedy: "save it again from Praat"
            )
        }
        guard case .number = tokens.next(), case .number = tokens.next(), let flag = tokens.next() else {
            throw damaged(tokens.line)
        }
        guard flag == .word("<exists>") else { return }
        guard case .number(let tierCount) = tokens.next() else { throw damaged(tokens.line) }
        var tier = 0.0
        while tier < tierCount {
            tier += 1
            guard case .text(let kind) = tokens.next(), case .text(let name) = tokens.next(),
                case .number = tokens.next(), case .number = tokens.next(), case .number(let count) = tokens.next(),
                kind == "IntervalTier" || kind == "TextTier"
            else { throw damaged(tokens.line) }
            var index = 0.0
            while index < count {
                index += 1
                guard case .number(let start) = tokens.next() else { throw damaged(tokens.line) }
                var end = start
                if kind == "IntervalTier" {
                    guard case .number(let value) = tokens.next() else { throw damaged(tokens.line) }
                    end = value
                }
                guard case .text(let label) = tokens.next() else { throw damaged(tokens.line) }
                let isWanted = builder.options.labelColumn.map { $0 == name } ?? true
                guard isWanted, !label.isEmpty else { continue }
                try builder.append(
                    Event(
                        recording: builder.recording, startSeconds: start, endSeconds: end, label: label,
                        extra: [tierKey: name]), line: tokens.line)
            }
        }
    }

    /// Writes the long form. Intervals of a tier must not overlap, so events that do go to a further tier.
    static func write(
        _ events: [Event], recording: String, file: String, options: LabelWritingOptions
    ) throws(LabelError) -> [UInt8] {
        if let unnamed = events.first(where: { $0.label.isEmpty }) {
            throw LabelError(
                file: file, value: "event at \(NumberText.write(unnamed.startSeconds)) s",
                reason: "a TextGrid cannot hold an event without a label", remedy: "name it, or write another format")
        }
        let end = max(options.facts?(recording)?.durationSeconds ?? 0, events.map(\.endSeconds).max() ?? 0)
        let tiers = tiers(events)
        var text = "File type = \"ooTextFile\"\nObject class = \"TextGrid\"\n\n"
        text += "xmin = 0\nxmax = \(NumberText.write(end))\ntiers? "
        text += tiers.isEmpty ? "<absent>\n" : "<exists>\nsize = \(tiers.count)\nitem []:\n"
        for (index, tier) in tiers.enumerated() {
            text += "    item [\(index + 1)]:\n        class = \"\(tier.isPoints ? "TextTier" : "IntervalTier")\"\n"
            text += "        name = \(quoted(tier.name))\n        xmin = 0\n        xmax = \(NumberText.write(end))\n"
            text += tier.isPoints ? points(tier.events) : intervals(tier.events, end: end)
        }
        return Array(text.utf8)
    }

    private struct Tier {
        var name: String
        var isPoints: Bool
        var events: [Event]
    }

    private static func tiers(_ events: [Event]) -> [Tier] {
        var tiers: [Tier] = []
        for event in events.sorted(by: Event.isOrderedBefore) {
            let isPoint = NumberText.write(event.startSeconds) == NumberText.write(event.endSeconds)
            let name = event.extra[tierKey] ?? (isPoint ? "points" : "labels")
            let fitting = tiers.firstIndex { tier in
                tier.isPoints == isPoint && (tier.name == name || tier.name.hasPrefix(name + " "))
                    && (isPoint || (tier.events.last?.endSeconds ?? 0) <= event.startSeconds)
            }
            if let fitting {
                tiers[fitting].events.append(event)
            } else {
                let copies = tiers.count { $0.name == name || $0.name.hasPrefix(name + " ") }
                tiers.append(
                    Tier(name: copies == 0 ? name : "\(name) \(copies + 1)", isPoints: isPoint, events: [event]))
            }
        }
        return tiers
    }

    private static func points(_ events: [Event]) -> String {
        var text = "        points: size = \(events.count)\n"
        for (index, event) in events.enumerated() {
            text += "        points [\(index + 1)]:\n            number = \(NumberText.write(event.startSeconds))\n"
            text += "            mark = \(quoted(event.label))\n"
        }
        return text
    }

    /// Praat wants the silence between events written out.
    private static func intervals(_ events: [Event], end: Double) -> String {
        var pieces: [(start: String, end: String, label: String)] = []
        var last = NumberText.write(0)
        for event in events {
            let (start, stop) = (NumberText.write(event.startSeconds), NumberText.write(event.endSeconds))
            if start != last { pieces.append((last, start, "")) }
            pieces.append((start, stop, event.label))
            last = stop
        }
        if last != NumberText.write(end) { pieces.append((last, NumberText.write(end), "")) }
        var text = "        intervals: size = \(pieces.count)\n"
        for (index, piece) in pieces.enumerated() {
            text += "        intervals [\(index + 1)]:\n            xmin = \(piece.start)\n"
            text += "            xmax = \(piece.end)\n            text = \(quoted(piece.label))\n"
        }
        return text
    }

    private static func quoted(_ text: String) -> String { "\"\(text.replacing("\"", with: "\"\""))\"" }

    private enum Token: Equatable {
        case number(Double), text(String), word(String)
    }

    /// Numbers that stand alone, quoted texts and words in angle brackets.
    private struct Tokens {
        private let bytes: [UInt8]
        private var position = 0
        private(set) var line = 1

        init(_ text: LabelText) { bytes = text.bytes }

        mutating func next() -> Token? {
            while position < bytes.count {
                let byte = bytes[position]
                if byte == UInt8(ascii: "\"") { return quotedText() }
                if byte == UInt8(ascii: "!") {
                    while position < bytes.count, bytes[position] != 0x0A { position += 1 }
                    continue
                }
                if isBlank(byte) {
                    if byte == 0x0A { line += 1 }
                    position += 1
                    continue
                }
                let start = position
                while position < bytes.count, !isBlank(bytes[position]) { position += 1 }
                let word = String(decoding: bytes[start..<position], as: UTF8.self)
                if word.hasPrefix("<") { return .word(word) }
                if let number = NumberText.read(word) { return .number(number) }
            }
            return nil
        }

        private mutating func quotedText() -> Token? {
            var text: [UInt8] = []
            position += 1
            while position < bytes.count {
                let byte = bytes[position]
                position += 1
                if byte == 0x0A { line += 1 }
                if byte == UInt8(ascii: "\"") {
                    guard position < bytes.count, bytes[position] == byte else {
                        return .text(String(decoding: text, as: UTF8.self))
                    }
                    position += 1
                }
                text.append(byte)
            }
            return nil
        }

        private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
    }
}
