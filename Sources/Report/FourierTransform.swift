// Cooley and Tukey 1965, radix 2, in place. Pictures need no more; training computes its spectra on the device.
import Foundation

/// Power spectra of real frames of one length.
struct FourierTransform {
    /// Samples of a frame, a power of two.
    let size: Int
    private let cosines: [Float]
    private let sines: [Float]
    private let reversed: [Int]

    init(size: Int) {
        precondition(size >= 2 && size & (size - 1) == 0, "FourierTransform: \(size) is no power of two")
        self.size = size
        let angles = (0..<size / 2).map { -2 * Double.pi * Double($0) / Double(size) }
        cosines = angles.map { Float(cos($0)) }
        sines = angles.map { Float(sin($0)) }
        let bits = size.trailingZeroBitCount
        reversed = (0..<size).map { index in
            (0..<bits).reduce(0) { $0 | (index >> $1 & 1) << (bits - 1 - $1) }
        }
    }

    /// Adds |X|² of the bins 0 … size / 2 of a frame to `power`.
    func addPower(of frame: [Float], to power: inout [Float]) {
        precondition(frame.count == size && power.count == size / 2 + 1)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * size) { space in
            let real = space.baseAddress!
            let imaginary = real + size
            frame.withUnsafeBufferPointer { frame in
                reversed.withUnsafeBufferPointer { reversed in
                    let (source, order) = (frame.baseAddress!, reversed.baseAddress!)
                    for index in 0..<size { real[index] = source[order[index]] }
                }
            }
            imaginary.update(repeating: 0, count: size)
            transform(real, imaginary)
            power.withUnsafeMutableBufferPointer { power in
                let target = power.baseAddress!
                for bin in 0...size / 2 { target[bin] += real[bin] * real[bin] + imaginary[bin] * imaginary[bin] }
            }
        }
    }

    private func transform(_ real: UnsafeMutablePointer<Float>, _ imaginary: UnsafeMutablePointer<Float>) {
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                var half = 1
                while half < size {
                    butterflies(real, imaginary, cosines.baseAddress!, sines.baseAddress!, half)
                    half *= 2
                }
            }
        }
    }

    /// Joins neighbouring spectra of `half` points.
    private func butterflies(
        _ real: UnsafeMutablePointer<Float>, _ imaginary: UnsafeMutablePointer<Float>, _ cosines: UnsafePointer<Float>,
        _ sines: UnsafePointer<Float>, _ half: Int
    ) {
        let stride = size / (2 * half)
        var start = 0
        while start < size {
            var offset = 0
            while offset < half {
                let a = start + offset
                let b = a + half
                let c = cosines[offset * stride]
                let s = sines[offset * stride]
                let x = real[b] * c - imaginary[b] * s
                let y = real[b] * s + imaginary[b] * c
                real[b] = real[a] - x
                imaginary[b] = imaginary[a] - y
                real[a] += x
                imaginary[a] += y
                offset += 1
            }
            start += 2 * half
        }
    }
}
