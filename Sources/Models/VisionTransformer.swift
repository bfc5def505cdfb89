// The vision transformer (arXiv 2010.11929) with register tokens (arXiv 2309.16588): a picture as patches, a class token that
// sums it up, pre-norm blocks, learned positions that are interpolated for pictures of another size.
//
// B pictures, C channels, H x W pixels, P x P pixels of a patch, n patches, T tokens (class, registers, patches), D width
import Neural
import Torch

/// Pictures to features.
public struct VisionTransformer {
    /// The sizes of a vision transformer.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Rows of the pictures that the positions are learned for; others are interpolated.
        public var imageHeight = 224
        /// Columns of them.
        public var imageWidth = 224
        /// P, pixels of a patch's edge.
        public var patch = 16
        /// D
        public var width = 384
        /// Blocks.
        public var depth = 12
        /// Heads of attention.
        public var heads = 6
        /// Width of the feed-forward network over D.
        public var feedForwardRatio = 4
        /// Tokens without a place, where the network can keep what belongs to no patch.
        public var registers = 0
        /// Probability of leaving out the last block's branches while learning; it rises linearly from 0 at the first.
        public var dropPath = 0.1

        /// ViT-S/16 for pictures of 224 x 224.
        public init() {}

        /// ViT-Ti: 192 wide, 12 blocks, 3 heads.
        public static var tiny: Self { sized(192, heads: 3) }
        /// ViT-S: 384 wide, 12 blocks, 6 heads.
        public static var small: Self { sized(384, heads: 6) }
        /// ViT-B: 768 wide, 12 blocks, 12 heads.
        public static var base: Self { sized(768, heads: 12) }

        private static func sized(_ width: Int, heads: Int) -> Self {
            var configuration = Configuration()
            (configuration.width, configuration.heads) = (width, heads)
            return configuration
        }

        /// Rows and columns of patches of a picture.
        public var grid: (rows: Int, columns: Int) { (imageHeight / patch, imageWidth / patch) }

        /// What no network can have, one line per fault with the name of the setting.
        public func faults() -> [String] {
            var faults: [String] = []
            func expect(_ name: String, _ value: Int, _ range: ClosedRange<Int>) {
                if !range.contains(value) {
                    faults.append(
                        "\(name): a number from \(range.lowerBound) to \(range.upperBound) is expected, found \(value)")
                }
            }
            expect("patch", patch, 1...1024)
            for (name, value) in [("imageHeight", imageHeight), ("imageWidth", imageWidth)] {
                expect(name, value, 1...65_536)
                if patch > 0, value % patch != 0 {
                    faults.append("\(name): a multiple of patch (\(patch)) is expected, found \(value)")
                }
            }
            expect("width", width, 1...65_536)
            expect("depth", depth, 1...1_000)
            expect("feedForwardRatio", feedForwardRatio, 1...64)
            expect("registers", registers, 0...1_024)
            if heads < 1 || width % heads != 0 {
                faults.append("heads: must divide width (\(width)), found \(heads)")
            }
            if !(0..<1).contains(dropPath) {
                faults.append("dropPath: a number from 0 to below 1 is expected, found \(dropPath)")
            }
            return faults
        }
    }

    /// What the network says of pictures.
    public struct Features {
        /// The normalised class tokens: [B, D]
        public let summary_BD: Tensor
        /// The normalised tokens of the patches, row by row: [B, n, D]
        public let patches_BND: Tensor
    }

    /// The sizes.
    public let configuration: Configuration
    private let patchWeight: Tensor
    private let patchBias: Tensor
    private let classToken: Tensor
    private let registers: Tensor?
    private let maskToken: Tensor?
    private let positions: Tensor
    private let blocks: [Block]
    private let norm: LayerNorm

    /// Creates `patches`, `class_token`, `positions`, `registers` and `mask_token` where wanted, `blocks` and `norm`.
    ///
    /// - Parameter hidesPatches: creates the token that stands for hidden patches.
    public init(
        _ path: ParameterPath, _ configuration: Configuration, hidesPatches: Bool = false
    ) throws(TorchError) {
        self.configuration = configuration
        let (width, patch) = (configuration.width, configuration.patch)
        let normal = Initialization.normal(standardDeviation: 0.02)
        patchWeight = try path["patches"].parameter("weight", [width, 1, patch, patch], .uniformFanIn(patch * patch))
        patchBias = try path["patches"].parameter("bias", [width], .uniformFanIn(patch * patch))
        classToken = try path.parameter("class_token", [1, 1, width], normal)
        let count = configuration.grid.rows * configuration.grid.columns
        positions = try path.parameter("positions", [1, 1 + count, width], normal)
        registers =
            configuration.registers > 0
            ? try path.parameter("registers", [1, configuration.registers, width], normal) : nil
        maskToken = hidesPatches ? try path.parameter("mask_token", [1, 1, width], .constant(0)) : nil
        var blocks: [Block] = []
        for index in 0..<configuration.depth {
            let share = Double(index) / Double(max(1, configuration.depth - 1))
            blocks.append(try Block(path["blocks"][index], configuration, dropPath: share * configuration.dropPath))
        }
        self.blocks = blocks
        norm = try LayerNorm(path["norm"], width, epsilon: 1e-6)
    }

    /// Pictures [B, 1, H, W], both a multiple of P, to features.
    ///
    /// - Parameter hidden_BN: truth values [B, n]: these patches are replaced by the mask token.
    public func callAsFunction(
        _ image_BCHW: Tensor, hidden_BN: Tensor? = nil, mode: PassMode = .evaluation
    ) throws(TorchError) -> Features {
        let (batch, width) = (image_BCHW.size(0), configuration.width)
        var patches = try embed(image_BCHW)
        if let hidden_BN, let maskToken {
            let flags = try hidden_BN.unsqueezed(2)
            patches = try maskToken.to(patches.scalarType).selected(where: flags, else: patches)
        }
        let places = try positions(rows: image_BCHW.size(2), columns: image_BCHW.size(3)).to(patches.scalarType)
        var tokens = try [(classToken + places.narrowed(1, 0, 1)).expanded([batch, 1, width])]
        if let registers { tokens.append(try registers.expanded([batch, registers.size(1), width])) }
        tokens.append(try patches + places.narrowed(1, 1, patches.size(1)))
        var x = try Tensor.concatenated(tokens, 1)
        for block in blocks { x = try block(x, learning: mode.isLearning) }
        x = try norm(x)
        let first = 1 + configuration.registers
        return Features(
            summary_BD: try x.slice(1, 0), patches_BND: try x.narrowed(1, first, x.size(1) - first))
    }

    /// Patches as rows of one matrix product: [B, C, H, W] to [B, n, D].
    private func embed(_ image_BCHW: Tensor) throws(TorchError) -> Tensor {
        let (shape, patch) = (image_BCHW.shape, configuration.patch)
        let (rows, columns) = (shape[2] / patch, shape[3] / patch)
        let pixels = try image_BCHW.reshaped([shape[0], shape[1], rows, patch, columns, patch])
            .permuted([0, 2, 4, 1, 3, 5]).reshaped([shape[0], rows * columns, shape[1] * patch * patch])
        return try pixels.linear(patchWeight.reshaped([configuration.width, -1]), patchBias)
    }

    /// Positions of class token and patches for pictures of a size: [1, 1 + n, D].
    ///
    /// Bicubic as published for DINO: the scale is that of a grid larger by a tenth of a patch.
    private func positions(rows height: Int, columns width: Int) throws(TorchError) -> Tensor {
        let (rows, columns) = (height / configuration.patch, width / configuration.patch)
        let learned = configuration.grid
        guard (rows, columns) != (learned.rows, learned.columns) else { return positions }
        let depth = configuration.width
        let grid = try positions.to(.float32).narrowed(1, 1, learned.rows * learned.columns)
            .reshaped([1, learned.rows, learned.columns, depth]).permuted([0, 3, 1, 2])
        let resized = try operate(
            "aten::upsample_bicubic2d", .tensor(grid), .ints([rows, columns]), false,
            .double((Double(rows) + 0.1) / Double(learned.rows)),
            .double((Double(columns) + 0.1) / Double(learned.columns)))
        let flat = try resized.permuted([0, 2, 3, 1]).reshaped([1, rows * columns, depth])
        return try .concatenated([positions.to(.float32).narrowed(1, 0, 1), flat], 1)
    }

    /// Norm before attention and before the feed-forward network, each with its residual.
    private struct Block {
        private let norm1: LayerNorm
        private let norm2: LayerNorm
        private let attention: Attention
        private let expand: Linear
        private let contract: Linear
        private let dropPath: Double

        init(_ path: ParameterPath, _ configuration: Configuration, dropPath: Double) throws(TorchError) {
            let (width, hidden) = (configuration.width, configuration.width * configuration.feedForwardRatio)
            let normal = Initialization.normal(standardDeviation: 0.02)
            norm1 = try LayerNorm(path["norm1"], width, epsilon: 1e-6)
            attention = try Attention(path["attention"], width: width, heads: configuration.heads, rates: .none)
            norm2 = try LayerNorm(path["norm2"], width, epsilon: 1e-6)
            expand = try Linear(path["expand"], width, hidden, weights: normal, bias: .constant(0))
            contract = try Linear(path["contract"], hidden, width, weights: normal, bias: .constant(0))
            self.dropPath = dropPath
        }

        /// [B, T, D] to [B, T, D]
        func callAsFunction(_ x_BTD: Tensor, learning: Bool) throws(TorchError) -> Tensor {
            let seen = try attention(norm1(x_BTD), bias: nil, learning: learning)
            let x = try x_BTD + thinned(seen, learning)
            return try x + thinned(contract(expand.gelu(norm2(x))), learning)
        }

        /// The branch left out for some pictures of the batch, and enlarged for the others.
        private func thinned(_ x_BTD: Tensor, _ learning: Bool) throws(TorchError) -> Tensor {
            guard learning, dropPath > 0 else { return x_BTD }
            let kept = try Tensor.ones([x_BTD.size(0), 1, 1], on: x_BTD.device).dropped(dropPath)
            return try x_BTD * kept.to(x_BTD.scalarType)
        }
    }
}
