import Foundation
import Synchronization
import Testing
import Torch

/// The products of linear layers, which another library computes on some processors, against float64.
struct MatrixProductTests {
    /// A matrix as the products may meet it, and what it looks like.
    enum Form: String, CaseIterable, CustomTestStringConvertible {
        case rows, columns, partOfRows, partOfColumns, everySecondColumn
        var testDescription: String { rawValue }

        func matrix(_ rows: Int, _ columns: Int) throws -> Tensor {
            switch self {
            case .rows: try Tensor.randomNormal([rows, columns])
            case .columns: try Tensor.randomNormal([columns, rows]).transposed(0, 1)
            case .partOfRows:
                try Tensor.randomNormal([rows + 5, columns + 7]).narrowed(0, 3, rows).narrowed(1, 2, columns)
            case .partOfColumns:
                try Tensor.randomNormal([columns + 5, rows + 7]).narrowed(0, 3, columns).narrowed(1, 2, rows)
                    .transposed(0, 1)
            case .everySecondColumn:
                try Tensor.randomNormal([rows, columns, 2]).permuted([2, 0, 1]).slice(0, 1)
            }
        }
    }

    private func largestError(_ found: Tensor, _ expected: Tensor) throws -> Double {
        let wrong = try (found.to(.float64) - expected).absolute().maximum([0, 1]).array(Double.self)[0]
        return wrong / (try expected.absolute().maximum([0, 1]).array(Double.self)[0])
    }

    @Test(arguments: Form.allCases, Form.allCases)
    func `A product is that of float64, however its matrices lie in memory`(left: Form, right: Form) throws {
        for (m, k, n) in [(300, 65, 37), (31, 70, 501), (129, 128, 2), (2, 500, 700), (17, 1025, 33), (1, 900, 800)] {
            let (a, b) = (try left.matrix(m, k), try right.matrix(k, n))
            let expected = try a.to(.float64).matmul(b.to(.float64))
            #expect(try largestError(a.matmul(b), expected) < 4e-6, "\(m) × \(k) × \(n)")
            let bias = try Tensor.randomNormal([n])
            let layer = try a.linear(b.transposed(0, 1), bias)
            #expect(try largestError(layer, expected + bias.to(.float64)) < 4e-6, "\(m) × \(k) × \(n) with bias")
        }
    }

    @Test func `A product with what is no number is none either, and what was in its memory before does not show`()
        throws
    {
        for _ in 0..<4 {
            // Freed memory full of NaN is what the next result of that size gets.
            _ = try Tensor.full([256, 256], .nan)
            let a = try Tensor.zeros([256, 256])
            #expect(try a.matmul(a).array(Float.self).allSatisfy { $0 == 0 })
        }
        var values = [Float](repeating: 1, count: 256 * 256)
        values[5 * 256 + 9] = .nan
        let product = try Tensor(values, shape: [256, 256]).matmul(Tensor.ones([256, 256])).array(Float.self)
        #expect(product.indices.allSatisfy { product[$0].isNaN == ($0 / 256 == 5) })
    }

    @Test func `Parts of a loop cover it once, on more than one thread where there is one`() throws {
        let threads = Mutex<Set<UInt>>([])
        let visits = Mutex([Int](repeating: 0, count: 1000))
        Runtime.inParallel(1000, grain: 10) { part in
            threads.withLock { _ = $0.insert(UInt(pthread_self())) }
            visits.withLock { visits in for index in part { visits[index] += 1 } }
        }
        #expect(visits.withLock { $0.allSatisfy { $0 == 1 } })
        #expect(threads.withLock(\.count) == min(Runtime.threadCount, 100))
        Runtime.inParallel(0) { _ in Issue.record("nothing is no part") }
    }

    @Test func `Every task is done once, and operators are at home in it`() throws {
        let matrix = try Tensor((0..<64 * 64).map { Float($0 % 7) }, shape: [64, 64])
        let square = try matrix.matmul(matrix).array(Float.self)
        let visits = Mutex([Int](repeating: 0, count: 50))
        try Runtime.distribute(50) { (task) throws(TorchError) in
            let mine = try matrix.matmul(matrix).array(Float.self)
            visits.withLock { $0[task] += mine == square ? 1 : 100 }
        }
        #expect(visits.withLock { $0.allSatisfy { $0 == 1 } })
        try Runtime.distribute(0) { (_) throws(TorchError) in Issue.record("nothing is no task") }
    }

    @Test func `The first error ends the distribution of tasks`() throws {
        let done = Mutex(0)
        let matrix = try Tensor.zeros([2, 3])
        let error = #expect(throws: TorchError.self) {
            try Runtime.distribute(1000) { (task) throws(TorchError) in
                if task == 3 { _ = try matrix.matmul(matrix) }
                done.withLock { $0 += 1 }
            }
        }
        #expect(error?.description.contains("matmul") == true)
        #expect(done.withLock { $0 } < 1000)
    }

    /// A product with such numbers takes a hundred times longer on some processors.
    @Test func `Numbers too small to be normal are 0 in libtorch on every thread, and themselves in Swift`() throws {
        let tiny = try Tensor(Array(repeating: Float(1e-39), count: 1 << 20), shape: [1 << 20])
        #expect(try (tiny * 2).array(Float.self).allSatisfy { $0 == 0 })
        try Runtime.distribute(4) { (_) throws(TorchError) in
            let product = try (tiny.narrowed(0, 0, 100) * 2).array(Float.self)
            #expect(product.allSatisfy { $0 == 0 })
        }
        let half = Float16(bitPattern: 1)
        #expect(Float(half) == 0x1p-24 && Float16(Float(half)) == half)
    }

    @Test(.enabled(if: Runtime.hasWideVectors), arguments: [1, 7, 300], [ScalarType.bfloat16, .float32])
    func `A packed weight says what the weight says, with GELU too`(rows: Int, type: ScalarType) throws {
        try Runtime.seed(1)
        let x = try Tensor.randomNormal([rows, 96]).to(type)
        let weight = try Tensor.randomNormal([80, 96]).to(type)
        let bias = try Tensor.randomNormal([80]).to(type)
        let plain = try x.to(.float32).linear(weight.to(.float32), bias.to(.float32))
        for (wanted, gelu) in [(rows, false), (64, false), (rows, true)] {
            let packed = try x.linear(packed: weight.packed(rows: wanted), bias, gelu: gelu).array(Float.self)
            let expected = try (gelu ? plain.gelu() : plain).array(Float.self)
            // One rounding to bfloat16, which processors with tiles do to numbers in float32 too.
            #expect(zip(packed, expected).allSatisfy { abs($0 - $1) <= 0x1p-8 * abs($1) + 1e-3 })
        }
    }
}
