import Foundation
import Report
import Testing

@Suite struct SpectrogramPictureTests {
    private func spectrogram() -> Spectrogram {
        let samples = (0..<8_000).map { Float(sin(Double($0) * 0.8)) }
        var configuration = Spectrogram.Configuration()
        (configuration.width, configuration.height) = (300, 120)
        return Spectrogram(samples: samples, rateHz: 8_000, configuration)
    }

    @Test func `The picture holds the spectrogram and has room and ink for both axes`() throws {
        let spectrogram = spectrogram()
        let picture = SpectrogramPicture(spectrogram, startSeconds: 12)
        #expect(picture.width > 300 && picture.height > 120)
        #expect(picture.rgb.count == picture.width * picture.height * 3)
        // A row of the spectrogram stands unchanged somewhere in a row of the picture.
        let row = Array(spectrogram.rgb()[60 * 900..<61 * 900])
        let pixels = Array(picture.rgb[(8 + 60) * picture.width * 3..<(8 + 61) * picture.width * 3])
        #expect((0...(pixels.count - row.count)).contains { Array(pixels[$0..<$0 + row.count]) == row })
        func ink(_ rows: Range<Int>, _ columns: Range<Int>) -> Int {
            rows.reduce(0) { sum, row in
                sum + columns.count { picture.rgb[(row * picture.width + $0) * 3] == 32 }
            }
        }
        #expect(ink(128..<picture.height, 0..<picture.width) > 50, "no seconds")
        #expect(ink(0..<128, 0..<picture.width - 300 - 16) > 50, "no hertz")
    }

    @Test func `It becomes a PNG file`() throws {
        let data = try SpectrogramPicture(spectrogram(), colors: .grays).png()
        #expect(data.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
}
