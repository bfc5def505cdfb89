import Torch

/// Convolution over time on frames [B, T, in], weight [out, in / groups, K].
///
/// Frames lie one after the other with their channels together, the layout that norms and linear layers want. libtorch sees
/// the same memory as a channels-last image of height 1, so nothing is copied or transposed between layers.
public struct Convolution1d {
    /// [out, in / groups, K]
    public let weight: Tensor
    /// [out]
    public let bias: Tensor?
    /// Frames from one output to the next.
    public let stride: Int
    /// Groups of channels that do not mix.
    public let groups: Int

    /// Taps of the kernel.
    public var kernel: Int { weight.size(2) }

    /// Creates `weight`, and `bias` where wanted, under `path`.
    public init(
        _ path: ParameterPath, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
        hasBias: Bool = true, weights: Initialization? = nil
    ) throws(TorchError) {
        let fanIn = inputs / groups * kernel
        weight = try path.parameter("weight", [outputs, inputs / groups, kernel], weights ?? .uniformFanIn(fanIn))
        bias = hasBias ? try path.parameter("bias", [outputs], .uniformFanIn(fanIn)) : nil
        self.stride = stride
        self.groups = groups
    }

    /// [B, T, in] to [B, T', out] with `before` zeros ahead of the frames and `after` behind them.
    public func callAsFunction(_ x_BTC: Tensor, before: Int = 0, after: Int = 0) throws(TorchError) -> Tensor {
        let x = before == after ? x_BTC : try x_BTC.padded([0, 0, before, after])
        return try x.convolvedOverTime(
            weight, bias, stride: stride, padding: before == after ? before : 0, groups: groups)
    }
}

extension Convolution1d {
    /// The convolution at chosen places only, of the windows [n, K, in] that it sees there: [n, out].
    public func gathered(_ windows_nKC: Tensor) throws(TorchError) -> Tensor {
        let (count, inputs, outputs) = (windows_nKC.size(0), weight.size(1), weight.size(0) / groups)
        let windows = try windows_nKC.reshaped([count, kernel, groups, inputs]).permuted([2, 0, 1, 3])
            .reshaped([groups, count, kernel * inputs])
        // [out, in, K] to [groups, K · in, out]
        let taps = try weight.reshaped([groups, outputs, inputs, kernel]).permuted([0, 3, 2, 1])
            .reshaped([groups, kernel * inputs, outputs])
        let result = try windows.matmul(taps).transposed(0, 1).reshaped([count, groups * outputs])
        return if let bias { try result + bias } else { result }
    }

    /// The convolution of single frames [n, in] that stand alone in silence: what frame i gives through tap k is added at
    /// number `places`[i · K + k] of `count`; bias everywhere: [count, out].
    public func spread(_ frames_nC: Tensor, to places: Tensor, count: Int) throws(TorchError) -> Tensor {
        let (given, inputs, outputs) = (frames_nC.size(0), weight.size(1), weight.size(0) / groups)
        let frames = try frames_nC.reshaped([given, groups, inputs]).transposed(0, 1)
        // [out, in, K] to [groups, in, K · out]
        let taps = try weight.reshaped([groups, outputs, inputs, kernel]).permuted([0, 2, 3, 1])
            .reshaped([groups, inputs, kernel * outputs])
        let parts = try frames.matmul(taps).reshaped([groups, given, kernel, outputs]).permuted([1, 2, 0, 3])
            .reshaped([given * kernel, groups * outputs])
        let shape = [count, groups * outputs]
        let silence =
            if let bias { try bias.unsqueezed(0).expanded(shape).contiguous() } else {
                try Tensor.zeros(shape, parts.scalarType, on: parts.device)
            }
        return try operate("aten::index_add_", .tensor(silence), 0, .tensor(places), .tensor(parts))
    }
}
