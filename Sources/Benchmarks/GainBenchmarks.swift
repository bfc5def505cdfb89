// What makes a pretraining step faster than the published one, part by part: base size, one clip of 10 s, 8 clones. Each part is
// run as published (`--way published`) or as here, with gradients where the step needs them.
import Foundation
import Models
import Neural
import Torch

extension Benchmarks {
    private static let (clones, frames, kept, width, heads, depth) = (8, 2000, 145, 768, 12, 12)

    /// Prints the seconds of every part.
    static func gains(_ arguments: Arguments) throws {
        let isPublished = arguments.text("way", "ours") == "published"
        try Runtime.setMatrixPrecision(isPublished ? "highest" : "medium")
        let parts: [(String, (Bool) throws -> () throws -> Void)] = [
            ("front-end convolutions", frontEndConvolutions), ("positions of the clones", positions),
            ("attention of the teacher", teacherAttention), ("distances of the clones", distances),
            ("linear layers", linearLayers), ("optimizer and teacher", update),
        ]
        for (name, prepare) in parts {
            let body = try prepare(isPublished)
            report("gain: \(name)", try timing(1, body))
        }
    }

    private static func clear(_ tensors: [Tensor]) throws { for tensor in tensors { try tensor.setGradient(nil) } }

    /// Every convolution of the front-end by itself, forwards and backwards.
    private static func frontEndConvolutions(_ isPublished: Bool) throws -> () throws -> Void {
        let layers = FrontEnd.stack(sampleRateHz: 8000, channels: 512, filters: 127)
        var (samples, inputs) = (80_000, 1)
        var parts: [(x: Tensor, weight: Tensor, stride: Int, padding: Int)] = []
        for layer in layers {
            let x = try Tensor.randomNormal([1, samples, inputs])
            let weight = try (Tensor.randomNormal([layer.channels, inputs, layer.kernel]) * 0.05).requiringGradient()
            parts.append((inputs == 1 ? x : try x.requiringGradient(), weight, layer.stride, layer.kernel / 2))
            (samples, inputs) = (samples / layer.stride, layer.channels)
        }
        return {
            for part in parts {
                try clear([part.x, part.weight])
                let y =
                    isPublished
                    ? try part.x.convolvedAsImage(part.weight, stride: part.stride, padding: part.padding)
                    : try part.x.convolvedByWindows(part.weight, stride: part.stride, padding: part.padding)
                try y.sum().backward()
            }
        }
    }

    /// The positional convolutions over all clones: on the full grid, or only where frames are kept at both ends.
    private static func positions(_ isPublished: Bool) throws -> () throws -> Void {
        let store = ParameterStore()
        let configuration = Animal2VecConfiguration()
        let encoder = try PositionalEncoder(store.root, configuration)
        let taps = configuration.positions.kernel / configuration.positions.layers
        let places = try Tensor(
            (0..<clones).flatMap { row in (0..<kept).map { Int64(row * frames + $0 * frames / kept) } })
        let x = try Tensor.randomNormal([clones * kept, width]).requiringGradient()
        return {
            try clear([x] + store.parameters.map(\.master))
            guard isPublished else {
                try encoder(kept_nD: x, keptInGrid: places, rows: clones, frames: frames).sum().backward()
                return
            }
            let empty = try Tensor.zeros([clones * frames, width])
            var grid = try operate("aten::index_copy", .tensor(empty), 0, .tensor(places), .tensor(x))
                .reshaped([clones, frames, width])
            for layer in 0..<configuration.positions.layers {
                let (weight, bias) = (store["\(layer).weight"]!.working, store["\(layer).bias"]!.working)
                grid = try grid.convolvedAsImage(
                    weight, bias, padding: taps / 2, groups: configuration.positions.groups
                ).layerNormalized([width]).gelu()
            }
            try grid.reshaped([clones * frames, width]).selected(0, places).sum().backward()
        }
    }

    /// All scores of a whole clip, or those that distance leaves.
    private static func teacherAttention(_ isPublished: Bool) throws -> () throws -> Void {
        let parts = try (0..<3).map { _ in try Tensor.randomNormal([1, heads, frames, width / heads]) * 0.5 }
        let strengths = Alibi.slopes(heads: heads).map { Float($0) }
        let penalty = DistancePenalty(strengths: strengths)
        let bias = try fullBias(strengths)
        return {
            try withoutGradients {
                for _ in 0..<depth {
                    if isPublished {
                        _ = try (parts[0] * 0.125).matmul(parts[1].transposed(2, 3)).adding(bias).softmax(-1)
                            .matmul(parts[2])
                    } else {
                        _ = try penalty.mix(parts[0], parts[1], parts[2])
                    }
                }
            }
        }
    }

    private static func fullBias(_ strengths: [Float]) throws -> Tensor {
        let positions = try Tensor.arange(frames)
        let distances = try (positions.unsqueezed(1) - positions.unsqueezed(0)).absolute()
        return try -(distances.unsqueezed(0).unsqueezed(0) * Tensor(strengths, shape: [1, heads, 1, 1]))
    }

    /// ALiBi scaled on the full grid, repeated for each clone and then cut to the kept frames, or made for these alone.
    private static func distances(_ isPublished: Bool) throws -> () throws -> Void {
        let strengths = Alibi.slopes(heads: heads).map { Float($0) }
        let full = try fullBias(strengths)
        let scale = try Tensor.ones([1, heads, 1, 1]).requiringGradient()
        let places = (0..<kept).map { Int64($0 * frames / kept) }
        let index = try Tensor(places).reshaped([1, 1, -1, 1])
        let positions = try Tensor((0..<clones).flatMap { _ in places.map { Float($0) } }, shape: [clones, kept])
        let slopes = try Tensor(strengths, shape: [1, heads, 1, 1])
        return {
            try clear([scale])
            guard isPublished else {
                let distance = try (positions.unsqueezed(2) - positions.unsqueezed(1)).absolute().unsqueezed(1)
                try (distance * (scale * slopes)).sum().backward()
                return
            }
            let repeated = try (full * scale).repeatInterleaved(clones, 0)
            try repeated.gathered(2, index.expanded([clones, heads, kept, frames]))
                .gathered(3, index.transposed(2, 3).expanded([clones, heads, kept, kept])).sum().backward()
        }
    }

    /// The linear layers of all blocks: forwards over a whole clip for the teacher, both ways over the kept frames.
    private static func linearLayers(_: Bool) throws -> () throws -> Void {
        let shapes = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
        let layers = try shapes.map { (inputs, outputs) in
            (
                weight: try (Tensor.randomNormal([outputs, inputs]) * 0.02).requiringGradient(),
                clip: try Tensor.randomNormal([frames, inputs]),
                rows: try Tensor.randomNormal([clones * kept, inputs]).requiringGradient()
            )
        }
        return {
            for _ in 0..<depth {
                for layer in layers {
                    try clear([layer.weight, layer.rows])
                    try withoutGradients { _ = try layer.clip.linear(layer.weight) }
                    try layer.rows.linear(layer.weight).sum().backward()
                }
            }
        }
    }

    /// Adam and the moving average, parameter by parameter or over all at once.
    private static func update(_ isPublished: Bool) throws -> () throws -> Void {
        let (store, teacher) = (ParameterStore(), ParameterStore(purpose: .teaching))
        for block in 0..<depth {
            for store in [store, teacher] {
                let path = store.root["\(block)"]
                _ = try Linear(path["qkv"], width, 3 * width)
                _ = try Linear(path["output"], width, width)
                _ = try Linear(path["expand"], width, 4 * width)
                _ = try Linear(path["contract"], 4 * width, width)
            }
        }
        for parameter in store.parameters { try parameter.master.setGradient(Tensor.ones(parameter.master.shape)) }
        guard isPublished else {
            let optimizer = try AdamW(store.parameters)
            return {
                try optimizer.step(learningRate: 1e-4, gradientFactor: 1)
                try teacher.follow(store, decay: 0.999)
            }
        }
        let moments = try store.parameters.map { (try $0.master.zerosLike(), try $0.master.zerosLike()) }
        return {
            try withoutGradients {
                for (index, parameter) in store.parameters.enumerated() {
                    let (gradient, (first, second)) = (try parameter.master.gradient!, moments[index])
                    try first.copy(inPlace: first * 0.9 + gradient * 0.1)
                    try second.copy(inPlace: second * 0.98 + gradient.squared() * 0.02)
                    let change = try first / (second.squareRoot() + 1e-6)
                    try parameter.master.copy(inPlace: parameter.master * (1 - 1e-6) - change * 1e-4)
                    let slow = teacher.parameters[index].master
                    try slow.copy(inPlace: slow * 0.999 + parameter.master * 0.001)
                }
            }
        }
    }
}

extension Tensor {
    fileprivate func adding(_ other: Tensor) throws -> Tensor { try self + other }
}
