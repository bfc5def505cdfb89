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
                sizes.append(
                    encoder.frontEnd.learnsTaps
                        ? ("front_end.layers.0.filters.taps", [layer.channels, 1, layer.kernel])
                        : ("front_end.layers.0.filters.low_hz", [layer.channels, 1]))
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
        let gates = encoder.feedForward == .geglu ? 2 : 1
        for block in blocks {
            sizes.append(("\(block).attention.qkv.weight", [3 * width, width]))
            sizes.append(("\(block).expand.weight", [gates * encoder.feedForwardRatio * width, width]))
        }
        guard kind == .frameClassifier else { return sizes }
        let asksByClass = head.kind == .attentive && head.scope.isClip
        sizes.append(("head.weight", [asksByClass ? 1 : classes.count, width]))
        if asksByClass { sizes.append(("head.questions", [classes.count, width])) }
        return sizes
    }
}
