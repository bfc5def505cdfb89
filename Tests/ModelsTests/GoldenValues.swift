import Foundation
import Models
import Neural
import Storage
import Testing
import Torch

/// Values computed by the published animal2vec code, and the tiny model they belong to.
struct GoldenValues {
    let file: SafetensorsFile

    init(_ name: String) throws {
        let url = try #require(Bundle.module.resourceURL).appending(path: "Golden/\(name).safetensors")
        file = try SafetensorsFile.open(url)
    }

    subscript(_ name: String) -> Tensor {
        get throws { try file.tensor(name) }
    }

    func number(_ name: String) throws -> Double { try file.tensor(name).item() }

    /// The configuration that the golden files state.
    static var tinyConfiguration: Animal2VecConfiguration {
        var configuration = Animal2VecConfiguration()
        configuration.frontEnd.sampleRateHz = 8000
        configuration.frontEnd.layers = [
            .init(15, 63, 1), .init(24, 10, 5), .init(24, 3, 2), .init(24, 3, 2), .init(24, 3, 2), .init(24, 3, 1),
            .init(24, 2, 1), .init(24, 2, 1),
        ]
        (configuration.width, configuration.heads, configuration.depth, configuration.prenetDepth) = (48, 4, 2, 1)
        configuration.positions.groups = 4
        (configuration.decoder.width, configuration.decoder.groups) = (32, 4)
        configuration.masking.clones = 3
        configuration.dropout = .none
        configuration.compatibility = .animal2vec1
        return configuration
    }
}

/// Expects that two tensors differ by at most `tolerance` of the largest entry of the expected one.
func expectClose(
    _ actual: Tensor, _ expected: Tensor, _ tolerance: Double = 1e-5, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    guard actual.count == expected.count else {
        Issue.record("\(what): shape \(actual.shape), expected \(expected.shape)", sourceLocation: sourceLocation)
        return
    }
    let reference = try expected.to(.float64).reshaped([-1])
    let difference = try (actual.detached().to(.float64).reshaped([-1]) - reference).absolute().maximum([0]).item()
    let largest = try reference.absolute().maximum([0]).item()
    #expect(
        difference <= tolerance * max(largest, 1e-12), "\(what): off by \(difference), largest entry \(largest)",
        sourceLocation: sourceLocation)
}
