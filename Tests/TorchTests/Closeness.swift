import Testing
import Torch

/// Expects `found` to differ nowhere from `expected` by more than `tolerance` of its largest number.
func expectClose(_ found: Tensor, _ expected: Tensor, _ tolerance: Double, _ what: String) throws {
    let reference = try expected.detached().to(.float64).reshaped([-1])
    let difference = try (found.detached().to(.float64).reshaped([-1]) - reference).absolute().maximum([0]).item()
    let largest = try reference.absolute().maximum([0]).item()
    #expect(difference <= tolerance * max(largest, 1e-3), "\(what): off by \(difference) of \(largest)")
}
