import Foundation

/// A signal with energy at many frequencies that never repeats: a sweep, a beating pair of tones and soft noise.
/// Rotating phasors instead of sines: tests build it in debug, some hundred thousand frames at a time.
public func syntheticSong(frames: Int, rateHz: Double, seed: UInt64 = 1) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    // Phases in turns: a sweep from 0.02 to 0.2 of the rate over 20 s, and two tones that beat.
    var sweep = 0.0
    var tone = 0.13 * Double(seed)
    var second = 0.0
    return [Float](unsafeUninitializedCapacity: frames) { buffer, count in
        let samples = buffer.baseAddress!
        var step = 0.02
        let growth = 0.18 / (20 * rateHz)
        for frame in 0..<frames {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            step += growth
            sweep += step
            tone += 0.05
            second += 0.0531
            if sweep >= 1 { sweep -= 1 }
            if tone >= 1 { tone -= 1 }
            if second >= 1 { second -= 1 }
            let noise = Double(Int64(bitPattern: state) >> 11) * 0x1p-53
            let waves = 0.3 * parabola(sweep) + 0.15 * (parabola(tone) + parabola(second))
            samples[frame] = Float(waves + 0.05 * noise)
        }
        count = frames
    }
}

// A parabola pair for a sine, odd harmonics 30 dB below.
private func parabola(_ turn: Double) -> Double {
    turn < 0.5 ? 16 * turn * (0.5 - turn) : -16 * (turn - 0.5) * (1 - turn)
}

/// The greatest absolute difference of two signals; infinite when their lengths differ.
public func greatestDifference(_ a: [Float], _ b: [Float]) -> Float {
    guard a.count == b.count else { return .infinity }
    return a.withUnsafeBufferPointer { a in
        b.withUnsafeBufferPointer { b in
            guard let x = a.baseAddress, let y = b.baseAddress else { return 0 }
            var greatest: Float = 0
            for index in 0..<a.count {
                let difference = x[index] - y[index]
                if difference > greatest { greatest = difference }
                if -difference > greatest { greatest = -difference }
                if difference != difference { return .infinity }
            }
            return greatest
        }
    }
}
