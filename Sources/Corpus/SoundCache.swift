// Decoded recordings in memory, the one that was not used for longest leaving first.

import Audio
import Synchronization

/// Samples by recording and channel, up to a number of bytes. Used by several threads.
final class SoundCache: Sendable {
    struct Key: Hashable, Sendable {
        var recordingID: Int64
        var channel: ChannelSelection
    }

    private struct State {
        var entries: [Key: (samples: [Float], used: UInt64)] = [:]
        var bytes = 0
        var clock: UInt64 = 0
    }

    private let capacityBytes: Int
    private let state = Mutex(State())

    init(capacityBytes: Int) { self.capacityBytes = capacityBytes }

    subscript(key: Key) -> [Float]? {
        get {
            state.withLock { state in
                guard let entry = state.entries[key] else { return nil }
                state.clock += 1
                state.entries[key]!.used = state.clock
                return entry.samples
            }
        }
        set {
            guard let samples = newValue, samples.count * 4 <= capacityBytes else { return }
            state.withLock { state in
                guard state.entries[key] == nil else { return }
                state.clock += 1
                state.entries[key] = (samples, state.clock)
                state.bytes += samples.count * 4
                while state.bytes > capacityBytes, let oldest = state.entries.min(by: { $0.value.used < $1.value.used })
                {
                    state.bytes -= oldest.value.samples.count * 4
                    state.entries[oldest.key] = nil
                }
            }
        }
    }
}
