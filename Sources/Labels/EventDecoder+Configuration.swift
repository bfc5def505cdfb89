// What decides which frames make an event.

extension EventDecoder {
    /// How frame probabilities become events.
    public struct Configuration: Codable, Sendable, Hashable {
        /// What a frame's probability is replaced by before it meets the threshold.
        public enum Smoothing: String, Codable, Sendable, CaseIterable {
            /// Itself.
            case none
            /// The mean over a window around it.
            case average
            /// The largest in a window around it.
            case maximum
            /// Nothing: events are found by their edges instead, and thresholds have no say.
            case edges
        }

        /// What differs for one class; nil takes the value for all.
        public struct ClassSettings: Codable, Sendable, Hashable {
            /// Probability from which on a smoothed frame is part of an event.
            public var threshold: Double?
            /// Length of the smoothing window in seconds.
            public var smoothingSeconds: Double?
            /// Shorter events are dropped.
            public var minimumSeconds: Double?
            /// Events of one class that lie no further apart become one.
            public var gapSeconds: Double?

            /// Settings of one class.
            public init(
                threshold: Double? = nil, smoothingSeconds: Double? = nil, minimumSeconds: Double? = nil,
                gapSeconds: Double? = nil
            ) {
                self.threshold = threshold
                self.smoothingSeconds = smoothingSeconds
                self.minimumSeconds = minimumSeconds
                self.gapSeconds = gapSeconds
            }
        }

        /// How probabilities are smoothed.
        public var smoothing = Smoothing.average
        /// Length of the smoothing window, centred on the frame, in seconds; at the ends of a recording it is cut. The
        /// window is an odd number of frames, at least this long.
        public var smoothingSeconds = 0.05
        /// Probability from which on a smoothed frame is part of an event.
        public var threshold = 0.25
        /// Shorter events are dropped, after merging.
        public var minimumSeconds = 0.02
        /// Events of one class that lie no further apart become one; the gap counts in its score.
        public var gapSeconds = 0.0
        /// Whether an event that overlaps another one of higher score is dropped.
        public var oneClassAtATime = false
        /// Share of the shorter of two events that may lie in the other one before they compete, if one class at a time.
        public var largestOverlap = 0.0
        /// What differs for single classes, by label.
        public var classes: [String: ClassSettings] = [:]
        /// How events are found by their edges; nil takes the published values.
        public var edges: EdgeFusion.Settings?
        /// What becomes of events by whether the focal animal made them; nil makes the focal class one like others.
        public var focal: Focal?
        /// Detection without regard to classes; nil detects every class by itself.
        public var anyClass: AnyClass?

        /// The defaults.
        public init() {}

        /// The longest window, gap or minimum length in seconds: what a decoder must remember is bounded by it.
        public static let longestSeconds = 3600.0

        /// What no decoder can work with, one line per fault with the path of the setting.
        public func faults(labels: [String]) -> [String] {
            var faults: [String] = []
            func seconds(_ path: String, _ value: Double?) {
                guard let value, !(0...Self.longestSeconds).contains(value) else { return }
                faults.append("\(path): seconds from 0 to \(Self.longestSeconds) are expected, found \(value)")
            }
            func share(_ path: String, _ value: Double?, above zero: Bool) {
                guard let value, !((0...1).contains(value) && !(zero && value == 0)) else { return }
                faults.append("\(path): a number \(zero ? "above" : "from") 0 and to 1 is expected, found \(value)")
            }
            share("threshold", threshold, above: true)
            share("largestOverlap", largestOverlap, above: false)
            seconds("smoothingSeconds", smoothingSeconds)
            seconds("minimumSeconds", minimumSeconds)
            seconds("gapSeconds", gapSeconds)
            if let edges {
                for (name, value) in [
                    ("sigmaSeconds", edges.sigmaSeconds), ("filterSeconds", edges.filterSeconds),
                    ("longestSeconds", edges.longestSeconds),
                ] where !(0...60).contains(value) {
                    faults.append("edges.\(name): seconds from 0 to 60 are expected, found \(value)")
                }
                share("edges.lowProbability", edges.lowProbability, above: false)
            }
            if let focal, !labels.contains(focal.className) {
                faults.append(
                    "focal.className: there is no class \(focal.className); known: \(labels.joined(separator: ", "))")
            }
            for (label, own) in classes.sorted(by: { $0.key < $1.key }) {
                if !labels.contains(label) {
                    faults.append("classes.\(label): there is no such class; known: \(labels.joined(separator: ", "))")
                }
                share("classes.\(label).threshold", own.threshold, above: true)
                seconds("classes.\(label).smoothingSeconds", own.smoothingSeconds)
                seconds("classes.\(label).minimumSeconds", own.minimumSeconds)
                seconds("classes.\(label).gapSeconds", own.gapSeconds)
            }
            return faults
        }
    }
}
