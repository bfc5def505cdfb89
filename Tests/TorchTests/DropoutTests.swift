import Foundation
import Testing
import Torch

@Suite(.serialized) struct DropoutTests {
    @Test(arguments: [ScalarType.float32, .bfloat16, .float16], [0.1, 0.5])
    func `Dropout leaves the share it should, scaled, and follows the generator's seed`(
        type: ScalarType, probability: Double
    ) throws {
        let x = try Tensor.ones([1000, 1000], type)
        func values(seed: UInt64) throws -> [Float] {
            try Runtime.seed(seed)
            return try x.dropped(probability).to(.float32).array()
        }
        let first = try values(seed: 3)
        let kept = first.filter { $0 != 0 }
        #expect(abs(Double(kept.count) / 1e6 - (1 - probability)) < 2e-3)
        #expect(Set(kept).count == 1 && abs(Double(kept[0]) - 1 / (1 - probability)) < 0.01)
        // Rows, columns and other seeds know nothing of each other: what two of them share is chance.
        func shared(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
            Double(zip(a, b).count { ($0 == 0) == ($1 == 0) }) / Double(a.count)
        }
        let chance = probability * probability + (1 - probability) * (1 - probability)
        #expect(abs(shared(first[0..<999_000], first[1000..<1_000_000]) - chance) < 3e-3)
        #expect(abs(shared(first[0..<999_999], first[1..<1_000_000]) - chance) < 3e-3)
        #expect(try abs(shared(first[...], values(seed: 4)[...]) - chance) < 3e-3)
    }

    @Test func `The same seed drops the same numbers`() throws {
        let x = try Tensor.ones([1000])
        func values() throws -> [Float] {
            try Runtime.seed(3)
            return try x.dropped(0.5).array()
        }
        // Other tests draw from the same generator; but not between every seed and every draw.
        #expect(try (0..<200).contains { _ in try values() == values() })
    }

    @Test func `The gradient passes where the number passed`() throws {
        let x = try Tensor.randomNormal([64, 64]).requiringGradient()
        let y = try x.dropped(0.25)
        try y.sum().backward()
        let gradient = try x.gradient!.array(Float.self)
        let passed = try y.detached().array(Float.self).map { $0 != 0 }
        #expect(zip(gradient, passed).allSatisfy { $1 ? abs($0 - 4 / 3) < 1e-6 : $0 == 0 })
    }
}
