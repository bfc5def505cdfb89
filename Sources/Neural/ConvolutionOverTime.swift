// Three ways to the same convolution of frames [B, T, in] with a weight [out, in / groups, K]. Which one is fast on a CPU was
// measured: oneDNN's convolutions reach half the speed of its matrix products forwards, and a tenth of it where the gradient
// of a weight is wanted. `Tensor.convolved1d` is the plain way that the tests hold all three against.
//
// B batch, T frames, K taps, G groups
import Foundation
import Torch

extension Tensor {
    /// Convolution of frames self [B, T, in] with `weight` [out, in / groups, K] and `padding` zeros at both ends:
    /// [B, T', out].
    public func convolvedOverTime(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
    ) throws(TorchError) -> Tensor {
        if !device.isCUDA {
            let windowBytes = 4 * size(0) * (size(1) / stride) * weight.size(1) * weight.size(2)
            if groups == 1 && windowBytes <= 1 << 29 {
                return try convolvedByWindows(weight, bias, stride: stride, padding: padding)
            }
            let isLong = weight.size(2) >= 13 && weight.size(1) >= 16 && size(1) >= 64
            // In tiles of bfloat16 the direct way takes a third of the time of spectra in float32.
            let hasTiles = scalarType == .bfloat16 && Runtime.hasMatrixTiles
            if groups > 1 && stride == 1 && isLong && !hasTiles {
                return try convolvedBySpectrum(weight, bias, padding: padding, groups: groups)
            }
        }
        return try convolvedAsImage(weight, bias, stride: stride, padding: padding, groups: groups)
    }

    /// libtorch's own convolution. Frames lie one after the other with their channels together, so it sees the same memory as
    /// a channels-last image of height 1, and nothing is copied or transposed between layers.
    public func convolvedAsImage(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, groups: Int = 1
    ) throws(TorchError) -> Tensor {
        let image = try contiguous().transposed(1, 2).unsqueezed(2)
        return try operate(
            "aten::conv2d", .tensor(image), .tensor(weight.unsqueezed(2)), .optional(bias), .ints([1, stride]),
            .ints([0, padding]), .ints([1, 1]), .int(groups)
        ).squeezed(2).transposed(1, 2)
    }

    /// One matrix product of all windows [B · T', K · in] with the taps.
    public func convolvedByWindows(
        _ weight: Tensor, _ bias: Tensor? = nil, stride: Int = 1, padding: Int = 0
    ) throws(TorchError) -> Tensor {
        let (outputs, inputs, taps) = (weight.size(0), weight.size(1), weight.size(2))
        let padded = padding > 0 ? try self.padded([0, 0, padding, padding]) : self
        return try padded.windows(taps, step: stride, count: (padded.size(1) - taps) / stride + 1)
            .linear(weight.transposed(1, 2).reshaped([outputs, taps * inputs]), bias)
    }

    /// `count` windows of `length` frames, one every `step` frames: [B, T, C] to [B, count, length · C].
    ///
    /// They are put together from few long pieces, a step of every window at a time: libtorch's `unfold` gathers and, on the
    /// way back, scatters number by number.
    func windows(_ length: Int, step: Int, count: Int) throws(TorchError) -> Tensor {
        let (batch, frames, channels) = (size(0), size(1), size(2))
        let pieces = (length + step - 1) / step
        let wanted = (count - 1 + pieces) * step
        let whole = wanted > frames ? try padded([0, 0, 0, wanted - frames]) : try narrowed(1, 0, wanted)
        let steps = try whole.reshaped([batch, wanted / step, step * channels])
        var parts: [Tensor] = []
        for piece in 0..<pieces {
            let taken = min(step, length - piece * step)
            parts.append(try steps.narrowed(1, piece, count).narrowed(2, 0, taken * channels))
        }
        return try Tensor.concatenated(parts, 2)
    }

    /// Overlapping blocks of frames as spectra, where a convolution is one small matrix product per frequency and group
    /// ("overlap-save"): with 19 taps a fifth of the arithmetic of the direct way, gradients included. Always in float32, on the
    /// CPU.
    public func convolvedBySpectrum(
        _ weight: Tensor, _ bias: Tensor? = nil, padding: Int = 0, groups: Int = 1
    ) throws(TorchError) -> Tensor {
        let (outputs, inputs, taps) = (weight.size(0) / groups, weight.size(1), weight.size(2))
        let fourier = try BlockFourier(taps: taps)
        // The taps' spectra as real matrices: (real, imaginary) of the input times [[r, i], [-i, r]].
        let taps_GKN = try weight.to(.float32).flipped([2]).reshaped([groups, outputs, inputs, taps]).permuted([
            0, 3, 2, 1,
        ])
        .reshaped([groups, taps, inputs * outputs])
        let factors = try fourier.taps.matmul(taps_GKN)
            .reshaped([groups, 2, 2, fourier.frequencies, inputs, outputs]).permuted([3, 0, 1, 4, 2, 5])
            .reshaped([fourier.frequencies, groups, 2 * inputs, 2 * outputs])
        let x = scalarType == .bfloat16 ? self : try to(.float32)
        return try x.convolvedBySpectrum(
            factors: factors, bias, forward: fourier.forward, backward: fourier.backward, padding: padding
        ).to(scalarType)
    }
}

/// The Fourier transform of blocks of frames as matrix products, first to the real parts, then to the imaginary ones.
private struct BlockFourier {
    /// Frequencies of a real block.
    let frequencies: Int
    /// The taps, from the first frame of a block, to the real and imaginary parts r and i of their frequencies, as r, i, −i and r
    /// one after the other: [4 · frequencies, taps]
    let taps: Tensor
    /// [2, frequencies, length]; a block has a power of two of at least three kernels of frames.
    let forward: Tensor
    /// Back to the frames whose convolution owes nothing to the block's other end: [2, length − taps + 1, frequencies]
    let backward: Tensor

    init(taps: Int) throws(TorchError) {
        var length = 16
        while length < 3 * taps { length *= 2 }
        let (kept, frequencies) = (length - taps + 1, length / 2 + 1)
        self.frequencies = frequencies
        let turns = (0..<length).map { 2 * Double.pi * Double($0) / Double(length) }
        let waves = [turns.map { cos($0) }, turns.map { -sin($0) }]
        forward = try Tensor(
            waves.flatMap { wave in
                (0..<frequencies * length).map { Float(wave[$0 / length * ($0 % length) % length]) }
            }, shape: [2, frequencies, length])
        let parts = try forward.narrowed(2, 0, taps).unbound(0)
        self.taps = try Tensor.concatenated([parts[0], parts[1], -parts[1], parts[0]], 0)
        backward = try Tensor(
            waves.flatMap { wave in
                (0..<kept * frequencies).map { index in
                    let frequency = index % frequencies
                    // Every frequency but the first and the last stands for its mirror image too.
                    let share = (frequency == 0 || frequency == length / 2 ? 1 : 2) / Double(length)
                    return Float(share * wave[frequency * (index / frequencies + taps - 1) % length])
                }
            }, shape: [2, kept, frequencies])
    }
}
