// A batch on the host: plain numbers that may cross threads.
// Legend: B rows, S samples of a window.

import Labels

/// Windows of sound, one per row, with what is known of them.
public struct Batch: Sendable {
    /// Something that could not be read and was replaced by the window of the next position.
    public struct Replacement: Sendable, Hashable {
        /// The file.
        public var path: String
        /// Why it could not be read, in words.
        public var reason: String
    }

    /// B x S samples, row by row; 0 beyond the end of a recording.
    public var samples_BS: [Float]
    /// B, the number of rows.
    public var count: Int
    /// S, the samples of each row.
    public var windowFrames: Int
    /// Samples per second.
    public var rateHz: Double
    /// Where the rows come from.
    public var windows: [Window]
    /// The position of each row's window: the one asked for, or a later one where a file could not be read.
    public var positions: [Int]
    /// Samples of each row that are sound and no padding.
    public var validFrames: [Int]
    /// The events that touch each row; times are seconds from the start of the window and may lie outside it.
    public var events: [[Event]]
    /// Where in each row the labels are complete, in seconds from the start of the window, cut to its sound.
    public var known: [[Range<Double>]]
    /// The files that cost a row.
    public var replacements: [Replacement]

    /// A batch of these numbers.
    package init(
        samples_BS: [Float], count: Int, windowFrames: Int, rateHz: Double, windows: [Window], positions: [Int],
        validFrames: [Int], events: [[Event]], known: [[Range<Double>]], replacements: [Replacement]
    ) {
        (self.samples_BS, self.count, self.windowFrames, self.rateHz) = (samples_BS, count, windowFrames, rateHz)
        (self.windows, self.positions, self.validFrames) = (windows, positions, validFrames)
        (self.events, self.known, self.replacements) = (events, known, replacements)
    }

    /// The samples of one row.
    public func row(_ index: Int) -> ArraySlice<Float> {
        samples_BS[index * windowFrames..<(index + 1) * windowFrames]
    }
}
