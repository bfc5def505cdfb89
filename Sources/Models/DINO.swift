// DINO (arXiv 2104.14294): self-distillation without labels. A student that sees parts of a picture learns to say what a
// teacher says that sees nearly all of it; the teacher is the moving average of the student.
//
//   views ─ student: backbone ─ head ─ log softmax( · / τs) ─┐
//   global views ─ teacher: backbone ─ head ─ softmax(( · − centre) / τt) = target ─ cross-entropy over pairs of views
//
// Options of DINOv2 (arXiv 2304.07193): Sinkhorn-Knopp instead of the centre, the KoLeo term, masked patches (iBOT).
//
// B pictures, G global views, V views, K prototypes, D width, n patches
import Foundation
import Neural
import Torch

/// The sizes and terms of DINO.
public struct DINOConfiguration: Codable, Sendable, Hashable {
    /// The backbone.
    public var network = VisionTransformer.Configuration()
    /// What compares features with prototypes.
    public var head = Head()
    /// What the student learns from.
    public var loss = Loss()

    /// The projection head.
    public struct Head: Codable, Sendable, Hashable {
        /// Linear layers before the prototypes.
        public var layers = 3
        /// Width between them.
        public var hidden = 2048
        /// Width in which features and prototypes are compared.
        public var bottleneck = 256
        /// K, prototypes: 65536 for a million pictures, 4096 to 8192 for little data.
        public var prototypes = 65_536

        /// As published.
        public init() {}
    }

    /// How teacher outputs become targets that do not collapse.
    public enum Centering: String, Codable, Sendable, CaseIterable {
        /// The moving average of the teacher's outputs is taken off.
        case mean
        /// Every prototype gets the same share of the batch (three steps of Sinkhorn-Knopp).
        case sinkhorn
    }

    /// The terms of the loss.
    public struct Loss: Codable, Sendable, Hashable {
        /// How teacher outputs become targets.
        public var centering = Centering.mean
        /// Share of the old centre that an update keeps.
        public var centreMomentum = 0.9
        /// τs
        public var studentTemperature = 0.1
        /// τt at the start.
        public var teacherTemperature = 0.04
        /// τt after the warm-up.
        public var finalTeacherTemperature = 0.04
        /// Epochs over which τt goes from one to the other, along a straight line.
        public var temperatureWarmupEpochs = 0
        /// Weight of the term that keeps features of different pictures apart (KoLeo); 0 leaves it out. DINOv2: 0.1.
        public var koleoWeight = 0.0
        /// Predicting the teacher's view of patches that the student does not see.
        public var patches = Patches()

        /// As published, without the later terms.
        public init() {}
    }

    /// The masked-patch term.
    public struct Patches: Codable, Sendable, Hashable {
        /// Its weight; 0 leaves it out. DINOv2: 1.
        public var weight = 0.0
        /// Probability that a global view has hidden patches.
        public var probability = 0.5
        /// Share of patches hidden then, at least.
        public var leastShare = 0.1
        /// Share of patches hidden then, at most.
        public var greatestShare = 0.5

        /// As published for DINOv2, switched off.
        public init() {}
    }

    /// DINO with ViT-S/16.
    public init() {}

    /// Whether patches are hidden from the student.
    public var hidesPatches: Bool { loss.patches.weight > 0 }
}

/// Features to likenesses with prototypes: a small network, then the cosine with every prototype.
public struct PrototypeHead {
    private let layers: [Linear]
    private let prototypes: Tensor

    /// Creates numbered `layers` and `prototypes` [K, bottleneck]; these count by direction only.
    public init(_ path: ParameterPath, width: Int, _ configuration: DINOConfiguration.Head) throws(TorchError) {
        let normal = Initialization.normal(standardDeviation: 0.02)
        var layers: [Linear] = []
        for index in 0..<configuration.layers {
            layers.append(
                try Linear(
                    path["layers"][index], index == 0 ? width : configuration.hidden,
                    index == configuration.layers - 1 ? configuration.bottleneck : configuration.hidden,
                    weights: normal, bias: .constant(0)))
        }
        self.layers = layers
        prototypes = try path.parameter(
            "prototypes", [configuration.prototypes, configuration.bottleneck],
            .uniformFanIn(configuration.bottleneck))
    }

    /// [..., D] to cosines [..., K] in float32.
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        var x = x
        for (index, layer) in layers.enumerated() {
            x = try layer(x)
            if index < layers.count - 1 { x = try x.gelu() }
        }
        let type = x.scalarType
        // Lengths in float32: in half precision their rounding alone would move every likeness.
        let directions = try x.to(.float32).normalizedRows().to(type)
        return try directions.linear(prototypes.to(.float32).normalizedRows().to(type)).to(.float32)
    }
}

/// The pretraining model: a student that learns, a teacher that follows it, and what the teacher usually says.
public final class DINO {
    /// Sizes and terms.
    public let configuration: DINOConfiguration
    /// The student's parameters: `backbone`, `head`, and `patch_head` where patches are hidden.
    public let student: ParameterStore
    /// The teacher's parameters under the same names.
    public let teacher: ParameterStore
    /// The running means of the teacher's outputs: `centre` and `patch_centre`, [1, K].
    public let centres: ParameterStore
    private let studentNetwork: Network
    private let teacherNetwork: Network
    private let centre: Tensor
    private let patchCentre: Tensor?

    /// Backbone and heads over one store.
    private struct Network {
        let backbone: VisionTransformer
        let head: PrototypeHead
        let patchHead: PrototypeHead?

        init(_ store: ParameterStore, _ configuration: DINOConfiguration) throws(TorchError) {
            let width = configuration.network.width
            backbone = try VisionTransformer(
                store.root["backbone"], configuration.network, hidesPatches: configuration.hidesPatches)
            head = try PrototypeHead(store.root["head"], width: width, configuration.head)
            patchHead =
                configuration.hidesPatches
                ? try PrototypeHead(store.root["patch_head"], width: width, configuration.head) : nil
        }
    }

    /// A new model; the teacher starts as a copy of the student.
    public init(
        _ configuration: DINOConfiguration, seed: UInt64 = 0, precision: Precision = .fp32, device: Device = .cpu
    ) throws(TorchError) {
        self.configuration = configuration
        student = ParameterStore(seed: seed, precision: precision, device: device)
        teacher = ParameterStore(seed: seed, precision: precision, purpose: .teaching, device: device)
        centres = ParameterStore(purpose: .teaching, device: device)
        studentNetwork = try Network(student, configuration)
        teacherNetwork = try Network(teacher, configuration)
        let shape = [1, configuration.head.prototypes]
        centre = try centres.root.parameter("centre", shape, .constant(0))
        patchCentre = configuration.hidesPatches ? try centres.root.parameter("patch_centre", shape, .constant(0)) : nil
        try teacher.copy(from: student)
    }

    /// The names of the parameters that rest while the prototypes are frozen.
    public static let prototypeNames = ["head.prototypes", "patch_head.prototypes"]

    // MARK: One step

    /// What one forward pass yields.
    public struct Step {
        /// Sum over the pictures; divide its gradient by `pictureCount`.
        public let loss: Tensor
        /// B
        public let pictureCount: Int
        /// Sum over the rows of the teacher's outputs, [1, K], and the number of rows.
        public let teacherSum: (sum: Tensor, rows: Int)
        /// The same for hidden patches.
        public let patchSum: (sum: Tensor, rows: Int)?
        /// The student's outputs, view by view: [V · B, K]
        public let studentOutput: Tensor
        /// The teacher's outputs, view by view: [G · B, K]
        public let teacherOutput: Tensor
        /// Mean cross-entropy, entropy of the targets and what the options add, for the log.
        public let figures: () throws -> [String: Double]
    }

    /// The forward pass of one update.
    ///
    /// - Parameters:
    ///   - global: global views one after the other, [G · B, 1, H, W].
    ///   - local: local views likewise; nil for none.
    ///   - hidden_GN: which patches of the global views the student does not see, [G · B, n], row by row.
    ///   - pictures: B.
    ///   - temperature: τt
    public func step(
        global: Tensor, local: Tensor?, teacherGlobal: Tensor? = nil, hidden_GN: [Bool]? = nil, pictures: Int,
        temperature: Double, mode: PassMode
    ) throws(TorchError) -> Step {
        let globals = global.size(0) / pictures
        let seen = try withoutGradients { () throws(TorchError) in try teacherNetwork.backbone(teacherGlobal ?? global)
        }
        let teacherOutput = try withoutGradients { () throws(TorchError) in try teacherNetwork.head(seen.summary_BD) }
        let target = try withoutGradients { () throws(TorchError) in
            try self.target(teacherOutput, centre: centre, temperature: temperature)
        }
        var hidden: Tensor?
        if let hidden_GN {
            hidden = try Tensor(hidden_GN, shape: [global.size(0), hidden_GN.count / global.size(0)]).to(global.device)
        }
        let whole = try studentNetwork.backbone(global, hidden_BN: hidden, mode: mode)
        var summaries = [whole.summary_BD]
        if let local { summaries.append(try studentNetwork.backbone(local, mode: mode).summary_BD) }
        let output = try studentNetwork.head(Tensor.concatenated(summaries, 0))

        let crossEntropy = try crossEntropy(output, target, pictures: pictures, globals: globals)
        var loss = crossEntropy
        var terms: [(name: String, value: Tensor)] = []
        if configuration.loss.koleoWeight > 0 {
            let term = try koleo(whole.summary_BD, globals: globals)
            loss = try loss + term * configuration.loss.koleoWeight
            terms.append(("koleo", term))
        }
        var patchSum: (sum: Tensor, rows: Int)?
        if let hidden_GN, hidden_GN.contains(true) {
            let (term, sum) = try patchLoss(
                whole.patches_BND, seen.patches_BND, hidden_GN, temperature: temperature)
            loss = try loss + term * configuration.loss.patches.weight
            terms.append(("patch_loss", term))
            patchSum = sum
        }
        return Step(
            loss: try loss * Double(pictures), pictureCount: pictures,
            teacherSum: (try teacherOutput.sum([0], keep: true), teacherOutput.size(0)), patchSum: patchSum,
            studentOutput: output, teacherOutput: teacherOutput
        ) {
            var figures = [
                "cross_entropy": try crossEntropy.item(), "target_entropy": try target.entropies().mean().item(),
            ]
            for term in terms { figures[term.name] = try term.value.item() }
            return figures
        }
    }

    /// Teacher outputs [R, K] to what the student shall say: rows that sum to 1.
    private func target(_ output_RK: Tensor, centre: Tensor, temperature: Double) throws(TorchError) -> Tensor {
        switch configuration.loss.centering {
        case .mean: try ((output_RK - centre) / temperature).softmax(-1)
        case .sinkhorn: try Self.sinkhorn(output_RK / temperature)
        }
    }

    /// Rows that sum to 1 and columns that share them evenly, near e^scores: three turns of scaling columns and rows.
    public static func sinkhorn(_ scores_RK: Tensor, turns: Int = 3) throws(TorchError) -> Tensor {
        // Only ratios count: the largest score becomes 0 so that nothing overflows.
        var shares = try (scores_RK - scores_RK.maximum([0, 1], keep: true)).exp()
        for _ in 0..<turns {
            shares = try shares / (shares.sum([0], keep: true) + 1e-30)
            shares = try shares / (shares.sum([1], keep: true) + 1e-30)
        }
        return shares
    }

    /// Mean cross-entropy over all pairs of a target and a student's view other than the target's own.
    ///
    /// The pairs need not be visited: −Σ q_g · log p_v over all pairs is −(Σ q_g) · (Σ log p_v), and the pairs of a view with
    /// itself are taken off.
    private func crossEntropy(
        _ output_VBK: Tensor, _ target_GBK: Tensor, pictures: Int, globals: Int
    ) throws(TorchError) -> Tensor {
        let prototypes = output_VBK.size(1)
        let logarithms = try (output_VBK / configuration.loss.studentTemperature).logSoftmax(-1)
            .reshaped([-1, pictures, prototypes])
        let targets = try target_GBK.reshaped([globals, pictures, prototypes])
        let all = try (targets.sum([0]) * logarithms.sum([0])).sum()
        let own = try (targets * logarithms.narrowed(0, 0, globals)).sum()
        let pairs = globals * (logarithms.size(0) - 1)
        return try (own - all) / Double(max(1, pairs) * pictures)
    }

    /// −log of the distance to the nearest other picture, for each global view by itself (arXiv 1806.03198).
    private func koleo(_ features_GBD: Tensor, globals: Int) throws(TorchError) -> Tensor {
        var sum: Tensor?
        for view in try features_GBD.to(.float32).chunked(globals, 0) where view.size(0) > 1 {
            let directions = try view.normalizedRows()
            let nearest = try withoutGradients { () throws(TorchError) in
                let likeness = try directions.matmul(directions.transposed(0, 1))
                return try (likeness - Tensor.identity(view.size(0), on: view.device) * 4).argmax(1)
            }
            let distances = try (directions - directions.selected(0, nearest) + 1e-8).squared().sum([1]).squareRoot()
            let term = try -(distances + 1e-8).log().mean()
            sum = if let sum { try sum + term } else { term }
        }
        if let sum { return sum }
        return try .zeros([], on: features_GBD.device)
    }

    /// Cross-entropy at hidden patches: the mean over the hidden patches of a view, then over all views.
    private func patchLoss(
        _ student_BND: Tensor, _ teacher_BND: Tensor, _ hidden: [Bool], temperature: Double
    ) throws(TorchError) -> (Tensor, (sum: Tensor, rows: Int)) {
        let (views, patches, width) = (student_BND.size(0), student_BND.size(1), student_BND.size(2))
        var numbers: [Int64] = []
        var weights: [Float] = []
        for view in 0..<views {
            let places = (view * patches..<(view + 1) * patches).filter { hidden[$0] }
            numbers += places.map(Int64.init)
            weights += [Float](repeating: 1 / Float(max(1, places.count) * views), count: places.count)
        }
        let places = try Tensor(numbers).to(student_BND.device)
        let taught = try withoutGradients { () throws(TorchError) in
            try teacherNetwork.patchHead!(teacher_BND.reshaped([-1, width]).selected(0, places))
        }
        let target = try target(taught, centre: patchCentre!, temperature: temperature)
        let said = try studentNetwork.patchHead!(student_BND.reshaped([-1, width]).selected(0, places))
        let logarithms = try (said / configuration.loss.studentTemperature).logSoftmax(-1)
        let each = try -(target * logarithms).sum([1])
        let loss = try (each * Tensor(weights).to(each.device)).sum()
        return (loss, (try taught.sum([0], keep: true), numbers.count))
    }

    // MARK: What follows an update

    /// Moves the centre towards the mean of the teacher's outputs in an update.
    public func moveCentre(towards sums: [(sum: Tensor, rows: Int)], patches: [(sum: Tensor, rows: Int)] = [])
        throws(TorchError)
    {
        for (centre, sums) in [(centre, sums), (patchCentre, patches)] {
            guard let centre, let first = sums.first else { continue }
            try withoutGradients { () throws(TorchError) in
                var total = first.sum
                for other in sums.dropFirst() { total = try total + other.sum }
                let mean = try total / Double(sums.reduce(0) { $0 + $1.rows })
                let momentum = configuration.loss.centreMomentum
                try centre.copy(inPlace: centre * momentum + mean * (1 - momentum))
            }
        }
    }

    /// Lets the teacher follow the student: teacher ← decay · teacher + (1 − decay) · student.
    public func moveTeacher(decay: Double) throws(TorchError) {
        // At 1 the teacher stands still.
        if decay < 1 { try teacher.follow(student, decay: decay) }
    }

    /// What the teacher makes of pictures [B, 1, H, W]: features [B, D] and the shares of the prototypes [B, K], in float32.
    public func look(_ image_BCHW: Tensor, temperature: Double) throws(TorchError) -> (features: Tensor, shares: Tensor)
    {
        try withoutGradients { () throws(TorchError) -> (features: Tensor, shares: Tensor) in
            let features = try teacherNetwork.backbone(image_BCHW).summary_BD
            let shares = try ((teacherNetwork.head(features) - centre) / temperature).softmax(-1)
            return (try features.to(.float32), shares)
        }
    }

    /// The teacher's backbone by the names of a `VisionTransformer`, for a model folder.
    public var backbone: [(name: String, tensor: Tensor)] {
        teacher.masters.compactMap { name, tensor in
            guard name.hasPrefix("backbone."), !name.hasSuffix("mask_token") else { return nil }
            return (String(name.dropFirst("backbone.".count)), tensor)
        }
    }
}

extension Tensor {
    /// Rows scaled to length 1: the last dimension over its Euclidean norm, at least 1e-12.
    public func normalizedRows() throws(TorchError) -> Tensor {
        try self / operate("aten::linalg_vector_norm", .tensor(self), .double(2), .ints([-1]), true).clamped(min: 1e-12)
    }

    /// −Σ p · log p over the last dimension of rows that sum to 1.
    func entropies() throws(TorchError) -> Tensor { try -(self * clamped(min: 1e-30).log()).sum([-1]) }

    /// Ones on the diagonal.
    static func identity(_ count: Int, on device: Device) throws(TorchError) -> Tensor {
        try operate("aten::eye", .int(count), .scalarType(.float32), nil, .device(device))
    }
}
