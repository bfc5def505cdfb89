// The sizes of a network on waveforms.
import Models

extension ModelDescription {
    /// The large tensors of the encoder and the head.
    public var sizes: [(name: String, shape: [Int])] {
        var sizes: [(name: String, shape: [Int])] = []
        let layers = encoder.frontEnd.resolvedLayers
        let width = encoder.width
        for (index, layer) in layers.enumerated() {
            if index == 0, encoder.frontEnd.sincFilters {
                sizes.append(("front_end.layers.0.filters.low_hz", [layer.channels, 1]))
            } else {
                let inputs = index == 0 ? 1 : layers[index - 1].channels
                sizes.append(("front_end.layers.\(index).convolution.weight", [layer.channels, inputs, layer.kernel]))
            }
        }
        sizes.append(("projection.linear.weight", [width, layers.last!.channels]))
        let positions = encoder.positions
        let kernel = max(3, positions.kernel / max(positions.layers, 1)) | 1
        for index in 0..<positions.layers {
            sizes.append(("positions.\(index).weight", [width, width / positions.groups, kernel]))
        }
        let blocks =
            (0..<encoder.prenetDepth).map { "prenet.blocks.\($0)" } + (0..<encoder.depth).map { "blocks.\($0)" }
        for block in blocks {
            sizes.append(("\(block).attention.qkv.weight", [3 * width, width]))
            sizes.append(("\(block).expand.weight", [encoder.feedForwardRatio * width, width]))
        }
        if kind == .frameClassifier { sizes.append(("head.weight", [classes.count, width])) }
        return sizes
    }
}
