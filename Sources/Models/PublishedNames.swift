/// Names of parameters in the published animal2vec checkpoints and here.
public enum PublishedNames {
    private static let prefix = "modality_encoders.AUDIO."

    /// The name here of a published student parameter, or nil when it is not one.
    public static func ours(_ published: String) -> String? {
        var parts = published.replacing(prefix, with: "").split(separator: ".").map(String.init)
        switch parts.first {
        case "alibi_scale": return "alibi_scale"
        case "extra_tokens": return "class_token"
        case "local_encoder", "conv_layers":
            if parts[0] == "local_encoder" { parts.removeFirst() }
            guard parts.count >= 4 else { return nil }
            let layer = "front_end.layers.\(parts[1])"
            switch (parts[2], parts.last!) {
            case ("0", "low_hz_"): return layer + ".filters.low_hz"
            case ("0", "band_hz_"): return layer + ".filters.band_hz"
            case ("0", "kernel"): return layer + ".filters.taps"
            case ("0", let name): return layer + ".convolution." + name
            // The moving average inside of PCEN.
            case ("2", "_weights"): return layer + ".norm.smoothing"
            case ("2", let name): return layer + ".norm." + name
            case ("3", "p_swish_alpha"): return layer + ".activation.alpha"
            case ("3", "p_swish_beta"): return layer + ".activation.beta"
            default: return nil
            }
        case "project_features":
            return parts.count == 3 ? "projection.\(parts[1] == "1" ? "norm" : "linear").\(parts[2])" : nil
        case "relative_positional_encoder":
            // A norm before the convolutions makes two modules of one.
            if parts.count == 3, parts[1] == "0" { return "positions.norm.\(parts[2])" }
            if parts.count == 5, parts[1] == "1" { parts.remove(at: 1) }
            guard parts.count == 4, let number = Int(parts[1]), number > 0 else { return nil }
            return "positions.\(number - 1).\(parts[3])"
        case "decoder":
            if parts.count == 3 { return "decoder.output.\(parts[2])" }
            return parts.count == 5 ? "decoder.layers.\(parts[2]).\(parts[4])" : nil
        case "context_encoder":
            if parts.count == 3 { return "prenet.norm.\(parts[2])" }
            return "prenet." + block(parts.dropFirst())
        case "blocks": return block(parts[...])
        default: return nil
        }
    }

    private static func block(_ parts: ArraySlice<String>) -> String {
        parts.joined(separator: ".")
            .replacing("attn.qkv", with: "attention.qkv").replacing("attn.proj", with: "attention.output")
            .replacing("mlp.fc1", with: "expand").replacing("mlp.fc2", with: "contract")
    }
}
