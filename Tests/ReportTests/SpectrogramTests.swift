import Foundation
import Report
import Testing

@Suite struct SpectrogramTests {
    @Test(arguments: [2000.0, 8000, 32_000, 96_000, 250_000, 500_000], FrequencyScale.allCases)
    func `a short tone is brightest where it sounds, at every rate`(rateHz: Double, scale: FrequencyScale) throws {
        let duration = 6000 / rateHz
        let toneHz = 0.31 * rateHz
        let toneSeconds = 0.6 * duration..<0.75 * duration
        let samples = (0..<6000).map { index -> Float in
            let seconds = Double(index) / rateHz
            return toneSeconds.contains(seconds) ? Float(0.5 * sin(2 * .pi * toneHz * seconds)) : 0
        }
        var configuration = Spectrogram.Configuration()
        configuration.width = 200
        configuration.height = 100
        configuration.scale = scale
        configuration.windowSeconds = 256 / rateHz
        let spectrogram = Spectrogram(samples: samples, rateHz: rateHz, configuration)
        let loudest = try #require(
            spectrogram.decibels.indices.max { spectrogram.decibels[$0] < spectrogram.decibels[$1] })
        let (row, column) = (loudest / 200, loudest % 200)
        #expect(abs(row - spectrogram.row(atHz: toneHz)) <= 1)
        #expect((118..<152).contains(column))
        // A sine of amplitude 0.5 lies 6 dB below full scale.
        #expect(abs(spectrogram.decibels[loudest] + 6) < 1.5)
        #expect(spectrogram.levels[loudest] == 255)
        #expect(spectrogram.levels[row * 200 + 20] == 0)
    }

    @Test func `borders of the tone fall into the right columns`() {
        let samples = (0..<8000).map { (4000..<6000).contains($0) ? Float(sin(Double($0))) : 0 }
        var configuration = Spectrogram.Configuration()
        configuration.width = 400
        configuration.height = 64
        configuration.windowSeconds = 128.0 / 8000
        let spectrogram = Spectrogram(samples: samples, rateHz: 8000, configuration)
        let row = spectrogram.row(atHz: 8000 / (2 * .pi))
        let loud = (0..<400).filter { spectrogram.decibels[row * 400 + $0] > -8 }
        #expect(abs((loud.first ?? 0) - spectrogram.column(atSeconds: 0.5)) <= 1)
        #expect(abs((loud.last ?? 0) - spectrogram.column(atSeconds: 0.75)) <= 1)
    }

    @Test func `a fast transform agrees with the definition of the power spectrum`() {
        let samples = (0..<64).map { Float(sin(Double($0) * 0.7) + 0.3 * cos(Double($0) * 2.1)) }
        var configuration = Spectrogram.Configuration()
        configuration.width = 1
        configuration.height = 16
        configuration.windowSeconds = 32 / 64
        let spectrogram = Spectrogram(samples: samples, rateHz: 64, configuration)
        // One column looks at the middles of its quarters: 4 windows of 32 samples.
        let window = (0..<32).map { 0.5 - 0.5 * cos(2 * .pi * (Double($0) + 0.5) / 32) }
        var power = [Double](repeating: 0, count: 17)
        for middle in [8, 24, 40, 56] {
            let inside = (max(0, middle - 16)..<min(64, middle + 16))
            let mean = inside.reduce(0) { $0 + Double(samples[$1]) } / Double(inside.count)
            for bin in 0...16 {
                var (real, imaginary) = (0.0, 0.0)
                for index in inside {
                    let value = (Double(samples[index]) - mean) * window[index - middle + 16] * 2 / window.reduce(0, +)
                    let angle = 2 * Double.pi * Double(bin * (index - middle + 16)) / 32
                    real += value * cos(angle)
                    imaginary += value * sin(angle)
                }
                power[bin] += (real * real + imaginary * imaginary) / 4
            }
        }
        // Row r from the top shows the bins from 15 - r up to 16 - r, without the upper one.
        for row in 0..<16 {
            let expected = 10 * log10(max(power[15 - row], 1e-14))
            #expect(abs(Double(spectrogram.decibels[row]) - expected) < 0.01, "row \(row)")
        }
    }

    @Test func `silence, nothing and numbers that are none stay dark`() {
        for samples in [[], [Float](repeating: 0, count: 4000), [Float](repeating: .nan, count: 4000)] {
            let spectrogram = Spectrogram(samples: samples, rateHz: 8000)
            #expect(spectrogram.levels.allSatisfy { $0 == 0 })
            #expect(spectrogram.decibels.allSatisfy { $0.isFinite })
        }
    }

    @Test func `one broken sample does not spoil the others`() {
        var samples = (0..<8000).map { Float(sin(Double($0))) }
        samples[100] = .nan
        let spectrogram = Spectrogram(samples: samples, rateHz: 8000)
        #expect(spectrogram.decibels.allSatisfy { $0.isFinite })
        #expect(spectrogram.levels.contains(255))
    }

    @Test func `an offset of the recorder does not light up the lowest rows`() {
        let samples = (0..<8000).map { 0.5 + Float(0.01 * sin(Double($0))) }
        let spectrogram = Spectrogram(samples: samples, rateHz: 8000)
        let bottom = spectrogram.decibels[(spectrogram.height - 1) * spectrogram.width + spectrogram.width / 2]
        let tone = spectrogram.row(atHz: 8000 / (2 * .pi)) * spectrogram.width + spectrogram.width / 2
        #expect(bottom < spectrogram.decibels[tone] - 30)
    }

    @Test func `brightness of magma rises from quiet to loud`() {
        let brightness = (0...255).map { level -> Double in
            let color = ColorMap.magma.rgb(level: UInt8(level))
            return 0.2126 * Double(color.red) + 0.7152 * Double(color.green) + 0.0722 * Double(color.blue)
        }
        #expect(zip(brightness, brightness.dropFirst()).allSatisfy { $0 <= $1 + 1.5 })
        #expect(brightness[0] < 3 && brightness[255] > 220)
    }
}
