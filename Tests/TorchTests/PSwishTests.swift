import Foundation
import Testing
import Torch

/// PSwish in one pass against libtorch's operators in float64.
@Suite(.serialized) struct PSwishTests {
    /// Rows of whole vectors, of less than one, and with a rest; more rows than one part takes.
    @Test(arguments: [(2500, 32), (3, 5), (40, 127)], [ScalarType.float32, .bfloat16])
    func `PSwish in one pass equals its formula, gradients too`(shape: (rows: Int, channels: Int), type: ScalarType)
        throws
    {
        try Runtime.seed(4)
        let x = try (Tensor.randomNormal([shape.rows, shape.channels]) * 8).to(type).requiringGradient()
        let alpha = try Tensor.randomNormal([shape.channels]).to(type).requiringGradient()
        let beta = try (Tensor.randomNormal([shape.channels]) * 3).to(type).requiringGradient()
        let upstream = try Tensor.randomNormal([shape.rows, shape.channels]).to(type)
        let learned = [x, alpha, beta]
        let exact = try learned.map { try $0.detached().to(.float64).requiringGradient() }
        let found = try x.pSwishInOnePass(alpha: alpha, beta: beta)
        let expected = try exact[0] * exact[1] * (exact[0] * exact[2]).sigmoid()
        #expect(found.scalarType == type && found.shape == x.shape)
        let tolerance = type == .bfloat16 ? 0x1p-8 : 2e-6
        try expectClose(found, expected, tolerance, "result")
        try (found * upstream).to(.float32).sum().backward()
        try (expected * upstream.to(.float64)).sum().backward()
        for (index, tensor) in learned.enumerated() {
            // Terms of both signs nearly cancel in sums over few rows.
            let tolerance = index == 0 || type == .bfloat16 ? tolerance : 1e-5
            try expectClose(tensor.gradient!, exact[index].gradient!, tolerance, "gradient \(index)")
        }
    }

    @Test func `It is the identity at first, no number stays none, and channels must match`() throws {
        let x = try Tensor([-300, -1, 0, 2, 300, .nan] as [Float], shape: [6, 1])
        let (two, zero) = (try Tensor.full([1], 2), try Tensor.zeros([1]))
        let same = try x.pSwishInOnePass(alpha: two, beta: zero).array(Float.self)
        #expect(same.prefix(5) == [-300, -1, 0, 2, 300] && same[5].isNaN)
        // Open or closed.
        let steep = try x.pSwishInOnePass(alpha: .ones([1]), beta: two).array(Float.self)
        #expect(abs(steep[0]) < 1e-30 && steep[4] == 300)
        #expect(throws: TorchError.self) { try x.pSwishInOnePass(alpha: .ones([2]), beta: two) }
        #expect(throws: TorchError.self) { try x.to(.int64).pSwishInOnePass(alpha: two, beta: zero) }
    }
}
