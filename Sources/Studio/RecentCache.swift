// A small memory of what was asked for lately.
import Foundation
import Synchronization

/// Keeps the last answers, up to a number of bytes. May be used from several threads at once.
final class RecentCache: Sendable {
    private struct Content {
        var values: [String: (data: Data, used: Int)] = [:]
        var bytes = 0
        var clock = 0
    }

    private let content = Mutex(Content())
    private let limitBytes: Int

    init(limitBytes: Int) { self.limitBytes = limitBytes }

    /// The answer kept under a key, or the one that is made now.
    func value(_ key: String, make: () throws -> Data) rethrows -> Data {
        if let known = content.withLock({ content -> Data? in
            content.clock += 1
            content.values[key]?.used = content.clock
            return content.values[key]?.data
        }) {
            return known
        }
        let data = try make()
        content.withLock { content in
            content.clock += 1
            content.bytes += data.count - (content.values[key]?.data.count ?? 0)
            content.values[key] = (data, content.clock)
            while content.bytes > limitBytes, content.values.count > 1,
                let oldest = content.values.min(by: { $0.value.used < $1.value.used })
            {
                content.bytes -= oldest.value.data.count
                content.values[oldest.key] = nil
            }
        }
        return data
    }
}
