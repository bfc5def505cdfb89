import Foundation
import Models
import Testing
import Torch

@Suite(.serialized) struct AlibiTests {
    @Test(arguments: [0.3, 1, 3], [ScalarType.float32, .bfloat16, .float16])
    func `Leaving out frames too far away gives what attention to all frames gives`(
        size: Double, type: ScalarType
    ) throws {
        let (heads, frames) = (8, 700)
        let parts = try (0..<3).map { _ in try (Tensor.randomNormal([2, heads, frames, 16]) * size).to(type) }
        // A head that does not mind distance sees everything; a steep one little.
        let strengths = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 3] as [Float]
        let positions = try Tensor.arange(frames)
        let distances = try (positions.unsqueezed(1) - positions.unsqueezed(0)).absolute()
        let bias = try -(distances.unsqueezed(0).unsqueezed(0) * Tensor(strengths, shape: [1, heads, 1, 1]))
        let near = try DistancePenalty(strengths: strengths).mix(parts[0], parts[1], parts[2])
        let plainScores = try (parts[0] * 0.25).matmul(parts[1].transposed(2, 3)).to(.float32) + bias
        let plain = try plainScores.softmax(-1).to(type).matmul(parts[2])
        let scores =
            try (parts[0].to(.float64) * 0.25).matmul(parts[1].to(.float64).transposed(2, 3)) + bias.to(.float64)
        let exact = try scores.softmax(-1).matmul(parts[2].to(.float64))
        #expect(near.shape == exact.shape && near.scalarType == type)
        func error(_ mixed: Tensor) throws -> Double {
            try (mixed.to(.float64) - exact).absolute().maximum([0, 1, 2, 3]).item()
        }
        #expect(
            try error(near) <= 1.5 * error(plain) + 1e-6, "as exact as attention to all frames in the same precision")
    }

    @Test(arguments: [ScalarType.float32, .bfloat16, .float16])
    func `Attention without a penalty gives what libtorch's own gives`(type: ScalarType) throws {
        let parts = try (0..<3).map { _ in try Tensor.randomNormal([2, 3, 500, 16]).to(type) }
        let mixed = try withoutGradients {
            try Attention.mix(parts[0], parts[1], parts[2], bias: nil, learning: false)
        }
        // Its own rounding to half would count twice.
        let exact = try parts.map { try $0.to(.float32) }
        let expected = try exact[0].attended(key: exact[1], value: exact[2])
        let error: Double = try (mixed.to(.float32) - expected).absolute().maximum([0, 1, 2, 3]).item()
        #expect(mixed.shape == [2, 3, 500, 16] && mixed.scalarType == type && error < (type == .float32 ? 1e-6 : 0.01))
    }

    @Test func `A score that is no number comes out as no number, and ends nothing`() throws {
        let parts = try (0..<3).map { _ in try Tensor.full([1, 1, 600, 8], .nan) }
        let mixed = try DistancePenalty(strengths: [0.5]).mix(parts[0], parts[1], parts[2])
        #expect(try mixed.mean().item().isNaN)
    }
}
