import Foundation

/// How much of a run's time went by waiting for windows that were still being decoded.
package struct DataWaiting {
    private var waited = 0.0
    private var whole = 0.0

    /// Nothing yet.
    package init() {}

    /// Adds an update of `seconds`, of which it waited for `waitingSeconds`.
    package mutating func add(waitingSeconds: Double, seconds: Double) {
        waited += waitingSeconds
        whole += seconds
    }

    /// Share of the time, from 0 to 1.
    package var share: Double { whole > 0 ? min(1, waited / whole) : 0 }

    /// For a line of progress: `waiting for data 3 %`.
    package var note: String { "waiting for data \(percent)" }

    /// For the end of a run, with a remedy where waiting costs more than a twentieth; nil where nothing was trained.
    package var summary: String? {
        guard whole > 0 else { return nil }
        let remedy = share > 0.05 ? "; more decoding threads (data.decoderThreads) may help" : ""
        return "waited for data \(percent) of the time (\(seconds(waited)) of \(seconds(whole)))\(remedy)"
    }

    private var percent: String {
        let percent = 100 * share
        return percent > 0 && percent < 1 ? "less than 1 %" : "\(Int(percent.rounded())) %"
    }

    private func seconds(_ value: Double) -> String {
        value < 10 ? String(format: "%.1f s", value) : "\(Int(value.rounded())) s"
    }
}
