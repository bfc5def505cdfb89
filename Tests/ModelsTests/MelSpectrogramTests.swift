import Foundation
import Models
import Testing
import Torch

@Suite(.serialized) struct MelSpectrogramTests {
    private let rateHz = 22_050.0

    private func settings(_ bands: Int, size: Int, hop: Int, scale: MelScale = .slaney) -> MelSpectrogram.Configuration
    {
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.frames, settings.fftSize, settings.scale) = (bands, 0, size, scale)
        settings.spanSeconds = Double(size) / rateHz
        settings.hopSeconds = Double(hop) / rateHz
        (settings.compression, settings.normalization) = (.power, .none)
        return settings
    }

    @Test func `Slaney bands, decibels and gain control are librosa's`() throws {
        let golden = try GoldenValues("spectrogram")
        var settings = settings(64, size: 1024, hop: 512)
        func spectrogram(_ wave: Tensor) throws -> Tensor { try MelSpectrogram(settings, rateHz: rateHz)(wave) }
        let wave = try golden["wave"]
        try expectClose(spectrogram(wave), golden["slaney_64_1024_512.power"], 1e-4, "power")
        settings.compression = .decibels
        try expectClose(spectrogram(wave), golden["slaney_64_1024_512.decibels"], 1e-4, "decibels")
        settings.compression = .pcen
        settings.pcen.start = .one
        try expectClose(spectrogram(wave * 100), golden["slaney_64_1024_512.pcen"], 1e-4, "gain control")
    }

    @Test func `HTK bands in a part of the spectrum, padded transforms and plain triangles are librosa's`() throws {
        let golden = try GoldenValues("spectrogram")
        var settings = settings(40, size: 2048, hop: 400, scale: .htk)
        settings.spanSeconds = 1500 / rateHz
        (settings.lowHz, settings.highHz, settings.normalizesArea) = (100, 9000, false)
        let power = try MelSpectrogram(settings, rateHz: rateHz)(golden["wave"])
        try expectClose(power, golden["htk_40_2048_400.power"], 1e-4, "power")
    }

    @Test func `Of 1024 bands the wide ones are librosa's, and the narrow ones neither empty nor striped`() throws {
        let golden = try GoldenValues("spectrogram")
        let filters = MelFilters(
            bandCount: 1024, fftSize: 2048, rateHz: rateHz, lowHz: 0, highHz: rateHz / 2, scale: .slaney,
            normalizesArea: true)
        let all = try Tensor(filters.weights, shape: [1024, 1025])
        let bands = try golden["slaney_1024_2048.filter_bands"].to(.int64)
        try expectClose(all.selected(0, bands), golden["slaney_1024_2048.filters"], 1e-4, "filters")
        let wide = Set(try golden["slaney_1024_2048.wide"].array(Int64.self).map(Int.init))
        #expect(wide.count > 100 && wide.count < 1000)
        // A level spectrum gives the same in every narrow band: the norm divides by the width.
        let sums = try all.sum([1]).array(Float.self)
        let level = Float(2048 / rateHz)
        for band in 0..<1024 where !wide.contains(band) {
            #expect(abs(sums[band] / level - 1) < 1e-4, "band \(band) has \(sums[band]), not \(level)")
        }
    }

    @Test func `Any shape of picture comes out, for any length of window`() throws {
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.frames, settings.spanSeconds) = (1024, 1024, 0.085)
        for rate in [24_000.0, 22_050] {
            let wave = try Tensor((0..<Int(6 * rate)).map { Float(sin(Double($0) * 0.3)) }, shape: [1, Int(6 * rate)])
            let picture = try MelSpectrogram(settings, rateHz: rate)(wave)
            #expect(picture.shape == [1, 1024, 1024])
            #expect(try picture.isFinite().all().array(Bool.self) == [true])
        }
        (settings.bands, settings.frames) = (17, 5)
        let short = try Tensor((0..<300).map { Float($0 % 7) }, shape: [2, 150])
        #expect(try MelSpectrogram(settings, rateHz: 1_000)(short).shape == [2, 17, 5])
    }

    @Test func `Normalisation sets mean and deviation over the picture or each band, and silence becomes 0`() throws {
        let wave = try Tensor.randomNormal([2, 8_000])
        for (kind, dimensions) in [(MelSpectrogram.Normalization.image, [1, 2]), (.band, [2])] {
            var settings = MelSpectrogram.Configuration()
            (settings.bands, settings.frames, settings.normalization) = (16, 40, kind)
            let spectrogram = try MelSpectrogram(settings, rateHz: 8_000)
            let picture = try spectrogram(wave)
            #expect(try picture.mean(dimensions).absolute().maximum([0]).array(Float.self).allSatisfy { $0 < 1e-4 })
            let deviation = try picture.variance(dimensions, correction: 0).array(Float.self)
            #expect(deviation.allSatisfy { abs($0 - 1) < 1e-2 })
            #expect(try spectrogram(Tensor.zeros([1, 8_000])).absolute().sum().item() < 1e-2)
        }
    }

    @Test func `Gain control that starts at the first column does not see the scale of the waveform`() throws {
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.frames, settings.compression, settings.normalization) = (16, 40, .pcen, .none)
        (settings.pcen.gain, settings.pcen.epsilon) = (1, 1e-12)
        let spectrogram = try MelSpectrogram(settings, rateHz: 8_000)
        let wave = try Tensor.randomNormal([1, 8_000])
        try expectClose(spectrogram(wave * 30), spectrogram(wave), 1e-3, "louder")
    }

    @Test func `Settings that no spectrogram can have are named`() throws {
        var settings = MelSpectrogram.Configuration()
        (settings.bands, settings.lowHz, settings.highHz, settings.spanSeconds) = (0, 3_000, 2_000, 0)
        let faults = settings.faults(rateHz: 8_000).joined(separator: "\n")
        for name in ["bands", "lowHz", "spanSeconds"] { #expect(faults.contains(name)) }
        #expect(throws: TorchError.self) { try MelSpectrogram(settings, rateHz: 8_000) }
    }
}
