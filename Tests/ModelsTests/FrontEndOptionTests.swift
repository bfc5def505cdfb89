import Foundation
import Models
import Neural
import Testing
import Torch

@Suite struct FrontEndOptionTests {
    /// The window that lies over the filters: what a filter is, over what it would be without.
    private func window(_ compatibility: Compatibility) throws -> [Double] {
        let sinc = try SincConvolution(
            ParameterStore().root, count: 8, taps: 63, sampleRateHz: 8000, compatibility: compatibility)
        let filters = try sinc.filters().slice(0, 3).reshaped([-1]).array(Double.self)
        let edges = ParameterStore()
        _ = try SincConvolution(edges.root, count: 8, taps: 63, sampleRateHz: 8000)
        let low = try edges["low_hz"]!.master.array(Double.self)[3] + 50
        let high = try low + 127 + edges["band_hz"]!.master.array(Double.self)[3]
        return (0..<31).map { index in
            let time = 2 * Double.pi * Double(index - 31) / 8000
            return filters[index] / ((sin(high * time) - sin(low * time)) / time / (high - low))
        }
    }

    @Test func `The window of the sinc filters is Hamming's, or the published one on request`() throws {
        for (index, value) in try window(.none).enumerated() {
            #expect(abs(value - (0.53836 - 0.46164 * cos(2 * .pi * Double(index) / 62))) < 1e-4)
        }
        for (index, value) in try window(.animal2vec1).enumerated() {
            let position = 30.5 * Double(index) / 30
            #expect(abs(value - (0.53836 - 0.46164 * cos(2 * .pi * position / 63))) < 1e-4)
        }
    }

    @Test func `Filters whose taps are learned begin as those whose edges are, and their taps learn`() throws {
        let (edges, taps) = (ParameterStore(), ParameterStore())
        let reference = try SincConvolution(edges.root, count: 8, taps: 31, sampleRateHz: 8000)
        let sinc = try SincConvolution(taps.root, count: 8, taps: 31, sampleRateHz: 8000, learnsTaps: true)
        #expect(taps.parameters.map(\.name) == ["taps"])
        try expectClose(sinc.filters(), reference.filters(), 1e-6, "filters")
        try sinc(.randomNormal([1, 200, 1])).squared().sum().backward()
        #expect(try taps["taps"]!.master.gradient!.absolute().minimum([0, 1, 2]).item() > 0)
    }

    @Test(arguments: FrontEnd.FilterNorm.allCases)
    func `Every norm of the filters learns, and names its numbers`(norm: FrontEnd.FilterNorm) throws {
        var configuration = FrontEnd.Configuration()
        (configuration.channels, configuration.filters, configuration.filterNorm) = (6, 5, norm)
        let store = ParameterStore(seed: 1)
        let frontEnd = try FrontEnd(store.root, configuration)
        let probe = try Tensor.randomNormal([2, 20, 6])
        try (frontEnd(.randomNormal([2, 800])) * probe).sum().backward()
        let names = store.parameters.map(\.name).filter { $0.contains("layers.0.norm") }.map {
            $0.split(separator: ".").last!
        }
        #expect(names == (norm == .pcen ? ["alpha", "delta", "root", "smoothing"] : ["weight", "bias"]))
        for parameter in store.parameters {
            #expect(try parameter.master.gradient!.absolute().sum().item() > 0, "\(parameter.name)")
        }
    }

    @Test func `A fixed stack of convolutions has a frame rate that follows the sample rate`() {
        var configuration = FrontEnd.Configuration()
        configuration.sincFilters = false
        configuration.layers = [
            .init(512, 10, 5), .init(512, 3, 3), .init(512, 3, 2), .init(512, 3, 2), .init(512, 3, 2), .init(512, 3, 2),
            .init(512, 3, 1), .init(512, 2, 1), .init(512, 2, 1),
        ]
        configuration.sampleRateHz = 48_000
        #expect(configuration.frameRateHz == 200)
        #expect(configuration.receptiveFieldSamples == 1430)
        configuration.sampleRateHz = 8_000
        #expect(abs(configuration.frameRateHz - 100 / 3) < 1e-9)
    }
}
