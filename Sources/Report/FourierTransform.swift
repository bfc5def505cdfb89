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
        var real = [Float](unsafeUninitializedCapacity: size) { buffer, count in
            frame.withUnsafeBufferPointer { frame in
                reversed.withUnsafeBufferPointer { reversed in
                    for index in 0..<size { buffer.initializeElement(at: index, to: frame[reversed[index]]) }
                }
            }
            count = size
        }
        var imaginary = [Float](repeating: 0, count: size)
        real.withUnsafeMutableBufferPointer { real in
            imaginary.withUnsafeMutableBufferPointer { imaginary in
                transform(real, imaginary)
                power.withUnsafeMutableBufferPointer { power in
                    for bin in 0...size / 2 {
                        power[bin] += real[bin] * real[bin] + imaginary[bin] * imaginary[bin]
                    }
                }
            }
        }
    }

    private func transform(_ real: UnsafeMutableBufferPointer<Float>, _ imaginary: UnsafeMutableBufferPointer<Float>) {
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in
                var half = 1
                while half < size {
                    let stride = size / (2 * half)
                    var start = 0
                    while start < size {
                        for offset in 0..<half {
                            let (a, b) = (start + offset, start + offset + half)
                            let (c, s) = (cosines[offset * stride], sines[offset * stride])
                            let x = real[b] * c - imaginary[b] * s
                            let y = real[b] * s + imaginary[b] * c
                            (real[b], imaginary[b]) = (real[a] - x, imaginary[a] - y)
                            real[a] += x
                            imaginary[a] += y
                        }
                        start += 2 * half
                    }
                    half *= 2
                }
            }
        }
    }
}
