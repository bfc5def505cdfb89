// R rows, T frames, D width
import Neural
import Torch

/// Rebuilds all frames from the kept ones.
public struct FrameDecoder {
    private let convolutions: [Convolution1d]
    private let norm: LayerNorm
    private let output: Linear
    private let recomputes: Bool

    /// Creates `layers` and `output`.
    public init(
        _ path: ParameterPath, _ configuration: Animal2VecConfiguration, recomputes: Bool = false
    ) throws(TorchError) {
        self.recomputes = recomputes
        let decoder = configuration.decoder
        var convolutions: [Convolution1d] = []
        for layer in 0..<decoder.layers {
            convolutions.append(
                try Convolution1d(
                    path["layers"][layer], layer == 0 ? configuration.width : decoder.width, decoder.width,
                    kernel: decoder.kernel, groups: decoder.groups))
        }
        self.convolutions = convolutions
        norm = LayerNorm(decoder.width)
        output = try Linear(path["output"], decoder.width, configuration.width)
    }

    /// [R, T, D] to [R, T, D], or to [n, D] of the frames with these `numbers` in the whole grid [R · T].
    public func callAsFunction(_ x_RTD: Tensor, at numbers: Tensor? = nil) throws(TorchError) -> Tensor {
        var x = x_RTD
        for convolution in convolutions {
            let half = convolution.kernel / 2
            x = try recomputed(x, if: recomputes) { (x) throws(TorchError) in
                let activated = try norm.gelu(convolution(x, before: half, after: half))
                return activated.size(2) == x.size(2) ? try activated + x : activated
            }
        }
        if let numbers { x = try x.reshaped([-1, x.size(2)]).selected(0, numbers) }
        return try output(x)
    }
}
