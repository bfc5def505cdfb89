extension Recipe {
    /// How many windows go into an update.
    public struct Batch: Codable, Sendable, Hashable {
        /// Windows that pass through the network at a time; 0, written `auto`, for as many as the memory takes.
        public var clips = 5
        /// Passes whose gradients are summed before an update; chosen together with `clips` when these are.
        public var accumulation = 20
        /// Windows per update, which must be given with `clips: auto`; null is the product of both.
        public var windowsPerUpdate: Int?
        /// Share of the free memory that `clips: auto` may take.
        public var memoryShare = 0.8
        /// Whether layers forget what they compute on the way and compute it again for gradients: up to a third more work,
        /// less memory, the same numbers.
        public var recomputesLayers = false

        /// Windows per update.
        public var clipsPerUpdate: Int { clips * accumulation }

        /// Whether the number of windows is still to be found.
        public var isAutomatic: Bool { clips == 0 }

        /// The defaults.
        public init() {}

        /// A batch of `clips` windows per pass and `accumulation` passes per update.
        public init(clips: Int, accumulation: Int) {
            self.clips = clips
            self.accumulation = accumulation
        }

        /// The same with another number of windows at a time, which must divide those per update.
        func regrouped(clips: Int) -> Self {
            let total = isAutomatic ? windowsPerUpdate ?? 1 : clipsPerUpdate
            precondition(clips > 0 && total % clips == 0, "\(clips) windows at a time do not make \(total) per update")
            var batch = self
            (batch.clips, batch.accumulation) = (clips, total / clips)
            return batch
        }

        private enum CodingKeys: String, CodingKey {
            case clips, accumulation, windowsPerUpdate, memoryShare, recomputesLayers
        }

        private static let automatic = "auto"

        /// Reads `auto` or a number.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            // Texts of numbers are texts too in YAML; in JSON they are not.
            if (try? container.decode(String.self, forKey: .clips)) == Self.automatic {
                clips = 0
            } else {
                clips = try container.decode(Int.self, forKey: .clips)
            }
            accumulation = try container.decode(Int.self, forKey: .accumulation)
            windowsPerUpdate = try container.decodeIfPresent(Int.self, forKey: .windowsPerUpdate)
            memoryShare = try container.decode(Double.self, forKey: .memoryShare)
            recomputesLayers = try container.decode(Bool.self, forKey: .recomputesLayers)
        }

        /// Writes `auto` or a number.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            if isAutomatic {
                try container.encode(Self.automatic, forKey: .clips)
            } else {
                try container.encode(clips, forKey: .clips)
            }
            try container.encode(accumulation, forKey: .accumulation)
            try container.encode(windowsPerUpdate, forKey: .windowsPerUpdate)
            try container.encode(memoryShare, forKey: .memoryShare)
            try container.encode(recomputesLayers, forKey: .recomputesLayers)
        }
    }
}
