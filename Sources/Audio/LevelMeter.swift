// Levels of one channel, block by block.

/// Sums over the samples of one channel.
struct LevelMeter {
    private(set) var lowest: Float = .infinity
    private(set) var highest: Float = -.infinity
    private(set) var energy = 0.0
    private(set) var sum = 0.0
    private(set) var clipped = 0

    /// Takes finite samples. Eight lanes side by side: one sum after the other would wait for every addition.
    mutating func take(_ samples: UnsafeBufferPointer<Float>) {
        guard let base = samples.baseAddress, !samples.isEmpty else { return }
        var offset = 0
        while offset < samples.count {
            // Short runs keep the 32-bit sums exact to 1e-6.
            let count = min(4_096, samples.count - offset)
            take(base + offset, count)
            offset += count
        }
    }

    private mutating func take(_ samples: UnsafePointer<Float>, _ count: Int) {
        var low = SIMD8<Float>(repeating: .infinity)
        var high = SIMD8<Float>(repeating: -.infinity)
        var squares = SIMD8<Float>.zero
        var sums = SIMD8<Float>.zero
        var atFullScale = SIMD8<Int32>.zero
        let raw = UnsafeRawPointer(samples)
        let whole = count / 8 * 8
        var index = 0
        while index < whole {
            let x = raw.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self)
            low.replace(with: x, where: x .< low)
            high.replace(with: x, where: x .> high)
            squares += x * x
            sums += x
            atFullScale.replace(with: atFullScale &+ 1, where: (x .>= Self.fullScale) .| (x .<= -Self.fullScale))
            index += 8
        }
        lowest = min(lowest, low.min())
        highest = max(highest, high.max())
        energy += Double(squares.sum())
        sum += Double(sums.sum())
        clipped += Int(atFullScale.wrappedSum())
        for index in whole..<count {
            let x = samples[index]
            lowest = min(lowest, x)
            highest = max(highest, x)
            energy += Double(x * x)
            sum += Double(x)
            if abs(x) >= Self.fullScale { clipped += 1 }
        }
    }

    /// The levels over `frames` samples.
    func level(frames: Int) -> AudioInspection.ChannelLevel {
        AudioInspection.ChannelLevel(
            peak: max(abs(lowest), abs(highest)), rms: (energy / Double(max(1, frames))).squareRoot(),
            mean: sum / Double(max(1, frames)))
    }

    // The largest positive 16-bit sample, so that both ends of the scale count.
    private static let fullScale: Float = 32_767.0 / 32_768.0
}
