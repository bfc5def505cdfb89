// R rows, T frames, D width, n kept frames of all rows
import Neural
import Torch

/// Tells every frame where it is and what lies around it.
public struct PositionalEncoder {
    private let convolutions: [Convolution1d]
    private let norm: LayerNorm
    private let inputNorm: LayerNorm?
    private let recomputes: Bool

    /// Creates one numbered convolution per layer.
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, recomputes: Bool = false
    ) throws(TorchError) {
        self.recomputes = recomputes
        let positions = configuration.positions
        let kernel = max(3, positions.kernel / max(positions.layers, 1)) | 1
        var convolutions: [Convolution1d] = []
        for layer in 0..<positions.layers {
            convolutions.append(
                try Convolution1d(
                    path[layer], configuration.width, configuration.width, kernel: kernel, groups: positions.groups))
        }
        self.convolutions = convolutions
        norm = LayerNorm(configuration.width, inFloat32: true)
        inputNorm = positions.normsInput ? try LayerNorm(path["norm"], configuration.width) : nil
    }

    /// [R, T, D] to what is added to it, [R, T, D]
    public func callAsFunction(_ x_RTD: Tensor) throws(TorchError) -> Tensor {
        guard !convolutions.isEmpty else { return try x_RTD.zerosLike() }
        var x = if let inputNorm { try inputNorm(x_RTD) } else { x_RTD }
        for convolution in convolutions {
            let half = convolution.kernel / 2
            x = try recomputed(x, if: recomputes) { (x) throws(TorchError) in
                try norm.gelu(convolution(x, before: half, after: half))
            }
        }
        return x
    }

    /// The same on a grid that is 0 but for the kept frames, and only at them: [n, D] to [n, D] for the frames `keptInGrid`
    /// of R rows of T frames.
    ///
    /// The first convolution has nothing to see elsewhere and the last has nobody to tell elsewhere: with 7 % of the frames
    /// kept, two of five convolutions cost next to nothing.
    package func callAsFunction(kept_nD: Tensor, keptInGrid: Tensor, rows: Int, frames: Int) throws(TorchError)
        -> Tensor
    {
        guard isWorthwhile(kept: kept_nD.size(0), of: rows * frames), let first = convolutions.first,
            let last = convolutions.last
        else {
            let grid = try Tensor.zeros([rows * frames, kept_nD.size(1)], kept_nD.scalarType, on: kept_nD.device)
            try grid.replace(at: keptInGrid, with: kept_nD)
            return try self(grid.reshaped([rows, frames, -1])).reshaped([rows * frames, -1]).selected(0, keptInGrid)
        }
        let half = first.kernel / 2
        // Numbers in a grid with `half` more frames at both ends of every row, which nothing reads in the end.
        let row = try operate("aten::floor_divide.Scalar", .tensor(keptInGrid), .int(frames))
        let taps = try Tensor.arange(first.kernel, .int64, on: kept_nD.device).unsqueezed(0)
        let margins = try operate("aten::mul.Scalar", .tensor(row), .int(2 * half))
        let seen = try (keptInGrid + margins).unsqueezed(1) + taps
        let padded = frames + 2 * half
        let spread = try first.spread(kept_nD, to: seen.flipped([1]).reshaped([-1]), count: rows * padded)
        var x = try norm.gelu(spread.reshaped([rows, padded, -1]).narrowed(1, half, frames))
        for convolution in convolutions[1..<(convolutions.count - 1)] {
            x = try recomputed(x, if: recomputes) { (x) throws(TorchError) in
                try norm.gelu(convolution(x, before: half, after: half))
            }
        }
        let width = x.size(2)
        let windows = try x.padded([0, 0, half, half]).reshaped([rows * padded, width]).selected(0, seen.reshaped([-1]))
        return try norm.gelu(last.gathered(windows.reshaped([-1, last.kernel, width])))
    }
    /// Whether picking out the kept frames is possible and less work than whole rows.
    ///
    /// A norm with learned numbers does not leave silence silent. Groups of few channels make products of matrices of a few
    /// columns, which take longer than a depthwise convolution of all frames.
    private func isWorthwhile(kept: Int, of frames: Int) -> Bool {
        guard inputNorm == nil, convolutions.count >= 2, let first = convolutions.first else { return false }
        return first.weight.size(1) >= 8 && 4 * kept <= frames
    }
}
