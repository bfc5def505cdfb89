import Testing
import Torch

@Suite struct DistanceWeightsTests {
    @Test(arguments: [ScalarType.float32, .bfloat16, .float16], [1, 15, 16, 700])
    func `Scores become the softmax of their scaled selves less the distance`(type: ScalarType, width: Int) throws {
        let (rows, place) = (33, 5)
        let scores = try (Tensor.randomNormal([rows, width]) * 30).to(type)
        let distances = try (Tensor.arange(rows).unsqueezed(1) + Double(place) - Tensor.arange(width).unsqueezed(0))
            .absolute()
        let exact = try (scores.to(.float64) * 0.125 - distances.to(.float64) * 0.3).softmax(-1)
        try scores.becomeDistanceWeights(firstPlace: place, scale: 0.125, strength: 0.3)
        #expect(scores.scalarType == type)
        let error: Double = try (scores.to(.float64) - exact).absolute().maximum([0, 1]).item()
        #expect(error < (type == .float32 ? 1e-6 : 2e-3))
    }

    @Test func `What is no number stays in its row, and other memory than is expected is refused`() throws {
        let scores = try Tensor([.nan, 1, 2, 3, .infinity, 0, 0, 0] as [Float], shape: [4, 2])
        try scores.becomeDistanceWeights(firstPlace: 0, scale: 1, strength: 0)
        let values = try scores.array(Float.self)
        #expect(values[0].isNaN && values[1].isNaN && values[4].isNaN && values[6] == 0.5)
        #expect(abs(values[2] - 0.26894142) < 1e-7)
        let turned = try Tensor.zeros([2, 3]).transposed(0, 1)
        #expect(throws: TorchError.self) { try turned.becomeDistanceWeights(firstPlace: 0, scale: 1, strength: 0) }
    }

    /// An odd number of frames, odd channels, and parts that lie in one tensor.
    @Test(arguments: [ScalarType.float32, .bfloat16, .float16], [(301, 6), (130, 5), (1, 8)])
    func `Attention with a penalty on distance is the softmax of all scores`(
        type: ScalarType, shape: (frames: Int, channels: Int)
    ) throws {
        let strengths = [0, 0.02, 0.7] as [Float]
        let packed = try Tensor.randomNormal([2, shape.frames, 3, 3, shape.channels]).to(type)
        let parts = try packed.permuted([2, 0, 3, 1, 4]).unbound(0)
        let exact = try parts.map { try $0.to(.float64) }
        let places = try Tensor.arange(shape.frames, .float64)
        let distances = try (places.unsqueezed(1) - places.unsqueezed(0)).absolute()
        let penalty = try distances * Tensor(strengths, shape: [3, 1, 1]).to(.float64)
        let scores = try exact[0].matmul(exact[1].transposed(2, 3)) / Double(shape.channels).squareRoot() - penalty
        let expected = try scores.softmax(-1).matmul(exact[2])
        let found = try parts[0].attended(key: parts[1], value: parts[2], distanceStrengths: strengths)
        #expect(found.shape == expected.shape && found.scalarType == type)
        let error: Double = try (found.to(.float64) - expected).absolute().maximum([0, 1, 2, 3]).item()
        #expect(error < (type == .float32 ? 2e-6 : 0.02))
    }

    @Test func `Heads without a strength of their own are refused`() throws {
        let x = try Tensor.zeros([1, 2, 4, 8])
        #expect(throws: TorchError.self) { try x.attended(key: x, value: x, distanceStrengths: [1]) }
        #expect(throws: TorchError.self) {
            try x.attended(key: x, value: Tensor.zeros([1, 2, 5, 8]), distanceStrengths: [1, 1])
        }
    }

    @Test func `Numbers arrive on the other device as they were sent`() throws {
        let device: Device = Runtime.cudaDeviceCount > 0 ? .cuda() : .cpu
        let numbers = try Tensor.arange(1000)
        let sent = try numbers.sent(to: device)
        #expect(sent.device == device)
        #expect(try sent.to(.cpu).array(Float.self) == numbers.array(Float.self))
    }
}
