// From waveform to 200 feature vectors a second: a bank of band-pass filters with learned edges (SincNet, arXiv
// 1808.00158), then strided convolutions. animal2vec 1.0, section "Feature extraction".
//
// B batch, N samples, T frames, C channels, K taps
import Foundation
import Neural
import Torch

/// The waveform front-end of animal2vec.
public struct FrontEnd {
    /// One layer of the stack: channels, taps, stride.
    public struct Layer: Codable, Sendable, Hashable {
        /// Output channels.
        public var channels: Int
        /// Taps of the kernel.
        public var kernel: Int
        /// Inputs from one output to the next.
        public var stride: Int

        /// A layer of the stack.
        public init(_ channels: Int, _ kernel: Int, _ stride: Int) {
            (self.channels, self.kernel, self.stride) = (channels, kernel, stride)
        }

        /// Zeros put before the input of a convolution.
        var paddingBefore: Int { stride == 1 ? (kernel - 1) / 2 : (stride + 1) / 2 }
    }

    /// What becomes of the filters' output.
    public enum FilterNorm: String, Codable, Sendable, CaseIterable {
        /// Normed over the filters, as published.
        case layerNorm
        /// Its magnitude, normed over time for every filter: another published way.
        case instance
        /// Its magnitude, weighed against its own past by learned numbers (PCEN): the third published way.
        case pcen
        /// The logarithm of its energy, normed over time for every filter. Learns from few minutes of sound, and cheaply.
        case logEnergy
    }

    /// What the front-end is made of.
    public struct Configuration: Codable, Sendable, Hashable {
        /// Samples per second of the waveform.
        public var sampleRateHz = 8000.0
        /// The stack; empty chooses one from the sample rate for about 200 frames per second.
        public var layers: [Layer] = []
        /// Channels of the chosen stack; not used when `layers` are given.
        public var channels = 512
        /// Filters of the first layer of a chosen stack; 0 takes as many as it has taps.
        public var filters = 0
        /// Whether the first layer is a bank of sinc filters; otherwise it is a convolution.
        public var sincFilters = true
        /// Whether all taps of the filters are learned, under a fixed window, instead of two edges for each filter.
        public var learnsTaps = false
        /// What becomes of the filters' output.
        public var filterNorm = FilterNorm.layerNorm
        /// Whether the first layer ends in PSwish; otherwise in GELU like the others.
        public var pSwish = true

        /// The stack of animal2vec 1.0 at 8 kHz.
        public init() {}

        /// The stack as given or as chosen from the rate.
        public var resolvedLayers: [Layer] {
            layers.isEmpty
                ? FrontEnd.stack(
                    sampleRateHz: sampleRateHz, channels: channels, filters: filters,
                    energies: sincFilters && filterNorm == .logEnergy)
                : layers
        }

        /// Samples from one frame to the next.
        public var samplesPerFrame: Int { resolvedLayers.reduce(1) { $0 * $1.stride } }

        /// Frames per second.
        public var frameRateHz: Double { sampleRateHz / Double(samplesPerFrame) }

        /// Frames that come out of `samples` samples.
        public func frameCount(samples: Int) -> Int {
            resolvedLayers.enumerated().reduce(samples) { length, entry in
                let (index, layer) = entry
                if index == 0 && sincFilters { return (length + layer.stride - 1) / layer.stride }
                return layer.stride == 1
                    ? length : (length + 2 * ((layer.stride + 1) / 2) - layer.kernel) / layer.stride + 1
            }
        }

        /// The sample around which frame 0 looks: the centre of its receptive field. That of frame k lies
        /// k · `samplesPerFrame` further on.
        public var firstFrameCentreSamples: Double {
            var centre = 0.0
            var step = 1.0
            for (index, layer) in resolvedLayers.enumerated() {
                let total = Double(layer.kernel - 1)
                if index > 0 || !sincFilters {
                    centre += step * (total / 2 - Double(layer.paddingBefore))
                } else if filterNorm == .logEnergy {
                    centre += Double(layer.stride - Self.filterStride(layer.stride)) / 2
                }
                step *= Double(layer.stride)
            }
            return centre
        }

        /// Samples from one output of the filters to the next, when the mean of up to five makes an energy.
        static func filterStride(_ stride: Int) -> Int {
            stride / ([4, 5, 3, 2].first { stride % $0 == 0 } ?? 1)
        }

        /// Samples that one frame sees.
        public var receptiveFieldSamples: Int {
            var field = 1
            var step = 1
            for layer in resolvedLayers {
                field += (layer.kernel - 1) * step
                step *= layer.stride
            }
            return field
        }
    }

    /// A stack whose strides multiply to about `sampleRateHz` / 200, after the pattern of the published ones: a filter bank
    /// with √(rate / 2) taps, then a stride of 5 where it divides, then small strides, largest first, then three layers without.
    ///
    /// At 8 kHz it is animal2vec's (5, 2, 2, 2), at 24 kHz its (5, 4, 3, 2). A bank of energies takes the large strides itself.
    public static func stack(
        sampleRateHz: Double, channels: Int, filters: Int = 0, energies: Bool = false
    ) -> [Layer] {
        var taps = Int((sampleRateHz / 2).squareRoot().rounded(.down))
        if taps % 2 == 0 { taps += 1 }
        taps = max(taps, 7)
        let wanted = max(1, Int((sampleRateHz / 200).rounded()))
        // The nearest number made of 2, 3 and 5 only.
        let product =
            (0...wanted).lazy.flatMap { [wanted - $0, wanted + $0] }.first { $0 >= 1 && isSmooth($0) } ?? wanted
        var layers = [Layer(filters > 0 ? filters : taps, taps, 1)]
        var rest = product
        if energies {
            // Energies are smooth: the bank itself takes all but the last two halvings.
            let halvings = min(2, rest.trailingZeroBitCount)
            layers[0].stride = rest >> halvings
            rest = 1 << halvings
        }
        while rest % 5 == 0 && layers.count < 3 {
            layers.append(Layer(channels, 10, 5))
            rest /= 5
        }
        var small: [Int] = []
        for factor in [5, 3, 2] {
            while rest % factor == 0 {
                small.append(factor)
                rest /= factor
            }
        }
        // Pairs of twos become fours while more than three strides are left, so that the stack stays shallow.
        while small.count > 3, small.filter({ $0 == 2 }).count >= 2 {
            small.removeLast(2)
            small.append(4)
            small.sort(by: >)
        }
        layers += small.sorted(by: >).map { Layer(channels, max(3, $0 > 4 ? 2 * $0 : 3), $0) }
        return layers + [Layer(channels, 3, 1), Layer(channels, 2, 1), Layer(channels, 2, 1)]
    }

    private static func isSmooth(_ number: Int) -> Bool {
        var rest = number
        for factor in [2, 3, 5] { while rest % factor == 0 { rest /= factor } }
        return rest == 1
    }

    private let sinc: SincConvolution?
    private let convolutions: [Convolution1d?]
    private let norms: [LayerNorm?]
    private let filterNorm: FilterNorm
    private let filterScale: (weight: Tensor, bias: Tensor)?
    private let energyNorm: PerChannelEnergyNorm?
    private let pSwish: PSwish?
    private let layers: [Layer]
    private let recomputes: Bool

    /// Creates the parameters of the stack under `path`.
    public init(
        _ path: ParameterPath, _ configuration: Configuration, compatibility: Compatibility = .none,
        recomputes: Bool = false
    ) throws(TorchError) {
        self.recomputes = recomputes
        layers = configuration.resolvedLayers
        var convolutions: [Convolution1d?] = []
        var norms: [LayerNorm?] = []
        var inputs = 1
        let layerPath = path["layers"]
        sinc =
            configuration.sincFilters
            ? try SincConvolution(
                layerPath[0]["filters"], count: layers[0].channels, taps: layers[0].kernel,
                stride: configuration.filterNorm == .logEnergy
                    ? Configuration.filterStride(layers[0].stride) : layers[0].stride,
                sampleRateHz: configuration.sampleRateHz, learnsTaps: configuration.learnsTaps,
                compatibility: compatibility) : nil
        pSwish = configuration.pSwish ? try PSwish(layerPath[0]["activation"], layers[0].channels) : nil
        for (index, layer) in layers.enumerated() {
            if index == 0 && configuration.sincFilters {
                convolutions.append(nil)
            } else {
                convolutions.append(
                    try Convolution1d(
                        layerPath[index]["convolution"], inputs, layer.channels, kernel: layer.kernel,
                        stride: layer.stride,
                        hasBias: false, weights: .kaimingNormal(fanIn: inputs * layer.kernel)))
            }
            let isNormedOverTime = index == 0 && configuration.sincFilters && configuration.filterNorm != .layerNorm
            norms.append(
                isNormedOverTime ? nil : try LayerNorm(layerPath[index]["norm"], layer.channels, inFloat32: true))
            inputs = layer.channels
        }
        self.convolutions = convolutions
        self.norms = norms
        filterNorm = configuration.filterNorm
        let normPath = layerPath[0]["norm"]
        energyNorm =
            norms[0] == nil && filterNorm == .pcen
            ? try PerChannelEnergyNorm(normPath, layers[0].channels) : nil
        filterScale =
            norms[0] != nil || energyNorm != nil
            ? nil
            : (
                try normPath.parameter("weight", [layers[0].channels], .constant(1), alwaysFloat32: true),
                try normPath.parameter("bias", [layers[0].channels], .constant(0), alwaysFloat32: true)
            )
    }

    /// Waveform [B, N] to features [B, T, C].
    public func callAsFunction(_ wave_BN: Tensor) throws(TorchError) -> Tensor {
        var x = try wave_BN.unsqueezed(2)
        for index in layers.indices {
            x = try recomputed(x, if: recomputes) { (x) throws(TorchError) in try layer(index, x) }
        }
        return x
    }

    /// The output [B, T, C] of every layer, for tests and pictures.
    public func activations(_ wave_BN: Tensor) throws(TorchError) -> [Tensor] {
        var outputs = [try wave_BN.unsqueezed(2)]
        for index in layers.indices { outputs.append(try layer(index, outputs.last!)) }
        return Array(outputs.dropFirst())
    }

    private func layer(_ index: Int, _ x_BTC: Tensor) throws(TorchError) -> Tensor {
        let layer = layers[index]
        let filtered: Tensor
        if let convolution = convolutions[index] {
            let total = layer.kernel - 1
            let before = layer.paddingBefore
            filtered = try convolution(x_BTC, before: before, after: layer.stride == 1 ? total - before : before)
        } else {
            filtered = try sinc!(x_BTC)
        }
        let activation = index == 0 ? pSwish : nil
        if let norm = norms[index], activation == nil { return try norm.gelu(filtered) }
        let normalized = if let norm = norms[index] { try norm(filtered) } else { try normalizedOverTime(filtered) }
        return if let activation { try activation(normalized) } else { try normalized.gelu() }
    }

    /// Magnitudes or logarithms of energies of the filters, [B, T, C], normed over time.
    private func normalizedOverTime(_ filtered: Tensor) throws(TorchError) -> Tensor {
        let type = filtered.scalarType
        var x = try filtered.to(.float32)
        if let energyNorm { return try energyNorm(x.absolute()).to(type) }
        if filterNorm == .logEnergy {
            let count = layers[0].stride / Configuration.filterStride(layers[0].stride)
            let missing = (count - x.size(1) % count) % count
            if missing > 0 { x = try x.padded([0, 0, 0, missing]) }
            let energy = try x.squared().reshaped([x.size(0), x.size(1) / count, count, x.size(2)]).mean([2])
            // A waveform of unit variance has energies far above this floor wherever there is sound.
            x = try (energy + 1e-5).log()
        } else {
            x = try x.absolute()
        }
        return try (x.normalizedOverTime() * filterScale!.weight + filterScale!.bias).to(type)
    }
}

/// Band-pass filters with two learned numbers each: the lower edge and the width, in hertz.
public struct SincConvolution {
    private let low: Tensor
    private let band: Tensor
    private let learnedTaps: Tensor?
    private let taps: Int
    private let stride: Int
    private let sampleRateHz: Double
    private let window: [Float]
    private let halfTimes: [Float]

    private static let minimumLowHz = 50.0

    /// `count` filters whose edges are evenly spaced on the mel scale up to half the sample rate.
    ///
    /// - Parameter learnsTaps: the taps are learned, and the edges are where they begin.
    public init(
        _ path: ParameterPath, count: Int, taps: Int, stride: Int = 1, sampleRateHz: Double, learnsTaps: Bool = false,
        compatibility: Compatibility = .none
    ) throws(TorchError) {
        self.taps = taps
        self.stride = stride
        self.sampleRateHz = sampleRateHz
        let highest = sampleRateHz / 2 - (Self.minimumLowHz + Self.minimumBandHz(sampleRateHz, taps))
        // Very low rates leave no room above the minimum: the edges then start at 0 and end at half the rate.
        let ends = highest > Self.minimumLowHz ? (Self.minimumLowHz, highest) : (0, sampleRateHz / 2)
        let mels = (0...count).map { index in
            Self.mel(ends.0) + (Self.mel(ends.1) - Self.mel(ends.0)) * Double(index) / Double(count)
        }
        let edges = mels.map(Self.hertz)
        let float = { (values: [Double]) in values.map { Float($0) } }
        let (lows, widths) = (edges.dropLast(), (0..<count).map { edges[$0 + 1] - edges[$0] })
        let half = taps / 2
        window = Self.halfWindow(taps, compatibility)
        halfTimes = (0..<half).map { Float(2 * Double.pi * Double($0 - half) / sampleRateHz) }
        guard learnsTaps else {
            learnedTaps = nil
            low = try path.parameter("low_hz", [count, 1], .values(float(Array(lows))), alwaysFloat32: true)
            band = try path.parameter("band_hz", [count, 1], .values(float(widths)), alwaysFloat32: true)
            return
        }
        (low, band) = (
            try Tensor(float(Array(lows)), shape: [count, 1]), try Tensor(float(widths), shape: [count, 1])
        )
        let rendered = try Self.rendered(
            low: low, band: band, halfTimes: halfTimes, sampleRateHz: sampleRateHz, taps: taps
        ).array(Float.self)
        learnedTaps = try path.parameter("taps", [count, 1, taps], .values(rendered), alwaysFloat32: true)
    }

    /// The first half of a Hamming window of `taps` numbers.
    private static func halfWindow(_ taps: Int, _ compatibility: Compatibility) -> [Float] {
        let half = taps / 2
        return (0..<half).map { index in
            // The published code spaces the half window evenly from 0 to K/2 − 1, not in whole steps.
            let isPublished = compatibility == .animal2vec1
            let position =
                isPublished ? (Double(taps) / 2 - 1) * Double(index) / Double(max(half - 1, 1)) : Double(index)
            let period = isPublished ? taps : taps - 1
            return Float(0.53836 - 0.46164 * Foundation.cos(2 * .pi * position / Double(period)))
        }
    }

    /// The window of `taps` numbers under which filters lie.
    package static func window(taps: Int, _ compatibility: Compatibility) -> [Float] {
        let half = halfWindow(taps, compatibility)
        return half + [1] + half.reversed()
    }

    private static func mel(_ hertz: Double) -> Double { 2595 * Foundation.log10(1 + hertz / 700) }
    private static func hertz(_ mel: Double) -> Double { 700 * (Foundation.pow(10, mel / 2595) - 1) }
    private static func minimumBandHz(_ rate: Double, _ taps: Int) -> Double { (rate / Double(taps)).rounded(.up) }

    /// The filters [C, 1, K] as they are now.
    public func filters() throws(TorchError) -> Tensor {
        let whole = try Tensor(window + [1] + window.reversed()).to(low.device)
        if let learnedTaps { return try learnedTaps * whole.to(learnedTaps.device) }
        return try Self.rendered(low: low, band: band, halfTimes: halfTimes, sampleRateHz: sampleRateHz, taps: taps)
            * whole
    }

    /// Filters [C, 1, K] without a window.
    private static func rendered(
        low: Tensor, band: Tensor, halfTimes: [Float], sampleRateHz: Double, taps: Int
    ) throws(TorchError) -> Tensor {
        let times = try Tensor(halfTimes, shape: [1, halfTimes.count]).to(low.device)
        let minimumBand = minimumBandHz(sampleRateHz, taps)
        let lower = try low.absolute() + minimumLowHz
        let upper = try (lower + minimumBand + band.absolute()).clamped(min: minimumLowHz, max: sampleRateHz / 2)
        let width = try upper - lower
        let left = try (upper.matmul(times).sin() - lower.matmul(times).sin()) / times * 2
        let filters = try Tensor.concatenated([left, width * 2, left.flipped([1])], 1)
        return try (filters / (width * 2)).unsqueezed(1)
    }

    /// Wave [B, N, 1], mirrored at its ends, to [B, N / stride, C]; always in float32.
    public func callAsFunction(_ wave_BN1: Tensor) throws(TorchError) -> Tensor {
        let type = wave_BN1.scalarType
        let wave = try wave_BN1.to(.float32).squeezed(2)
        let padded = try wave.reflectionPadded(taps / 2, taps / 2).unsqueezed(2)
        return try padded.convolvedOverTime(filters(), stride: stride).to(type)
    }
}
