// The published settings as settings of this program. What the published network can be and this one cannot is refused
// by name; what makes no difference to a trained network is left out.
import Foundation
import Inference
import Labels
import Models

/// What the configuration in a checkpoint says about the network and about what it hears.
struct PublishedConfiguration {
    /// Sizes of the network, with the habits that its weights have grown up with.
    var encoder: Animal2VecConfiguration = {
        var encoder = Animal2VecConfiguration()
        encoder.compatibility = .animal2vec1
        return encoder
    }()
    /// How windows are scaled.
    var normalization = ClipNormalization.layerNorm
    /// Labels of the head; empty for a network without.
    var classes: [String] = []
    /// What names the classes.
    var head = ClassifierHead.Configuration()
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
        try readPositions(&network)
        try readTraining(&network)
        try readTargets(&network, checkpoint.teacher.map(\.name))
        try refuse(&network, checkpoint.stage)
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
    }

    /// What tells frames where they are.
    private mutating func readPositions(_ stored: inout StoredSettings) throws {
        let audio = "model.modalities.audio"
        encoder.positions.normsInput = try stored.boolean("\(audio).conv_pos_pre_ln", false)
        encoder.distances.kind = try stored.boolean("\(audio).use_alibi_encoder", true) ? .alibi : .none
        encoder.learnsAlibi = try stored.boolean("\(audio).learned_alibi_scale", false)
        let tokens = try stored.integer("\(audio).num_extra_tokens", 0)
        guard (0...1).contains(tokens) else {
            throw StoredSettings.Fault(
                path: "\(audio).num_extra_tokens", problem: "is \(tokens), but at most one is supported")
        }
        encoder.classToken = tokens == 1
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
        encoder.frontEnd.learnsTaps =
            try stored.boolean("\(audio).apply_window_to_root", false) && encoder.frontEnd.sincFilters
        let norm = try stored.text("\(audio).sinc_norm", "instance")
        switch norm {
        case "layer_norm": encoder.frontEnd.filterNorm = .layerNorm
        case "instance": encoder.frontEnd.filterNorm = .instance
        case "pcen": encoder.frontEnd.filterNorm = .pcen
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
        encoder.masking.counts = try stored.boolean("\(audio).add_masks", false) ? .most : .least
        encoder.masking.dropout = try stored.number("\(audio).mask_dropout", 0)
        if try stored.boolean("\(audio).inverse_mask", false) {
            notes.append("\(audio).inverse_mask is true; pretraining here would hide spans, not show them")
        }
        encoder.dropout.projection = try stored.number("model.encoder_dropout", 0.1)
        encoder.dropout.attention = try stored.number("model.attention_dropout", 0.1)
        encoder.dropout.activation = try stored.number("model.activation_dropout", 0)
        encoder.dropout.feedForward = try stored.number("model.post_mlp_drop", 0.1)
        encoder.dropout.entry = try stored.number("\(audio).prenet_dropout", 0)
        encoder.dropout.decoder = try stored.number("\(audio).decoder.input_dropout", 0.1)
        encoder.dropout.input = try stored.number("model.dropout_input", 0)
        encoder.dropout.layer = try stored.number("model.layerdrop", 0)
        encoder.dropout.prenetLayer = try stored.number("\(audio).prenet_layerdrop", 0)
        encoder.dropout.firstPath = try stored.number("model.start_drop_path_rate", 0)
        encoder.dropout.lastPath = try stored.number("model.end_drop_path_rate", 0)
    }

    /// What the teacher shows, and how far the student is from it.
    private mutating func readTargets(_ stored: inout StoredSettings, _ teacher: [String]) throws {
        encoder.targets.source = try stored.boolean("model.end_of_block_targets", false) ? .block : .feedForward
        // A teacher of blocks alone has no other names than numbers.
        let isOfBlocks = !teacher.isEmpty && teacher.allSatisfy { $0.first?.isNumber == true }
        encoder.targets.follows = try stored.boolean("model.ema_encoder_only", isOfBlocks) ? .blocks : .encoder
        func norms(_ candidates: [(path: String, norm: TeacherTargets.Norm, standard: Bool)]) throws
            -> [TeacherTargets.Norm]
        {
            try candidates.filter { try stored.boolean($0.path, $0.standard) }.map(\.norm)
        }
        encoder.targets.layerNorms = try norms([
            ("model.batch_norm_target_layer", .batch, false), ("model.instance_norm_target_layer", .instance, true),
            ("model.layer_norm_target_layer", .layer, false),
        ])
        encoder.targets.norms = try norms([
            ("model.layer_norm_targets", .layer, false), ("model.instance_norm_targets", .instance, false),
        ])
        encoder.loss.beta = try stored.number("model.loss_beta", 0)
        if try stored.value("model.loss_scale") != .nothing {
            encoder.loss.scale = try stored.number("model.loss_scale")
        }
        encoder.loss.regression = try stored.number("model.d2v_loss", 1)
        if encoder.classToken {
            encoder.loss.classToken = try stored.number("model.cls_loss", 0)
            encoder.loss.classTokenTarget = .mean
        }
        if try stored.number("model.recon_loss", 0) > 0 {
            notes.append("model.recon_loss is above 0; the layer that rebuilds patches is left out")
        }
    }

    /// Settings that change what the network computes and that this one has not.
    private mutating func refuse(_ stored: inout StoredSettings, _ stage: PublishedCheckpoint.Stage) throws {
        let audio = "model.modalities.audio"
        var unsupported: [(path: String, value: Bool, standard: Bool)] = [
            ("model.layer_norm_first", true, false), ("model.norm_affine", false, true),
            ("\(audio).learned_alibi", true, false), ("\(audio).learned_alibi_scale_per_layer", true, false),
        ]
        if encoder.distances.kind != .alibi { unsupported.removeLast(2) }
        // A fine-tuned network has neither a decoder nor a teacher any more.
        if stage == .pretraining {
            unsupported += [
                ("\(audio).decoder.decoder_residual", false, true), ("\(audio).ema_local_encoder", true, false),
            ]
        }
        for (path, value, standard) in unsupported where try stored.boolean(path, standard) == value {
            throw StoredSettings.Fault(path: path, problem: "is \(value), which is not supported")
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
        head.dropout = try stored.number("model.final_dropout", 0)
        let method = try stored.text("criterion.method", "avg")
        switch method {
        case "avg": decoding.smoothing = .average
        case "max": decoding.smoothing = .maximum
        case "canny":
            decoding.smoothing = .edges
            var edges = EdgeFusion.Settings()
            edges.sigmaSeconds = try stored.number("criterion.sigma_s", 0.1)
            edges.filterSeconds = try stored.number("criterion.maxfilt_s", 0.1)
            edges.longestSeconds = try stored.number("criterion.max_duration_s", 0.5)
            edges.lowProbability = try stored.number("criterion.lowP", 0.125)
            decoding.edges = edges
        default: notes.append("criterion.method is \(method.debugDescription); events are found by averages instead")
        }
        decoding.smoothingSeconds = try stored.number("criterion.sigma_s", 0.1)
        decoding.threshold = try stored.number("criterion.metric_threshold", 0.15)
        // The published program for inference drops what is shorter.
        decoding.minimumSeconds = 0.05
    }
}
