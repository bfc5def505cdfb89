// The published settings as settings of this program. What the published network can be and this one cannot is refused
// by name; what makes no difference to a trained network is left out.
import Foundation
import Inference
import Labels
import Models

/// What the configuration in a checkpoint says about the network and about what it hears.
struct PublishedConfiguration {
    /// Sizes of the network.
    var encoder = Animal2VecConfiguration()
    /// How windows are scaled.
    var normalization = ClipNormalization.layerNorm
    /// Labels of the head; empty for a network without.
    var classes: [String] = []
    /// How frame probabilities become events.
    var decoding = EventDecoder.Configuration()
    /// The settings that were used.
    private(set) var settings: [String: String] = [:]
    /// What people should know.
    private(set) var notes: [String] = []
    /// Every path that was looked up.
    private(set) var asked: Set<String> = []

    /// Reads the settings of a checkpoint; `overrides` are taken before those that it stores.
    ///
    /// Throws `StoredSettings.Fault`.
    init(_ checkpoint: PublishedCheckpoint, overrides: [String: String]) throws {
        // The network was described when it was pretrained, everything else when it was saved.
        var network = StoredSettings(checkpoint.configurations.reversed(), overrides: overrides)
        var run = StoredSettings(Array(checkpoint.configurations.prefix(1)), overrides: overrides)
        try readNetwork(&network)
        try readFrontEnd(&network)
        try readTraining(&network)
        try refuse(&network)
        let normalizes = try network.boolean("task.normalize", true)
        normalization = normalizes ? .layerNorm : .none
        if checkpoint.stage == .finetuning {
            encoder.averagedLayers = try run.integer("model.average_top_k_layers", 16)
            try readHead(&run)
        } else {
            encoder.averagedLayers = try network.integer("model.average_top_k_layers", 16)
        }
        encoder.averagedLayers = min(encoder.averagedLayers, encoder.depth)
        settings = network.found.merging(run.found) { $1 }
        asked = network.asked.union(run.asked)
    }

    private mutating func readNetwork(_ stored: inout StoredSettings) throws {
        encoder.width = try stored.integer("model.embed_dim")
        encoder.heads = try stored.integer("model.num_heads")
        encoder.depth = try stored.integer("model.depth")
        encoder.prenetDepth = try stored.integer("model.modalities.audio.prenet_depth")
        let ratio = try stored.number("model.mlp_ratio", 4)
        guard let wholeRatio = Int(exactly: ratio) else {
            throw StoredSettings.Fault(path: "model.mlp_ratio", problem: "is \(ratio), but only integers are supported")
        }
        encoder.feedForwardRatio = wholeRatio
        encoder.positions.layers = try stored.integer("model.modalities.audio.conv_pos_depth", 5)
        encoder.positions.kernel = try stored.integer("model.modalities.audio.conv_pos_width", 95)
        encoder.positions.groups = try stored.integer("model.modalities.audio.conv_pos_groups", 16)
        let decoder = "model.modalities.audio.decoder"
        encoder.decoder.width = try stored.integer("\(decoder).decoder_dim", 384)
        encoder.decoder.layers = try stored.integer("\(decoder).decoder_layers", 5)
        encoder.decoder.kernel = try stored.integer("\(decoder).decoder_kernel", 5)
        encoder.decoder.groups = try stored.integer("\(decoder).decoder_groups", 16)
        encoder.learnsAlibi = try stored.boolean("model.modalities.audio.learned_alibi_scale", false)
    }

    private mutating func readFrontEnd(_ stored: inout StoredSettings) throws {
        encoder.frontEnd.sampleRateHz = try stored.number(
            try stored.first(["task.sample_rate", "model.sample_rate", "model.modalities.audio.sample_rate"]))
        let path = try stored.first([
            "task.conv_feature_layers", "model.conv_feature_layers", "model.modalities.audio.conv_feature_layers",
            "model.modalities.audio.feature_encoder_spec",
        ])
        do {
            encoder.frontEnd.layers = try PythonText.layers(try stored.text(path))
        } catch let fault as PythonText.Fault {
            throw StoredSettings.Fault(path: path, problem: "a list such as [(512, 10, 5)] is expected: \(fault)")
        }
        let audio = "model.modalities.audio"
        encoder.frontEnd.sincFilters = try stored.boolean("\(audio).sinc_input", true)
        encoder.frontEnd.pSwish =
            try stored.boolean("\(audio).use_pswish", false) && encoder.frontEnd.sincFilters
        let norm = try stored.text("\(audio).sinc_norm", "instance")
        switch norm {
        case "layer_norm": encoder.frontEnd.filterNorm = .layerNorm
        case "instance": encoder.frontEnd.filterNorm = .instance
        default: throw StoredSettings.Fault(path: "\(audio).sinc_norm", problem: "is \(norm), which is not supported")
        }
    }

    /// What only matters when the network learns on.
    private mutating func readTraining(_ stored: inout StoredSettings) throws {
        let audio = "model.modalities.audio"
        encoder.masking.probability = try stored.number("\(audio).mask_prob", 0.7)
        encoder.masking.length = try stored.integer("\(audio).mask_length", 5)
        encoder.masking.noise = try stored.number("\(audio).mask_noise_std", 0.01)
        encoder.masking.clones = try stored.integer("model.clone_batch", 1)
        encoder.dropout.projection = try stored.number("model.encoder_dropout", 0.1)
        encoder.dropout.attention = try stored.number("model.attention_dropout", 0.1)
        encoder.dropout.activation = try stored.number("model.activation_dropout", 0)
        encoder.dropout.feedForward = try stored.number("model.post_mlp_drop", 0.1)
        encoder.dropout.entry = try stored.number("\(audio).prenet_dropout", 0)
        encoder.dropout.decoder = try stored.number("\(audio).decoder.input_dropout", 0.1)
        encoder.dropout.layer = try stored.number("model.layerdrop", 0)
    }

    /// Settings that change what the network computes and that this one has not.
    private mutating func refuse(_ stored: inout StoredSettings) throws {
        let audio = "model.modalities.audio"
        let unsupported: [(path: String, value: Bool, standard: Bool)] = [
            ("model.layer_norm_first", true, false), ("model.end_of_block_targets", true, false),
            ("model.norm_affine", false, true), ("\(audio).conv_pos_pre_ln", true, false),
            ("\(audio).apply_window_to_root", true, false), ("\(audio).learned_alibi", true, false),
            ("\(audio).learned_alibi_scale_per_layer", true, false), ("\(audio).use_alibi_encoder", false, true),
            ("\(audio).decoder.decoder_residual", false, true), ("\(audio).ema_local_encoder", true, false),
        ]
        for (path, value, standard) in unsupported where try stored.boolean(path, standard) == value {
            throw StoredSettings.Fault(path: path, problem: "is \(value), which is not supported")
        }
        let tokens = try stored.integer("\(audio).num_extra_tokens", 0)
        guard tokens == 0 else {
            throw StoredSettings.Fault(
                path: "\(audio).num_extra_tokens", problem: "is \(tokens), which is not supported")
        }
        let mode = try stored.text("\(audio).extractor_mode", "layer_norm")
        guard mode == "layer_norm" else {
            throw StoredSettings.Fault(path: "\(audio).extractor_mode", problem: "is \(mode), which is not supported")
        }
        let epsilon = try stored.number("model.norm_eps", 1e-6)
        if epsilon != 1e-5 { notes.append("model.norm_eps is \(epsilon); 1e-05 is computed with") }
    }

    private mutating func readHead(_ stored: inout StoredSettings) throws {
        let path = try stored.first(["task.unique_labels", "model.unique_labels"])
        classes = try stored.texts(path) ?? []
        let method = try stored.text("criterion.method", "avg")
        decoding.smoothing = method == "max" ? .maximum : .average
        if method != "avg" && method != "max" {
            notes.append("criterion.method is \(method); events are found by averages instead")
        }
        decoding.smoothingSeconds = try stored.number("criterion.sigma_s", 0.1)
        decoding.threshold = try stored.number("criterion.metric_threshold", 0.15)
        // The published program for inference drops what is shorter.
        decoding.minimumSeconds = 0.05
    }
}
