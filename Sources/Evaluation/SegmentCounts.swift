// Segment-based counts as in sed_eval (Mesaros et al. 2016): time is cut into equal segments, and a class is active in a
// segment that one of its events touches.
import Labels

extension EventCounts {
    /// Segments of one class in one recording in which truth and predictions are active, one of them, or none.
    public init(segmentsOf truths: [TimeSpan], _ predictions: [TimeSpan], segmentSeconds: Double) {
        func active(_ spans: [TimeSpan]) -> Set<Int> {
            var segments: Set<Int> = []
            for span in spans {
                let first = Int((span.startSeconds / segmentSeconds + 1e-9).rounded(.down))
                // An event that ends where a segment begins does not touch it.
                let last = Int((span.endSeconds / segmentSeconds - 1e-9).rounded(.down))
                segments.formUnion(first...max(first, last))
            }
            return segments
        }
        let (truth, found) = (active(truths), active(predictions))
        let hits = truth.intersection(found).count
        self.init(truePositives: hits, falsePositives: found.count - hits, falseNegatives: truth.count - hits)
    }
}
