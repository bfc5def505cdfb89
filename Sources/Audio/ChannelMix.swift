// The chosen channels of decoded runs.

/// Applies a channel selection to decoded runs.
struct ChannelMix {
    private enum Source {
        case mean
        case single(Int)
        case all
    }

    private let source: Source
    private let channelCount: Int

    /// The channels given out.
    var outputCount: Int {
        if case .all = source { channelCount } else { 1 }
    }

    /// Settles a selection for one file; the loudest channel is looked for in its first minute.
    init(_ selection: ChannelSelection, file: AudioFile) throws(AudioError) {
        channelCount = file.channelCount
        switch selection {
        case .mean: source = file.channelCount == 1 ? .single(0) : .mean
        case .all: source = file.channelCount == 1 ? .single(0) : .all
        case .loudest: source = .single(file.channelCount == 1 ? 0 : try Self.loudest(file))
        case .index(let index):
            guard (0..<file.channelCount).contains(index) else {
                throw .noSuchChannel(path: file.path, channel: index, channelCount: file.channelCount)
            }
            source = .single(index)
        }
    }

    /// Appends `count` frames of a run to one array per output channel.
    func append(_ chunk: DecodedChunk, count: Int, to channels: inout [[Float]]) {
        switch source {
        case .single(let index):
            channels[0].append(contentsOf: UnsafeBufferPointer(start: chunk.planes[index], count: count))
        case .all:
            for index in 0..<channelCount {
                channels[index].append(contentsOf: UnsafeBufferPointer(start: chunk.planes[index], count: count))
            }
        case .mean:
            withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { sum in
                fill(sum.baseAddress!, chunk, count)
                channels[0].append(contentsOf: UnsafeBufferPointer(sum))
            }
        }
    }

    /// Hands every output channel of a run to `body` without a copy where there is nothing to mix.
    func forEachOutput<Failure: Error>(
        _ chunk: DecodedChunk, _ body: (Int, UnsafeBufferPointer<Float>) throws(Failure) -> Void
    ) throws(Failure) {
        switch source {
        case .single(let index): try body(0, UnsafeBufferPointer(start: chunk.planes[index], count: chunk.count))
        case .all:
            for index in 0..<channelCount {
                try body(index, UnsafeBufferPointer(start: chunk.planes[index], count: chunk.count))
            }
        case .mean:
            let sum = UnsafeMutablePointer<Float>.allocate(capacity: chunk.count)
            defer { sum.deallocate() }
            fill(sum, chunk, chunk.count)
            try body(0, UnsafeBufferPointer(start: sum, count: chunk.count))
        }
    }

    private func fill(_ sum: UnsafeMutablePointer<Float>, _ chunk: DecodedChunk, _ count: Int) {
        let scale = 1 / Float(channelCount)
        let first = chunk.planes[0]
        for index in 0..<count { sum[index] = first[index] }
        for channel in 1..<channelCount {
            let plane = chunk.planes[channel]
            for index in 0..<count { sum[index] += plane[index] }
        }
        for index in 0..<count { sum[index] *= scale }
    }

    private static func loudest(_ file: AudioFile) throws(AudioError) -> Int {
        let decoder = try Decoder(path: file.path, timeoutSeconds: 60)
        var energy = [Double](repeating: 0, count: file.channelCount)
        while let chunk = try decoder.next(), chunk.startFrame < 60 * Int(file.rateHz) {
            for channel in 0..<file.channelCount {
                let plane = chunk.planes[channel]
                var sum: Float = 0
                for index in 0..<chunk.count { sum += plane[index] * plane[index] }
                energy[channel] += Double(sum)
            }
        }
        return energy.indices.max { energy[$0] < energy[$1] } ?? 0
    }
}
