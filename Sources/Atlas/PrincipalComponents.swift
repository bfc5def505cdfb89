// The directions in which vectors differ most: fewer numbers for a neighbour search, two for the start of a map.
import Foundation
import Randomness
import Torch

/// A mean and some directions.
struct PrincipalComponents {
    private let mean_1D: Tensor
    private let directions_DP: Tensor
    /// The number of directions.
    let count: Int

    /// The directions of greatest variance of rows; of many rows a sample tells them.
    init(_ rows: UnitRows, count: Int, seed: UInt64, sample: Int = 50_000) throws {
        self.count = min(count, rows.dimension)
        var tensor: Tensor
        if rows.count <= sample {
            tensor = try rows.rows(0..<rows.count)
        } else {
            let permutation = Permutation(count: rows.count, seed: seed, epoch: 1)
            tensor = try rows.rows((0..<sample).map { permutation[$0] }.sorted())
        }
        mean_1D = try tensor.mean([0], keep: true)
        let centred = try tensor - mean_1D
        let covariance = try centred.transposed(0, 1).matmul(centred).to(.float64)
        let vectors = try operateMany("aten::linalg_eigh", .tensor(covariance))[1]
        let top = try vectors.narrowed(1, rows.dimension - self.count, self.count).flipped([1]).to(.float32)
        // The sign of a direction is arbitrary: its largest number is made positive, so that maps come out alike.
        let values: [Float] = try top.array()
        var signs = [Float](repeating: 1, count: self.count)
        for column in 0..<self.count {
            var largest: Float = 0
            for row in 0..<rows.dimension where abs(values[row * self.count + column]) > abs(largest) {
                largest = values[row * self.count + column]
            }
            signs[column] = largest < 0 ? -1 : 1
        }
        directions_DP = try (top * Tensor(signs)).contiguous()
    }

    /// Rows in the new directions, largest variance first: [n, D] to [n, P].
    func project(_ rows_ND: Tensor) throws(TorchError) -> Tensor { try (rows_ND - mean_1D).matmul(directions_DP) }
}
