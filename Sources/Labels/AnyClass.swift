// Whether anything calls at all, whatever it is called: one probability per frame from those of all classes.

extension EventDecoder {
    /// Detection without regard to classes.
    public struct AnyClass: Codable, Sendable, Hashable {
        /// How the probabilities of all classes become one.
        public enum Vote: String, Codable, Sendable, CaseIterable {
            /// The largest.
            case maximum
            /// Their mean.
            case mean
            /// Their median.
            case median
        }

        /// How the probabilities of all classes become one.
        public var vote = Vote.maximum
        /// What the events are called.
        public var label = "call"

        /// The largest probability, called `call`.
        public init(vote: Vote = .maximum, label: String = "call") { (self.vote, self.label) = (vote, label) }

        /// One probability from those of a frame, at least one.
        func reduce(_ frame: some Collection<Float>) -> Float {
            switch vote {
            case .maximum: return frame.max() ?? 0
            case .mean: return frame.isEmpty ? 0 : frame.reduce(0, +) / Float(frame.count)
            case .median:
                let sorted = frame.sorted()
                guard !sorted.isEmpty else { return 0 }
                let middle = sorted.count / 2
                return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
            }
        }
    }
}
