import Foundation
import Testing
import Torch

/// Layer norm in one pass against libtorch's operators in float64.
@Suite(.serialized) struct LayerNormTests {
    /// Rows of whole vectors, of less than one, and with a rest; more rows than one thread takes at a time.
    @Test(arguments: [(600, 64), (3, 5), (40, 127), (1, 16)], [ScalarType.float32, .bfloat16])
    func `A norm in one pass equals libtorch's, gradients too`(shape: (rows: Int, size: Int), type: ScalarType) throws {
        try Runtime.seed(4)
        let x = try (Tensor.randomNormal([shape.rows, shape.size]) * 3 + 1).to(type).requiringGradient()
        let weight = try (Tensor.randomNormal([shape.size]) * 0.2 + 1).requiringGradient()
        let bias = try Tensor.randomNormal([shape.size]).requiringGradient()
        let upstream = try Tensor.randomNormal([shape.rows, shape.size]).to(type)
        // One rounding to bfloat16, or the last bits of a sum in float32.
        let tolerance = type == .bfloat16 ? 0x1p-8 : 2e-6
        for (scaled, gelu) in [(true, true), (true, false), (false, true), (false, false)] {
            let learned = scaled ? [x, weight, bias] : [x]
            let exact = try learned.map { try $0.detached().to(.float64).requiringGradient() }
            let found = try x.layerNormalizedInOnePass(
                weight: scaled ? weight : nil, bias: scaled ? bias : nil, gelu: gelu)
            var expected = try exact[0].layerNormalized(
                [shape.size], weight: scaled ? exact[1] : nil, bias: scaled ? exact[2] : nil)
            if gelu { expected = try expected.gelu() }
            #expect(found.scalarType == type && found.shape == x.shape)
            try expectClose(found, expected, tolerance, "scaled \(scaled), GELU \(gelu)")
            try (found * upstream).to(.float32).sum().backward()
            try (expected * upstream.to(.float64)).sum().backward()
            for (index, tensor) in learned.enumerated() {
                // Sums over rows are in float32 whatever the rows are in.
                let tolerance = index == 0 ? tolerance : 1e-5
                try expectClose(tensor.gradient!, exact[index].gradient!, tolerance, "gradient \(index), GELU \(gelu)")
                try tensor.setGradient(nil)
            }
        }
    }

    @Test func `Gradients that are not asked for are not computed, and no number stays none`() throws {
        let x = try Tensor.randomNormal([4, 8])
        let bias = try Tensor.zeros([8]).requiringGradient()
        try x.layerNormalizedInOnePass(weight: .ones([8]), bias: bias, gelu: true).sum().backward()
        #expect(try bias.gradient != nil && x.gradient == nil)
        let broken = try Tensor([1, .nan, 3, 4] as [Float], shape: [1, 4])
        #expect(try broken.layerNormalizedInOnePass(gelu: true).array(Float.self).allSatisfy(\.isNaN))
        #expect(throws: TorchError.self) { try x.layerNormalizedInOnePass(weight: .ones([7])) }
        #expect(throws: TorchError.self) { try x.to(.int64).layerNormalizedInOnePass() }
    }

    /// Norms of two numbers of opposite sign are them themselves.
    @Test func `GELU in one pass is libtorch's from -12 to 12`() throws {
        let values = (0...4800).map { Float($0) / 200 - 12 }
        let scale = try Tensor(values + values.map { -$0 }, shape: [2 * values.count])
        let row = try Tensor(values.map { _ in Float(1) } + values.map { _ in -1 }, shape: [1, 2 * values.count])
        let found = try row.layerNormalizedInOnePass(weight: scale, epsilon: 0, gelu: true).array(Float.self)
        let expected = try Tensor(values + values).to(.float64).gelu().array(Double.self)
        #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) <= 5e-7 * max(1, abs($1)) })
    }
}
