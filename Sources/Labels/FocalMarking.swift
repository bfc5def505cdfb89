// The head of a collar's model has one output more: whether the call is that of the animal that carries the recorder. It
// names no call by itself. It says which of the other events are the carrier's.

extension EventDecoder {
    /// What becomes of events by whether the focal animal made them.
    public struct Focal: Codable, Sendable, Hashable {
        /// What becomes of events that another animal made.
        public enum Others: String, Codable, Sendable, CaseIterable {
            /// They stay, with a mark behind their label.
            case marked
            /// They stay as they are.
            case unmarked
            /// They are dropped.
            case dropped
        }

        /// The class that says that the focal animal is heard.
        public var className = Event.focalColumn
        /// What becomes of events that another animal made.
        public var others = Others.marked
        /// What is put behind the labels of other animals.
        public var mark = " nf"
        /// The label of focal calls that no other class names; empty drops them.
        public var unknownLabel = "unk"

        /// The published values.
        public init() {}

        /// The events of one channel with what the focal class says about them, sorted by start.
        public func settle(_ events: [Event]) -> [Event] {
            let runs = events.filter { $0.label == className }.sorted(by: Event.isOrderedBefore)
            var isUsed = Array(repeating: false, count: runs.count)
            var settled: [Event] = []
            let longest = runs.map(\.durationSeconds).max() ?? 0
            for var event in events where event.label != className {
                var isFocal = false
                var index = runs.firstIndex(startingFrom: event.startSeconds - longest)
                while index < runs.count, runs[index].startSeconds < event.endSeconds {
                    if runs[index].endSeconds > event.startSeconds { (isFocal, isUsed[index]) = (true, true) }
                    index += 1
                }
                if !isFocal {
                    if others == .dropped { continue }
                    if others == .marked { event.label += mark }
                }
                event.isFocal = isFocal
                settled.append(event)
            }
            if !unknownLabel.isEmpty {
                for (run, isUsed) in zip(runs, isUsed) where !isUsed {
                    var event = run
                    event.label = unknownLabel
                    event.isFocal = true
                    settled.append(event)
                }
            }
            return settled.sorted(by: Event.isOrderedBefore)
        }
    }
}

extension EventDecoder.Configuration {
    /// The same, with calls of other animals under their plain labels: what is compared with true labels, which tell who
    /// called by a column of its own.
    public var withoutMarks: Self {
        var plain = self
        if plain.focal?.others == .marked { plain.focal?.others = .unmarked }
        return plain
    }
}

extension [Event] {
    /// The first event of a sorted list that begins at or behind a time.
    fileprivate func firstIndex(startingFrom seconds: Double) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].startSeconds < seconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
