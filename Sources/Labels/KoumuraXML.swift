// Koumura and Okanoya's Annotation.xml: sequences of notes in samples; a note begins at the position of its sequence plus
// its own.

/// Koumura annotation files.
enum KoumuraXML {
    /// The rate of the published recordings, taken where the recording itself is not known.
    static let usualRateHz = 32_000.0

    static func read(_ text: LabelText, into builder: inout TableBuilder) throws(LabelError) {
        let sequences = try sequences(text, builder)
        for sequence in sequences {
            builder.mention(sequence.file)
            let rate = builder.facts(sequence.file)?.rateHz ?? usualRateHz
            for note in sequence.notes {
                let start = Double(sequence.position) + Double(note.position)
                do {
                    try builder.append(
                        Event(
                            recording: sequence.file, startSeconds: start / rate,
                            endSeconds: (start + Double(note.length)) / rate, label: note.label), line: note.line)
                } catch {
                    try builder.reject(error)
                }
            }
        }
    }

    static func write(_ events: [Event], recordings: [String], options: LabelWritingOptions) -> [UInt8] {
        let byRecording = Dictionary(grouping: events, by: \.recording)
        let names = Set(recordings).union(byRecording.keys).sorted()
        var text =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Sequences>\n  <NumSequence>\(names.count)</NumSequence>\n"
        for name in names {
            let facts = options.facts?(name)
            let rate = facts?.rateHz ?? usualRateHz
            func samples(_ seconds: Double) -> Int { Int((seconds * rate).rounded()) }
            let events = (byRecording[name] ?? []).sorted(by: Event.isOrderedBefore)
            let length = samples(facts?.durationSeconds ?? events.map(\.endSeconds).max() ?? 0)
            text += "  <Sequence>\n    <WaveFileName>\(escaped(name))</WaveFileName>\n    <Position>0</Position>\n"
            text += "    <Length>\(length)</Length>\n    <NumNote>\(events.count)</NumNote>\n"
            for event in events {
                let (start, end) = (samples(event.startSeconds), samples(event.endSeconds))
                text += "    <Note>\n      <Position>\(start)</Position>\n      <Length>\(end - start)</Length>\n"
                text += "      <Label>\(escaped(event.label))</Label>\n    </Note>\n"
            }
            text += "  </Sequence>\n"
        }
        return Array((text + "</Sequences>\n").utf8)
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\r", with: "&#13;")
    }

    private struct Note {
        var position = 0
        var length = 0
        var label = ""
        var line = 0
    }

    private struct Sequence {
        var file = ""
        var position = 0
        var notes: [Note] = []
    }

    private static func sequences(_ text: LabelText, _ builder: TableBuilder) throws(LabelError) -> [Sequence] {
        var pieces = try XMLPieces(text)
        var sequences: [Sequence] = []
        var (sequence, note) = (Sequence(), Note())
        var isInNote = false
        var content = ""
        while let piece = try pieces.next() {
            func number(_ element: String) throws(LabelError) -> Int {
                let digits = content.drop { $0.isWhitespace }
                if let value = NumberText.readInteger(digits), value >= 0 { return value }
                throw builder.error(
                    line: pieces.line, column: element, value: content, "is missing or not a whole number",
                    remedy: "check that the file is whole")
            }
            switch piece {
            case .text(let text): content += text
            case .start(let name):
                content = ""
                if name == "Sequence" { sequence = Sequence() }
                if name == "Note" {
                    isInNote = true
                    note = Note(line: pieces.line)
                }
            case .end(let name):
                switch name {
                case "Position":
                    if isInNote { note.position = try number(name) } else { sequence.position = try number(name) }
                case "Length": if isInNote { note.length = try number(name) }
                case "Label": note.label = content
                case "WaveFileName": sequence.file = content
                case "Note":
                    isInNote = false
                    sequence.notes.append(note)
                case "Sequence": sequences.append(sequence)
                default: break
                }
                content = ""
            }
        }
        return sequences
    }
}
